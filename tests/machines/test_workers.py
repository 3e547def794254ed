"""Workers on several machines: what they share is in the database and in Redis, nothing on their disks."""

import os
import signal
import time
from collections import Counter

import msgpack
import psycopg
import pytest
from django.conf import settings

from dashboard.analytics import locks
from dashboard.analytics.dimensions import Dimension, Grain
from dashboard.analytics.ingest import claim
from dashboard.analytics.models import Batch, DeadLetter, Record, Rollup
from orgs import scope
from tests import make
from tests.entry.conftest import directory, runner, until

LISTS, EACH = 6, 500
WAITING = """SELECT count(DISTINCT application_name) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'machine-%' AND wait_event = 'advisory'"""


@pytest.fixture
def machines(committed, redis):
    """Starts a worker as on another machine: a directory and connections of its own, the same secrets."""
    with directory() as first, directory() as second, runner(first) as one, runner(second) as other:

        def start(number: int):
            run, host = ((one, "127.0.0.1"), (other, "localhost"))[number]
            given = {name: getattr(settings, name) for name in ("SECRET_KEY", "ADMIN_SECRET", "NODE_SECRET")}
            for name in ("DATABASE_URL", "DATABASE_MIGRATE_URL"):
                given[name] = f"{os.environ[name]}&application_name=machine-{number}"
            given["REDIS_URL"] = settings.REDIS_URL.replace("127.0.0.1", host)
            return run(
                "manage.py", "worker", environment=given | {"FEED_CHECK_URL": "", "LOG_LEVEL": "ERROR"}
            )

        yield start


def test_two_workers_share_what_gateways_pushed_and_one_that_dies_while_storing_leaves_its_part_to_the_other(
    machines, redis
):
    org = make.organisation("Acme", "acme")
    workers = [machines(0), machines(1)]
    with psycopg.connect(os.environ["SCRATCH_SUPERUSER_URL"], dbname=_database(), autocommit=True) as server:
        # So that both are in the middle of storing, each with a part of it.
        server.execute("SELECT pg_advisory_lock(%s)", [locks.ROLLUPS])
        for number in range(LISTS):
            redis.rpush(claim.LISTS[number], *(_entry(org.id, number * EACH + at) for at in range(EACH)))
        until(lambda: server.execute(WAITING).fetchone() == (2,))
        workers[0].send_signal(signal.SIGKILL)
        workers[0].wait()
        server.execute("SELECT pg_advisory_unlock(%s)", [locks.ROLLUPS])
        until(lambda: redis.keys(f"*{claim.LIST}*") == [])
    with scope.every_org():
        assert Counter(map(int, Record.objects.values_list("alias", flat=True))) == Counter(
            range(LISTS * EACH)
        )
        rows = Rollup.objects.filter(grain=Grain.HOUR, dimension=Dimension.API)
        assert sum(rows.values_list("hits", flat=True)) == LISTS * EACH
        assert (Batch.objects.filter(done=False).count(), DeadLetter.objects.count()) == (0, 0)
    workers[1].terminate()
    assert workers[1].wait(60) == 0


def _database() -> str:
    return os.environ["DATABASE_URL"].partition("?")[0].rpartition("/")[2]


def _entry(org_id: str, number: int) -> bytes:
    record = {"OrgID": org_id, "APIID": f"api-{number % 3}", "TimeStamp": [int(time.time()) - 60, 0]}
    return msgpack.packb({**record, "ResponseCode": 200, "Method": "GET", "Path": "/", "Alias": str(number)})
