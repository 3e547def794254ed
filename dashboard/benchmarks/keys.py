"""What is done with keys while an organisation has ten, ten thousand, and a million of them.

Pages are asked of the whole application, signed in, without a network; beside the clock stands how long of it this
process had a processor, which a busy machine changes little. The keys are made by the database itself; all that each
holds is what a list, a search and a delivery read.
"""

import os
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import TypeVar

import psycopg
import redis
from django.db import connection, transaction
from django.test import Client
from psycopg import ClientCursor

from apis.gateways import delivery, outbox
from apis.gateways.redis_client import client
from apis.models import ApiDefinition, Outbox
from apis.publishing import publish
from dashboard.benchmarks import measure
from dashboard.web.gunicorn_settings import settle
from keys.keys import lifecycle
from keys.keys.session import Right
from keys.models import Key
from orgs import scope
from orgs.models import Organisation, User

Answer = TypeVar("Answer")
SIZES = (10, 10_000, 1_000_000)
RUNS = 11
APIS = 20
FEW, MANY = 10, 10_000  # keys that name the APIs which are deleted
RARE = 1_000  # of so many keys one has a tag

KEYS = """
    INSERT INTO keys_key (id, org_id, alias, owner, rate, per, quota_max, quota_renewal_rate, all_apis, suspended,
        revoked_at, tags, meta_data, session_extra, credential, token_hash, cache_key, short_cache_key, allowance,
        generation, created_by, created_at, updated_at, change_number, delivered_number, delivered_at)
    SELECT lpad(to_hex(n), 24, '0'), %(org)s, 'caller ' || n, 'team ' || n %% 100, -1, 0, -1, 0, n <= 2, false,
        CASE WHEN n = 3 THEN now() END, CASE WHEN n %% %(rare)s = 5 THEN '["vip"]' ELSE '[]' END::jsonb,
        jsonb_build_object('contract', 'c' || n), '{}', 'token', encode(sha256((%(salt)s || n)::bytea), 'hex'),
        left(md5(n::text), 16), '', '', 1, 'bench', now() - n * interval '1 second', now(), 1, 1, now()
    FROM generate_series(%(first)s, %(last)s) n"""
# The first API is named by FEW keys, the second by up to MANY, the others by the rest.
_RIGHTS = """
    INSERT INTO keys_keyright (id, org_id, key_id, api_id, versions, members)
    SELECT lpad(to_hex(n), 24, '0'), %(org)s, lpad(to_hex(n), 24, '0'),
        (%(apis)s::text[])[CASE WHEN n <= %(few)s THEN 1 WHEN n <= %(many)s THEN 2 ELSE 3 + n %% 18 END], '[]', '{}'
    FROM generate_series(3, %(last)s) n"""
_WORDS = """
    INSERT INTO keys_keyword (id, org_id, key_id, word)
    SELECT lpad(to_hex(row_number() OVER ()), 24, '0'), %(org)s, id, word
    FROM keys_key, LATERAL (
        SELECT DISTINCT regexp_split_to_table(alias || ' ' || owner || ' contract ' || (meta_data ->> 'contract')
            || CASE WHEN tags = '[]' THEN '' ELSE ' vip #vip' END, ' ') AS word) words
    WHERE org_id = %(org)s"""


def run(most: int) -> dict[str, object]:
    """One line of figures: milliseconds for each thing that is done, by the number of keys. most: the largest size."""
    figures: dict[str, dict[int, list[float]]] = {}
    settle()  # as web processes do
    with client() as server:
        for size in (size for size in SIZES if size <= most):
            begun = time.perf_counter()
            org = organisation(size)
            filled = time.perf_counter() - begun
            for what, times in (_figures(org, size, server) | {"filled, s": [filled]}).items():
                figures.setdefault(what, {})[size] = times
    parts = {what: {size: median(times) for size, times in by.items()} for what, by in figures.items()}
    return {
        "machine": measure.machine(),
        "what": "keys: ms, by how many keys the organisation has",
        "runs": RUNS,
        "parts": {what: {str(size): round(ms, 1) for size, ms in by.items()} for what, by in parts.items()},
        # A page of ten keys has ten rows, one of more has fifty.
        "growth": {what: growth(by) for what, by in parts.items()},
        f"growth from {MANY:,}": {
            what: growth({size: ms for size, ms in by.items() if size >= MANY}) for what, by in parts.items()
        },
        "spread": {what: measure.spread(by[max(by)]) for what, by in figures.items()},
    }


def growth(by_size: dict[int, float]) -> float | None:
    """How often the figure of the smallest size goes into that of the largest; None of one size."""
    if len(by_size) < 2:
        return None
    return round(by_size[max(by_size)] / by_size[min(by_size)], 2)


def organisation(size: int) -> Organisation:
    """One that has so many keys."""
    org = Organisation.everyone.create(
        owner_name=f"{size} keys", slug=f"keys-{size}", max_keys=2 * max(SIZES), time_zone="Europe/Berlin"
    )
    User.everyone.create(org=org, email="ada@bench.example", permissions={"IsAdmin": "admin"})
    with scope.org(org.id):
        apis = [api(org, number).id for number in range(APIS)]
    facts = {"org": org.id, "first": 1, "last": size, "salt": org.id, "apis": apis}
    facts |= {"few": FEW + 2, "many": FEW + 2 + MANY, "rare": RARE}
    # As the superuser, who checks no row and no reference: what is measured is not the filling.
    with psycopg.connect(superuser(), autocommit=True, cursor_factory=ClientCursor) as server:
        server.execute("SET session_replication_role = replica")
        for statement in (KEYS, _RIGHTS, _WORDS):
            server.execute(statement, facts)
        server.execute("VACUUM ANALYZE keys_key, keys_keyright, keys_keyword")
    return org


def superuser() -> str:
    """The address of the database for its superuser."""
    database = os.environ["DATABASE_URL"].partition("?")[0].rpartition("/")[2]
    return os.environ["SCRATCH_SUPERUSER_URL"].replace("/postgres?", f"/{database}?")


def api(org: Organisation, number: int) -> ApiDefinition:
    """A new API of the organisation, in its scope."""
    definition = {
        "name": f"API {number}",
        "proxy": {"listen_path": f"/{org.slug}/{number}/", "target_url": "http://upstream.example/"},
        "version_data": {"not_versioned": True, "versions": {"Default": {"name": "Default"}}},
        "config_data": {"filler": "x" * 2_000},
    }
    return publish.create(org.id, definition, author=None)


def _figures(org: Organisation, size: int, server: redis.Redis) -> dict[str, list[float]]:
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(User.everyone.get(org=org))
    place = f"/o/{org.slug}/keys/"
    pages = {
        "list": "",
        "list, last page": "?last=1",
        "list, revoked": "?state=revoked",
        "list, of an API that few name": f"?api={_named(org, 0).api_id}",
        "search, one found": f"?q={size}+caller",
        "search, all found": "?q=caller",
        "search, one found by metadata": f"?q=c{size}",
        "list, of a tag": "?tag=vip",
        "list, of an owner": "?owner=team+7",
        "list, not used in 24 h": "?used=no-24h",
        "list, expiring": "?ends=30d",
        "hygiene": "hygiene/",
        "search, start of a hash": f"?q={_key(org, size).token_hash[:12]}",
        "open": f"{_key(org, size).id}/",
        "edit": f"{_key(org, size).id}/edit/",
    }
    figures = of_pages(browser, {what: place + path for what, path in pages.items()})
    figures["create"] = taken(lambda: undone(org.id, lambda: _create(org)))
    figures["revoke"] = taken(lambda: undone(org.id, lambda: lifecycle.revoke(_key(org, size))))
    figures["deliver"] = taken(lambda: _deliver(org, size, server))
    figures["API deleted that few name"] = taken(lambda: _deleted(_named(org, 0)))
    if size >= MANY:
        figures[f"API deleted that {MANY:,} name"] = taken(lambda: _deleted(_named(org, 1)))
        figures[f"API added that {MANY:,} open"] = _added(org)
        figures[f"deliver {outbox.CHUNK} after it"] = _chunks(org, server)
    return figures


def of_pages(browser: Client, addresses: Mapping[str, str]) -> dict[str, list[float]]:
    """What RUNS calls of each page take, by its name: milliseconds, and of this process's processor."""
    figures = {}
    for what, address in addresses.items():
        asked = taken(lambda address=address: page(browser, address))
        figures[what] = [clock for clock, _ in asked]
        figures[f"{what}: processor"] = [ours for _, ours in asked]
    return figures


def taken(work: Callable[[], Answer]) -> list[Answer]:
    """What RUNS calls answer."""
    work()  # the first call fills caches
    return [work() for _ in range(RUNS)]


def timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def page(browser: Client, address: str) -> tuple[float, float]:
    """Milliseconds until a page is there, and those of them that this process was given a processor: a busy machine
    makes the first longer, and the second hardly."""

    def ask() -> None:
        if (status := browser.get(address).status_code) != 200:
            raise RuntimeError(f"{address}: {status}")

    before = time.process_time()
    clock = timed(ask)
    return clock, (time.process_time() - before) * 1000


def _key(org: Organisation, number: int) -> Key:
    with scope.org(org.id):
        return Key.objects.get(id=f"{number:024x}")


def _create(org: Organisation) -> None:
    spec = lifecycle.KeySpec(alias="one more", rights=(Right(_named(org, 2).api_id),))
    lifecycle.create(org.id, spec, created_by="bench")


def _named(org: Organisation, number: int) -> ApiDefinition:
    with scope.org(org.id):
        return ApiDefinition.objects.get(name=f"API {number}")


def _deliver(org: Organisation, number: int, server: redis.Redis) -> float:
    with scope.org(org.id):
        outbox.add("key", f"{number:024x}", org_id=org.id)
    return timed(lambda: delivery.deliver(server))


def _deleted(api: ApiDefinition) -> float:
    """To just before the end of the transaction, which takes everything back."""
    return undone(api.org_id, lambda: publish.delete(api, author=None))


def _added(org: Organisation) -> list[float]:
    with scope.org(org.id), transaction.atomic():
        Key.objects.filter(id__in=[f"{number:024x}" for number in range(4, MANY + 4)]).update(all_apis=True)
    return taken(lambda: undone(org.id, lambda: api(org, APIS)))


def _chunks(org: Organisation, server: redis.Redis) -> list[float]:
    """What the worker has to do for each message that a deleted API leaves."""
    with scope.org(org.id):
        publish.delete(_named(org, 1), author=None)
        Outbox.objects.filter(kind="reload").delete()
    return taken(lambda: timed(lambda: delivery.deliver(server)))


def undone(org_id: str, work: Callable[[], object]) -> float:
    """Milliseconds of a change, to just before the end of its transaction, which takes everything back."""
    taken = 0.0
    with scope.org(org_id), transaction.atomic():
        taken = timed(lambda: (work(), connection.check_constraints()))
        transaction.set_rollback(True)
    return taken
