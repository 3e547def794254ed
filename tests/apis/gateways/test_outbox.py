"""Messages for gateways: delivered at least once, in order, each by one worker at a time."""

import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from apis.gateways import outbox
from apis.models import Outbox
from orgs import scope
from orgs.models import Organisation


@pytest.fixture
def messages(cast):
    """Three messages of two organisations, oldest first, and one that is not yet due."""
    with scope.every_org():
        made = [
            outbox.add("reload", str(number), org_id=org.id)
            for number, org in enumerate([cast.acme, cast.globex, cast.acme])
        ]
        for age, row in enumerate(reversed(made)):
            Outbox.objects.filter(id=row.id).update(due_at=timezone.now() - timedelta(seconds=age + 1))
        later = outbox.add("key", "later", {"a": 1}, org_id=cast.acme.id)
        Outbox.objects.filter(id=later.id).update(due_at=timezone.now() + timedelta(hours=1))
        yield made


def subjects(rows):
    return [row.subject for row in rows]


def test_due_messages_are_taken_oldest_first(messages):
    assert subjects(outbox.take(2)) == ["0", "1"]
    assert subjects(outbox.take(10)) == ["0", "1", "2"]


def test_a_message_of_its_own_goes_before_those_about_all_keys_of_an_organisation(messages, cast):
    names = Organisation.everyone.filter(id__in=[cast.acme.id, cast.globex.id]).values("slug")
    outbox.add_selected(names, org_id=cast.globex.id)
    Outbox.objects.filter(kind=Outbox.LATER).update(due_at=timezone.now() - timedelta(hours=1))
    assert subjects(outbox.take(2)) == ["0", "1"]
    assert subjects(outbox.take(4))[:3] == ["0", "1", "2"]
    assert sorted(subjects(outbox.take(10))[3:]) == ["acme", "globex"]


def test_what_is_done_is_not_taken_again(messages):
    outbox.done(outbox.take(1)[0])
    assert subjects(outbox.take(10)) == ["1", "2"]
    assert subjects(outbox.waiting().order_by("due_at")) == ["1", "2", "later"]


def test_what_failed_waits_longer_each_time_but_never_more_than_a_minute(messages):
    row, waits = messages[0], []
    for _ in range(9):
        outbox.retry(row, ConnectionError("x" * 1000))
        waits.append(round((row.due_at - timezone.now()).total_seconds()))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    row.refresh_from_db()
    assert (row.attempts, row.last_error, row.done_at) == (9, "x" * 500, None)
    assert subjects(outbox.take(10)) == ["1", "2"]


def test_old_deliveries_are_forgotten(messages):
    for row in messages[:2]:
        outbox.done(row)
    Outbox.objects.filter(id=messages[0].id).update(done_at=timezone.now() - timedelta(days=8))
    assert outbox.forget(timezone.now() - timedelta(days=7)) == 1
    assert Outbox.objects.count() == 3


def test_two_workers_do_not_get_the_same_message(committed, messages):
    taken_elsewhere = []

    def other_worker():
        with scope.every_org(), transaction.atomic():
            taken_elsewhere.extend(subjects(outbox.take(10)))
        connection.close()

    with transaction.atomic():
        assert subjects(outbox.take(2)) == ["0", "1"]
        thread = threading.Thread(target=other_worker)
        thread.start()
        thread.join()
    assert taken_elsewhere == ["2"]


def test_a_message_of_another_organisation_cannot_be_left(cast):
    with scope.org(cast.acme.id), pytest.raises(DatabaseError), transaction.atomic():
        outbox.add("reload", "x", org_id=cast.globex.id)
    with scope.every_org():
        assert Outbox.objects.count() == 0
