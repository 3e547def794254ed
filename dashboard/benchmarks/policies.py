"""What is done with policies while an organisation has ten and a thousand of them, and a change of one that ten keys
have, and 100,000.

Pages are asked of the whole application, signed in, without a network. A change is measured to just before the end of
its transaction, which takes everything back.
"""

from collections.abc import Callable
from statistics import median

import psycopg
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from psycopg import ClientCursor

from apis.models import ApiDefinition, Outbox
from dashboard.benchmarks import keys, measure
from keys.models import Policy
from keys.policies import lifecycle
from orgs import scope
from orgs.models import Organisation, User

SIZES = (10, 1_000)
HOLDING = (10, 100_000)  # keys that have the policy which is changed
AT_ONCE = 250

_HAVING = """
    INSERT INTO keys_keypolicy (id, org_id, key_id, policy_id, position)
    SELECT lpad(to_hex(n), 24, '0'), %(org)s, lpad(to_hex(n), 24, '0'), %(policy)s, 0
    FROM generate_series(1, %(keys)s) n"""


def run(most: int) -> dict[str, object]:
    """One line of figures, in milliseconds. most: the largest number of policies, and of keys that have
    one."""
    by_policies = [(size, _of_policies(size)) for size in SIZES if size <= most]
    by_keys = [(held, _of_keys(held)) for held in HOLDING if held <= most]
    parts = {
        what: {size: median(figures[what]) for size, figures in by_policies} for what in by_policies[0][1]
    }
    changes = {held: median(times) for held, (times, _) in by_keys}
    return {
        "machine": measure.machine(),
        "what": "policies: ms, by how many the organisation has; a change, by how many keys have the policy",
        "runs": keys.RUNS,
        "parts": {what: _rounded(by) for what, by in parts.items()},
        "growth": {what: keys.growth(by) for what, by in parts.items()},
        "change": _rounded(changes),
        "change_growth": keys.growth(changes),
        # Rows and messages about keys that a change writes.
        "key_writes": {str(held): writes for held, (_, writes) in by_keys},
    }


def _rounded(by: dict[int, float]) -> dict[str, float]:
    return {str(size): round(ms, 1) for size, ms in by.items()}


def _of_policies(size: int) -> dict[str, list[float]]:
    org = keys.organisation(size)
    brought = [keys.timed(lambda first=first: _bring(org, first, size)) for first in range(0, size, AT_ONCE)]
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(User.everyone.get(org=org))
    place, one = f"/o/{org.slug}/policies/", _named(org, 0)
    pages = {
        "list": place,
        "list, last page": f"{place}?last=1",
        "search": f"{place}?q=Policy+{size - 1}",
        "open": f"{place}{one.id}/",
        "deletion asked": f"{place}{one.id}/deletion/",
    }
    figures = keys.of_pages(browser, pages)
    figures["change"] = keys.taken(lambda: keys.undone(org.id, _change(one)))
    figures["delete"] = keys.taken(lambda: keys.undone(org.id, lambda: lifecycle.delete(one, author=None)))
    figures[f"import of {min(SIZES)}"] = keys.taken(
        lambda: keys.undone(org.id, lambda: _bring(org, 0, min(SIZES), rate=99))
    )
    return figures | {"filled": [sum(brought)]}


def _of_keys(held: int) -> tuple[list[float], int]:
    """Milliseconds of a change of a policy that so many keys have, and what of keys it writes."""
    org = keys.organisation(held + 1)
    _bring(org, 0, 1)
    policy = _named(org, 0)
    with psycopg.connect(keys.superuser(), autocommit=True, cursor_factory=ClientCursor) as server:
        server.execute("SET session_replication_role = replica")
        server.execute(_HAVING, {"org": org.id, "policy": policy.id, "keys": held})
        server.execute("VACUUM ANALYZE keys_keypolicy")
    with CaptureQueriesContext(connection) as asked:
        keys.undone(org.id, _change(policy))
    tables = tuple(f'{verb} "keys_key' for verb in ("INSERT INTO", "UPDATE", "DELETE FROM"))
    writes = sum(each["sql"].startswith(tables) for each in asked)
    with scope.org(org.id):
        writes += Outbox.objects.filter(kind__startswith="key").count()
    return keys.taken(lambda: keys.undone(org.id, _change(policy))), writes


def _change(policy: Policy) -> Callable[[], object]:
    return lambda: lifecycle.change(policy, policy.document | {"rate": 99}, author=None)


def _bring(org: Organisation, first: int, size: int, rate: int = 10) -> None:
    with scope.org(org.id):
        apis = list(ApiDefinition.objects.order_by("name").values_list("api_id", flat=True))
        lifecycle.bring(
            {
                f"/{number}": (org.id, _document(org, number, apis[number % len(apis)], rate))
                for number in range(first, min(first + AT_ONCE, size))
            }
        )


def _document(org: Organisation, number: int, api_id: str, rate: int) -> dict[str, object]:
    rights = {api_id: {"api_id": api_id, "versions": ["Default"]}}
    return {
        "name": f"Policy {number}",
        "id": f"{org.slug}-{number}",
        "rate": rate,
        "per": 60,
        "access_rights": rights,
    }


def _named(org: Organisation, number: int) -> Policy:
    with scope.org(org.id):
        return Policy.objects.get(name=f"Policy {number}")
