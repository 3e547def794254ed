"""An organisation's zone is changed: old figures until the new ones are whole, and then all of them agree."""

import os
import random
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgpack
import pytest
from django.db import connection, connections, transaction

from dashboard.analytics import dimensions, histogram
from dashboard.analytics.dimensions import Dimension
from dashboard.analytics.ingest import claim, cuts, rollup, store
from dashboard.analytics.ingest.entries import clean, decode
from dashboard.analytics.models import Record, Rollup, RollupCut
from orgs import scope
from orgs.models import Organisation
from tests import make
from tests.analytics import recordings, screens
from tests.analytics.arrivals import at_once, drained
from tests.analytics.ingest.test_rollup import everything, request
from tests.analytics.screens import sheet

OVERVIEW = "/o/alpha/analytics/"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def organisation(zone: str) -> Organisation:
    make.organisation("Beta", "beta", id=recordings.ORG_B)
    return make.organisation("Alpha", "alpha", id=recordings.ORG_A, time_zone=zone)


def pushed(redis, now: datetime, days: int, number: int, seed: int = 5) -> None:
    source = random.Random(seed)  # noqa: S311
    moments = [now - timedelta(seconds=source.randrange(days * 86_400)) for _ in range(number)]
    redis.rpush(claim.LIST, *(request(source, moment) for moment in moments))
    drained(redis, now)


def stamped_at_the_end_of_the_step(redis, now: datetime) -> None:
    """Four more requests, at the moment up to which the new figures are counted."""
    with scope.every_org():
        ends = RollupCut.objects.filter(state="building").values_list("until", flat=True)
        moments = [end for end in ends for _ in range(4)]
    if moments:
        source = random.Random(7)  # noqa: S311
        redis.rpush(claim.LIST, *(request(source, moment) for moment in moments))
        drained(redis, now)


def moved_to(zone: str) -> None:
    with scope.every_org(), transaction.atomic():
        Organisation.everyone.filter(pk=recordings.ORG_A).update(time_zone=zone)


def worked(now: datetime) -> int:
    steps = 0
    while cuts.work(now):
        steps += 1
    return steps


def state() -> list[tuple]:
    with scope.every_org():
        rows = RollupCut.objects.filter(org=recordings.ORG_A).order_by("base")
        return list(rows.values_list("base", "zone", "state"))


def sums(client, **asked) -> dict[str, int]:
    """What every part of a page says the requests are."""
    page = client.get(OVERVIEW, asked)
    tiles = {tile.name: (tile.exact, url) for tile, url in page.context["tiles"]}
    found = {"tile": int(tiles["requests"][0].replace(",", ""))}
    for table in ("requests", "apis", "endpoints"):
        rows = sheet(client.get(OVERVIEW, {**asked, "format": "csv", "table": table}))
        found[table] = sum(int(row["requests"]) for row in rows)
    listed, url = 0, tiles["requests"][1]
    while url:
        logs = client.get(url)
        listed, older = listed + len(logs.context["records"]), logs.context["page"].older
        url = older and logs.request["PATH_INFO"] + older
    return {**found, "logs": listed}


def counted_days(base: int, zone: str) -> dict:
    days = Rollup.objects.filter(org=recordings.ORG_A, grain="d", dimension=base)
    return {row.ts.astimezone(ZoneInfo(zone)).date(): row.hits for row in days}


def recorded_days(zone: str) -> Counter:
    records = Record.objects.filter(org=recordings.ORG_A)
    return Counter(record.ts.astimezone(ZoneInfo(zone)).date() for record in records)


def test_after_a_change_of_zone_all_sums_of_all_ranges_agree(committed, redis, client_for):
    alpha = organisation("America/New_York")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    now = datetime.now(UTC)
    pushed(redis, now, 29, 600)
    for zone, base in (("Asia/Kolkata", 100), ("Pacific/Auckland", 0), ("America/New_York", 100)):
        moved_to(zone)
        assert worked(now) > 0
        assert state() == [(base, zone, "active")]
        with scope.every_org():
            assert counted_days(base, zone) == recorded_days(zone)
        for name in ("1h", "24h", "7d", "30d"):
            found = sums(client, range=name)
            assert (zone, name, set(found.values())) == (zone, name, {found["tile"]})
        page = client.get(OVERVIEW, {"range": "7d"})
        assert (page.context["zone"], page.context["recut"]) == (zone, "")
        assert len(page.context["tables"][0]["lines"]) == 2


def test_until_it_is_done_pages_show_the_old_figures_and_say_so(committed, redis, client_for, monkeypatch):
    monkeypatch.setattr(cuts, "STEP", 50)
    alpha = organisation("America/New_York")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    now = datetime.now(UTC)
    pushed(redis, now, 20, 500)
    before = sums(client, range="7d")
    moved_to("Asia/Kolkata")
    said = []
    while [cut[2] for cut in state()] != ["retired", "active"]:
        page = client.get(OVERVIEW, {"range": "7d"})
        said.append(page.context["recut"])
        assert page.context["zone"] == "America/New_York"
        complete_to = page.context["fresh"].up_to.astimezone(ZoneInfo("America/New_York"))
        assert f"{complete_to:%H:%M:%S}" in page.content.decode()
        assert sums(client, range="7d") == before
        assert cuts.work(now) is True
    assert said[0] == (
        "The time zone of this organisation is now Asia/Kolkata. Its figures are being counted anew, 0 % so far; "
        "until that is done they are those of America/New_York."
    )
    assert len(set(said)) > 3
    page = client.get(OVERVIEW, {"range": "7d"})
    assert (page.context["zone"], page.context["recut"]) == ("Asia/Kolkata", "")
    worked(now)
    assert state() == [(100, "Asia/Kolkata", "active")]
    with scope.every_org():
        assert Rollup.objects.filter(org=alpha, dimension__lt=100).count() == 0


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Pacific/Auckland", "UTC"])
def test_traffic_that_comes_meanwhile_is_counted_once_in_the_new_figures(committed, redis, monkeypatch, zone):
    monkeypatch.setattr(cuts, "STEP", 40)
    organisation("America/New_York")
    now = datetime.now(UTC)
    pushed(redis, now, 29, 300)
    moved_to(zone)
    seed = 6
    while [cut[1:] for cut in state()] != [(zone, "active")]:
        cuts.work(now)
        pushed(redis, now, 29, 30, seed)
        stamped_at_the_end_of_the_step(redis, now)
        seed += 1
    assert seed > 10
    with scope.every_org():
        [(base, _, _)] = state()
        assert counted_days(base, zone) == recorded_days(zone)
        total = Record.objects.filter(org=recordings.ORG_A).count()
        for grain, dimension in (("h", 0), ("h", 1), ("d", 1), ("d", 2), ("k", 3)):
            rows = Rollup.objects.filter(org=recordings.ORG_A, grain=grain, dimension=base + dimension)
            assert (grain, dimension, sum(row.hits for row in rows)) == (grain, dimension, total)


def test_a_second_change_during_the_first_begins_again(committed, redis, monkeypatch):
    monkeypatch.setattr(cuts, "STEP", 40)
    organisation("America/New_York")
    now = datetime.now(UTC)
    pushed(redis, now, 20, 200)
    moved_to("Asia/Kolkata")
    for _ in range(3):
        cuts.work(now)
    assert state() == [(0, "America/New_York", "active"), (100, "Asia/Kolkata", "building")]
    moved_to("Pacific/Auckland")
    worked(now)
    assert state() == [(100, "Pacific/Auckland", "active")]
    with scope.every_org():
        assert counted_days(100, "Pacific/Auckland") == recorded_days("Pacific/Auckland")
    moved_to("UTC")
    for _ in range(3):
        cuts.work(now)
    moved_to("Pacific/Auckland")
    worked(now)
    assert state() == [(100, "Pacific/Auckland", "active")]
    with scope.every_org():
        assert counted_days(100, "Pacific/Auckland") == recorded_days("Pacific/Auckland")
        assert Rollup.objects.filter(org=recordings.ORG_A, dimension__lt=100).count() == 0


def test_days_without_records_keep_their_dates_and_nothing_is_lost(committed, redis, client_for):
    """Rollups of 60 days whose records of the first half are gone."""
    alpha = organisation("America/New_York")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    now = datetime.now(UTC)
    pushed(redis, now - 31 * DAY, 28, 300)
    pushed(redis, now, 29, 300, seed=6)
    with scope.every_org(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM record WHERE ts < %s", [now - 30 * DAY])
    with scope.every_org():
        old = counted_days(0, "America/New_York")
    moved_to("Asia/Kolkata")
    worked(now)
    with scope.every_org():
        new = counted_days(100, "Asia/Kolkata")
        assert sum(new.values()) == sum(old.values())
        boundary = (now - 31 * DAY).date()
        assert {day: hits for day, hits in new.items() if day < boundary} == {
            day: hits for day, hits in old.items() if day < boundary
        }
    for start in (now - 45 * DAY, now - 58 * DAY):
        asked = {"from": f"{start:%Y-%m-%d}", "to": f"{now:%Y-%m-%d}"}
        page = client.get(OVERVIEW, asked)
        assert page.context["recut"].startswith("Days before ")
        found = sums(client, **asked)
        del found["logs"]
        assert set(found.values()) == {found["tile"]}
        asked["to"] = f"{start + 9 * DAY:%Y-%m-%d}"
        found = sums(client, **asked)
        del found["logs"]
        assert set(found.values()) == {found["tile"]}


def test_a_worker_killed_within_a_step_goes_on_where_the_last_one_ended(committed, redis, monkeypatch):
    monkeypatch.setattr(cuts, "STEP", 40)
    organisation("America/New_York")
    now = datetime.now(UTC)
    pushed(redis, now, 20, 200)
    moved_to("Asia/Kolkata")
    for _ in range(12):
        connections.close_all()
        child = os.fork()
        if child == 0:
            added = rollup.add
            steps = iter((True, False))

            def add_and_die(*arguments, added=added, steps=steps, **named):
                added(*arguments, **named)
                if not next(steps):
                    os.kill(os.getpid(), signal.SIGKILL)

            rollup.add = add_and_die
            while cuts.work(now):
                pass
            os._exit(0)
        os.waitpid(child, 0)
        if [cut[1:] for cut in state()] == [("Asia/Kolkata", "active")]:
            break
    assert state() == [(100, "Asia/Kolkata", "active")]
    with scope.every_org():
        assert counted_days(100, "Asia/Kolkata") == recorded_days("Asia/Kolkata")


def test_traffic_that_is_being_stored_while_a_step_counts_is_in_the_new_figures(committed, redis):
    """Of the day that records do not cover whole, whose figures are taken over, and of a day that is counted."""
    organisation("America/New_York")
    now = datetime.now(UTC)
    pushed(redis, now, 29, 100)
    oldest = dimensions.oldest(dimensions.RECORDS, now) + timedelta(minutes=1)
    number = 0
    for zone, base in (("Asia/Kolkata", 100), ("UTC", 0)):
        moved_to(zone)
        while [cut[1:] for cut in state()] != [(zone, "active")]:
            number += 1
            entry = msgpack.packb({"OrgID": recordings.ORG_A, "ResponseCode": 200})
            row = clean.clean(decode.decode(entry), number, now, hashed_keys=True)
            late = [
                clean.line_of(each)
                for each in (row._replace(ts=oldest), row._replace(ts=now - DAY, id=1000 + number))
            ]
            at_once(lambda: store.store(late, now, most_bad=0), lambda: cuts.work(now))  # noqa: B023
        with scope.every_org():
            assert sum(counted_days(base, zone).values()) == sum(recorded_days(zone).values())


def test_a_second_worker_leaves_an_organisation_to_the_first_and_waits_for_nothing(committed, redis):
    organisation("America/New_York")
    now = datetime.now(UTC)
    pushed(redis, now, 20, 20)
    moved_to("Asia/Kolkata")
    for _ in ("begun", "building"):
        assert at_once(cuts._next, lambda: cuts.work(now)) == (False, False)
        assert at_once(lambda: cuts.work(now), lambda: cuts.work(now)) == (False, False)


def test_a_rebuild_of_a_day_leaves_the_figures_of_the_next_zone_alone(committed, redis, monkeypatch):
    monkeypatch.setattr(cuts, "STEP", 10)
    alpha = organisation("America/New_York")
    now = datetime.now(UTC)
    pushed(redis, now, 20, 200)
    moved_to("Asia/Kolkata")
    for _ in range(4):
        cuts.work(now)
    assert state()[1:] == [(100, "Asia/Kolkata", "building")]
    with scope.every_org():
        before = counted_days(100, "Asia/Kolkata")
        today = now.date()
        assert before and list(rollup.rebuild(alpha, today - 25 * DAY, today, now))
        assert counted_days(100, "Asia/Kolkata") == before


def made_with_the_first_set() -> None:
    """As an earlier version has counted: without the dimensions and the histograms of the second set."""
    later = [base + each for base in dimensions.BASES for each in Dimension if each.since > 1]
    without = [base + each for base in dimensions.BASES for each in Dimension if each.histogram > 1]
    with scope.every_org(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE rollup_cut SET dimension_set = 1")
        cursor.execute("DELETE FROM rollup WHERE dimension = ANY(%s)", [later])
        cursor.execute("UPDATE rollup SET latency_histogram = '' WHERE dimension = ANY(%s)", [without])


def test_what_an_earlier_version_did_not_count_is_counted_from_the_records_on(committed, redis, monkeypatch):
    """Of an organisation with days before, and of one whose records are all there; while traffic comes."""
    monkeypatch.setattr(cuts, "STEP", 40)
    organisation("America/New_York")
    now = datetime.now(UTC)
    pushed(redis, now - 31 * DAY, 20, 100)
    with scope.every_org(), transaction.atomic():
        Rollup.objects.filter(org=recordings.ORG_B).delete()
        Record.objects.all().delete()
    pushed(redis, now, 29, 300, seed=6)
    made_with_the_first_set()
    with scope.every_org():
        old = counted_days(0, "America/New_York")
    seed = 7
    while cuts.work(now):
        pushed(redis, now, 29, 10, seed)
        seed += 1
    assert seed > 20
    assert state() == [(100, "America/New_York", "active")]
    with scope.every_org():
        alpha, beta = (RollupCut.objects.get(org=org_id) for org_id in (recordings.ORG_A, recordings.ORG_B))
        assert (alpha.dimension_set, alpha.exact_from) == (2, None)
        assert (beta.base, beta.dimension_set, beta.dimensions_from) == (100, 2, None)
        since = alpha.dimensions_from.astimezone(ZoneInfo("America/New_York"))
        assert (since.hour, since.date() - (now - 30 * DAY).date()) in [(0, 0 * DAY), (0, DAY)]
        new = counted_days(100, "America/New_York")
        recorded = recorded_days("America/New_York")
        assert new == {day: hits for day, hits in old.items() if day < since.date()} | {
            day: hits for day, hits in recorded.items() if day >= since.date()
        }
        before = everything()
        for org in Organisation.everyone.all():
            list(rollup.rebuild(org, since.date(), now.date() + DAY, now))
        assert everything() == before
        for org_id, grain, dimension in ((recordings.ORG_A, "k", 106), (recordings.ORG_B, "d", 105)):
            rows = Rollup.objects.filter(org=org_id, grain=grain, dimension=dimension)
            of_records = rows.filter(ts__gte=alpha.dimensions_from)
            timed = sum(row.timed for row in of_records)
            assert timed and timed == sum(
                histogram.running(bytes(row.latency_histogram))[-1] for row in of_records
            )


def test_a_change_of_zone_knows_the_dimensions_as_long_as_before(committed, redis):
    organisation("America/New_York")
    now = datetime.now(UTC)
    pushed(redis, now - 40 * DAY, 10, 50)
    made_with_the_first_set()
    moved_to("Asia/Kolkata")
    worked(now)

    def known() -> tuple:
        with scope.every_org():
            cut = RollupCut.objects.get(org=recordings.ORG_A)
            return cut.zone, cut.dimension_set, cut.exact_from == cut.dimensions_from, cut.dimensions_from

    first = known()
    assert first[:3] == ("Asia/Kolkata", 2, True)
    later = now + 5 * DAY
    moved_to("UTC")
    worked(later)
    assert known() == ("UTC", 2, False, first[3])
