"""What the organisation whose pages are measured has beside traffic: people, and the APIs and keys that were called."""

from datetime import datetime

import psycopg
from django.db import transaction
from psycopg import ClientCursor

from apis.publishing import publish
from dashboard.benchmarks import keys, world
from keys.policies import lifecycle
from orgs import scope
from orgs.models import Organisation, User

APIS, KEYS = world.APIS // world.ORGANISATIONS, world.KEYS // world.ORGANISATIONS
HOLDING = (KEYS // 4, KEYS)  # keys that have a policy
ADMIN, SUPER_USER = "ada@bench.example", "root@bench.example"

_HAVING = """
    INSERT INTO keys_keypolicy (id, org_id, key_id, policy_id, position)
    SELECT lpad(to_hex(%(at)s * 1000000 + n), 24, '0'), %(org)s, lpad(to_hex(n), 24, '0'), %(policy)s, %(at)s
    FROM generate_series(0, %(held)s - 1) n"""


def make(org_id: str, since: datetime) -> None:
    """since: from when on gateways have had the APIs."""
    org = Organisation.everyone.get(pk=org_id)
    User.everyone.create(org=org, email=ADMIN, permissions={"IsAdmin": "admin"})
    User.everyone.create(org=None, email=SUPER_USER, is_superuser=True)
    with scope.org(org_id), transaction.atomic():
        apis = [_api(org_id, number, since) for number in range(APIS)]
        policies = {held: _policy(org_id, held, apis[0]) for held in HOLDING}
    with psycopg.connect(keys.superuser(), autocommit=True, cursor_factory=ClientCursor) as server:
        server.execute("SET session_replication_role = replica")
        server.execute(
            keys.KEYS, {"org": org_id, "first": 0, "last": KEYS - 1, "salt": "", "rare": keys.RARE}
        )
        for at, (held, policy) in enumerate(policies.items()):
            server.execute(_HAVING, {"org": org_id, "policy": policy, "at": at, "held": held})
        server.execute("ANALYZE keys_key, keys_keypolicy")


def named(held: int) -> str:
    """What the policy is called that so many keys have."""
    return f"Of {held} keys"


def _policy(org_id: str, held: int, api: str) -> str:
    rights = {api: {"api_id": api, "versions": ["Default"]}}
    policy = {"name": named(held), "rate": 10, "per": 60, "access_rights": rights}
    return lifecycle.create(org_id, policy, author=None).id


def _api(org_id: str, number: int, since: datetime) -> str:
    definition = {
        "api_id": f"{number:032x}",
        "name": f"API number {number}",
        "proxy": {"listen_path": f"/{number}/", "target_url": "http://upstream.example/"},
        "version_data": {"not_versioned": True, "versions": {"Default": {"name": "Default"}}},
    }
    return publish.create(org_id, definition, author=None, at=since).api_id
