"""The worker's part: claim, commit, deliver, commit."""

import pytest
import redis as redis_package
from django.db import connection
from django.utils import timezone

from apis.gateways import delivery, kinds, outbox
from apis.models import Outbox
from orgs import scope


@pytest.fixture
def app(monkeypatch, cast):
    """A made-up app whose kinds are `stop` and `start`; what was handed to it, and what it does with a message."""

    class App:
        handed, answers = [], {}

    def handle(rows, redis):
        App.handed.append([row.subject for row in rows])
        again = {}
        for row in rows:
            answer = App.answers.get(row.subject)
            if isinstance(answer, Exception):
                raise answer
            if answer:
                again[row.id] = answer
        return again

    monkeypatch.setattr(kinds, "_registered", {})
    kinds.register("stop", handle, urgency=kinds.FIRST)
    kinds.register("start", handle, urgency=kinds.SOON)
    App.handed, App.answers = [], {}
    return App


def left(cast, *subjects, kind="stop"):
    with scope.every_org():
        for subject in subjects:
            outbox.add(kind, subject, org_id=cast.acme.id)


def states():
    """(done, attempts, error) by subject of every message; none of them is claimed."""
    with scope.every_org():
        rows = list(Outbox.objects.all())
    assert {row.claimed_until for row in rows} == {None}
    return {row.subject: (row.done_at is not None, row.attempts, row.last_error) for row in rows}


def test_what_is_due_is_handed_over_together_and_done(cast, app):
    left(cast, "a", "b")
    left(cast, "c", kind="start")
    assert [delivery.deliver(None) for _ in range(3)] == [True, True, False]
    assert app.handed == [["a", "b"], ["c"]]
    assert states() == dict.fromkeys("abc", (True, 0, ""))


def test_no_transaction_is_open_while_a_message_is_delivered(committed, cast, app, monkeypatch):
    open_then = []
    kinds._registered.clear()
    kinds.register("stop", lambda rows, redis: open_then.append(connection.in_atomic_block), urgency=0)
    left(cast, "a")
    delivery.deliver(None)
    assert open_then == [False]


def test_a_message_that_is_not_yet_delivered_is_tried_again_and_says_why(cast, app):
    left(cast, "a", "b")
    app.answers["a"] = "somebody holds it"
    delivery.deliver(None)
    assert states() == {"a": (False, 1, "somebody holds it"), "b": (True, 0, "")}


def test_a_message_that_breaks_its_delivery_does_not_hold_up_the_others_of_its_batch(cast, app):
    left(cast, "a", "bad", "b")
    app.answers["bad"] = ValueError("first line\nsecond line")
    delivery.deliver(None)
    assert states() == {
        "a": (True, 0, ""),
        "bad": (False, 1, "ValueError: first line"),
        "b": (True, 0, ""),
    }


@pytest.mark.parametrize("error", [redis_package.ConnectionError("gone"), redis_package.TimeoutError("gone")])
def test_while_redis_is_away_one_message_notes_it_and_all_are_due_soon(cast, app, error):
    left(cast, "a", "b")
    app.answers["a"] = error
    for _ in range(9):
        with scope.every_org():
            Outbox.objects.update(due_at="2026-01-01T00:00:00Z")
            Outbox.objects.filter(subject="b").update(due_at="2026-01-02T00:00:00Z")
        assert delivery.deliver(None) is False
    assert states() == {"a": (False, 9, f"{type(error).__name__}: gone"), "b": (False, 0, "")}
    with scope.every_org():
        wait = Outbox.objects.get(subject="a").due_at - timezone.now()
    assert 1 < wait.total_seconds() <= 2


def test_when_redis_goes_away_all_that_was_claimed_and_not_tried_is_due_as_before(cast, app):
    kinds.register("halt", lambda rows, redis: None, urgency=kinds.FIRST)
    left(cast, "bad", "gone", "c")
    left(cast, "d", kind="halt")
    app.answers = {"bad": ValueError("no"), "gone": redis_package.ConnectionError("gone")}
    assert delivery.deliver(None) is False
    assert states() == {
        "bad": (False, 1, "ValueError: no"),
        "gone": (False, 1, "ConnectionError: gone"),
        "c": (False, 0, ""),
        "d": (False, 0, ""),
    }


def test_what_nobody_delivers_is_told_and_what_was_delivered_long_ago_forgotten(cast, app):
    left(cast, "old", "new", "strange")
    with scope.every_org():
        Outbox.objects.filter(subject="old").update(done_at="2026-01-01T00:00:00Z")
        Outbox.objects.filter(subject="new").update(done_at="2999-01-01T00:00:00Z")
        Outbox.objects.filter(subject="strange").update(kind="certificate")
    delivery.forget()
    delivery.note_unknown()
    assert states() == {
        "new": (True, 0, ""),
        "strange": (False, 1, "no app delivers messages of this kind"),
    }


def test_what_was_delivered_is_kept_for_a_week_and_what_was_not_for_as_long_as_it_takes(cast):
    now = timezone.now()
    with scope.org(cast.acme.id):
        for name, done in (("week", 6.9), ("old", 7.1), ("older", 60), ("undelivered", None)):
            done_at = done and now - timezone.timedelta(days=done)
            made = now - timezone.timedelta(days=90)
            Outbox.objects.create(kind="reload", subject=name, created_at=made, due_at=made, done_at=done_at)
    delivery.forget()
    with scope.every_org():
        assert sorted(Outbox.objects.values_list("subject", flat=True)) == ["undelivered", "week"]
