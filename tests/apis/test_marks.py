"""Publishes on the time axes of charts."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from apis import marks
from apis.models import Revision
from orgs import scope
from orgs.providers.marks import Axis


def test_the_newest_of_many_revisions_are_found_by_index(cast):
    """Every page of analytics asks; sorting all revisions of 500 APIs would cost it more than its figures."""
    now, plans = timezone.now(), []

    def explain(execute, sql, params, many, context):
        with connection.cursor() as cursor:
            cursor.cursor.execute(f"EXPLAIN {sql}", params)
            plans.append("\n".join(row[0] for row in cursor.cursor.fetchall()))
        return execute(sql, params, many, context)

    with scope.org(cast.acme.id):
        Revision.objects.bulk_create(
            Revision(
                org_id=cast.acme.id,
                definition_id=f"{number:024x}",
                number=1,
                author="ada@acme.example",
                created_at=now - timedelta(hours=number),
            )
            for number in range(1, 2_000)
        )
        axis = Axis(tuple(now - timedelta(hours=number) for number in (3, 2, 1, 0)))
        with connection.execute_wrapper(explain):
            found = list(marks.published(cast.acme, cast.acme_admin, axis))
    assert [mark.at for mark in found] == [now - timedelta(hours=number) for number in (1, 2, 3)]
    [plan] = plans
    assert ("using revision_by_time" in plan, "Sort" in plan) == (True, False)
