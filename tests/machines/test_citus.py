"""Traffic spread over the workers of a Citus cluster, wherever one is given by CITUS_URL and CITUS_MIGRATE_URL.

Its database is emptied first: nothing else may be in it.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections, transaction
from django.db.models import Sum

from dashboard import configuration
from dashboard.analytics import distribution
from dashboard.analytics.dimensions import BASES, Dimension, Grain
from dashboard.analytics.ingest import cuts, housekeeping, rollup
from dashboard.analytics.ingest.upkeep import indexing
from dashboard.analytics.models import Record, Rollup, RollupCut
from orgs import scope
from orgs.models import Organisation
from tests import make
from tests.analytics import screens
from tests.analytics.ingest.test_claim import kill_and_count, nobody_drains_on
from tests.analytics.rest_wire import data, week
from tests.test_walk import caller_named, make_world, walk

__all__ = ["nobody_drains_on"]  # of each test: one that fails half way must not leave processes that drain
GIVEN = {"default": os.environ.get("CITUS_URL", ""), "owner": os.environ.get("CITUS_MIGRATE_URL", "")}
pytestmark = pytest.mark.skipif(
    not all(GIVEN.values()),
    reason="needs a Citus coordinator: CITUS_URL and CITUS_MIGRATE_URL, as dashboard/docs/operating.md says",
)


@pytest.fixture(scope="module")
def cluster(django_db_setup, django_db_blocker) -> Iterator[None]:
    """The application on the cluster, with an empty database whose traffic is spread."""
    before = {alias: dict(connections[alias].settings_dict) for alias in GIVEN}
    connections.close_all()
    with django_db_blocker.unblock():
        for alias, url in GIVEN.items():
            connections[alias].settings_dict |= configuration.postgresql("CITUS_URL", url)
        connections["owner"].settings_dict["APPLICATION_ROLE"] = connections["default"].settings_dict["USER"]
        make_anew()
        yield
        connections.close_all()
        for alias, facts in before.items():
            connections[alias].settings_dict.clear()
            connections[alias].settings_dict.update(facts)
        distribution.is_distributed.cache_clear()


def make_anew() -> None:
    distribution.is_distributed.cache_clear()
    empty()
    call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
    assert distribution.distribute() == list(distribution.TABLES)


def empty() -> None:
    with psycopg.connect(GIVEN["owner"], autocommit=True) as owner:
        tables = owner.execute(
            """SELECT quote_ident(relname) FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
               AND relnamespace = 'public'::regnamespace AND pg_get_userbyid(relowner) = current_user"""
        ).fetchall()
        for (name,) in tables:
            owner.execute(f"DROP TABLE IF EXISTS {name} CASCADE")
        functions = owner.execute(
            """SELECT oid::regprocedure::text FROM pg_proc
               WHERE pronamespace = 'public'::regnamespace AND pg_get_userbyid(proowner) = current_user"""
        ).fetchall()
        for (name,) in functions:
            owner.execute(f"DROP ROUTINE IF EXISTS {name} CASCADE")


def sums() -> dict[str, int]:
    """Requests in each grain, in all cuts and of all organisations."""
    total = [base + each for base in BASES for each in (Dimension.TOTAL, Dimension.ENDPOINT)]
    with scope.every_org():
        rows = Rollup.objects.filter(dimension__in=total)
        return {grain: rows.filter(grain=grain).aggregate(hits=Sum("hits"))["hits"] for grain in Grain}


def test_recorded_traffic_is_counted_on_the_workers_as_it_was_recorded(cluster, redis, rest):
    played = screens.play(redis)
    number = sum(map(len, played.records.values()))
    assert sums() == dict.fromkeys(Grain, number)
    for org, person in ((played.alpha, played.ann), (played.beta, played.bob)):
        records = played.records[org.id]
        [days] = [data(rest(person), f"/api/usage/{week()}", res="month")]
        assert sum(row["hits"] for row in days) == len(records)
        keys = data(rest(person), f"/api/activity/keys/{week()}", p="-1")
        assert {row["id"]["key"]: row["hits"] for row in keys} == screens.count_by(records, "APIKey")
        with scope.org(org.id):
            assert Record.objects.count() == len(records)
    assert data(rest(played.sue), f"/api/activity/keys/{week()}")


def test_what_is_counted_stays_the_same_when_it_is_counted_anew_in_another_zone_or_compacted(cluster, redis):
    org = make.organisation("Gamma", "gamma", time_zone="Asia/Kathmandu")
    sent = [{"OrgID": org.id, "TimeStamp": screens.ago(minutes=each)} for each in (3, 3, 400, 2_000)]
    screens.push(redis, *sent)
    screens.push(redis, *sent)  # rows that are there already
    now, before = datetime.now(UTC), sums()
    with scope.every_org():
        days = (now - timedelta(days=2)).date(), (now + timedelta(days=1)).date()
        assert sum(hits for _, hits in rollup.rebuild(org, *days, now)) == 8
    assert sums() == before
    Organisation.everyone.filter(pk=org.pk).update(time_zone="America/Lima")
    while cuts.work(now):
        pass
    with scope.every_org():
        assert [cut.zone for cut in RollupCut.objects.filter(org_id=org.pk)] == ["America/Lima"]
    housekeeping.maintain()
    assert indexing.index_next(now + timedelta(days=3))
    while indexing.index_next(now + timedelta(days=3)):
        pass
    assert sums() == before


def test_workers_show_the_rows_of_an_organisation_to_it_alone(cluster, redis):
    """Asked past the coordinator: the policies are on the workers too."""
    org = make.organisation("Delta", "delta")
    screens.push(redis, {"OrgID": org.id, "TimeStamp": screens.ago(minutes=3)})
    with scope.every_org(), transaction.atomic(), connections["owner"].cursor() as cursor:
        cursor.execute(
            """SELECT nodename, nodeport, shard_name FROM citus_shards
               WHERE table_name = 'record'::regclass AND citus_table_type = 'distributed'
                 AND shardid = get_shard_id_for_distribution_column('record', %s)""",
            [org.id],
        )
        [(host, port, shard)] = cursor.fetchall()
    counts = []
    for entered in ("", make.organisation("Epsilon", "epsilon").id, org.id):
        with psycopg.connect(GIVEN["default"], host=host, port=port) as worker:
            worker.execute(f"SET LOCAL app.org = '{entered}'")
            counts += worker.execute(f"SELECT count(*) FROM {shard}").fetchone()
    assert counts == [0, 0, 1]


@pytest.mark.parametrize("name", ["administrator", "super-user"])
def test_every_url_answers_as_declared(cluster, redis, name):
    worlds = make_world(redis, f"alpha{name[:1]}"), make_world(redis, f"beta{name[:1]}")
    wrong, cells = walk(worlds, *caller_named(name, *worlds))
    assert (wrong, cells > 300) == ([], True)


def test_kills_and_cut_connections_lose_and_double_nothing_on_the_workers(cluster, redis, monkeypatch):
    make_anew()
    kill_and_count(redis, monkeypatch)
