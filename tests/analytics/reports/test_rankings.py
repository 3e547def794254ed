"""The rankings of a page."""

from datetime import UTC, datetime, timedelta

from dashboard.analytics import clock
from dashboard.analytics.models import IngestState
from orgs import scope
from tests import make
from tests.analytics import screens
from tests.analytics.screens import ago, push

OVERVIEW = "/o/alpha/analytics/"


def test_it_is_said_since_when_ids_of_letters_and_digits_are_folded(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha", time_zone="Asia/Kathmandu")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    paths = ("/parcels/TW2017411148DE", "/parcels/TW2017411149DE", "/v2/parcels")
    push(
        redis,
        *({"OrgID": alpha.id, "TimeStamp": ago(minutes=5), "Path": path, "RawPath": path} for path in paths),
    )

    def endpoints(asked: str) -> tuple[list[str], str]:
        tables = client.get(OVERVIEW, {"range": asked}).context["tables"]
        [table] = [each["table"] for each in tables if each["table"].name == "endpoints"]
        return [line.name for line in table.lines], table.folding

    lines = ["GET /parcels/{id}", "GET /v2/parcels"]
    assert endpoints("7d") == (lines, "")
    since = datetime.now(UTC) - timedelta(days=2)
    with scope.every_org():
        IngestState.objects.update(folded_since=since)
    said = clock.said(since, alpha.zone, year=True)
    assert endpoints("24h") == (lines, "")
    assert endpoints("7d") == (
        lines,
        f"Since {said}, paths with ids of letters and digits are one line; before, each was counted under its own.",
    )
