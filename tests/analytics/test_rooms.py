"""How far a request for a page of analytics goes: few rooms, and not one of the ingest."""

import ast
import sys
from pathlib import Path

from tests import make
from tests.analytics import screens
from tests.analytics.screens import ago, push

ROOT = Path(__file__).resolve().parent.parent.parent
REPORTS = ROOT / "dashboard" / "analytics" / "reports"


def room(path: Path) -> str:
    """The package of a module; the module itself where it lies at the root of an app."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    app = 2 if parts[0] == "dashboard" else 1
    return ".".join(parts[:-1] if len(parts) > app + 1 else parts)


def entered(ask) -> set[str]:
    """The rooms of analytics, and of the apps that it may ask, in which a function runs while `ask` does."""
    files = set()

    def remember(frame, event, _):
        if event == "call":
            files.add(frame.f_code.co_filename)

    sys.setprofile(remember)
    try:
        ask()
    finally:
        sys.setprofile(None)
    own = (ROOT / "dashboard" / "analytics", ROOT / "apis", ROOT / "keys")
    return {room(Path(name)) for name in files if any(Path(name).is_relative_to(place) for place in own)}


def test_a_page_of_analytics_passes_through_six_rooms(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(minutes=5)})
    pages = ("analytics/", "analytics/keys/", "analytics/endpoints/", "logs/")
    for page in pages:
        client.get(f"/o/alpha/{page}")  # imports are no calls of a request
    rooms = {
        page: entered(lambda page=page: client.get(f"/o/alpha/{page}", {"range": "24h"})) for page in pages
    }
    told = {"apis.marks", "keys.marks"}  # by whom a chart is told what was changed
    assert max(len(found - told) for found in rooms.values()) == 6
    assert set.union(*rooms.values()) == told | {
        "dashboard.analytics.clock",
        "dashboard.analytics.dimensions",
        "dashboard.analytics.histogram",
        "dashboard.analytics.reports",
        "dashboard.analytics.reports.charts",
        "dashboard.analytics.reports.periods",
    }


def test_reports_know_nothing_of_the_ingest():
    found = set()
    for path in REPORTS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(
                "dashboard.analytics.ingest."
            ):
                found.add(f"{path.name} -> {node.module}")
    assert found == set()


def test_reports_send_statements_to_what_figures_are_read_from():
    """orgs.db.reading.connection(), which may be that of a replica."""
    analytics = REPORTS.parent
    modules = [
        path for room in ("reports", "rest", "explaining") for path in (analytics / room).rglob("*.py")
    ]
    others = {
        str(path.relative_to(analytics))
        for path in modules
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "django.db"
        if "connection" in {alias.name for alias in node.names}
    }
    assert others == {"reports/everywhere/reader.py"}  # for the audit log
