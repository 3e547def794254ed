"""A clock that is not believed stores nothing and deletes nothing, and everybody is told."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from dashboard.analytics import clock
from dashboard.analytics.ingest import claim, drain, housekeeping, trust
from dashboard.analytics.ingest.trust import Trail
from dashboard.analytics.models import Batch, DeadLetter, IngestState, Record, Rollup
from orgs import scope
from tests import make
from tests.analytics import recordings, screens
from tests.analytics.arrivals import clock_at, organisations
from tests.analytics.ingest.test_housekeeping import existing, pushed

NOW = datetime(2028, 4, 2, 10, 0, tzinfo=UTC)
WRONG = datetime(2031, 6, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def ticked(redis, moment: datetime, ahead: timedelta = timedelta()) -> None:
    """What the worker does at a moment: the traffic, then the hourly step."""
    while drain.tick(redis, clock_at(moment), lambda: ahead):
        pass
    housekeeping.maintain(moment, lambda: ahead)


def stood(redis, moment: datetime) -> None:
    """A worker that has run for two days up to a moment."""
    for hours in range(48, -1, -12):
        ticked(redis, moment - hours * HOUR)


def kept() -> tuple[int, int, int]:
    """Records, all requests by day, dead letters."""
    with scope.every_org():
        days = Rollup.objects.filter(grain="d", dimension=0)
        return Record.objects.count(), sum(row.hits for row in days), DeadLetter.objects.count()


def older_records(redis) -> None:
    organisations("UTC", "UTC")
    for age in (1, 11, 29):
        pushed(redis, NOW - age * DAY, times=69)
    stood(redis, NOW)


def test_a_clock_that_leaps_years_ahead_stores_and_deletes_nothing(committed, redis):
    older_records(redis)
    before = kept(), existing()
    assert before[0] == (207, 207, 0)
    pushed(redis, NOW, times=500)
    ticked(redis, WRONG)
    ticked(redis, WRONG + HOUR)
    assert (kept(), existing()) == before
    state = IngestState.objects.get()
    assert (
        state.doubt
        == "It says 2031-06-01 01:00 UTC, and when it was last believed it was 2028-04-02 10:00 UTC."
    )
    assert (state.up_to, state.waiting) == (NOW - timedelta(seconds=1), 500)
    ticked(redis, NOW + timedelta(minutes=10))
    assert kept() == (707, 707, 0)
    assert (IngestState.objects.get().doubt, redis.keys("*")) == ("", [])


def test_a_leap_without_any_traffic_deletes_nothing_either(committed, redis):
    older_records(redis)
    before = kept(), existing()
    for hours in range(0, 72, 12):
        ticked(redis, WRONG + hours * HOUR)
    assert (kept(), existing()) == before


def test_a_step_that_runs_before_any_traffic_was_looked_at_deletes_nothing_by_a_wrong_clock(committed, redis):
    """As when Redis is away: the clock has not been compared with anything since it leapt."""
    older_records(redis)
    before = kept(), existing()
    housekeeping.maintain(WRONG, timedelta)
    assert (kept(), [name for name in before[1] if name not in existing()]) == (before[0], [])


def test_a_clock_in_doubt_forgets_no_dead_letter_and_no_batch(committed, redis):
    older_records(redis)
    pushed(redis, NOW, OrgID="unknown")
    ticked(redis, NOW)
    books = [(207, 207, 1), 2]
    for moment in (NOW, WRONG):
        ticked(redis, moment)
        with scope.every_org():
            assert [kept(), Batch.objects.count()] == books


def test_newest_traffic_that_arrives_days_late_keeps_what_is_old_until_some_comes_in_time(committed, redis):
    older_records(redis)
    for hours in range(0, 84, 12):
        pushed(redis, NOW + hours * HOUR - 2 * DAY)
        ticked(redis, NOW + hours * HOUR)
    assert kept() == (207 + 7, 207 + 7, 0)
    pushed(redis, NOW + 84 * HOUR)
    ticked(redis, NOW + 84 * HOUR)
    assert kept() == (138 + 8, 207 + 8, 0)


@pytest.mark.parametrize("ahead", [timedelta(days=1100), timedelta(days=-1100), timedelta(minutes=6)])
def test_clocks_of_process_and_database_that_differ_stop_both(committed, redis, ahead):
    older_records(redis)
    before = kept(), existing()
    pushed(redis, NOW, times=5)
    ticked(redis, NOW + HOUR, ahead)
    assert (kept(), existing()) == before
    assert IngestState.objects.get().doubt.startswith(
        "This machine's clock says 2028-04-02 11:00 UTC, the data"
    )
    ticked(redis, NOW + HOUR)
    assert kept() == (212, 212, 0)


def test_a_clock_that_fell_back_files_nothing_under_dates_of_its_own(committed, redis):
    older_records(redis)
    before = kept(), existing()
    pushed(redis, NOW + HOUR, times=5)
    ticked(redis, NOW - 700 * DAY)
    assert (kept(), existing()) == before
    ticked(redis, NOW + HOUR)
    assert kept() == (212, 212, 0)
    with scope.every_org():
        assert Record.objects.filter(ts=NOW + HOUR, sent_at=None).count() == 5


def test_a_first_start_by_a_wrong_clock_keeps_the_traffic_waiting(committed, redis):
    organisations("UTC", "UTC")
    for wrong in (WRONG, NOW - 3000 * DAY):
        pushed(redis, NOW, times=5)
        ticked(redis, wrong)
        assert kept() == (0, 0, 0)
        assert "the newest traffic is stamped 2028-04-02 10:00 UTC" in IngestState.objects.get().doubt
        redis.delete(claim.LIST)
        with scope.every_org():
            IngestState.objects.update(witnessed_at=None, doubt="")


def test_one_gateway_with_a_wrong_clock_keeps_nobody_else_waiting(committed, redis):
    older_records(redis)
    pushed(redis, NOW - timedelta(seconds=4))
    ticked(redis, NOW)
    before, count = existing(), 208
    for wrong in (
        NOW + timedelta(minutes=10),
        NOW + 2 * DAY,
        NOW + 730 * DAY,
        datetime.max.replace(tzinfo=UTC),
    ):
        pushed(redis, NOW - timedelta(seconds=4), OrgID=recordings.ORG_B)
        pushed(redis, wrong, times=trust.SAMPLE)
        ticked(redis, NOW)
        count += trust.SAMPLE + 1
        assert kept() == (count, count, 0)
        # Nothing but its own traffic comes meanwhile.
        pushed(redis, wrong)
        ticked(redis, NOW)
        count += 1
        assert (kept(), IngestState.objects.get().doubt) == ((count, count, 0), "")
    assert existing() == before
    with scope.every_org():
        assert Record.objects.filter(ts=NOW).exclude(sent_at=None).count() == 4 * (trust.SAMPLE + 1)
    assert IngestState.objects.get().alarms == {}
    for number, wrong in enumerate((NOW - 40 * DAY, clock.EPOCH, datetime.min.replace(tzinfo=UTC)), 1):
        pushed(redis, wrong)
        ticked(redis, NOW)
        assert kept() == (count, count, number)
        assert IngestState.objects.get().alarms["too_old"]["text"].endswith("a gateway's clock may be wrong.")
    assert (existing(), IngestState.objects.get().up_to) == (before, NOW - timedelta(seconds=1))


def test_waiting_traffic_does_not_expire_meanwhile(committed, redis):
    older_records(redis)
    pushed(redis, NOW)
    redis.expire(claim.LIST, 60)
    ticked(redis, WRONG)
    assert redis.ttl(claim.LIST) == -1


def test_after_a_long_holiday_the_first_traffic_proves_the_clock_and_a_day_later_what_is_old_goes(
    committed, redis
):
    older_records(redis)
    back = NOW + 40 * DAY
    pushed(redis, back - 12 * DAY, times=3)
    pushed(redis, back - timedelta(seconds=4), times=25)
    ticked(redis, back)
    assert kept() == (207 + 28, 207 + 28, 0)
    for hours in (12, 24):
        ticked(redis, back + hours * HOUR)
    assert kept() == (28, 207 + 28, 0)


def test_an_idle_installation_still_forgets_what_is_old(committed, redis):
    older_records(redis)
    for days in range(1, 40):
        ticked(redis, NOW + days * DAY - timedelta(minutes=1))
        ticked(redis, NOW + days * DAY)
    assert kept() == (0, 207, 0)


def test_an_operator_can_vouch_for_the_clock(committed, redis, capsys):
    older_records(redis)
    far = NOW + 40 * DAY
    ticked(redis, far)
    assert kept()[0] == 207
    with scope.every_org():
        trust.vouch(far)
    ticked(redis, far)
    assert kept() == (0, 207, 0)


def test_command_pages_and_hello_say_it(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha", id=recordings.ORG_A)
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    assert Client().get("/hello").json() == {"status": "ok"}
    screens.push(redis, {"OrgID": alpha.id, "TimeStamp": screens.ago(minutes=5)})
    pushed(redis, datetime.now(UTC))
    drain.tick(redis, clock_at(WRONG))
    doubt = IngestState.objects.get().doubt
    assert Client().get("/hello").json() == {"status": "ok", "clock": f"the clock is wrong: {doubt}"}
    for path in ("/o/alpha/", "/o/alpha/analytics/", "/o/alpha/logs/"):
        page = client.get(path).content.decode()
        assert (page.count("the clock is wrong"), page.count("analytics trust-clock")) == (1, 1)
        assert f"</span> {doubt} Whoever" in page
    said = StringIO()
    call_command("analytics", "status", stdout=said, skip_checks=True)
    assert said.getvalue().splitlines()[:2] == [
        f"the clock is wrong, so nothing is stored or deleted. {doubt}",
        "If it is right after all: manage.py analytics trust-clock",
    ]
    call_command("analytics", "trust-clock", stdout=said, skip_checks=True)
    assert Client().get("/hello").json() == {"status": "ok"}


def test_hello_says_it_of_its_own_clock_before_any_worker_has_looked(db, monkeypatch):
    monkeypatch.setattr(trust, "database_ahead", lambda: DAY)
    assert Client().get("/hello").json()["clock"].startswith("the clock is wrong: This machine's clock says ")
    assert IngestState.objects.get().doubt == ""


@pytest.mark.parametrize(
    ("now", "ahead", "trail", "stamps", "believed"),
    [
        (NOW, timedelta(), Trail(None, False), [], True),
        (NOW, timedelta(), Trail(None, False), [NOW - 11 * DAY], True),
        (NOW, timedelta(), Trail(None, False), [NOW - 31 * DAY], False),
        (NOW, timedelta(), Trail(None, False), [NOW - 31 * DAY, NOW - DAY], True),
        (NOW, timedelta(), Trail(NOW, True), [NOW - 31 * DAY], True),
        (NOW, timedelta(), Trail(NOW, False), [NOW + 2 * DAY], False),
        (NOW, timedelta(minutes=5), Trail(NOW, False), [NOW], True),
        (NOW, timedelta(minutes=-6), Trail(NOW, False), [NOW], False),
        (NOW, timedelta(), Trail(NOW - DAY, False), [], True),
        (NOW, timedelta(), Trail(NOW - DAY - HOUR, False), [], False),
        (NOW, timedelta(), Trail(NOW - DAY - HOUR, True), [NOW - 3 * DAY], False),
        (NOW, timedelta(), Trail(NOW - DAY - HOUR, False), [NOW - 3 * DAY, NOW], True),
        (NOW, timedelta(), Trail(NOW - DAY - HOUR, False), [NOW, NOW - 3 * DAY, NOW - 3 * DAY], False),
        (NOW, timedelta(), Trail(NOW + timedelta(minutes=5), False), [], True),
        (NOW, timedelta(), Trail(NOW + timedelta(minutes=6), False), [], False),
        (NOW, timedelta(), Trail(WRONG, False), [NOW], True),
    ],
)
def test_the_clock_is_believed_where_its_witnesses_agree(now, ahead, trail, stamps, believed):
    assert (trust.doubt(now, ahead, trail, stamps) == "") is believed
