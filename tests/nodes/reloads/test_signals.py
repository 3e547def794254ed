import json
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import redis as redis_package
from django.conf import settings
from django.db import connections
from django.db.models import F
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from apis.gateways.names import CHANNEL
from apis.gateways.signing import signed
from apis.models import FeedVersion, Outbox
from dashboard.nodes import envelope
from dashboard.nodes.models import Node, NodeSignal, wanted_version
from dashboard.nodes.reloads import feed_check, signals
from keys.models import PolicyFeed
from orgs import scope
from orgs.ids import new_id
from tests import concurrency
from tests.entry.conftest import until
from tests.nodes.gateway import published

RELOAD = signed("ApiUpdated", "", settings.NODE_SECRET)


@pytest.fixture
def told(db, redis, monkeypatch):
    """A worker that has told everything there is to tell; `told()` are the messages since the last look. The clock
    stands: however slow the machine is, time passes by `later` alone."""
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    monkeypatch.setattr(signals, "STARTED_AT", timezone.now() - timedelta(days=365))
    with redis.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(CHANNEL)
        signals.tick(redis)
        assert concurrency.told(listener) == [RELOAD]
        later(3600)
        yield lambda: concurrency.told(listener)


def later(seconds):
    """As if `seconds` had passed: everything that is written down lies further back."""
    passed = timedelta(seconds=seconds)
    for model, names in (
        (Node, ("registered_at", "last_pull_at", "asked_at", "refused_at")),
        (NodeSignal, ("started_at", "sent_at", "trouble_at")),
    ):
        model.objects.update(**{name: F(name) - passed for name in names})


def node(session="s1", *, served=None, **facts):
    """A node that beats and has pulled the wanted feed, unless told otherwise."""
    facts = {"last_pull_at": timezone.now(), "node_id": session, "nonce": "n", "hostname": session} | facts
    version = wanted_version() if served is None else served
    return Node.objects.create(session_id=session, served_version=version, **facts)


def pull(session="s1"):
    Node.objects.filter(session_id=session).update(
        last_pull_at=timezone.now(), served_version=wanted_version(), asked_at=None
    )


def test_a_change_is_signalled_once_signed_and_noted(told, redis, cast):
    published(cast.acme, "Orders")
    assert (signals.tick(redis), told()) == (True, [RELOAD])
    signal = NodeSignal.objects.get()
    assert (signal.version, signal.receivers, signal.trouble) == (wanted_version(), 1, "")
    assert (signals.tick(redis), told()) == (False, [])


def test_a_signal_can_be_read_by_gateways(told, redis, cast):
    published(cast.acme, "Orders")
    signals.tick(redis)
    assert json.loads(told()[0]) == {
        "command": "ApiUpdated",
        "payload": "",
        "signature": json.loads(RELOAD)["signature"],
        "algorithm": 5,
    }


def test_gateways_with_the_former_node_secret_are_told_too(told, redis, cast, settings):
    settings.NODE_SECRET_FORMER = "the-former-node-secret"
    published(cast.acme, "Orders")
    signals.tick(redis)
    assert told() == [RELOAD, signed("ApiUpdated", "", "the-former-node-secret")]


def test_changes_within_a_second_share_a_signal_and_none_is_lost(told, redis, cast):
    published(cast.acme, "Orders")
    signals.tick(redis)
    published(cast.acme, "Rockets")
    assert (signals.tick(redis), told()) == (False, [RELOAD])
    later(1)
    assert (signals.tick(redis), told()) == (True, [RELOAD])
    assert NodeSignal.objects.get().version == wanted_version()


@pytest.mark.parametrize("stamp", ["started_at", "sent_at", "trouble_at"])
def test_a_change_is_signalled_though_the_clock_was_set_back(told, redis, cast, stamp):
    NodeSignal.objects.update(**{stamp: timezone.now() + timedelta(hours=1)})
    published(cast.acme, "Orders")
    assert (signals.tick(redis), told()) == (True, [RELOAD])
    assert signals.tick(redis) is False


def test_a_clock_set_back_brings_no_signal_after_another(told, redis, cast, monkeypatch):
    ahead = timezone.now() + timedelta(hours=1)
    monkeypatch.setattr(signals, "STARTED_AT", ahead)
    NodeSignal.objects.update(started_at=ahead, sent_at=ahead)
    assert (signals.tick(redis), told()) == (True, [RELOAD])
    assert (signals.tick(redis), told()) == (False, [])


def test_the_signal_is_repeated_until_the_node_has_pulled(told, redis, cast):
    node()
    published(cast.acme, "Orders")
    sent = []
    for _second in range(12):
        signals.tick(redis)
        sent.append(len(told()))
        later(1)
    assert sent == [1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0]
    pull()
    later(3600)
    assert (signals.tick(redis), told()) == (False, [])


def test_a_node_that_never_pulls_is_told_ever_more_seldom(told, redis, cast):
    node()
    published(cast.acme, "Orders")
    signals.tick(redis)
    told()
    later(310)
    assert (signals.tick(redis), told()) == (True, [RELOAD])
    later(599)
    assert signals.tick(redis) is False
    later(2)
    assert signals.tick(redis) is True


def test_one_node_behind_is_enough_for_a_repeat(told, redis, cast):
    node("s1")
    node("s2")
    published(cast.acme, "Orders")
    signals.tick(redis)
    told()
    pull("s1")
    later(2)
    assert (signals.tick(redis), told()) == (True, [RELOAD])


def test_a_node_that_is_silent_is_not_waited_for(told, redis, cast):
    node(last_ping_at=timezone.now() - timedelta(seconds=60))
    published(cast.acme, "Orders")
    signals.tick(redis)
    told()
    later(2)
    assert (signals.tick(redis), told()) == (False, [])


def test_a_node_that_comes_back_behind_is_told(told, redis):
    node(served=0 if wanted_version() else 7)
    later(700)
    assert (signals.tick(redis), told()) == (True, [RELOAD])


def test_a_refused_registration_is_followed_by_a_signal_a_second_later(told, redis, node_client):
    node()
    assert node_client.get("/register/node", headers={"X-Tyk-Session-Id": "s1"}).status_code == 409
    assert (signals.tick(redis), told()) == (False, [])
    later(1)
    assert (signals.tick(redis), told()) == (True, [RELOAD])
    pull()
    later(60)
    assert (signals.tick(redis), told()) == (False, [])


def test_refusals_without_end_do_not_put_the_signal_off(told, redis):
    node("s1", refused_at=timezone.now() - timedelta(seconds=1.5))
    node("s2", refused_at=timezone.now())
    assert (signals.tick(redis), told()) == (True, [RELOAD])


def test_a_worker_that_starts_tells_everybody_to_pull(told, redis, monkeypatch):
    node()
    monkeypatch.setattr(signals, "STARTED_AT", timezone.now())
    assert (signals.tick(redis), told()) == (True, [RELOAD])
    assert signals.tick(redis) is False


def test_live_nodes_are_noted_as_asked_by_the_first_signal_until_they_pull(told, redis, cast, node_client):
    node("s1")
    node("gone", last_ping_at=timezone.now() - timedelta(minutes=5))
    published(cast.acme, "Orders")
    signals.tick(redis)
    asked_at = Node.objects.get(session_id="s1").asked_at
    assert asked_at == NodeSignal.objects.get().sent_at
    Node.objects.update(asked_at=F("asked_at") - timedelta(seconds=11))
    NodeSignal.objects.update(sent_at=F("sent_at") - timedelta(seconds=11))
    signals.tick(redis)
    health = Node.objects.get(session_id="s1").health(wanted_version(), timezone.now())
    assert (health.state, health.since) == ("stuck", asked_at - timedelta(seconds=11))
    assert Node.objects.get(session_id="gone").asked_at is None
    assert node_client.get("/system/apis", headers={"X-Tyk-Session-Id": "s1"}).status_code == 200
    assert Node.objects.get(session_id="s1").health(wanted_version(), timezone.now()).state == "ok"


def test_a_node_that_pulled_while_the_signal_went_out_is_not_noted_as_asked(told, redis, cast):
    node(last_pull_at=timezone.now() + timedelta(seconds=5))
    published(cast.acme, "Orders")
    signals.tick(redis)
    assert Node.objects.get().asked_at is None


def test_nobody_is_told_to_pull_while_the_feed_is_in_doubt(told, redis, cast):
    published(cast.acme, "Orders")
    FeedVersion.objects.update(stamp=new_id(), apis=2)
    assert (signals.tick(redis), told()) == (False, [])
    assert NodeSignal.objects.get().trouble == f"feed {wanted_version()} has 2 APIs, but 1 were found"
    FeedVersion.objects.update(stamp=new_id(), apis=1)
    assert signals.tick(redis) is False  # asked again only after a while
    later(2)
    assert (signals.tick(redis), told()) == (True, [RELOAD])
    assert NodeSignal.objects.get().trouble == ""


def test_nobody_is_told_to_pull_where_our_own_port_is_closed(told, redis, cast, settings):
    settings.FEED_CHECK_URL = "http://127.0.0.1:1/system/apis"
    published(cast.acme, "Orders")
    assert (signals.tick(redis), told()) == (False, [])
    assert NodeSignal.objects.get().trouble == "the feed cannot be asked for (ConnectionRefusedError)"


def test_a_message_of_the_outbox_stays_until_gateways_were_told(told, redis, cast):
    published(cast.acme, "Orders")
    with scope.every_org():
        [row] = Outbox.objects.all()
        assert (row.kind, row.payload) == ("reload", wanted_version())
        assert row.due_at - row.created_at > timedelta(
            seconds=0.9
        )  # the signal is sent before it is looked for
        assert signals.confirm([row], redis) == {row.id: "the signal is about to be sent"}
        away = redis_package.Redis(port=1, retry=Retry(NoBackoff(), 0))
        assert signals.tick(away) is False
        assert signals.confirm([row], redis) == {row.id: "Redis cannot be reached (ConnectionError)"}
        later(2)
        assert signals.tick(redis) is True
        assert signals.confirm([row], redis) == {}
    assert told() == [RELOAD]


def test_a_message_is_not_kept_by_what_is_published_after_it(told, redis, cast):
    published(cast.acme, "Orders")
    signals.tick(redis)
    published(cast.acme, "Rockets")
    with scope.every_org():
        rows = list(Outbox.objects.order_by("payload"))
    assert signals.confirm(rows, redis) == {rows[1].id: "the signal is about to be sent"}


def test_a_row_is_forgotten_after_a_month_without_a_sign_of_life(told, redis, cast):
    node("old", last_ping_at=timezone.now() - timedelta(days=31))
    node("young", last_ping_at=timezone.now() - timedelta(days=29))
    published(cast.acme, "Orders")
    signals.tick(redis)
    assert list(Node.objects.values_list("session_id", flat=True)) == ["young"]


def test_a_tick_with_nothing_to_do_is_cheap(told, redis, django_assert_num_queries):
    node()
    # all that is asked for ever at once, then who is behind: version and nodes
    with django_assert_num_queries(3):
        assert signals.tick(redis) is False


def test_the_feed_is_asked_of_the_running_application(gunicorn, redis, cast, settings, monkeypatch):
    monkeypatch.setattr(signals, "STARTED_AT", timezone.now() - timedelta(days=365))
    settings.FEED_CHECK_URL = gunicorn
    published(cast.acme, "Orders")
    assert signals.tick(redis) is True
    published(cast.acme, "Rockets")
    later(1)
    assert signals.tick(redis) is True
    assert Node.objects.count() == 0
    settings.NODE_SECRET = "another" * 6
    published(cast.acme, "Ropes")
    later(1)
    assert signals.tick(redis) is False
    assert NodeSignal.objects.get().trouble == "the feed is answered 401"


def test_policies_that_cannot_be_pulled_hold_the_signal_back(gunicorn, redis, cast, settings, monkeypatch):
    """A 503 for policies ends a gateway's reload before it asks for APIs."""
    monkeypatch.setattr(signals, "STARTED_AT", timezone.now() - timedelta(days=365))
    settings.FEED_CHECK_URL = gunicorn
    published(cast.acme, "Orders")
    PolicyFeed.objects.update(policies=1)
    assert signals.tick(redis) is False
    assert NodeSignal.objects.get().trouble == ("policies: feed 1 has 1 policies, but 0 were found")
    PolicyFeed.objects.update(policies=0)
    later(3)
    assert signals.tick(redis) is True


@contextmanager
def publishing(cast, gunicorn, settings, *names, when):
    """A relay to `gunicorn` that publishes an API of each of these names "before" it passes on a question for APIs, or
    "after" it has got the answer. What it published for each question is noted."""
    left, asked = iter(names), []

    def publish():
        if name := next(left, None):
            published(cast.acme, name)
            connections.close_all()
        asked.append(name)

    class Publishing(BaseHTTPRequestHandler):
        def do_GET(self):
            turn = when if self.path == "/system/apis" else ""
            if turn == "before":
                publish()
            connection = HTTPConnection(urlsplit(gunicorn).netloc)
            connection.request("GET", self.path, headers={"Authorization": settings.NODE_SECRET})
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            if turn == "after":
                publish()
            self.send_response(answer.status)
            self.send_header("ETag", answer.headers["ETag"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Publishing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        settings.FEED_CHECK_URL = f"http://127.0.0.1:{server.server_port}/system/apis"
        yield asked
        server.shutdown()
        thread.join()


def test_a_change_published_while_the_feed_is_asked_for_does_not_put_the_signal_off(
    gunicorn, redis, cast, settings
):
    published(cast.acme, "Orders")
    with publishing(cast, gunicorn, settings, "Rockets", "Ropes", when="before") as asked:
        sent = signals.tick(redis)
    assert (sent, asked) == (True, ["Rockets", "Ropes", None])
    assert NodeSignal.objects.get().version == wanted_version()


def test_an_api_published_between_the_looks_at_apis_and_at_policies_is_not_taken_for_signalled(
    gunicorn, redis, cast, settings
):
    published(cast.acme, "Orders")
    before = wanted_version()
    with publishing(cast, gunicorn, settings, "Rockets", when="after") as asked:
        assert signals.tick(redis) is True
    assert (asked, NodeSignal.objects.get().version, wanted_version()) == (["Rockets"], before, before + 1)


def test_of_several_workers_one_sends(committed, redis, cast):
    published(cast.acme, "Orders")
    start, sent = threading.Barrier(4), []

    def work():
        start.wait()
        sent.append(signals.tick(redis))
        connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(sent) == [False, False, False, True]


def policies_stamp():
    return PolicyFeed.objects.get().stamp


@contextmanager
def web(*answers, wait=0, moment=None):
    """A port at which, after so many seconds or a moment, requests for APIs are answered one after another: 200 is the
    feed, 0 hangs up. Policies are as they should be."""
    asked, stamps = (
        [],
        {"/system/apis": FeedVersion.objects.get().stamp, "/system/policies": policies_stamp()},
    )

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self):
            apis = self.path == "/system/apis"
            asked.extend([self.path] * apis)
            if status := (answers[len(asked) - 1] if apis and len(asked) <= len(answers) else 200):
                self.send_response(status)
                self.send_header("ETag", envelope.etag(stamps[self.path]))
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self.close_connection = True

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:

        def serve():
            moment.wait() if moment else time.sleep(wait)
            server.serve_forever()

        starts = threading.Thread(target=serve)
        starts.start()
        yield f"http://127.0.0.1:{server.server_port}/system/apis", asked
        server.shutdown()
        starts.join()


@pytest.fixture
def just_started(told, monkeypatch):
    monkeypatch.setattr(signals, "STARTED_AT", timezone.now())
    monkeypatch.setattr(feed_check, "SECONDS", 0.2)


def test_the_first_signal_after_a_start_waits_for_the_web_processes(
    just_started, told, redis, settings, caplog
):
    """Their port is open before one of them answers there: the question used to be given up after 3 s, and to be
    noted as trouble."""
    with web(wait=1) as (settings.FEED_CHECK_URL, asked):
        assert signals.tick(redis) is True
    assert (len(asked), told(), NodeSignal.objects.get().trouble, caplog.records) == (1, [RELOAD], "", [])


def test_a_port_that_is_not_yet_open_is_asked_again_at_once_without_a_word(
    just_started, told, redis, settings, caplog
):
    settings.FEED_CHECK_URL = "http://127.0.0.1:1/system/apis"
    assert (signals.tick(redis), NodeSignal.objects.get().trouble) == (False, "")
    with web(0) as (settings.FEED_CHECK_URL, _):
        assert [signals.tick(redis), signals.tick(redis)] == [False, True]
    assert (told(), caplog.records) == ([RELOAD], [])


def test_what_the_web_processes_answer_is_trouble_at_a_start_too(just_started, told, redis, settings):
    with web(503) as (settings.FEED_CHECK_URL, _):
        assert (signals.tick(redis), told()) == (False, [])
    assert NodeSignal.objects.get().trouble == "the feed is answered 503"


def test_a_web_that_does_not_come_is_trouble_after_a_while(told, redis, settings, monkeypatch, caplog):
    settings.FEED_CHECK_URL = "http://127.0.0.1:1/system/apis"
    monkeypatch.setattr(signals, "STARTED_AT", timezone.now() - signals.STARTING)
    assert signals.tick(redis) is False
    assert [record.getMessage() for record in caplog.records] == [
        "no reload signal: the feed cannot be asked for (ConnectionRefusedError)"
    ]


def test_while_one_worker_asks_for_the_feed_another_sends_nothing_and_waits_for_nothing(
    committed, redis, cast, settings
):
    published(cast.acme, "Orders")
    answers, answering = [], threading.Event()

    def other_worker():
        answers.append(signals.tick(redis))
        connections.close_all()

    with web(moment=answering) as (settings.FEED_CHECK_URL, _):
        first = threading.Thread(target=other_worker)
        first.start()
        until(NodeSignal.objects.exclude(claimed_until=None).exists)
        assert signals.tick(redis) is False
        assert first.is_alive()
        answering.set()
        first.join(60)
    assert answers == [True]


def test_a_signal_is_claimed_for_as_long_as_the_feed_may_take(told, cast, settings):
    published(cast.acme, "Orders")
    settings.FEED_CHECK_URL = "http://127.0.0.1:1/"
    signal = NodeSignal.objects.get()
    assert signals._claim(signal, timezone.now()) is True
    before = timezone.now()
    signals._trouble(signal, signals.published.outline(), settings.FEED_CHECK_URL)
    assert NodeSignal.objects.get().claimed_until - before > signals.LEASE + timedelta(seconds=1)


def test_a_worker_that_looked_before_another_sent_claims_nothing(told, redis, cast):
    published(cast.acme, "Orders")
    seen = NodeSignal.objects.get()
    assert signals.tick(redis) is True
    assert signals._claim(seen, timezone.now()) is False


def test_a_worker_whose_claim_has_run_out_notes_nothing(told, redis, cast, settings):
    published(cast.acme, "Orders")
    claimed = timezone.now() + timedelta(hours=1)

    class Slow:
        def publish(self, channel, message):
            NodeSignal.objects.update(claimed_until=claimed)  # somebody else has claimed it since
            return 7

    before = NodeSignal.objects.get()
    signals.tick(Slow())
    after = NodeSignal.objects.get()
    assert (after.version, after.sent_at, after.claimed_until) == (before.version, before.sent_at, claimed)
    assert signals.tick(redis) is False
    NodeSignal.objects.update(claimed_until=timezone.now())
    assert (signals.tick(redis), told()) == (True, [RELOAD])
