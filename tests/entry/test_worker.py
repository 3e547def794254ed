"""The background loop: what fails waits, what works goes on, nothing ends it but its end."""

import os
import signal
import socket
import threading
import time
from contextlib import contextmanager, suppress
from datetime import timedelta

import psycopg
import pytest
import redis as redis_package
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connections, transaction
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from apis.gateways import delivery, kinds, outbox
from apis.gateways.notices import Notices
from apis.models import Outbox
from dashboard import worker
from dashboard.analytics.ingest import claim
from dashboard.analytics.models import RollupCut
from dashboard.nodes.reloads import feed_check, signals
from dashboard.worker import Step
from keys.keys import lifecycle
from orgs import scope
from orgs.models import Organisation
from tests import make
from tests.analytics.screens import ago, push
from tests.entry.conftest import until
from tests.keys import build


class Broken(Exception):
    pass


@pytest.fixture
def notices():
    with Notices() as made:
        yield made


def failing(_):
    raise Broken("the first line\nthe second quotes a value")


def test_a_failing_step_waits_longer_each_time_and_never_more_than_half_a_minute(db):
    step = Step("failing", 0.2, failing)
    pauses = []
    for _ in range(8):
        step.take(None)
        pauses.append(round(step.due - step.ended))
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]


def test_what_gateways_wait_for_is_tried_each_second_however_long_the_database_was_away(db, caplog, notices):
    """A revocation is to reach them a second after it; the log needs no line a second."""
    steps = {step.name: step for lane in worker.lanes(notices) for step in lane}
    for step in (steps["outbox"], steps["reload signal"]):
        caplog.clear()
        step.work = failing
        for _ in range(20):
            step.take(None)
            assert round(step.due - step.ended, 1) == 1
        assert len(caplog.records) == 5


def test_a_step_that_failed_leaves_no_connection_to_the_next(committed):
    def breaks(_):
        connections["default"].ensure_connection()
        raise Broken

    Step("failing", 1, breaks).take(None)
    assert connections["default"].connection is None


def test_a_connection_that_broke_while_nothing_was_asked_fails_no_step(committed):
    def asks(_):
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")

    step = Step("asking", 1, asks)
    step.take(None)
    broken = connections["default"].connection
    with psycopg.connect(os.environ["SCRATCH_SUPERUSER_URL"]) as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [broken.info.backend_pid])
    step.take(None)
    assert (step.failures, connections["default"].connection is broken) == (0, False)


def test_a_worker_that_is_a_fork_tells_gateways_of_its_own_start(committed, redis, monkeypatch):
    """Not of the moment at which the process before it imported the same code."""
    monkeypatch.setattr(signals, "STARTED_AT", timezone.now() - timedelta(days=1))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def end():
        until(lambda: signal.getsignal(signal.SIGINT) is not before[signal.SIGINT])
        os.kill(os.getpid(), signal.SIGTERM)

    ending = threading.Thread(target=end)
    ending.start()
    try:
        call_command("worker")
    finally:
        ending.join()
        for number, handler in before.items():
            signal.signal(number, handler)
    assert timezone.now() - signals.STARTED_AT < timedelta(minutes=5)


def test_a_step_that_has_more_to_do_is_due_at_once_and_one_that_has_not_after_its_interval(db):
    answers = iter([True, None])
    step = Step("busy", 5, lambda _: next(answers))
    step.take(None)
    assert step.due == step.ended
    step.take(None)
    assert step.due == step.ended + 5


def test_a_step_that_says_in_how_many_seconds_it_goes_on_is_due_then(db):
    answers = iter([7.5, 1.0, 0.0])
    step = Step("paced", 60, lambda _: next(answers))
    pauses = []
    for _ in range(3):
        step.take(None)
        pauses.append(round(step.due - step.ended, 1))
    assert pauses == [7.5, 1.0, 0.0]


def test_a_step_that_works_again_is_back_at_its_interval(db):
    step = Step("recovering", 0.2, failing)
    step.take(None)
    step.take(None)
    step.work = lambda _: None
    step.take(None)
    assert (step.failures, round(step.due - step.ended, 1)) == (0, 0.2)


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


def test_the_log_line_of_an_error_quotes_no_value(db, caplog):
    Step("failing", 1, failing).take(None)
    assert [record.getMessage() for record in caplog.records] == [
        f"failing: Broken: the first line ({__file__}:{failing.__code__.co_firstlineno + 1})"
    ]


class Deaf:
    """A peer that takes connections and never answers, until it hangs up."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heard = threading.Event()
        self.connections = []
        self.listening = threading.Thread(target=self._listen)
        self.listening.start()
        return self

    def _listen(self):
        with suppress(OSError):
            while True:
                self.connections.append(self.listener.accept()[0])
                self.heard.set()

    def hang_up(self):
        with suppress(OSError):  # it is closed
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listening.join()
        self.listener.close()
        for connection in self.connections:
            connection.close()

    def __exit__(self, *_):
        self.hang_up()


@contextmanager
def working(*steps, feed=None):
    """The steps, taken once each in a thread of a worker whose Redis answers nothing, nor does the `feed`. In the end
    they hang up: nothing here waits for as long as the worker would."""
    with Deaf() as redis:
        client = redis_package.Redis(
            host="127.0.0.1", port=redis.port, socket_timeout=60, retry=Retry(NoBackoff(), 0)
        )

        def work():
            for step in steps:
                step(client)
            connections.close_all()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield redis, thread
        finally:
            for peer in filter(None, (feed, redis)):
                peer.hang_up()
            thread.join(60)


def suspend_and_revoke(browser, path):
    assert browser.post(f"{path}suspension/", {"suspended": "true", "seen": 1}).status_code == 302
    assert browser.post(f"{path}revocation/", {"seen": 2}).status_code == 302


@pytest.fixture
def pages(committed, cast, client_for):
    """A key that waits for its delivery, and the browser of somebody who may suspend and revoke it."""
    made, _ = build.key(cast.acme, build.api(cast.acme))
    browser, path = client_for(cast.acme_admin), f"/o/acme/keys/{made.id}/"
    with scope.every_org():
        Outbox.objects.filter(kind="reload").delete()
    return browser, path, made


def test_a_page_does_not_wait_for_a_redis_that_does_not_answer_the_worker(pages):
    browser, path, made = pages
    with working(delivery.deliver) as (redis, thread):
        assert redis.heard.wait(60)
        suspend_and_revoke(browser, path)
        assert thread.is_alive()  # it still waits, so the page has not
    assert build.again(made).state() == "revoked"


def test_a_page_does_not_wait_for_a_feed_that_does_not_answer_the_worker(pages, settings, monkeypatch):
    browser, path, made = pages
    monkeypatch.setattr(signals, "STARTED_AT", timezone.now() - timedelta(days=1))
    monkeypatch.setattr(feed_check, "SECONDS", 60)
    with Deaf() as feed:
        settings.FEED_CHECK_URL = f"http://127.0.0.1:{feed.port}/system/apis"
        with working(signals.tick, delivery.deliver, feed=feed) as (_, thread):
            assert feed.heard.wait(60)
            suspend_and_revoke(browser, path)
            assert thread.is_alive()  # it still waits, so the page has not
    assert build.again(made).state() == "revoked"


def test_a_revocation_does_not_wait_behind_the_thousand_messages_of_its_organisation(committed, cast, redis):
    orders = build.api(cast.acme)
    made = [build.key(cast.acme, orders)[0] for _ in range(3)]
    with scope.org(cast.acme.id), transaction.atomic():
        outbox.add_many("key-again", [made[0].id] * 5_000, org_id=cast.acme.id)
        Outbox.objects.update(due_at=timezone.now() - timedelta(hours=1))
        lifecycle.revoke(made[1])
    delivery.deliver(redis)
    assert build.again(made[1]).is_delivered
    assert not build.again(made[2]).is_delivered


def test_sessions_that_ended_are_deleted_each_hour_and_others_are_not(db, redis, notices):
    now = timezone.now()
    for key, days in (("ended", -1), ("going-on", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(days=days))
    [step] = [step for lane in worker.lanes(notices) for step in lane if step.name == "ended sessions"]
    step.work(redis)
    assert step.interval == 3600
    assert [session.session_key for session in Session.objects.all()] == ["going-on"]


def test_nothing_slow_is_in_the_lane_of_changes_and_revoked_keys(notices):
    assert [[(step.name, step.interval) for step in lane] for lane in worker.lanes(notices)] == [
        [("notices", 0)],
        [("outbox", 0.2)],
        [("reload signal", 0.3)],
        [("traffic", 2), ("uptime", 10)],
        [("tampering", 0)],
        [("node load", 30)],
        [("control APIs", 5)],
        [("refill", 2)],
        [("figures counted anew", 5), ("indexes of days that are over", 600)],
        [("alerts", 15), ("alert messages", 5)],
        [
            ("key repair", 30),
            ("organisation keys", 30),
            ("sessions made elsewhere", 30),
            ("OAuth client repair", 30),
            ("certificate repair", 30),
            ("changed time zones", 5),
            ("hours that are over", 30),
            ("housekeeping", 3600),
            ("ended periods", 3600),
            ("unknown messages", 60),
            ("delivered messages", 3600),
            ("former alerts", 3600),
            ("ended sessions", 3600),
        ],
    ]


def test_one_turn_of_every_step_works(committed, redis, notices):
    for lane in worker.lanes(notices):
        for step in lane:
            step.take(redis)
            assert (step.name, step.failures) == (step.name, 0)


def test_a_changed_time_zone_reaches_the_figures_by_its_step(committed, redis, notices):
    acme = make.organisation("Acme Retail", "acme")
    push(redis, {"OrgID": acme.id, "TimeStamp": ago(minutes=5)})
    with scope.every_org(), transaction.atomic():
        Organisation.everyone.filter(pk=acme.id).update(time_zone="Asia/Tokyo")
    [step] = [step for lane in worker.lanes(notices) for step in lane if step.name == "changed time zones"]
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


def test_work_for_which_nothing_waits_is_done_seldom_and_at_once_when_something_does(redis):
    done, waits = [], []
    work = worker.paced(lambda _: done.append(True), 3_600, lambda _: not waits)
    work(redis)
    work(redis)
    assert len(done) == 1
    waits.append("something")
    work(redis)
    assert len(done) == 2


def test_work_that_fails_is_tried_again_however_calm_it_looks(db, redis):
    step = Step("paced", 0.2, worker.paced(failing, 3_600, lambda _: True))
    step.take(redis)
    step.take(redis)
    assert step.failures == 2


def test_what_gateways_pushed_is_seen_before_it_is_claimed(redis):
    assert claim.anything(redis) is False
    for name in (claim.LISTS[0], claim.LISTS[-1], f"{claim.LIST}_protobuf"):
        redis.rpush(name, b"record")
        assert claim.anything(redis) is True
        redis.delete(name)


@contextmanager
def at_work(notices, redis):
    """The worker's threads, at work; in the end they are ended, which is at once."""
    stop = threading.Event()
    threads = worker.threads(redis, stop, notices)
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        begun = time.monotonic()
        stop.set()
        notices.end()
        for thread in threads:
            thread.join(60)
        assert time.monotonic() - begun < 20  # steps that wait for their turn do so for longer


@pytest.fixture
def deliveries(committed, cast, monkeypatch, settings):
    """Kinds of a made-up app, `stop` and `rests`, and what was delivered of them when (monotonic), by subject."""
    settings.FEED_CHECK_URL = ""
    delivered, failing = {}, ["fails"]

    def handle(rows, redis):
        delivered.update((row.subject, time.monotonic()) for row in rows if row.subject not in failing)
        again = {row.id: "not yet" for row in rows if row.subject in failing}
        failing.clear()
        return again

    monkeypatch.setattr(kinds, "_registered", {})
    monkeypatch.setattr(worker, "CALM", 0)
    kinds.register("stop", handle, urgency=kinds.FIRST)
    kinds.register("rests", handle, urgency=kinds.FIRST, rests=1)
    return delivered


def leave(cast, subject, kind="stop"):
    """Leave a message; the answer is when (monotonic)."""
    with scope.every_org():
        outbox.add(kind, subject, org_id=cast.acme.id)
    return time.monotonic()


def calm(notices):
    """Wait until the worker asks seldom."""
    until(lambda: notices.calm(0))
    time.sleep(0.5)


def test_a_new_message_wakes_the_worker_long_before_it_would_ask(
    deliveries, notices, cast, redis, monkeypatch
):
    monkeypatch.setattr(worker, "SELDOM", 60.0)
    with at_work(notices, redis):
        for subject in ("one", "two"):
            calm(notices)
            left = leave(cast, subject)
            until(lambda: subject in deliveries)  # noqa: B023
            assert deliveries[subject] - left < 30


def test_a_notice_that_is_lost_costs_a_second_and_no_message(deliveries, notices, cast, redis):
    with at_work(notices, redis):
        calm(notices)
        with connections["owner"].cursor() as cursor:
            cursor.execute("ALTER TABLE apis_outbox DISABLE TRIGGER apis_outbox_notice")
        connections["owner"].close()
        leave(cast, "unheard of")
        until(lambda: deliveries)


def test_what_rests_and_what_is_tried_again_goes_out_on_time(deliveries, notices, cast, redis):
    with at_work(notices, redis):
        calm(notices)
        left = leave(cast, "rested", kind="rests"), leave(cast, "fails")
        until(lambda: len(deliveries) == 2)
    for subject, when in zip(("rested", "fails"), left, strict=True):
        assert 0.9 < deliveries[subject] - when < worker.LONGEST_PAUSE, subject


def test_without_notices_messages_go_out_as_fast_as_before(deliveries, notices, cast, redis):
    """A database that is back, or a pooler that passes none on: it is asked five times a second."""
    step = next(step for lane in worker.lanes(notices) for step in lane if step.name == "outbox")
    step.take(redis)
    assert round(step.due - step.ended, 1) == 0.2


def test_many_notices_are_one_question_in_a_while(db):
    stop, bell, asked = threading.Event(), threading.Event(), []
    lane = threading.Thread(
        target=worker.run, args=([Step("outbox", 60, asked.append, hears=True)], None, stop, bell)
    )
    begun, rung = time.monotonic(), 0
    lane.start()
    while len(asked) < 6 or rung < 21:
        bell.set()
        rung += 1
        time.sleep(0.001)
    stop.set()
    bell.set()
    lane.join(20)
    assert not lane.is_alive()
    assert rung > 20
    assert len(asked) <= 1 + (time.monotonic() - begun) / worker.BETWEEN_NOTICES


def test_a_bell_hurries_no_step_that_fails_and_none_that_does_not_hear(db):
    failed, deaf = Step("failing", 60, failing, hears=True), Step("deaf", 60, lambda _: None)
    for step in (failed, deaf):
        step.take(None)
        due = step.due
        step.wake()
        assert (step.name, step.due) == (step.name, due)


def test_a_worker_whose_database_goes_away_listens_again_and_neither_floods_the_log_nor_lasts(
    deliveries, notices, cast, redis, caplog
):
    with at_work(notices, redis):
        calm(notices)
        real = dict(connections["default"].settings_dict)
        connections["default"].settings_dict["HOST"] = "/nowhere"
        with psycopg.connect(os.environ["SCRATCH_SUPERUSER_URL"]) as superuser:
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [real["NAME"]]
            )

        def complaints():
            return [line for line in caplog.messages if line.startswith("notices: ")]

        try:
            until(lambda: len(complaints()) >= 2)
            assert len(complaints()) <= 3  # of the first failure, the second and the fourth
        finally:
            connections["default"].settings_dict.update(real)
        until(lambda: notices.calm(0))
        connections.close_all()
        leave(cast, "back")
        until(lambda: deliveries)


def test_an_end_is_at_once_while_the_database_is_away(committed, notices, redis):
    real = dict(connections["default"].settings_dict)
    connections["default"].settings_dict["HOST"] = "/nowhere"
    try:
        with at_work(notices, redis):
            time.sleep(2)
    finally:
        connections["default"].settings_dict.update(real)
