"""Recorded traffic through a real Valkey into a real PostgreSQL, against a plain count of the recording."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections, transaction

from dashboard.analytics import histogram
from dashboard.analytics.dimensions import Dimension, Grain
from dashboard.analytics.ingest import (
    claim,
    cuts,
    drain,
    endpoint,
    partitions,
    store,
    trust,
)
from dashboard.analytics.ingest.entries import protobuf
from dashboard.analytics.models import (
    Batch,
    DeadLetter,
    Endpoint,
    IngestState,
    Record,
    Rollup,
)
from orgs import scope
from tests import make
from tests.analytics import recordings
from tests.analytics.arrivals import at_once, clock_at, drained, organisations
from tests.analytics.ingest.test_drain import NOW, line

RECEIVED = datetime(2026, 11, 25, 14, 0, tzinfo=UTC)


def rolled_up(grain: Grain, dimension: Dimension) -> Counter:
    """Hits by (organisation, API, value) of one grain and dimension."""
    counts = Counter()
    for org, api, value, hits in Rollup.objects.filter(grain=grain, dimension=dimension).values_list(
        "org_id", "api_id", "value", "hits"
    ):
        counts[org, api, value] += hits
    return counts


def counted(records: list[dict]) -> dict[Dimension, Counter]:
    """The same straight from the recording, in plain Python."""
    named = {
        (record["APIID"], f"{record['Method']} {endpoint.fold(record['Path'])}")
        for record in records
        if record["ResponseCode"] != 404
    }
    counts = {dimension: Counter() for dimension in Dimension}
    for record in records:
        org, api, code = record["OrgID"], record["APIID"], str(record["ResponseCode"])
        place = f"{record['Method']} {endpoint.fold(record['Path'])}"
        if (api, place) not in named:
            place = "{unmatched}"
        counts[Dimension.TOTAL][org, "", ""] += 1
        counts[Dimension.API][org, api, ""] += 1
        counts[Dimension.STATUS][org, api, code] += 1
        counts[Dimension.ENDPOINT][org, api, place] += 1
        if code >= "400":
            counts[Dimension.ERROR][org, api, f"{code} {place}"] += 1
        for tag in {tag for tag in record["Tags"] if tag[:4] not in ("key-", "org-", "api-")}:
            counts[Dimension.TAG][org, "", tag] += 1
            counts[Dimension.TAG_API][org, api, tag] += 1
        if record["APIKey"] != "00000000":
            counts[Dimension.KEY][org, "", record["APIKey"]] += 1
            counts[Dimension.KEY_API][org, api, record["APIKey"]] += 1
    return counts


def test_the_recorded_5000_are_counted_as_one_counts_them_by_hand(committed, redis):
    organisations("Asia/Kathmandu", "America/New_York")
    redis.rpush(claim.LIST, *recordings.entries("v3.0.12-5000"))
    drained(redis, RECEIVED)
    records = [recordings.loose(entry) for entry in recordings.entries("v3.0.12-5000")]
    expected = counted(records)
    with scope.every_org():
        for grains, dims in (
            (Grain.MINUTE + Grain.HOUR + Grain.DAY, [Dimension.TOTAL, Dimension.API]),
            (
                Grain.HOUR_DETAIL + Grain.DAY,
                [Dimension.STATUS, Dimension.VERSION, Dimension.COUNTRY, Dimension.TAG],
            ),
            (
                Grain.HOUR_DETAIL + Grain.DAY_DETAIL,
                [
                    *(Dimension.ENDPOINT, Dimension.ERROR, Dimension.KEY, Dimension.KEY_API),
                    *(Dimension.CLIENT, Dimension.COUNTRY_API, Dimension.TAG_API),
                ],
            ),
        ):
            for grain in grains:
                assert {dimension: rolled_up(grain, dimension) for dimension in dims} == {
                    dimension: expected[dimension] for dimension in dims
                }
        assert Record.objects.count() == 5000
        assert Batch.objects.filter(done=True, rejected=0, n=5000).count() == 1
    assert redis.keys("*") == []


def test_a_latency_histogram_holds_every_timed_record_and_gives_percentiles_within_its_error(
    committed, redis
):
    organisations("UTC", "UTC")
    redis.rpush(claim.LIST, *recordings.entries("v3.0.12-5000"))
    drained(redis, RECEIVED)
    timed = sorted(
        record["Latency"]["Total"]
        for record in map(recordings.loose, recordings.entries("v3.0.12-5000"))
        if record["Latency"]["Total"] or record["ResponseCode"] < 400
    )
    with scope.every_org():
        days = Rollup.objects.filter(grain=Grain.DAY, dimension=Dimension.TOTAL)
        running = histogram.running(
            b"".join(bytes(each) for each in days.values_list("latency_histogram", flat=True))
        )
        totals = [sum(column) for column in zip(*days.values_list("timed", "latency_sum"), strict=True)]
        assert totals == [len(timed), sum(timed)]
        assert max(days.values_list("latency_max", flat=True)) == timed[-1]
    assert running[-1] == len(timed)
    for share in (0.5, 0.95, 0.99):
        exact = timed[-(-int(share * 100) * len(timed) // 100) - 1]
        assert abs(histogram.quantile(running, share) - exact) <= exact / 64


@pytest.mark.parametrize("name", ["v3.0.12-mixed", "v5.14.0-mixed"])
def test_mixed_recordings_of_both_versions_are_stored_whole(committed, redis, name):
    organisations("UTC", "UTC")
    entries = recordings.entries(name)
    for number, entry in enumerate(entries):
        redis.rpush(claim.LISTS[number % 11], entry)
    drained(redis, RECEIVED)
    codes = Counter(recordings.loose(entry)["ResponseCode"] for entry in entries)
    with scope.every_org():
        assert Counter(Record.objects.values_list("status", flat=True)) == codes
        assert DeadLetter.objects.count() == 0
        assert sum(Batch.objects.values_list("n", flat=True)) == len(entries)


def test_records_of_the_protobuf_serialiser_are_stored_as_the_others_are(committed, redis):
    organisations("UTC", "UTC")
    entries = recordings.entries(recordings.PROTOBUF)
    for number, entry in enumerate(entries):
        redis.rpush(f"{claim.LIST}{('', '_3', '_9')[number % 3]}_protobuf", entry)
    redis.rpush(f"{claim.LIST}_3_protobuf", b"\xff", recordings.entries("v5.14.0-mixed")[0])
    with scope.every_org():
        assert trust.look(redis, RECEIVED, timedelta()) is True
    drained(redis, RECEIVED)
    records = list(map(protobuf.decode, entries))
    with scope.every_org():
        assert Counter(Record.objects.values_list("org", "api_id", "path", "status")) == Counter(
            (record.org_id, record.api_id, record.raw_path, record.response_code) for record in records
        )
        assert Rollup.objects.get(org=recordings.ORG_B, grain=Grain.DAY, dimension=Dimension.TOTAL).hits == 5
        assert list(DeadLetter.objects.order_by("id").values_list("reason", flat=True)) == ["undecodable"] * 2
    assert redis.keys("*") == []


def test_an_organisation_sees_its_own_traffic_and_nobody_sees_any_without_a_scope(committed, redis):
    organisations("UTC", "UTC")
    redis.rpush(claim.LIST, *recordings.entries("v3.0.12-5000"))
    drained(redis, RECEIVED)
    seen = {}
    for entered in (recordings.ORG_A, recordings.ORG_B, make.organisation("Other", "other").pk):
        with scope.org(entered), connection.cursor() as cursor:
            for table in ("record", "rollup", "endpoint"):
                cursor.execute(f"SELECT array_agg(DISTINCT org_id), count(*) > 0 FROM {table}")
                seen[entered, table] = cursor.fetchone()
            assert Record.objects.count() == {recordings.ORG_A: 3124, recordings.ORG_B: 1876}.get(entered, 0)
    for org in (recordings.ORG_A, recordings.ORG_B):
        assert [seen[org, table] for table in ("record", "rollup", "endpoint")] == [([org], True)] * 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM record) + (SELECT count(*) FROM rollup)")
        assert cursor.fetchone() == (0,)
    with pytest.raises(scope.OutOfScope):
        Record.objects.exists()


def test_the_state_says_how_far_the_ingest_is(committed, redis):
    organisations("UTC", "UTC")
    assert drain.tick(redis, clock_at(RECEIVED)) is False
    redis.rpush(claim.LIST, *recordings.entries("v3.0.12-mixed"))
    redis.expire(claim.LIST, 60)
    later = RECEIVED + timedelta(seconds=2)
    assert drain.tick(redis, clock_at(later)) is False
    state = IngestState.objects.get()
    assert (state.checked_at, state.received_at, state.waiting) == (later, later, 0)
    assert state.up_to == later - timedelta(seconds=1)
    assert state.lag(later) == timedelta(seconds=1)
    assert sorted(state.alarms) == ["expiry"]
    drain.tick(redis, clock_at(later + timedelta(minutes=11)))
    assert IngestState.objects.get().alarms == {}


def test_a_list_never_expires_while_it_waits(redis):
    redis.rpush(claim.LIST, b"x")
    redis.expire(claim.LIST, 60)
    claim.claim_lists(redis)
    [name] = claim.claims(redis)
    assert (redis.ttl(name), redis.llen(name)) == (-1, 1)


def test_rows_that_postgresql_refuses_are_found_by_halving_and_the_others_stored(committed, redis):
    organisations("UTC", "UTC")
    bad = {7: {"api_id": "nul\0"}, 64: {"status": 1 << 20}, 99: {"ip": "x"}}
    lines = [line(number, **bad.get(number, {})) for number in range(100)]
    with scope.every_org(), transaction.atomic():
        refused = store.store(lines, NOW, most_bad=3)
    assert refused == {7: "22021", 64: "22003", 99: "22P02"}
    with scope.every_org():
        assert sorted(Record.objects.values_list("id", flat=True)) == sorted(set(range(100)) - bad.keys())
        assert Rollup.objects.get(grain=Grain.DAY, dimension=Dimension.TOTAL).hits == 97
        with pytest.raises(store.TooManyBad), transaction.atomic():
            store.store([line(1000 + number, status=1 << 20) for number in range(10)], NOW, most_bad=3)
        assert Record.objects.count() == 97


def test_a_fault_of_the_server_is_never_taken_for_a_bad_record(committed, redis):
    organisations("UTC", "UTC")
    partitions.ensure({NOW.date()}, NOW)
    with scope.every_org():
        cuts.prepare([recordings.ORG_A], NOW)
    with scope.every_org(), pytest.raises(Exception, match="no partition"), transaction.atomic():
        # As if the partition were dropped between its making and the insert.
        with connections["owner"].cursor() as cursor, scope.nobody():
            cursor.execute("DROP TABLE rollup_k_202611")
        connection.cursor().execute(
            "CREATE TEMP TABLE IF NOT EXISTS incoming (LIKE record) ON COMMIT DELETE ROWS"
        )
        store._store([line(1)], NOW, halved=False)
    with scope.every_org():
        assert Record.objects.count() == 0
        with transaction.atomic():
            assert store.store([line(1)], NOW, most_bad=0) == {}
        assert Record.objects.count() == 1


def test_what_a_histogram_held_before_stays_at_its_end_as_it_was(committed):
    """PostgreSQL then does not write it to its log again."""
    organisations("UTC", "UTC")
    partitions.ensure({NOW.date()}, NOW)
    for number, latency in enumerate((3, 70, 50, 3)):
        with scope.every_org(), transaction.atomic():
            store.store([line(number, latency=latency, timed=True)], NOW, most_bad=0)
    with scope.every_org():
        found = set(Rollup.objects.exclude(latency_histogram=b"").values_list("latency_histogram", flat=True))
    newest_first = [histogram.encode({histogram.bucket(latency): 1}) for latency in (3, 50, 70, 3)]
    assert {bytes(each) for each in found} == {b"".join(newest_first)}


def stored(org_id: str, *numbers: int) -> None:
    lines = [line(number, org_id=org_id, endpoint=f"GET /x{number % 3}") for number in numbers]
    with scope.every_org(), transaction.atomic():
        assert store.store(lines, NOW, most_bad=0) == {}


@pytest.mark.parametrize(("org_id", "waits"), [(recordings.ORG_B, False), (recordings.ORG_A, True)])
def test_only_who_counts_for_the_same_organisation_waits_and_then_both_are_counted(committed, org_id, waits):
    """Also for the first traffic of both, with endpoints that nobody has seen before."""
    organisations("UTC", "Asia/Kathmandu")
    partitions.ensure({NOW.date()}, NOW)
    assert at_once(lambda: stored(recordings.ORG_A, 1, 2, 3), lambda: stored(org_id, 4, 5)) == (waits, None)
    with scope.every_org():
        for grain in (Grain.MINUTE, Grain.HOUR, Grain.DAY):
            hits = rolled_up(grain, Dimension.TOTAL)
            expected = Counter({(recordings.ORG_A, "", ""): 3})
            expected[org_id, "", ""] += 2
            assert hits == expected
        assert Endpoint.objects.filter(org=recordings.ORG_A).count() == 3
