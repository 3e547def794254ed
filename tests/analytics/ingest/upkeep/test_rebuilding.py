"""A rebuild says how far it is, goes on where it was stopped, and is never beside itself."""

import threading
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import islice

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from dashboard.analytics.dimensions import Grain
from dashboard.analytics.ingest import partitions
from dashboard.analytics.ingest.upkeep import rebuilding
from dashboard.analytics.models import Endpoint, Rebuild, Rollup
from orgs import scope
from orgs.models import Organisation
from tests.analytics import recordings
from tests.analytics.arrivals import drained, organisations
from tests.analytics.ingest.test_housekeeping import pushed

NOW = datetime.now(UTC)
DAYS = [(NOW - timedelta(days=ago)).date() for ago in (2, 1, 0)]


@pytest.fixture
def three_days(committed, redis):
    """One, two and three requests of Alpha, twice as many of Beta."""
    organisations("UTC", "UTC")
    for number, ago in enumerate((2, 1, 0), start=1):
        pushed(redis, NOW - timedelta(days=ago), number, OrgID=recordings.ORG_A)
        pushed(redis, NOW - timedelta(days=ago), 2 * number, OrgID=recordings.ORG_B)
    drained(redis, NOW)


def spoilt() -> None:
    """Figures that are wrong, so that it is seen which were made again."""
    with scope.every_org(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE rollup SET hits = 100")


def by_day() -> dict[str, list[int]]:
    with scope.every_org():
        totals = (
            Rollup.objects.filter(grain=Grain.DAY, dimension=0)
            .order_by("ts")
            .values_list("org__slug", "hits")
        )
        found: dict[str, list[int]] = {}
        for slug, hits in totals:
            found.setdefault(slug, []).append(hits)
        return found


def rebuilt(*arguments: str) -> list[str]:
    said = StringIO()
    call_command("analytics", "rebuild", *arguments, stdout=said, skip_checks=True)
    return said.getvalue().splitlines()


def test_what_comes_meanwhile_is_stored_with_endpoints_that_nobody_has_seen_before(three_days, redis):
    """The locks of the two have nothing to do with each other."""
    with scope.every_org(), rebuilding.alone():
        pushed(redis, NOW, 1, OrgID=recordings.ORG_A, Path="/new", RawPath="/new")
        drained(redis, NOW)
    with scope.every_org():
        assert Endpoint.objects.filter(endpoint=" /new").count() == 1
    assert by_day()["alpha"] == [1, 2, 4]


def test_whoever_is_stopped_goes_on_and_each_day_is_the_old_or_the_new_one(three_days):
    spoilt()
    asked = ("", DAYS[0], DAYS[-1])
    with scope.every_org(), rebuilding.alone():
        made = list(islice(rebuilding.run(rebuilding.begin(*asked, NOW), NOW), 4))
    assert [(each.org.slug, each.day, each.hits, each.done, each.left) for each in made] == [
        ("alpha", DAYS[0], 1, 1, 5),
        ("alpha", DAYS[1], 2, 2, 4),
        ("alpha", DAYS[2], 3, 3, 3),
        ("beta", DAYS[0], 2, 4, 2),
    ]
    assert made[-1].remaining > timedelta(0)
    assert by_day() == {"alpha": [1, 2, 3], "beta": [2, 100, 100]}
    status = StringIO()
    call_command("analytics", "status", stdout=status, skip_checks=True)
    assert "4 days done" in status.getvalue()
    arguments = ("--from", str(DAYS[0]), "--to", str(DAYS[-1]))
    lines = rebuilt(*arguments)
    assert (lines[0], lines[-1]) == (
        "goes on after 4 days, where it was stopped",
        "6 days are made again from 18 records",
    )
    assert lines[1].startswith(f"beta {DAYS[1]}: 4 records; 5 days done, 1 left, about 0:")
    assert lines[2] == f"beta {DAYS[2]}: 6 records; 6 days done, 0 left"
    assert by_day() == {"alpha": [1, 2, 3], "beta": [2, 4, 6]}
    # What is finished is done anew when it is asked for again.
    assert len(rebuilt(*arguments)) == 7


def test_a_day_whose_records_go_while_others_are_made_again_stays_as_it_was(three_days):
    spoilt()
    with scope.every_org(), rebuilding.alone():
        run = rebuilding.run(rebuilding.begin("", DAYS[0], DAYS[-1], NOW), NOW)
        list(islice(run, 4))
        Organisation.everyone.filter(slug="beta").update(gone_before={"records": str(DAYS[2])})
        with partitions.as_owner() as cursor:
            cursor.execute("DELETE FROM record WHERE ts < %s", [str(DAYS[2])])
        assert [each.hits for each in run] == [0, 6]
        assert Rebuild.objects.get().left == 0
    assert by_day() == {"alpha": [1, 2, 3], "beta": [2, 100, 6]}


def test_something_else_that_is_asked_for_does_not_go_on_there(three_days):
    with scope.every_org(), rebuilding.alone():
        list(islice(rebuilding.run(rebuilding.begin("", DAYS[0], None, NOW), NOW), 1))
    assert rebuilt("--org", "beta", "--from", str(DAYS[0]))[-1] == "3 days are made again from 12 records"
    with scope.every_org():
        assert [(run.slug, run.left) for run in Rebuild.objects.all()] == [("beta", 0)]


def test_a_second_one_is_refused_while_one_runs(three_days):
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with scope.every_org(), rebuilding.alone():
            held.set()
            over.wait(60)
        connections.close_all()

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(60)
    try:
        with pytest.raises(CommandError, match="Another process rebuilds"):
            rebuilt()
    finally:
        over.set()
        other.join()
    assert rebuilt("--org", "alpha", "--from", str(DAYS[0]))[-1] == "3 days are made again from 6 records"
    with pytest.raises(CommandError, match="--to must not be earlier"):
        rebuilt("--from", str(DAYS[1]), "--to", str(DAYS[0]))
