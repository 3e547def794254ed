"""However traffic arrives, all grains and dimensions add up to the raw records; a rebuild changes nothing."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import msgpack
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.analytics import dimensions, histogram
from dashboard.analytics.clock import DAY
from dashboard.analytics.dimensions import Dimension, Grain
from dashboard.analytics.ingest import claim, closing, cuts, drain, rollup
from dashboard.analytics.models import Record, Rollup, RollupCut
from orgs import scope
from orgs.models import Organisation
from tests.analytics import recordings
from tests.analytics.arrivals import drained, organisations
from tests.concurrency import together

# A zone and a day on which its clocks change: half-hour zones, half-hour steps, changes at midnight itself.
CHANGES = [
    ("UTC", date(2026, 11, 25)),
    ("Asia/Kathmandu", date(2026, 11, 25)),
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/Havana", date(2026, 11, 1)),
    ("Africa/Cairo", date(2026, 4, 24)),
    ("Asia/Beirut", date(2026, 10, 25)),
    ("Pacific/Kiritimati", date(2026, 11, 25)),
    ("Pacific/Pago_Pago", date(2026, 11, 25)),
]
CODES = (200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 429, 500, 503)
COARSE = (Grain.HOUR, Grain.DAY)


def request(source: random.Random, moment: datetime) -> bytes:
    """One record of a small world: two APIs, three keys, a few paths."""
    code = source.choice(CODES)
    latency = 0 if code in (401, 403, 429) else source.choice((0, 3, 70, 5_000, 2_000_000))
    return msgpack.packb(
        {
            "OrgID": source.choice((recordings.ORG_A, recordings.ORG_B)),
            "APIID": source.choice(("api-one", "api-two")),
            "TimeStamp": [int(moment.timestamp()), moment.microsecond * 1000],
            "ResponseCode": code,
            "Latency": {"Total": latency, "Upstream": source.choice((0, latency))},
            "Method": source.choice(("GET", "POST")),
            "Path": source.choice(("/a", "/b/17", "/b/18", "/c")),
            "APIKey": source.choice(("00000000", "1" * 16, "2" * 16, "3" * 64)),
            "APIVersion": source.choice(("", "Non Versioned", "Non Versioned", "v1", "v2")),
            "OauthID": source.choice(("", "", "shop", "app")),
            "MCPStats": source.choice(
                (
                    None,
                    {"IsMCP": False, "JSONRPCMethod": "tools/call"},
                    {"IsMCP": True, "JSONRPCMethod": "initialize"},
                    {
                        "IsMCP": True,
                        "JSONRPCMethod": "tools/call",
                        "PrimitiveType": "tool",
                        "PrimitiveName": "a b",
                    },
                )
            ),
            "Geo": source.choice((None, {"Country": {"ISOCode": source.choice(("", "CH", "DE"))}})),
            "Tags": source.choice((None, [], ["a"], ["b", "a"], ["a", "a"], ["", "key-x"], ["b", "c", "d"])),
        }
    )


def rows(grain: str, dimension: int) -> list[Rollup]:
    """The rows of a dimension; besides those of days, those of hours that no day counts yet."""
    found = Rollup.objects.filter(dimension=dimension)
    whole = list(found.filter(grain=grain))
    if dimensions.KEPT[grain].unit == DAY:
        hour = Dimension(dimension % 100).grains[-2]
        for cut in RollupCut.objects.filter(base=dimension - dimension % 100).exclude(days_until=None):
            whole += found.filter(org_id=cut.org_id, grain=hour, ts__gte=cut.days_until)
    return whole


def sums(grain: str, dimension: int) -> Counter:
    """Every counter by (organisation, API, value) over the rollup rows."""
    total: Counter = Counter()
    for row in rows(grain, dimension):
        key = row.org_id, row.api_id, row.value
        for name in dimensions.COUNTER_NAMES:
            total[(*key, name)] += getattr(row, name)
        for bucket, count in histogram.PAIR.iter_unpack(bytes(row.latency_histogram)):
            total[(*key, "histogram")] += count
            total[(*key, bucket)] += count
    return +total


def by_dimension(total: Counter) -> Counter:
    """The counters of an organisation whatever its APIs and values, without the histograms."""
    summed: Counter = Counter()
    for (org, _, _, name), number in total.items():
        if name in dimensions.COUNTER_NAMES:
            summed[org, name] += number
    return summed


def raw() -> Counter:
    """The counters of each organisation straight from the records."""
    total: Counter = Counter()
    for record in Record.objects.all():
        org, status = record.org_id, record.status
        total[org, "hits"] += 1
        if status >= 300:
            total[org, f"status_{status // 100}xx"] += 1
        total[org, "limited"] += status == 429
        if record.latency or status < 400:
            total[org, "timed"] += 1
            total[org, "latency_sum"] += record.latency
        total[org, "upstream_hits"] += record.upstream_latency > 0
        total[org, "upstream_sum"] += record.upstream_latency
    return +total


def everything() -> list[tuple]:
    """All rollup rows, with histograms in one order and without repeats."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(dimensions.ROLLUP_COLUMNS[:-1])}, histogram_compact(latency_histogram) "
            f"FROM rollup ORDER BY {', '.join(dimensions.KEY_COLUMNS)}"
        )
        return [(*row[:-1], bytes(row[-1])) for row in cursor.fetchall()]


def check_sums() -> None:
    counted = raw()
    for grain in (Grain.MINUTE, *COARSE):
        total = sums(grain=grain, dimension=Dimension.TOTAL)
        assert by_dimension(total) == counted
        assert by_dimension(sums(grain=grain, dimension=Dimension.API)) == counted
        for org in (recordings.ORG_A, recordings.ORG_B):
            assert total[org, "", "", "histogram"] == total[org, "", "", "timed"]
    for fine, coarse, dimension in (
        (Grain.HOUR_DETAIL, Grain.DAY, Dimension.STATUS),
        *(
            (Grain.HOUR_DETAIL, Grain.DAY_DETAIL, dimension)
            for dimension in (
                *(Dimension.ENDPOINT, Dimension.ERROR, Dimension.KEY, Dimension.KEY_API),
                *(Dimension.CLIENT, Dimension.COUNTRY_API, Dimension.TAG_API, Dimension.PRIMITIVE),
            )
        ),
        *(
            (Grain.HOUR_DETAIL, Grain.DAY, dimension)
            for dimension in (Dimension.VERSION, Dimension.COUNTRY, Dimension.TAG)
        ),
        *((Grain.HOUR, Grain.DAY, dimension) for dimension in (Dimension.TOTAL, Dimension.API)),
    ):
        assert sums(grain=fine, dimension=dimension) == sums(grain=coarse, dimension=dimension)
    assert by_dimension(sums(grain=Grain.DAY, dimension=Dimension.STATUS)) == counted
    assert by_dimension(sums(grain=Grain.DAY_DETAIL, dimension=Dimension.ENDPOINT)) == counted
    keyed = by_dimension(sums(grain=Grain.DAY_DETAIL, dimension=Dimension.KEY))
    assert keyed == by_dimension(sums(grain=Grain.DAY_DETAIL, dimension=Dimension.KEY_API))
    for org in (recordings.ORG_A, recordings.ORG_B):
        assert keyed[org, "hits"] == Record.objects.filter(org=org).exclude(key="").count()
        failed = by_dimension(sums(grain=Grain.DAY_DETAIL, dimension=Dimension.ERROR))[org, "hits"]
        assert failed == counted[org, "status_4xx"] + counted[org, "status_5xx"]
    check_values()


def check_values() -> None:
    """What few records have is counted for each value as one counts it by hand, with all of its latencies."""
    columns = ("version", "oauth", "country", "key", "mcp")
    expected: dict[str, Counter] = {name: Counter() for name in (*columns, "tag")}
    for record in Record.objects.all():
        for name in columns:
            if getattr(record, name) not in ("", "Non Versioned"):
                expected[name][record.org_id, record.api_id, getattr(record, name)] += 1
        for tag in set(record.tags) - {""}:
            expected["tag"][record.org_id, record.api_id, tag] += 1
    for dimension in Dimension:
        if dimension.column not in expected:
            continue
        for grain in dimension.grains:
            total = sums(grain=grain, dimension=dimension)
            of_values: Counter = Counter()
            for (org, api, value), number in expected[dimension.column].items():
                of_values[org, api if dimension.by_api else "", value] += number
            assert {(*line, "hits"): number for line, number in of_values.items()} == {
                line: number for line, number in total.items() if line[-1] == "hits"
            }
            for *line, name in total:
                if name == "hits":
                    assert total[(*line, "histogram")] == total[(*line, "timed")]


def check_days(zones: dict[str, str]) -> None:
    """Each day's row holds the records of that local date, and lies within the day's bounds."""
    expected: Counter = Counter()
    for record in Record.objects.all():
        local = record.ts.astimezone(ZoneInfo(zones[record.org_id])).date()
        expected[record.org_id, local] += 1
    found: Counter = Counter()
    for org in Organisation.everyone.filter(pk__in=zones):
        for local in {local for _, local in expected}:
            start, end = rollup.bounds(org.zone, local)
            for row in rows(Grain.DAY, Dimension.TOTAL):
                if row.org_id == org.pk and start <= row.ts < end:
                    found[org.pk, local] += row.hits
    assert +found == expected


def close(org_ids, until: datetime) -> None:
    for org_id in org_ids:
        with scope.every_org(), transaction.atomic():
            closing.close(org_id, until, begin=True)


@pytest.fixture
def traffic_tables(committed, redis):
    organisations("UTC", "UTC")
    return redis


@given(data=st.data())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_all_sums_agree_around_clock_changes_late_shuffled_and_in_several_batches(traffic_tables, data):
    redis = traffic_tables
    (zone_a, day), (zone_b, _) = (data.draw(st.sampled_from(CHANGES)) for _ in "ab")
    with scope.every_org(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM record; DELETE FROM rollup; DELETE FROM endpoint")
        cursor.execute("DELETE FROM rollup_cut")
        Organisation.everyone.filter(pk=recordings.ORG_A).update(time_zone=zone_a)
        Organisation.everyone.filter(pk=recordings.ORG_B).update(time_zone=zone_b)
    midnight = datetime.combine(day, datetime.min.time(), ZoneInfo(zone_a)).astimezone(UTC)
    source = random.Random(data.draw(st.integers(0, 1 << 32)))  # noqa: S311
    offsets = data.draw(
        st.lists(st.integers(-26 * 3600, 27 * 3600), min_size=1, max_size=60).map(
            lambda drawn: drawn + [edge for edge in (-1, 0, 1, 3599, 3600, 7200) if edge]
        )
    )
    batches = data.draw(st.integers(1, 4))
    source.shuffle(offsets)
    now = midnight + timedelta(days=1, hours=6)
    for part in range(batches):
        moments = [
            midnight + timedelta(seconds=offset, milliseconds=source.randrange(1000)) for offset in offsets
        ]
        entries = [request(source, moment) for moment in moments[part::batches]]
        if entries:
            redis.rpush(claim.LIST, *entries)
        drained(redis, now)
        # At any moment, of hours which more is still to come of, too.
        closed = data.draw(st.sampled_from((None, -26, -1, 0, 1, 7, 40)))
        if closed is not None:
            close((recordings.ORG_A, recordings.ORG_B)[: 1 + part], midnight + timedelta(hours=closed))
    with scope.every_org():
        check_sums()
        check_days({recordings.ORG_A: zone_a, recordings.ORG_B: zone_b})
        before = everything()
        for org in Organisation.everyone.filter(pk__in=(recordings.ORG_A, recordings.ORG_B)):
            hits = [hits for _, hits in rollup.rebuild(org, day - timedelta(3), day + timedelta(3), now)]
            assert sum(hits) == Record.objects.filter(org=org).count()
        assert everything() == before
    close((recordings.ORG_A, recordings.ORG_B), now + timedelta(days=2))
    with scope.every_org():
        days = list(RollupCut.objects.values_list("days_until", flat=True))
        assert not Rollup.objects.filter(ts__gte=min(filter(None, days))).exists()
        check_sums()
        check_days({recordings.ORG_A: zone_a, recordings.ORG_B: zone_b})
    assert redis.keys("*") == []


def test_another_zone_cuts_the_days_anew(committed, redis):
    organisations("UTC", "UTC")
    source = random.Random(5)  # noqa: S311
    start = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
    redis.rpush(claim.LIST, *(request(source, start + timedelta(minutes=n)) for n in range(120)))
    now = start + timedelta(hours=5)
    drained(redis, now)
    with scope.every_org():
        org = Organisation.everyone.get(pk=recordings.ORG_A)
        days = Rollup.objects.filter(org=org, grain=Grain.DAY, dimension=Dimension.TOTAL)
        assert [row.ts.hour for row in days.order_by("ts")] == [0, 0]
        org.time_zone = "Asia/Kathmandu"
        org.save()
    while cuts.work(now):
        pass
    with scope.every_org():
        days = Rollup.objects.filter(org=org, grain=Grain.DAY, dimension=100 + Dimension.TOTAL)
        assert [row.ts for row in days] == [datetime(2026, 11, 24, 18, 15, tzinfo=UTC)]
        assert days.get().hits == Record.objects.filter(org=org).count()


def test_a_rebuild_leaves_days_alone_that_raw_records_do_not_cover(committed, redis):
    organisations("UTC", "UTC")
    source = random.Random(5)  # noqa: S311
    start = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
    redis.rpush(claim.LIST, *(request(source, start) for _ in range(20)))
    drained(redis, start + timedelta(hours=1))
    with scope.every_org():
        before = everything()
        for org in Organisation.everyone.all():
            late = start + timedelta(days=31)
            assert [day for day, _ in rollup.rebuild(org, start.date(), start.date(), late)] == []
        assert everything() == before


def test_the_command_rebuilds_one_organisation_or_all(committed, redis):
    organisations("Europe/Berlin", "UTC")
    today = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    source = random.Random(5)  # noqa: S311
    redis.rpush(claim.LIST, *(request(source, today) for _ in range(30)))
    drained(redis, datetime.now(UTC))
    with scope.every_org():
        before = everything()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM rollup")
        hits = {org.slug: Record.objects.filter(org=org).count() for org in Organisation.everyone.all()}
    for arguments in (["--org", "alpha"], ["--from", f"{today:%Y-%m-%d}", "--to", f"{today:%Y-%m-%d}"]):
        said = StringIO()
        call_command("analytics", "rebuild", *arguments, stdout=said, skip_checks=True)
        lines = said.getvalue().splitlines()
        assert any(line.startswith(f"alpha {today:%Y-%m-%d}: {hits['alpha']} records; ") for line in lines)
        with scope.every_org():
            counted = by_dimension(sums(grain=Grain.DAY, dimension=Dimension.TOTAL))
            assert counted[recordings.ORG_A, "hits"] == hits["alpha"]
    with scope.every_org():
        assert everything() == before
    with pytest.raises(CommandError, match="There is no organisation with the slug nobody"):
        call_command("analytics", "rebuild", "--org", "nobody", stdout=StringIO(), skip_checks=True)


def test_a_row_stays_short_and_exact_however_often_it_is_added_to(committed, redis):
    organisations("UTC", "UTC")
    latencies = {histogram.bucket(milliseconds): milliseconds for milliseconds in range(1, 20_000)}
    counted = dict.fromkeys(sorted(latencies)[:300], 2)
    start = datetime(2026, 11, 25, 11, tzinfo=UTC)
    requests = [
        msgpack.packb(
            {
                "OrgID": recordings.ORG_A,
                "APIID": "api-one",
                "TimeStamp": [int(start.timestamp()), 0],
                "ResponseCode": 200,
                "Latency": {"Total": latencies[bucket], "Upstream": 0},
            }
        )
        for bucket in [*counted, *counted]
    ]
    for first in range(0, 600, 100):
        redis.rpush(claim.LIST, *requests[first : first + 100])
        drained(redis, start)
    with scope.every_org():
        rows = Rollup.objects.filter(dimension__in=(Dimension.TOTAL, Dimension.API, Dimension.ENDPOINT))
        stored = [bytes(row.latency_histogram) for row in rows]
    running = histogram.running(histogram.encode(counted))
    assert [histogram.running(each) for each in stored] == 8 * [running]
    assert max(map(len, stored)) < (300 + rollup.EVERY) * histogram.PAIR.size


def test_few_records_are_counted_under_a_plan_that_the_connection_keeps(committed, redis):
    organisations("Europe/Berlin", "UTC")
    source = random.Random(4)  # noqa: S311
    start = datetime(2026, 11, 25, 11, tzinfo=UTC)
    drained(redis, start)
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    # A pooler's connection may have statements of another version.
    with connection.cursor() as cursor:
        cursor.execute("PREPARE add_version_country_tag_oauth (timestamptz, timestamptz) AS SELECT $1, $2")
    # On the third day there are partitions that the plan was made without.
    for moment in (start, start, start + timedelta(days=40)):
        redis.rpush(claim.LIST, *(request(source, moment) for _ in range(60)))
        drained(redis, moment + timedelta(minutes=1))
    with scope.every_org(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement ~ 'INSERT INTO rollup'"
        )
        assert cursor.fetchall() == [(3, 0)]
        cursor.execute("SHOW plan_cache_mode")
        assert cursor.fetchone() == ("auto",)
        assert Record.objects.count() == 180
        check_sums()


def test_two_workers_share_the_chunks_of_one_claim(committed, redis, monkeypatch):
    """In threads with connections of their own; each takes one chunk at a time."""
    monkeypatch.setattr(claim, "CHUNK", 300)
    monkeypatch.setattr(drain, "CHUNKS", 1)
    organisations("Europe/Berlin", "Asia/Kathmandu")
    source = random.Random(9)  # noqa: S311
    start = datetime(2026, 11, 25, 11, tzinfo=UTC)
    moments = [start + timedelta(seconds=source.randrange(7200)) for _ in range(4500)]
    redis.rpush(claim.LIST, *(request(source, moment) for moment in moments))
    now = start + timedelta(hours=3)
    together(lambda: drained(redis, now))
    drained(redis, now)
    with scope.every_org():
        assert Record.objects.count() == 4500
        check_sums()
    assert redis.keys("*") == []
