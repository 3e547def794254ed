"""Bounds on what has rollup rows of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection, connections, transaction

from dashboard.analytics.dimensions import Dimension, Grain
from dashboard.analytics.ingest import apart, caps, claim, drain, partitions, rollup
from dashboard.analytics.models import (
    Endpoint,
    Record,
    Rollup,
    RollupCut,
)
from orgs import scope
from orgs.models import Organisation
from tests.analytics import recordings
from tests.analytics.arrivals import BLOCKED, at_once, drained, open_since, organisations
from tests.analytics.ingest.test_drain import NOW, SECONDS, entry
from tests.analytics.ingest.test_rollup import close, everything


def test_an_api_has_500_endpoints_and_the_rest_counts_as_other(committed, redis):
    organisations("UTC", "UTC")
    redis.rpush(
        claim.LIST,
        *(entry(Path=f"/x{n}", TimeStamp=[SECONDS - 600 + n, 0]) for n in range(502)),
        *(entry(Path=f"/scan-{name}", ResponseCode=404) for name in "xyz"),
        entry(Path="/x0", ResponseCode=404),
        entry(Path="/e", APIID="api-two"),
        entry(Path="/scan-x", APIID="api-two", ResponseCode=404),
    )
    drained(redis, NOW)
    redis.rpush(claim.LIST, entry(Path="/f", ResponseCode=500), entry(Path="/x1"))
    drained(redis, NOW)
    with scope.every_org():
        days = Rollup.objects.filter(grain=Grain.DAY_DETAIL, dimension=Dimension.ENDPOINT)
        assert dict(days.filter(api_id="api-one").values_list("value", "hits")) == {
            **{f"GET /x{n}": 2 if n < 2 else 1 for n in range(500)},
            "{other}": 3,
            "{unmatched}": 3,
        }
        # Of what was nowhere found no place is taken, though there are some.
        two = dict(days.filter(api_id="api-two").values_list("value", "hits"))
        assert two == {"GET /e": 1, "{unmatched}": 1}
        assert Endpoint.objects.count() == 501
        others = Record.objects.filter(endpoint="{other}").values_list("path", flat=True)
        assert sorted(others) == ["/f", "/x500", "/x501"]


def test_two_that_register_at_once_keep_to_the_bound_together(committed):
    def register(name: str) -> int:
        with scope.every_org(), transaction.atomic():
            return caps._register([(recordings.ORG_A, "api-one", f"GET /{name}{n}", NOW) for n in range(300)])

    assert at_once(lambda: register("a"), lambda: register("b")) == (True, 200)
    with scope.every_org():
        assert Endpoint.objects.count() == 500


def test_who_registers_does_not_wait_for_ever_behind_what_waits_for_its_own_end(committed, monkeypatch):
    monkeypatch.setattr(apart, "PATIENCE", "200ms")
    new = [(recordings.ORG_A, "api-one", "GET /a", NOW)]

    def alter() -> str:
        with transaction.atomic("owner"), connections["owner"].cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '20s'; LOCK TABLE endpoint IN ACCESS EXCLUSIVE MODE")
        connections.close_all()
        return "altered"

    with ThreadPoolExecutor(1) as thread:
        with scope.every_org(), transaction.atomic():
            assert Endpoint.objects.count() == 0
            migration = thread.submit(alter)
            while not _is_waited_for():
                assert not migration.done()
            with pytest.raises(OperationalError) as late:
                apart.committed(lambda: caps._register(new))
        assert migration.result(10) == "altered"
    assert drain._of_the_server(late.value)


def _is_waited_for() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(BLOCKED)
        return cursor.fetchone()[0]


@pytest.fixture(params=["closed", "open"])
def counted(request, committed) -> Callable[[], None]:
    """Two organisations. Afterwards all hours count in days, as they do from the first request on, or have not."""
    organisations("Asia/Kathmandu", "UTC")
    org_ids = [recordings.ORG_A, recordings.ORG_B]
    if request.param == "closed":
        return lambda: None
    open_since(org_ids, NOW - timedelta(hours=30))
    return lambda: close(org_ids, NOW + timedelta(hours=2))


def test_an_api_has_50000_keys_a_day_and_the_rest_counts_as_other_whatever_others_have(counted, redis):
    midnight = datetime(2026, 11, 24, 18, 15, tzinfo=UTC)
    partitions.ensure({NOW.date()}, NOW)
    with scope.every_org(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO rollup SELECT %s, 'k', 7, 'api-one', %s, 'made-' || n, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, '' "
            "FROM generate_series(1, 49997) AS n",
            [recordings.ORG_A, midnight],
        )
        cursor.execute(
            "INSERT INTO rollup SELECT %s, 'd', 1, 'api-one', %s, '', 49997, 0, 0, 0, 0, 0, 0, 0, 0, 0, ''",
            [recordings.ORG_A, midnight],
        )
    hashes = [f"{n:016x}" for n in range(1, 8)]
    redis.rpush(claim.LIST, *(entry(APIKey=key) for key in hashes[:5]))
    redis.rpush(claim.LIST, entry(APIKey=hashes[5], OrgID=recordings.ORG_B))
    redis.rpush(claim.LIST, entry(APIKey=hashes[6], APIID="api-two"))
    drained(redis, NOW)
    redis.rpush(claim.LIST, entry(APIKey=hashes[0]), entry(APIKey=hashes[5]), entry())
    drained(redis, NOW)
    counted()
    with scope.every_org():
        rows = Rollup.objects.filter(grain=Grain.DAY_DETAIL, dimension=Dimension.KEY).exclude(
            value__startswith="made-"
        )
        assert sorted(rows.values_list("org_id", "value", "hits")) == [
            (recordings.ORG_A, hashes[0], 2),
            (recordings.ORG_A, hashes[1], 1),
            (recordings.ORG_A, hashes[2], 1),
            (recordings.ORG_A, hashes[6], 1),
            (recordings.ORG_A, "{other}", 3),
            (recordings.ORG_B, hashes[5], 1),
        ]


def test_values_of_a_day_are_those_it_counts_and_those_of_its_open_hours_each_once(
    committed, redis, monkeypatch
):
    monkeypatch.setattr(caps, "MOST", {Dimension.KEY_API: 3})
    organisations("Europe/Berlin", "UTC")
    # A day of 25 hours, the second half of which no day counts yet.
    midnight, now = datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 26, 9, tzinfo=UTC)
    open_since([recordings.ORG_A], midnight + timedelta(hours=12))
    with scope.every_org():
        RollupCut.objects.filter(org=recordings.ORG_A).update(base=100)
    keys = [f"{n:016x}" for n in range(4)]
    for called in (
        [(keys[0], 1), (keys[0], 14), (keys[0], 15), (keys[1], 14), (keys[1], 15), (keys[3], 25)],
        [(keys[2], 24)],
        [(keys[3], 2)],
    ):
        for key, hours in called:
            moment = midnight + timedelta(hours=hours, minutes=30)
            redis.rpush(claim.LIST, entry(APIKey=key, TimeStamp=[int(moment.timestamp()), 0]))
        drained(redis, now)
    close([recordings.ORG_A], now)
    with scope.every_org():
        rows = Rollup.objects.filter(grain=Grain.DAY_DETAIL, dimension=100 + Dimension.KEY_API)
        assert list(rows.order_by("ts", "value").values_list("ts", "value", "hits")) == [
            (midnight, keys[0], 3),
            (midnight, keys[1], 2),
            (midnight, keys[2], 1),
            (midnight, "{other}", 1),
            (midnight + timedelta(hours=25), keys[3], 1),
        ]


def test_values_that_are_new_on_a_day_with_enough_of_them_count_as_other(counted, redis, monkeypatch):
    most = {Dimension.VERSION: 2, Dimension.CLIENT: 3, Dimension.TAG_API: 4, Dimension.KEY_API: 9}
    monkeypatch.setattr(caps, "MOST", most | {Dimension.PRIMITIVE: 2})
    called = {"IsMCP": True, "JSONRPCMethod": "tools/list"}
    hostile = ("'; --", "{other}", "\\N", '\u202e\t{},"', "%s %(most)s", "x" * 300)
    redis.rpush(
        claim.LIST,
        *(
            entry(
                APIVersion=name,
                OauthID=name,
                Tags=[name, name, f"key-{name}"],
                MCPStats={"IsMCP": True, "PrimitiveName": name},
            )
            for name in sorted(hostile)
        ),
        # As many requests as may have more values, and others have: of each API its own are counted.
        *[entry(APIVersion="v9", OauthID="c9", Tags=["t1", "t2", "t3"], APIID="api-two", MCPStats=called)]
        * 3,
        entry(APIVersion="v9", OauthID="c9", Tags=["t1", "t2", "t3", "t4"], OrgID=recordings.ORG_B),
        entry(APIVersion="v9", OauthID="c9", Tags=["t1"], TimeStamp=[SECONDS - 86_400, 0]),
    )
    drained(redis, NOW)
    redis.rpush(claim.LIST, entry(APIVersion="v9", OauthID="c9", Tags=["%s %(most)s", "t1"]), entry())
    redis.rpush(claim.LIST, entry(Tags=["t5", "t1"], OrgID=recordings.ORG_B))
    drained(redis, NOW)
    counted()
    with scope.every_org():
        found = {
            dimension: [
                tuple(row)
                for row in Rollup.objects.filter(
                    org=recordings.ORG_A, grain=dimension.grains[-1], dimension=dimension
                )
                .order_by("ts", "api_id", "value")
                .values_list("api_id", "value", "hits")
            ]
            for dimension in (Dimension.VERSION, Dimension.CLIENT, Dimension.TAG_API, Dimension.PRIMITIVE)
        }
        kept = [("%s %(most)s", 1), ("'; --", 1), ("\\N", 1)]
        assert found == {
            Dimension.VERSION: [
                ("api-one", "v9", 1),
                *(("api-one", *line) for line in [*kept[:2], ("{other}", 5)]),
                ("api-two", "v9", 3),
            ],
            Dimension.CLIENT: [
                ("api-one", "c9", 1),
                *(("api-one", *line) for line in [*kept, ("{other}", 4)]),
                ("api-two", "c9", 3),
            ],
            Dimension.TAG_API: [
                ("api-one", "t1", 1),
                ("api-one", "%s %(most)s", 2),
                *(("api-one", *line) for line in [*kept[1:], ("x" * 100, 1), ("{other}", 3)]),
                *(("api-two", name, 3) for name in ("t1", "t2", "t3")),
            ],
            Dimension.PRIMITIVE: [
                *(("api-one", f"  {name}", hits) for name, hits in kept[:2]),
                ("api-one", "{other}", 4),
                ("api-two", "tools/list", 3),
            ],
        }
        # Of two requests one had as many tags as are kept.
        tags = Rollup.objects.filter(org=recordings.ORG_B, grain=Grain.DAY, dimension=Dimension.TAG)
        expected = {"t1": 2, "t2": 1, "t3": 1, "t4": 1, "{other}": 1}
        assert dict(tags.values_list("value", "hits")) == expected
        before = everything()
        for org in Organisation.everyone.all():
            list(rollup.rebuild(org, NOW.date() - timedelta(days=3), NOW.date(), NOW))
        assert everything() == before
