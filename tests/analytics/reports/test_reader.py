"""What is read for a screen, and how."""

from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from dashboard.analytics.dimensions import RECORDS
from dashboard.analytics.reports import reader
from dashboard.analytics.reports.periods.period import Span
from dashboard.analytics.reports.traffic import Filters, Owners
from orgs import scope


def test_only_the_newest_records_of_a_key_are_read_without_a_bitmap(cast):
    owners, now = Owners((cast.acme.id,), cast.acme.zone), datetime.now(UTC)
    span, allowed = Span(now - timedelta(days=30), now, RECORDS), {}

    def remember(execute, sql, params, many, context):
        if " FROM record " in sql:
            with connection.connection.cursor() as cursor:
                allowed[sql] = cursor.execute("SHOW enable_bitmapscan").fetchone()[0]
        return execute(sql, params, many, context)

    with scope.org(cast.acme.id), transaction.atomic(), connection.execute_wrapper(remember):
        reader.totals(owners, span, Filters(keys=("a" * 16,)))
        reader.ranking("endpoint", owners, span, limit=10)
    assert list(allowed.values()) == ["off", "on"]
