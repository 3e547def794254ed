"""What is read for a screen, and how."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from dashboard.analytics.dimensions import COUNTER_NAMES, RECORDS, Grain
from dashboard.analytics.reports import reader
from dashboard.analytics.reports.periods import asking, comparing, cutting
from dashboard.analytics.reports.periods.period import Cut
from dashboard.analytics.reports.traffic import Filters, Owners, Question
from orgs import scope
from tests import make
from tests.analytics import screens


def test_only_the_newest_records_of_a_key_are_read_without_a_bitmap(cast):
    owners, now = Owners((cast.acme.id,), cast.acme.zone), datetime.now(UTC)
    cut = Cut((now - timedelta(days=30), now), timedelta(days=30), RECORDS)
    span, order, allowed = cut.span, {"limit": 10, "order": "requests"}, []
    read = (
        lambda filters: reader.totals(owners, span, filters),
        lambda filters: reader.timeline(owners, cut, filters),
        lambda filters: reader.ranking("endpoint", owners, span, filters, **order),
        lambda filters: reader.rankings_of_newest(["endpoint", "version"], owners, span, filters, **order),
        lambda filters: reader.busiest("key", owners, span, 10, filters),
        lambda filters: reader.active_keys(owners, cut, filters),
        lambda filters: reader.count("key", owners, span, filters),
        lambda filters: reader.by_clock(owners, span, "hour", filters),
        lambda filters: reader.newest_begin("endpoint", owners, span, filters),
    )

    def remember(execute, sql, params, many, context):
        if " FROM record " in sql:
            with connection.connection.cursor() as cursor:
                allowed.append(cursor.execute("SHOW enable_bitmapscan").fetchone()[0])
        return execute(sql, params, many, context)

    with scope.org(cast.acme.id), transaction.atomic(), connection.execute_wrapper(remember):
        for of_key in read:
            of_key(Filters(keys=("a" * 16,), countries=("DE",)))
        for of_all in read:
            of_all(Filters(countries=("DE",), tags=("edge",)))
    assert allowed == ["off"] * len(read) + ["on"] * len(read)


# (time before now, API, key, status, milliseconds). A key that calls two APIs is one key of its bucket.
SENT = [
    *(
        (before, api, "a" * 16, 200, 20)
        for before in ({"minutes": 3}, {"hours": 30})
        for api in ("one", "two")
    ),
    *(({"hours": 5}, "one", "b" * 16, 500, took) for took in (30, 50, 700)),
    *(({"days": day}, "two", key * 16, 200, 40) for day in (0, 3, 9) for key in "bc"),
]

# How long ago is lately, when before now, and how many statements find the newest of all keys that had called.
OF_LATE = (
    (timedelta(days=7), {"days": 0}, 1),
    (timedelta(days=7), {"days": 4}, 1),
    (timedelta(hours=2), {"hours": 4}, 2),
)


def test_active_keys_and_busiest_lines_are_those_of_a_plain_count(committed, redis, monkeypatch):
    acme = make.organisation("Acme", "acme", time_zone="Europe/Berlin")
    sent = [(screens.ago(**before), *rest) for before, *rest in SENT]
    took = lambda total: {"Latency": {"Total": total, "Upstream": 0}}  # noqa: E731
    screens.push(
        redis,
        *(
            {
                "OrgID": acme.id,
                "TimeStamp": at,
                "APIID": api,
                "APIKey": key,
                "ResponseCode": status,
                "Alias": f"at {at[0]}",
                **took(ms),
            }
            for at, api, key, status, ms in sent
        ),
    )
    owners, now = Owners((acme.id,), acme.zone), datetime.now(UTC)
    with scope.org(acme.id), transaction.atomic():
        for name in ("1h", "24h", "7d", "30d"):
            period = asking.parse({"range": name}, acme.zone, now)
            cut = cutting.table_cut(period)
            for apis in ((), ("two",), ("one", "two")):
                called = [
                    (datetime.fromtimestamp(at[0], UTC), key)
                    for at, api, key, _, _ in sent
                    if api in (apis or ("one", "two"))
                ]
                by_bucket = [
                    len({key for at, key in called if start <= at < end})
                    for start, end in pairwise(cut.edges)
                ]
                whole = len({key for at, key in called if cut.edges[0] <= at})
                assert reader.active_keys(owners, cut, Filters(apis=apis)) == (whole, by_bucket), (name, apis)
        months = asking.parse({"range": "30d"}, acme.zone, now).tables
        found = {
            order: reader.ranking("key", owners, months, limit=2, offset=1, order=order)
            for order in ("requests", "errors", "mean")
        }
        assert {order: [row.value[0] for row in each.rows] for order, each in found.items()} == {
            "requests": ["a", "c"],
            "errors": ["a", "c"],
            "mean": ["c", "a"],
        }
        for each in found.values():
            assert (each.count, each.hits) == (3, len(sent))
            assert [seen(row.figures) for row in each.rows] == [
                seen(reader.totals(owners, months, Filters(keys=(row.value,)))) for row in each.rows
            ]
        [busiest] = reader.ranking("key", owners, months, limit=1).rows
        assert busiest.figures.percentiles(0.5, 1)[0] == 40
        [unmeasured] = reader.ranking("key", owners, months, limit=1, histograms=False).rows
        assert seen(unmeasured.figures)[:-1] == seen(busiest.figures)[:-1]
        assert unmeasured.figures.percentiles(0.5) == [None]
        for lately, before, statements in OF_LATE:
            monkeypatch.setattr(reader, "LATELY", lately)
            end = now - timedelta(**before)
            called: dict[str, int] = {}
            for (at, _), _, key, *_ in sent:
                if at < end.timestamp():
                    called[key] = max(at, called.get(key, 0))
            with CaptureQueriesContext(connection) as asked:
                newest = reader.newest_of_keys(owners, called, end)
            named = {key: (alias, int(ts.timestamp())) for key, (alias, ts) in newest.items()}
            assert named == {key: (f"at {at}", at) for key, at in called.items()}
            assert len(asked) == statements


def test_what_a_day_is_compared_with_is_read_by_whole_hours_and_is_the_same_as_by_minutes(committed, redis):
    acme = make.organisation("Acme", "acme", time_zone="Asia/Kolkata")
    sent = [24 * 60 + minute for minute in (2, 29, 31, 59, 61, 300, 301, 700, 1_437)]
    screens.push(
        redis,
        *(
            {
                **{"OrgID": acme.id, "TimeStamp": screens.ago(minutes=minute), "ResponseCode": 200},
                "Latency": {"Total": minute - 24 * 60, "Upstream": 0},
            }
            for minute in (5, *sent, 48 * 60 + 3)
        ),
    )
    owners, asked = Owners((acme.id,), acme.zone), []

    def remember(execute, sql, params, many, context):
        asked.append(params)
        return execute(sql, params, many, context)

    with scope.org(acme.id), transaction.atomic():
        period = asking.parse({"range": "24h"}, acme.zone, datetime.now(UTC))
        span = comparing.before(period).counts
        with connection.execute_wrapper(remember):
            before = reader.traffic(Question(owners, period)).before
        by_minutes = reader.totals(owners, span)
        assert (before.hits, span.grain) == (len(sent), Grain.MINUTE)
        assert seen(replace(before, last=by_minutes.last)) == seen(by_minutes)
        of_minutes = [
            params for params in asked if params and span.start in params and Grain.MINUTE in params
        ]
        assert [params.count(Grain.HOUR) for params in of_minutes] == [1]


def seen(figures) -> list:
    return [
        *(getattr(figures, name) for name in COUNTER_NAMES),
        *(figures.latency_max, figures.last, figures.percentiles(0.5, 0.95)),
    ]
