"""The import arrows, and the few places which may see every organisation."""

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Who may import whom, besides itself.
ALLOWED = {
    "orgs": set(),
    "apis": {"orgs"},
    "keys": {"orgs", "apis"},
    "dashboard.nodes": {"orgs", "apis", "keys"},
    "dashboard.analytics": {"orgs", "apis"},
    "dashboard.alerts": {"orgs", "apis", "keys", "dashboard.analytics"},
    "dashboard": {"orgs", "apis", "keys", "dashboard.nodes", "dashboard.analytics", "dashboard.alerts"},
}
# Modules below the composition root which everyone may use, because they know nothing of any app.
NEUTRAL = {"apis.gateways.redis_client"}
# Who names the scope of every organisation: the mechanism itself, and those with a reason of their own.
EVERY_ORG = {
    "orgs/scope.py",
    "orgs/managers.py",
    "orgs/db/base.py",
    "orgs/db/resealing.py",  # everybody's secrets are sealed anew
    "orgs/middleware.py",  # super-users, the admin secret, gateways
    "apis/publishing/feed.py",  # gateways are given everybody's APIs
    "apis/publishing/conflicts.py",  # whether an id or address is taken; says no more
    "keys/policies/conflicts.py",  # the same of a policy's ids
    "keys/credentials/naming.py",  # the same of a key's
    "keys/migrations/0004_search.py",  # words of every key there is
    "keys/migrations/0020_more_words.py",
    "apis/migrations/0004_definition_columns.py",  # everybody's are filled
    "apis/migrations/0008_named_policies.py",
    "apis/migrations/0009_client_certificates.py",
    "apis/migrations/0010_wrapper.py",
    "apis/migrations/0014_domains.py",
    "apis/gateways/delivery.py",  # whose message is next
    "keys/keys/repair.py",  # the sweep looks at every key
    "keys/organisations/delivery.py",  # and at the limits of every organisation
    "dashboard/management/commands/adopt.py",
    "keys/adoption/checking.py",  # what all sessions open
    "keys/adoption/conflicts.py",  # whether a session is a key already; says no more
    "keys/adoption/discovery.py",  # whose they are is seen when they are found
    "keys/keyspace/events.py",  # Redis tells names of anybody's sessions
    "keys/oauth/repair.py",  # and at every OAuth client
    "keys/certificates/repair.py",  # and at every certificate
    "keys/keyspace/refill.py",  # every key is filled in again
    "dashboard/analytics/migrations/0005_folding.py",  # whose endpoints are named otherwise now
    "apis/migrations/0006_packed_feed.py",
    "dashboard/alerts/evaluation.py",  # whose alerts are due
    "dashboard/alerts/sending/delivery.py",  # whose message is next
    "dashboard/analytics/ingest/closing.py",  # of whom hours are over
    "dashboard/analytics/ingest/cuts.py",  # whose time zone has changed
    "dashboard/analytics/ingest/drain.py",  # a list holds everybody's records
    "dashboard/analytics/ingest/upkeep/forgetting.py",
    "dashboard/analytics/ingest/upkeep/recounting.py",  # who waits longest
    "dashboard/analytics/ingest/housekeeping.py",
    "dashboard/nodes/confirming/reading.py",  # a gateway runs everybody's APIs
    "dashboard/analytics/uptime/looks.py",
    "dashboard/management/commands/analytics.py",
    "dashboard/management/commands/definitions.py",
    "dashboard/preparation.py",  # what gateways are given is made anew by a new version
    "dashboard/demonstration/seed.py",
    "dashboard/benchmarks/deliveries.py",
    "dashboard/benchmarks/edits.py",
    "dashboard/benchmarks/ingest.py",
    "dashboard/benchmarks/publish.py",
    "dashboard/benchmarks/reading/month.py",
    "dashboard/benchmarks/reading/screens.py",
}
# Dicts and numbers: no Django, no request, no database. The types of the same modules are checked.
PURE = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["files"])
NOT_PURE = {"django", "redis", "psycopg", "environ"}


def modules() -> list[Path]:
    found = []
    for package in ("orgs", "apis", "keys", "dashboard"):
        found += sorted((ROOT / package).rglob("*.py"))
    return found


def part(name: str) -> str | None:
    """The part a dotted module name belongs to; None for packages that are not ours."""
    for known in sorted(ALLOWED, key=len, reverse=True):
        if name == known or name.startswith(known + "."):
            return known
    return None


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= (
                {f"{node.module}.{alias.name}" for alias in node.names}
                if part(node.module)
                else {node.module}
            )
    return names


def wrong_arrows(path: Path, dotted: str) -> set[str]:
    own = part(dotted)
    return {f"{dotted} -> {name}" for name in imported(path) if part(name) not in (None, own, *ALLOWED[own])}


def test_no_module_imports_against_the_arrows():
    found = set()
    for path in modules():
        found |= wrong_arrows(path, ".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert found == set()


def test_an_import_against_the_arrows_would_be_found(tmp_path):
    planted = tmp_path / "models.py"
    planted.write_text("from keys.models import Key\nfrom orgs import scope\n")
    assert wrong_arrows(planted, "apis.models") == {"apis.models -> keys.models.Key"}


def test_every_organisation_at_once_is_seen_from_the_listed_places_only():
    assert {str(path.relative_to(ROOT)) for path in modules() if sees_every_org(path)} == EVERY_ORG


def sees_every_org(path: Path) -> bool:
    named = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    named |= {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
    return bool(named & {"every_org", "EVERY_ORG"})


def test_pure_modules_know_no_django_redis_or_database_however_far_their_imports_reach():
    found = {
        name: reached & NOT_PURE for name in sorted(PURE) if (reached := packages_behind(name)) & NOT_PURE
    }
    assert found == {}


def packages_behind(name: str) -> set[str]:
    """The packages that a module imports, by itself or through modules of ours."""
    seen, waiting, packages = set(), [name], set()
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        for dotted in imported(ROOT / at):
            if part(dotted):
                waiting += [file] if (file := file_of(dotted)) else []
            else:
                packages.add(dotted.partition(".")[0])
    return packages


def file_of(dotted: str) -> str | None:
    """The file of a module, or of the module that holds what is named; None if there is none."""
    parts = dotted.split(".")
    tried = ("/".join(parts[:length]) + ".py" for length in (len(parts), len(parts) - 1) if length)
    return next((name for name in tried if (ROOT / name).exists()), None)


def test_a_pure_module_that_reaches_django_through_another_would_be_found():
    assert packages_behind("orgs/audit/changes.py") & NOT_PURE == {"django"}
