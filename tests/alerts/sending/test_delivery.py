"""Messages reach their receivers: a mail server and a receiver of webhooks that are really there, not always well."""

import hashlib
import hmac
import json
import socket
import threading
import time
from datetime import timedelta
from ipaddress import ip_network
from itertools import pairwise

import pytest
from django.db import connections, transaction
from django.utils import timezone

from dashboard.alerts import lifecycle
from dashboard.alerts.models import Message
from dashboard.alerts.sending import delivery, mail, outbox, webhook
from dashboard.alerts.sending.words import body_of
from orgs import scope
from orgs.models import User
from tests import make
from tests.alerts.build import SECRET, messages, rule
from tests.alerts.sending.receivers import mail_server, receiver
from tests.concurrency import together

URL = "https://gatehouse.example"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with mail_server(tmp_path_factory.mktemp("mail")) as made:
        yield made


@pytest.fixture
def post(server, settings, cast):
    """The mail server, empty, and in use; max@acme.example may see what alerts tell."""
    User.everyone.filter(pk=cast.acme_member.pk).update(permissions={"analytics": "read"})
    server.kept.write_text("")
    settings.EMAIL_SERVER = server.settings
    settings.DEFAULT_FROM_EMAIL = "Gatehouse <alerts@gatehouse.example>"
    settings.PUBLIC_URL = URL
    return server


@pytest.fixture
def here(settings):
    settings.ALERT_WEBHOOK_NETWORKS = [ip_network("127.0.0.0/8")]


def leave(made, told="began", name="Errors", **members):
    """A message about a rule to each of its receivers."""
    facts = {
        "event": told,
        "text": f"Alert: {name}: 12 % with 5xx, since 27 Nov 2026 12:00, UTC.",
        "organisation": {"id": made.org_id, "name": "Acme Retail"},
        "alert": {"id": made.id, "name": name, "about": "all APIs", "condition": "10 % or more"},
        "url": f"{URL}/o/acme/alerts/{made.id}/",
        **members,
    }
    with scope.org(made.org_id), transaction.atomic():
        outbox.add(made, told, facts, made.mails)


def send_all() -> int:
    """How many steps of the worker found something to send, after a mail server that was away has had its rest."""
    delivery._resting.clear()
    steps = 0
    while delivery.step(None):
        steps += 1
    return steps


def due(*, seconds=0) -> None:
    """The time passes in which nothing is due."""
    with scope.every_org():
        for row in Message.objects.filter(done_at=None, given_up_at=None):
            row.due_at -= timedelta(seconds=seconds)
            row.claimed_until = None
            row.save()


def states(org) -> list[tuple]:
    return [
        (row.attempts, row.last_error, row.done_at is not None, row.given_up_at is not None)
        for row in messages(org)
    ]


def test_what_was_found_in_a_minute_reaches_an_address_as_one_mail(post, cast):
    one = rule(cast.acme, mails=["ada@acme.example", "max@acme.example"])
    two = rule(cast.acme, mails=["ada@acme.example"], name="Quota\r\nBcc: all@acme.example")
    theirs = rule(cast.globex, mails=["gus@globex.example"])
    leave(one)
    leave(two, "ended", name="Quota\r\nBcc: all@acme.example")
    leave(theirs)
    assert send_all() == 3
    found = {str(each["To"]): each for each in post.mails}
    assert set(found) == {"ada@acme.example", "max@acme.example", "gus@globex.example"}
    digest, single = found["ada@acme.example"], found["max@acme.example"]
    assert digest["Subject"] == "[Acme Retail] 2 alerts: 1 began, 1 ended"
    assert digest.get_content().replace("\r", "") == (
        "Alert: Errors: 12 % with 5xx, since 27 Nov 2026 12:00, UTC.\n"
        f"Watched: all APIs, 10 % or more.\n{URL}/o/acme/alerts/{one.id}/\n\n"
        "Alert: Quota  Bcc: all@acme.example: 12 % with 5xx, since 27 Nov 2026 12:00, UTC.\n"
        f"Watched: all APIs, 10 % or more.\n{URL}/o/acme/alerts/{two.id}/\n"
    )
    assert (single["Subject"], str(single["From"])) == (
        "[Acme Retail] Alert: Errors",
        "Gatehouse <alerts@gatehouse.example>",
    )
    assert single["Auto-Submitted"] == "auto-generated"
    assert {each["Bcc"] for each in post.mails} == {None}
    assert set(states(cast.acme)) == {(1, "", True, False)}
    leave(one)
    send_all()
    ids = [each["Message-ID"] for each in post.mails]
    assert len(set(ids)) == len(ids) == 5
    assert all(id.endswith("@gatehouse.example>") for id in ids)


def test_a_mail_says_once_of_an_alert_how_many_are_not_named():
    facts = {"event": "began", "text": "Alert.", "url": "", "more": 1_340}
    made = [facts | {"alert": {"id": id, "about": "all keys", "condition": "90 %"}} for id in "aab"]
    told = "Alert.\nWatched: all keys, 90 %."
    more = f"{told}\nAnd 1,340 more, which are not named."
    assert body_of([*made[:2], made[2] | {"more": 0}]) == f"{told}\n\n{more}\n\n{told}\n"


def test_what_a_mail_server_does_not_take_is_sent_again_with_the_same_id_and_a_refusal_is_not(post, cast):
    addresses = [f"{name}@acme.example" for name in ("later", "refused", "drops")]
    made = rule(cast.acme, mails=addresses, outside=addresses)
    leave(made)
    leave(made, "ended")
    assert send_all() == 3
    refused = "the mail server refuses the address (550)"
    later, cut = (
        "the mail server refuses the address (451)",
        "the mail server cannot be used (SMTPServerDisconnected)",
    )
    assert set(states(cast.acme)) == {
        (1, later, False, False),
        (1, refused, False, True),
        (1, cut, False, False),
    }
    # Those of a mail are due together, or one of them could go out alone under its name.
    together = {(row.address, row.due_at) for row in messages(cast.acme) if row.given_up_at is None}
    assert len(together) == 2
    assert send_all() == 0
    due(seconds=4)
    assert send_all() == 0
    leave(made, "test")
    due(seconds=7)
    # What is written meanwhile joins no mail that went out before.
    assert send_all() == 5
    assert [
        row.done_at is not None for row in messages(cast.acme) if row.address != "refused@acme.example"
    ] == [True] * 6
    dropped = [each for each in post.mails if str(each["To"]) == "drops@acme.example"]
    twice = ["[Acme Retail] 2 alerts: 1 began, 1 ended"] * 2
    assert sorted(each["Subject"] for each in dropped) == [*twice, "[Acme Retail] Test: Errors"]
    assert len({(each["Subject"], each["Message-ID"]) for each in dropped}) == 2


def test_a_mail_server_that_hangs_or_is_away_or_speaks_no_tls_is_not_waited_for(
    post, cast, settings, monkeypatch
):
    made = rule(cast.acme, mails=["hangs@acme.example"], outside=["hangs@acme.example"])
    told = []
    for changed, longest in (({}, 0.3), ({"port": 1}, 60), ({"use_tls": True}, 60)):
        monkeypatch.setattr(mail, "TIMEOUT", longest)
        settings.EMAIL_SERVER = post.settings | changed
        leave(made)
        send_all()
        told.append(messages(cast.acme)[-1].last_error)
    leave(made)
    settings.EMAIL_SERVER = {}
    send_all()
    told.append(messages(cast.acme)[-1].last_error)
    assert told == [
        "the mail server cannot be used (SMTPServerDisconnected)",
        "the mail server cannot be used (ConnectionRefusedError)",
        "the mail server cannot be used (SMTPNotSupportedError)",
        "mail is off: EMAIL_URL is not set",
    ]
    assert post.mails == []


@pytest.mark.parametrize("how", [{}, {"use_ssl": True}])
def test_a_mail_server_that_drips_is_cut_whatever_it_says(cast, settings, monkeypatch, how):
    # Each thing that is read comes in time: what is limited is the whole.
    monkeypatch.setattr(mail, "LONGEST", 0.3)
    monkeypatch.setattr(mail, "TIMEOUT", 60)
    cut = threading.Event()

    def drip(listening):
        there, _ = listening.accept()
        with there:
            try:
                # The beginning of a line, and one of a record of TLS, which never end.
                there.sendall(b"\x16\x03\x03\x40\x00" if how else b"220 ")
                for _ in range(1_500):
                    there.sendall(b"x")
                    time.sleep(0.02)
            except OSError:
                cut.set()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        dripping = threading.Thread(target=drip, args=[listening])
        dripping.start()
        settings.EMAIL_SERVER = {"host": "127.0.0.1", "port": listening.getsockname()[1]} | how
        made = rule(cast.acme, mails=["ada@acme.example"], outside=["ada@acme.example"])
        leave(made)
        send_all()
        dripping.join()
    [told] = messages(cast.acme)
    assert (cut.is_set(), told.attempts, told.done_at) == (True, 1, None)
    assert told.last_error.startswith("the mail server cannot be used (")


def test_what_waited_for_a_mail_server_that_was_away_comes_as_one_mail(post, cast, settings):
    made = rule(cast.acme, mails=["ada@acme.example"])
    settings.EMAIL_SERVER = post.settings | {"port": 1}
    for told in ("began", "ended", "test"):
        leave(made, told)
        send_all()
        due(seconds=0 if told == "began" else 20)
    # What is over waits for what began, of which nobody has heard.
    assert [(row.told, row.attempts) for row in messages(cast.acme)] == [
        ("began", 2),
        ("ended", 1),
        ("test", 1),
    ]
    settings.EMAIL_SERVER = post.settings
    due(seconds=40)
    assert send_all() == 1
    assert [each["Subject"] for each in post.mails] == ["[Acme Retail] 3 alerts: 1 began, 1 ended, 1 test"]


def test_an_alert_may_be_deleted_while_a_receiver_is_told_of_it(cast, here, committed):
    made = rule(cast.acme, webhook="https://hooks.example/")

    def delete(handler):
        with scope.org(cast.acme.id):
            lifecycle.delete(made, author=cast.acme_admin)
        connections.close_all()
        handler.send_response(500)
        handler.end_headers()

    with receiver() as there:
        with scope.org(cast.acme.id):
            type(made).objects.update(webhook=there.url)
        leave(made)
        leave(made)
        there.answers = [delete]
        assert send_all() == 1
    assert messages(cast.acme) == []


def test_a_webhook_is_signed_and_comes_again_until_it_is_taken(cast, here):
    with receiver() as there:
        made = rule(cast.acme, webhook=f"{there.url}/hook?token=canary-of-an-address")
        leave(made)
        there.answers = [500, 302, 200]
        for seconds in (0, 10, 20):
            due(seconds=seconds)
            assert send_all() == 1
        assert send_all() == 0
    assert states(cast.acme) == [(3, "", True, False)]
    [row] = messages(cast.acme)
    assert [path for path, _, _ in there.taken] == ["/hook?token=canary-of-an-address"] * 3
    _, headers, body = there.taken[-1]
    assert (headers["X-Gatehouse-Delivery"], headers["Content-Type"]) == (row.id, "application/json")
    assert {headers["X-Gatehouse-Delivery"] for _, headers, _ in there.taken} == {row.id}
    assert json.loads(body) == {"id": row.id, **row.facts}
    at, made_by = (part.partition("=")[2] for part in headers["X-Gatehouse-Signature"].split(","))
    assert made_by == hmac.new(SECRET, at.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert abs(int(at) - timezone.now().timestamp()) < 60


def test_nothing_is_locked_while_a_receiver_takes_its_time(cast, here, committed):
    held = []

    def look(handler):
        with scope.every_org(), transaction.atomic():
            [row] = Message.objects.select_for_update(nowait=True)
            held.append(row.claimed_until > timezone.now())
        connections.close_all()
        handler.send_response(200)
        handler.end_headers()

    with receiver() as there:
        leave(rule(cast.acme, webhook=there.url))
        there.answers = [look]
        assert send_all() == 1
    assert (held, states(cast.acme)) == ([True], [(1, "", True, False)])


def test_what_is_over_is_not_told_before_what_began(cast, here):
    with receiver() as there:
        made = rule(cast.acme, webhook=there.url)
        leave(made, event="began")
        there.answers = [500]
        assert send_all() == 1
        leave(made, "ended", event="ended")
        leave(rule(cast.acme, webhook=there.url), "ended", event="of another")
        assert send_all() == 1
        due(seconds=10)
        with scope.every_org():
            [claimed] = outbox.claim({})
            assert (claimed.told, outbox.claim({})) == ("began", [])
            outbox.again([claimed], outbox.Failed("the worker was killed"), timezone.now())
        due(seconds=20)
        assert send_all() == 2
    told = [json.loads(body)["event"] for _, _, body in there.taken]
    assert told == ["began", "of another", "began", "ended"]


def test_every_failure_of_a_receiver_is_told_in_words_without_its_address(cast, here, monkeypatch, caplog):
    def hang(handler):
        handler.rfile.read(1)

    def drip(handler):
        for _ in range(100):
            handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Y: "[:1] or b"x")
            threading.Event().wait(0.02)

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(1_000):
            handler.wfile.write(b"x" * 100_000)

    told = []
    with receiver() as there:
        made = rule(cast.acme, webhook=f"{there.url}/canary-of-an-address")
        for answer, longest in ((410, 60), (hang, 0.3), (drip, 0.3), (endless, 60)):
            monkeypatch.setattr(webhook, "LONGEST", longest)
            there.answers = [answer]
            leave(made)
            send_all()
            told.append(messages(cast.acme)[-1].last_error)
        assert len(there.taken) == 4
    leave(made)
    send_all()
    told.append(messages(cast.acme)[-1].last_error)
    late = "its answer takes longer than 0.3 s"
    assert told == ["it answers 410", late, late, "", "it cannot be asked (ConnectionRefusedError)"]
    assert "canary-of-an-address" not in caplog.text


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "0x7f000001", "169.254.169.254", "10.0.0.7"]
)
def test_no_webhook_reaches_a_private_address_unless_a_setting_allows_it(cast, host):
    with receiver() as there:
        made = rule(cast.acme, webhook=there.url.replace("127.0.0.1", host))
        leave(made)
        send_all()
        assert there.taken == []
    [(_, error, _, _)] = states(cast.acme)
    assert error == "its address is neither public nor in ALERT_WEBHOOK_NETWORKS"


def test_a_name_is_looked_up_once_and_its_every_address_counts(cast, here, monkeypatch):
    asked, real = [], socket.getaddrinfo

    def resolve(host, *more, **named):
        asked.append(host)
        if host == "both.example":
            return real("127.0.0.1", *more, **named) + real("10.0.0.7", *more, **named)
        here = host == "rebound.example" and asked.count(host) == 1
        return real("127.0.0.1" if here else "10.0.0.7" if host.endswith("example") else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with receiver() as there:
        for host in ("both.example", "rebound.example"):
            leave(rule(cast.acme, webhook=there.url.replace("127.0.0.1", host)))
        send_all()
        assert len(there.taken) == 1
    assert [asked.count(host) for host in ("both.example", "rebound.example")] == [1, 1]
    assert sorted(error for _, error, _, _ in states(cast.acme)) == [
        "",
        "its address is neither public nor in ALERT_WEBHOOK_NETWORKS",
    ]


def test_after_a_day_a_message_is_given_up(cast, here):
    with receiver() as there:
        made = rule(cast.acme, webhook=there.url)
        leave(made)
        with scope.every_org():
            Message.objects.update(created_at=timezone.now() - timedelta(hours=24))
        there.answers = [500]
        assert send_all() == 1
        due(seconds=100_000)
        assert send_all() == 0
    assert states(cast.acme) == [(1, "it answers 500", False, True)]


def test_two_workers_at_once_send_each_message_once(post, cast, here, committed):
    with receiver() as there:
        for number in range(5):
            leave(rule(cast.acme, name=f"Rule {number}", webhook=there.url, mails=["ada@acme.example"]))
        together(send_all)
        assert sorted(headers["X-Gatehouse-Delivery"] for _, headers, _ in there.taken) == sorted(
            row.id for row in messages(cast.acme) if row.channel == "webhook"
        )
    assert [each["Subject"] for each in post.mails] == ["[Acme Retail] 5 alerts: 5 began"]


def test_a_worker_that_is_killed_while_it_sends_leaves_its_message_to_the_next(post, cast):
    leave(rule(cast.acme, mails=["ada@acme.example"]))
    with scope.every_org():
        [row] = outbox.claim({})
    assert send_all() == 0
    with scope.every_org():
        Message.objects.update(claimed_until=timezone.now())
    assert send_all() == 1
    assert post.mails[0]["Message-ID"] == f"<{row.digest}@gatehouse.example>"


def test_organisations_take_turns(cast, here):
    with receiver() as there:
        for org, count in ((cast.acme, 3), (cast.globex, 2)):
            made = rule(org, webhook=f"{there.url}/{org.slug}")
            for _ in range(count):
                leave(made)
        send_all()
    paths = [path for path, _, _ in there.taken]
    assert [one != other for one, other in pairwise(paths)] == [True, True, True, False][
        : len(paths) - 1
    ] or (paths == ["/acme", "/globex"] * 2 + ["/acme"])


def test_a_mail_server_that_hangs_is_asked_once_and_keeps_no_webhook_waiting(
    post, cast, here, settings, monkeypatch
):
    monkeypatch.setattr(mail, "TIMEOUT", 0.2)
    monkeypatch.setattr(delivery, "PAUSE", 3_600)
    with socket.create_server(("127.0.0.1", 0)) as silent, receiver() as there:
        settings.EMAIL_SERVER = post.settings | {"port": silent.getsockname()[1]}
        for org in (cast.acme, cast.globex):
            for address in ("ada", "bob"):
                theirs = [f"{address}@{org.slug}.example"]
                leave(rule(org, mails=theirs, outside=theirs))
            leave(rule(org, webhook=f"{there.url}/{org.slug}"))
        assert send_all() == 3
        assert sorted(path for path, _, _ in there.taken) == ["/acme", "/globex"]
        tried = [row.attempts for org in (cast.acme, cast.globex) for row in messages(org) if not row.done_at]
        assert sorted(tried) == [0, 0, 0, 1]


def test_whoever_left_while_a_mail_waited_is_not_told(post, cast):
    leave(rule(cast.acme, mails=["max@acme.example"]))
    User.everyone.filter(pk=cast.acme_member.pk).update(is_active=False)
    send_all()
    assert post.mails == []
    assert states(cast.acme) == [(1, "nobody with this address may be told any more", False, True)]


def test_whoever_may_not_see_the_figures_of_an_alert_is_not_told_them(post, cast):
    make.user("carla@acme.example", cast.acme, {"certs": "read"})
    mails = ["ada@acme.example", "carla@acme.example"]
    leave(rule(cast.acme, mails=mails))
    leave(rule(cast.acme, kind="certificate", name="Ends", mails=mails), name="Ends")
    send_all()
    assert {str(each["To"]): each["Subject"] for each in post.mails} == {
        "ada@acme.example": "[Acme Retail] 2 alerts: 2 began",
        "carla@acme.example": "[Acme Retail] Alert: Ends",
    }


def test_a_test_reaches_everybody_and_not_twice_in_a_minute(post, cast, here):
    with receiver() as there:
        made = rule(cast.acme, webhook=there.url, mails=["ada@acme.example"])
        with scope.org(cast.acme.id):
            assert lifecycle.test(made, author=cast.acme_admin) == 2
            with pytest.raises(lifecycle.refusals.NotAllowed):
                lifecycle.test(made, author=cast.acme_admin)
        assert send_all() == 2
        body = json.loads(there.taken[0][2])
    assert (body["event"], body["text"]) == ("test", "Test: Errors: this is a test, nothing has happened.")
    assert body["url"] == f"{URL}/o/acme/alerts/{made.id}/"
    [sent] = post.mails
    assert sent["Subject"] == "[Acme Retail] Test: Errors"


def test_messages_of_long_ago_are_forgotten(cast):
    made = rule(cast.acme, mails=["ada@acme.example"])
    leave(made)
    with scope.every_org():
        Message.objects.update(created_at=timezone.now() - timedelta(days=31))
    leave(made)
    delivery.forget()
    assert len(messages(cast.acme)) == 1
