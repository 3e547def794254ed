"""The background loop: what fails waits, what works goes on, nothing ends it but its end."""

import threading
import time
from datetime import timedelta

import redis as redis_package
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone

from apis.gateways import outbox
from apis.models import Outbox
from dashboard import worker
from dashboard.analytics.models import RollupCut
from dashboard.worker import Step
from orgs import scope
from orgs.models import Organisation
from tests import make
from tests.analytics.screens import ago, push
from tests.keys import build


class Broken(Exception):
    pass


def failing(_):
    raise Broken("the first line\nthe second quotes a value")


def test_a_failing_step_waits_longer_each_time_and_never_more_than_half_a_minute(db):
    step = Step("failing", 0.2, failing)
    pauses = []
    for _ in range(8):
        before = time.monotonic()
        step.take(None)
        pauses.append(round(step.due - before))
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_step_that_has_more_to_do_is_due_at_once_and_one_that_has_not_after_its_interval(db):
    answers = iter([True, None])
    step = Step("busy", 5, lambda _: next(answers))
    before = time.monotonic()
    step.take(None)
    assert step.due - before < 1
    step.take(None)
    assert 5 <= step.due - before < 6


def test_a_step_that_works_again_is_back_at_its_interval(db):
    step = Step("recovering", 0.2, failing)
    step.take(None)
    step.take(None)
    step.work = lambda _: None
    before = time.monotonic()
    step.take(None)
    assert (step.failures, round(step.due - before, 1)) == (0, 0.2)


def test_one_failing_step_does_not_keep_the_others_of_its_lane_from_their_turn(db):
    stop, done = threading.Event(), []

    def working(_):
        done.append(1)
        if len(done) == 3:
            stop.set()

    worker.run([Step("failing", 0.01, failing), Step("working", 0.01, working)], None, stop)
    assert done == [1, 1, 1]


def test_the_step_begun_is_finished_before_the_lane_ends(db):
    stop, begun, finished = threading.Event(), threading.Event(), []

    def slow(_):
        begun.set()
        time.sleep(0.3)
        finished.append(True)

    lane = threading.Thread(target=worker.run, args=([Step("slow", 60, slow)], None, stop))
    lane.start()
    begun.wait()
    stop.set()
    lane.join(5)
    assert (lane.is_alive(), finished) == (False, [True])


def test_an_error_is_told_by_its_first_line_without_secrets():
    error = Broken(f"refused {settings.NODE_SECRET} of {settings.REDIS_URL}\nDETAIL: a value")
    password = settings.REDIS_URL.split("@")[0].split(":")[-1]
    assert worker.described(error) == f"Broken: refused … of {settings.REDIS_URL.replace(password, '…')}"


def test_the_log_line_of_an_error_quotes_no_value(db, caplog):
    Step("failing", 1, failing).take(None)
    assert [record.getMessage() for record in caplog.records] == [
        f"failing: Broken: the first line ({__file__}:{failing.__code__.co_firstlineno + 1})"
    ]


def states() -> list[tuple]:
    with scope.every_org():
        rows = Outbox.objects.order_by("created_at", "id")
        return [(row.subject, row.done_at is not None, row.attempts, row.last_error) for row in rows]


def test_a_delivered_message_is_done(db, cast, redis):
    with scope.every_org():
        outbox.add("key", "f" * 24, org_id=cast.acme.id)
    assert worker.deliver(redis) is False
    assert states() == [("f" * 24, True, 0, "")]


def test_a_message_waits_while_redis_is_away_and_is_delivered_afterwards(db, cast, redis):
    nobody = redis_package.Redis(port=1)
    with scope.every_org():
        outbox.add("reload", "", org_id=cast.acme.id)
    worker.deliver(nobody)
    assert states() == [("", False, 1, "NotSent: Redis cannot be reached (ConnectionError)")]
    with scope.every_org():
        Outbox.objects.update(due_at="2026-01-01T00:00:00Z")
    time.sleep(2)  # after trouble, signals pause so long
    worker.deliver(redis)
    assert states()[0][:2] == ("", True)


def test_while_redis_is_away_one_message_is_tried_and_the_others_wait_their_turn(db, cast):
    build.api(cast.acme)
    for _ in range(3):
        build.key(cast.acme)
    with scope.every_org():
        Outbox.objects.filter(kind="reload").delete()
    assert worker.deliver(redis_package.Redis(port=1)) is False
    assert [attempts for _, _, attempts, _ in states()] == [1, 0, 0]


def test_a_message_that_breaks_its_delivery_does_not_hold_up_the_next(db, cast, redis, monkeypatch):
    def breaking(row, client):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    monkeypatch.setitem(worker.DELIVER, "reload", breaking)
    with scope.every_org():
        outbox.add("reload", "first", org_id=cast.acme.id)
        outbox.add("key", "f" * 24, org_id=cast.acme.id)
    worker.deliver(redis)
    assert states() == [
        ("first", False, 1, "DataError: division by zero"),
        ("f" * 24, True, 0, ""),
    ]


def test_messages_delivered_a_week_ago_are_forgotten_and_later_or_waiting_ones_are_not(db, cast, redis):
    with scope.every_org():
        for subject in ("old", "new", "waiting"):
            outbox.add("key", subject, org_id=cast.acme.id)
        Outbox.objects.filter(subject="old").update(done_at="2026-01-01T00:00:00Z")
        Outbox.objects.filter(subject="new").update(done_at="2999-01-01T00:00:00Z")
        Outbox.objects.filter(subject="waiting").update(created_at="2026-01-01T00:00:00Z")
    worker.forget(redis)
    assert sorted(state[0] for state in states()) == ["new", "waiting"]


def test_sessions_that_ended_are_deleted_each_hour_and_others_are_not(db, redis):
    now = timezone.now()
    for key, days in (("ended", -1), ("going-on", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(days=days))
    [step] = [step for lane in worker.lanes() for step in lane if step.name == "ended sessions"]
    step.work(redis)
    assert step.interval == 3600
    assert [session.session_key for session in Session.objects.all()] == ["going-on"]


def test_nothing_slow_is_in_the_lane_of_changes_and_revoked_keys():
    assert [[(step.name, step.interval) for step in lane] for lane in worker.lanes()] == [
        [("outbox", 0.2), ("reload signal", 0.3)],
        [("traffic", 2)],
        [
            ("key repair", 30),
            ("changed time zones", 5),
            ("housekeeping", 3600),
            ("delivered messages", 3600),
            ("ended sessions", 3600),
        ],
    ]


def test_one_turn_of_every_step_works(committed, redis):
    for lane in worker.lanes():
        for step in lane:
            step.take(redis)
            assert (step.name, step.failures) == (step.name, 0)


def test_a_changed_time_zone_reaches_the_figures_by_its_step(committed, redis):
    acme = make.organisation("Acme Retail", "acme")
    push(redis, {"OrgID": acme.id, "TimeStamp": ago(minutes=5)})
    with scope.every_org(), transaction.atomic():
        Organisation.everyone.filter(pk=acme.id).update(time_zone="Asia/Tokyo")
    [step] = [step for lane in worker.lanes() for step in lane if step.name == "changed time zones"]
    while step.work(redis):
        pass
    with scope.every_org():
        assert list(RollupCut.objects.values_list("zone", "state")) == [("Asia/Tokyo", "active")]


def test_the_worker_outlives_engines_that_are_away_and_ends_when_it_is_asked_to(run):
    process = run("manage.py", "worker")
    complaints = 0
    while complaints < 3:
        complaints += (
            "the database could not be asked for its isolation: OperationalError" in process.stderr.readline()
        )
    assert process.poll() is None
    process.terminate()
    assert process.wait(20) == 0
