"""Which cut pages read, and how much of the next is counted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboard.analytics.models import RollupCut
from dashboard.analytics.reports import zones
from dashboard.analytics.reports.traffic import Owners
from dashboard.analytics.reports.zones import Shown
from orgs import scope
from tests import make

NOW = datetime(2026, 11, 25, 14, 35, 20, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
EXACT = NOW - timedelta(days=400)


@pytest.fixture
def alpha(db):
    alpha = make.organisation("Alpha", "alpha", time_zone="Europe/Berlin")
    with scope.org(alpha.id):
        yield alpha


def cut(org, state: str, zone: str, **of) -> None:
    with scope.every_org():
        RollupCut.objects.create(org_id=org.id, state=state, zone=zone, **of)


def test_without_traffic_the_zone_of_the_organisation_is_read(alpha):
    assert (zones.of(alpha, NOW), zones.of_everybody(NOW)) == (Shown(BERLIN), {})


def test_an_old_cut_and_one_that_is_only_being_counted_are_not_read(alpha):
    cut(alpha, "building", "Asia/Tokyo", base=0, exact_from=EXACT, until=EXACT)
    assert (zones.of(alpha, NOW), zones.of_everybody(NOW)) == (Shown(BERLIN), {})


def test_the_active_cut_is_read(alpha):
    cut(alpha, "active", "Europe/Berlin", base=100, exact_from=EXACT, dimension_set=1, dimensions_from=EXACT)
    cut(alpha, "retired", "Asia/Tokyo", base=0)
    shown = Shown(BERLIN, 100, EXACT, dimension_set=1, dimensions_from=EXACT)
    assert shown.owners(alpha.id) == Owners((alpha.id,), BERLIN, 100, {}, 1, EXACT, open_hours=False)
    # Of several each has closed other hours.
    closed = replace(shown, days_until=EXACT)
    assert [closed.owners(*ids).days_until for ids in (("a",), ("a", "b"))] == [EXACT, None]
    assert (zones.of(alpha, NOW), zones.of_everybody(NOW)) == (shown, {alpha.id: shown})


def test_a_zone_that_was_chosen_and_is_not_yet_counted_is_said_with_nothing_done(alpha):
    cut(alpha, "active", "Asia/Tokyo", base=0, dimension_set=2)
    assert zones.of(alpha, NOW) == Shown(ZoneInfo("Asia/Tokyo"), 0, None, "Europe/Berlin", 0)


@pytest.mark.parametrize(
    ("zone", "exact_from", "until", "done"),
    [
        ("Europe/Berlin", EXACT, EXACT, 0),
        ("Europe/Berlin", EXACT, EXACT - timedelta(days=100), 0),
        ("Europe/Berlin", EXACT, EXACT + timedelta(days=100), 25),
        # All is counted only when it is read.
        ("Europe/Berlin", EXACT, NOW, 99),
        ("Europe/Berlin", EXACT, NOW + timedelta(days=1), 99),
        # Nothing is to be counted; another zone is counted than was chosen since.
        ("Europe/Berlin", NOW, NOW, 0),
        ("Asia/Kathmandu", EXACT, NOW, 0),
    ],
)
def test_it_is_said_how_much_of_the_next_cut_is_counted(alpha, zone, exact_from, until, done):
    cut(alpha, "active", "Asia/Tokyo", base=0, dimension_set=2)
    cut(alpha, "building", zone, base=100, exact_from=exact_from, until=until)
    assert zones.of(alpha, NOW) == Shown(ZoneInfo("Asia/Tokyo"), 0, None, "Europe/Berlin", done)
