"""What an organisation keeps for less time is shown to nobody at once, is deleted soon, and stays a gap."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections, transaction

from dashboard.analytics.dimensions import RECORDS, Grain
from dashboard.analytics.ingest import cuts, partitions, rollup, trust
from dashboard.analytics.ingest.upkeep import forgetting
from dashboard.analytics.models import Record, Rollup, RollupCut, UptimeHour
from dashboard.analytics.reports import reader, search, zones
from dashboard.analytics.reports.periods import asking, cutting
from dashboard.analytics.reports.search import Wanted
from orgs import scope
from orgs.models import Organisation, User
from orgs.organisations import lifecycle
from tests import make
from tests.analytics import recordings
from tests.analytics.arrivals import drained, organisations
from tests.analytics.ingest.test_housekeeping import pushed

# The reader asks the clock for what is kept.
NOW = datetime.now(UTC).replace(hour=14, minute=0, second=0, microsecond=0)
MIDNIGHT = NOW.replace(hour=0)


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


@pytest.fixture
def two(committed, redis, monkeypatch):
    """Alpha and Beta with three requests on each of twenty days."""
    alpha, beta = organisations("UTC", "UTC")
    for org in (recordings.ORG_A, recordings.ORG_B):
        for days in range(20):
            pushed(redis, ago(days), 3, OrgID=org, APIID="api", APIKey="1" * 16, Path="/a")
    drained(redis, NOW)
    monkeypatch.setattr(forgetting, "ROWS", 7)
    return alpha, beta


def keep(org: Organisation, **days: int) -> Organisation:
    with scope.every_org(), transaction.atomic():
        return lifecycle.change(org, kept_days=days)


def forget(now: datetime = NOW) -> int:
    with scope.every_org():
        trust.vouch(now)
    return sum(1 for _ in forgetting.slices(now, timedelta))


def oldest_rows(org: Organisation) -> dict[str, int]:
    """How many days ago the oldest row of records and of each grain is."""
    with scope.org(org.pk):
        found = {RECORDS: Record.objects.earliest("ts").ts}
        found |= {
            str(grain): Rollup.objects.filter(grain=grain).earliest("ts").ts
            for grain in (Grain.HOUR, Grain.DAY, Grain.DAY_DETAIL)
        }
    return {grain: (NOW - ts).days for grain, ts in found.items()}


def shown(org: Organisation) -> dict[str, object]:
    """What readers give of thirty days: all requests by day, records, the newest record of a key."""
    with scope.org(org.pk), transaction.atomic():
        cut = zones.of(org, NOW)
        owners, kept = cut.owners(org.pk), asking.parse({"range": "30d"}, cut.zone, NOW, held=cut.held)
        # Also where somebody asks for more than the period of the page.
        whole = cutting.days(ago(29).date(), NOW.date(), cut.zone, Grain.DAY)
        found = search.search(
            [org.pk], Wanted(owners.from_when(ago(29), RECORDS), NOW + timedelta(days=1)), limit=99
        )
        first = Record.objects.earliest("ts")
        return {
            "days": reader.totals(owners, whole).hits,
            "records": len(found.records),
            "one": search.one(org, first.ts, first.id, NOW) is not None,
            "begins": (NOW - kept.start).days,
        }


def test_a_shorter_period_holds_for_readers_at_once_and_is_deleted_in_slices(two, redis, rest):
    alpha, beta = two
    admins = [
        make.user("ann@alpha.example", alpha, {"IsAdmin": "admin"}),
        make.user("sue@platform.example", None),
    ]
    with scope.every_org():
        first, last = (
            Record.objects.filter(org=alpha).earliest("ts"),
            Record.objects.filter(org=alpha).latest("ts"),
        )
        for org in two:
            counts = dict.fromkeys(("checks", "failures", "answered", "latency_sum"), 1)
            UptimeHour.objects.create(org=org, api_id="api", url="u", ts=ago(15), **counts)

    def by_rest(person: User) -> tuple[int, list[int]]:
        """Pages of the log, and how the first and the last record of Alpha are answered."""
        client, whole = rest(person), {"start": int(ago(29).timestamp()), "end": int(NOW.timestamp())}
        places = (f"/api/logs/{search.microseconds(each.ts)}/{each.id}" for each in (first, last))
        return (
            client.get("/api/logs", whole).json()["pages"],
            [client.get(place).status_code for place in places],
        )

    whole = {"days": 60, "records": 60, "one": True, "begins": 29}
    assert (shown(alpha), shown(beta)) == (whole, whole)
    keep(alpha, records=2)
    before = oldest_rows(alpha)
    assert before == dict.fromkeys(("", "h", "d", "k"), 19)
    assert shown(alpha) == {"days": 60, "records": 9, "one": False, "begins": 29}
    assert [by_rest(each) for each in admins] == [(1, [404, 200]), (7, [404, 200])]
    # 51 records of the 17 days before, seven a transaction.
    assert forget() == 8
    assert (oldest_rows(alpha), oldest_rows(beta)) == ({**before, "": 2}, before)
    assert (shown(alpha)["days"], shown(alpha)["records"], shown(beta)) == (60, 9, whole)
    assert forget() == 0
    keep(alpha, records=2, hours=9)
    forget()
    assert oldest_rows(alpha) == {"": 2, "h": 9, "d": 19, "k": 19}
    with scope.every_org():
        assert [each.org_id for each in UptimeHour.objects.all()] == [beta.pk]
    # What is of the very first moment that is kept stays.
    firsts = [MIDNIGHT - timedelta(days=days) for days in (2, 9)]
    for first in firsts:
        pushed(redis, first, 1, OrgID=alpha.pk, APIID="api")
    drained(redis, NOW)
    forget()
    with scope.org(alpha.pk):
        hours = Rollup.objects.filter(grain=Grain.HOUR)
        assert [found.earliest("ts").ts for found in (Record.objects.all(), hours)] == firsts


def test_what_somebody_writes_is_passed_by_and_deleted_the_next_time(two):
    alpha, _ = two
    keep(alpha, hours=9)
    past = Rollup.objects.filter(org=alpha, grain=Grain.HOUR, ts__lt=MIDNIGHT - timedelta(days=9))
    with connections[partitions.OWNER].cursor() as cursor:
        # Where it waits, it is to fail.
        cursor.execute("SET lock_timeout = '1s'")
        try:
            with scope.every_org(), transaction.atomic():
                held = past.select_for_update().order_by("ts").first()
                forget()
                assert [(row.ts, row.dimension) for row in past] == [(held.ts, held.dimension)]
        finally:
            cursor.execute("RESET lock_timeout")
    forget()
    assert oldest_rows(alpha)[str(Grain.HOUR)] == 9


def test_a_longer_period_afterwards_leaves_a_gap_that_is_no_time_without_requests(two):
    alpha, _ = two
    keep(alpha, records=2)
    # Until it was deleted it can be kept after all.
    keep(alpha)
    assert shown(alpha)["records"] == 60
    keep(alpha, records=2)
    forget()
    alpha = keep(alpha)
    assert alpha.gone_before == dict.fromkeys(("records", "bodies"), f"{ago(2):%Y-%m-%d}")
    assert alpha.retention.since("records", NOW) == MIDNIGHT - timedelta(days=2)
    assert alpha.retention.since("records", NOW + timedelta(days=60)) == MIDNIGHT + timedelta(days=30)


def test_a_rebuild_and_another_zone_leave_days_alone_whose_records_have_gone(two):
    alpha, _ = two
    keep(alpha, records=2)
    # Nothing is deleted yet: what is past its period counts as gone all the same.
    with scope.every_org():
        rebuilt = [day for day, _ in rollup.rebuild(alpha, ago(19).date(), NOW.date(), NOW)]
    assert rebuilt == [ago(days).date() for days in (2, 1, 0)]
    forget()
    Organisation.everyone.filter(pk=alpha.pk).update(time_zone="Asia/Tokyo")
    while cuts.work(NOW):
        pass
    alpha.refresh_from_db()
    with scope.org(alpha.pk), transaction.atomic():
        [cut] = RollupCut.objects.all()
        days = Rollup.objects.filter(grain=Grain.DAY, dimension=cut.base)
        assert (cut.zone, sum(row.hits for row in days)) == ("Asia/Tokyo", 60)
        assert cut.exact_from == MIDNIGHT - timedelta(days=2)


@pytest.mark.parametrize("within_a_step", [False, True])
def test_another_zone_begins_anew_where_records_go_before_they_are_counted(two, monkeypatch, within_a_step):
    alpha, _ = two
    monkeypatch.setattr(cuts, "STEP", 10)

    def gone() -> None:
        keep(alpha, records=2)
        forget()
        connections.close_all()

    def add_where_records_go(*arguments, add=rollup.add, **named) -> None:
        monkeypatch.setattr(rollup, "add", add)
        thread = threading.Thread(target=gone)
        thread.start()
        thread.join()
        add(*arguments, **named)

    Organisation.everyone.filter(pk=alpha.pk).update(time_zone="Asia/Tokyo")
    for _ in range(3):
        cuts.work(NOW)
    if within_a_step:
        monkeypatch.setattr(rollup, "add", add_where_records_go)
    else:
        gone()
    while cuts.work(NOW):
        pass
    with scope.org(alpha.pk), transaction.atomic():
        [cut] = RollupCut.objects.all()
        days = Rollup.objects.filter(grain=Grain.DAY, dimension=cut.base)
        assert (cut.zone, Record.objects.count()) == ("Asia/Tokyo", 9)
        assert [row.hits for row in days] == [3] * 20
        assert cut.exact_from == MIDNIGHT - timedelta(days=2)


def test_nothing_is_deleted_by_a_clock_that_is_not_believed(two):
    alpha, _ = two
    keep(alpha, records=2)
    assert list(forgetting.slices(NOW + timedelta(days=200), timedelta)) == []
    alpha.refresh_from_db()
    assert (oldest_rows(alpha)[RECORDS], alpha.gone_before) == (19, {})
