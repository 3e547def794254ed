"""Messages for gateways: delivered at least once, the urgent first, each by one worker at a time."""

import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Func, JSONField
from django.utils import timezone

from apis.gateways import kinds, outbox
from apis.models import Outbox
from orgs import scope
from orgs.models import Organisation

KINDS = (("stop", kinds.FIRST), ("start", kinds.SOON), ("everything", kinds.LATER), ("again", kinds.LAST))


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Kinds of a made-up app, one of each urgency, and one that rests for a minute."""
    monkeypatch.setattr(kinds, "_registered", {})
    for name, urgency in KINDS:
        kinds.register(name, lambda rows, redis: None, urgency=urgency)
    kinds.register("look", lambda rows, redis: None, urgency=kinds.SOON, rests=60)


@pytest.fixture
def everybody(cast):
    with scope.every_org():
        yield cast


def left(kind, *subjects, org, age=0):
    """Leave messages that have been due for `age` seconds, and more so the earlier they stand."""
    for number, subject in enumerate(subjects):
        row = outbox.add(kind, subject, org_id=org.id)
        due_at = timezone.now() - timedelta(seconds=age + len(subjects) - number)
        Outbox.objects.filter(id=row.id).update(due_at=due_at)


def named(*orgs):
    """A query for these organisations, and of each its slug in a list."""
    found = Organisation.everyone.filter(id__in=["", *(org.id for org in orgs)])
    return found.annotate(
        slug_list=Func(F("slug"), function="jsonb_build_array", output_field=JSONField())
    ).values_list("id", "slug_list")


def subjects(rows):
    return [row.subject for row in rows]


def test_due_messages_are_claimed_oldest_first_and_each_once(everybody):
    left("stop", "0", "1", "2", org=everybody.acme)
    outbox.add("look", "later", org_id=everybody.acme.id)
    assert [subjects(outbox.claim(2, {})) for _ in range(3)] == [["0", "1"], ["2"], []]


def test_what_only_looks_once_more_waits_for_all_others_and_goes_in_batches(everybody):
    left("again", "0", "1", org=everybody.acme, age=60)
    left("everything", "2", "3", org=everybody.acme)
    left("start", "4", org=everybody.acme)
    served = {}
    assert [subjects(outbox.claim(10, served)) for _ in range(4)] == [["4"], ["2"], ["3"], ["0", "1"]]


def test_a_claim_that_nobody_ended_runs_out(everybody):
    left("stop", "0", org=everybody.acme)
    assert subjects(outbox.claim(10, {})) == ["0"]
    assert outbox.claim(10, {}) == []
    Outbox.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert subjects(outbox.claim(10, {})) == ["0"]
    assert Outbox.objects.get().claimed_until > timezone.now()


@pytest.mark.parametrize("wrong", [-30, 30])
def test_machines_whose_clocks_differ_neither_delay_a_message_nor_take_a_claimed_one(
    everybody, monkeypatch, wrong
):
    """One machine writes, another delivers, a third would too."""
    right = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(seconds=wrong))
    outbox.add("stop", "one", org_id=everybody.acme.id)
    outbox.add_many("stop", ["two"], org_id=everybody.acme.id)
    outbox.add_chunks("stop", named(everybody.acme), {}, org_id=everybody.acme.id)
    monkeypatch.setattr(timezone, "now", lambda: right() - timedelta(seconds=wrong))
    rows = outbox.claim(10, {})
    assert sorted(subjects(rows)) == ["", "one", "two"]
    monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(seconds=wrong))
    assert outbox.claim(10, {}) == []
    outbox.retry(rows, "Redis is away")
    waits = Outbox.objects.values_list("due_at", flat=True)
    assert {round((due_at - right()).total_seconds()) for due_at in waits} == {1}


def test_what_ends_an_access_goes_before_all_that_waits_longer(everybody):
    left("everything", *(f"e{number}" for number in range(30)), org=everybody.globex, age=3600)
    left("start", "begin", org=everybody.globex, age=60)
    left("stop", "end", org=everybody.acme)
    assert [subjects(outbox.claim(2, {})) for _ in range(3)] == [["end"], ["begin"], ["e0"]]


def test_what_ends_an_access_is_claimed_whosever_it_is(everybody):
    left("stop", "theirs", org=everybody.globex, age=2)
    left("stop", "ours", org=everybody.acme)
    assert subjects(outbox.claim(10, {})) == ["theirs", "ours"]


def test_organisations_take_turns_so_that_none_waits_for_the_many_of_another(everybody):
    left("start", *(f"a{number}" for number in range(6)), org=everybody.acme, age=3600)
    left("start", "g0", "g1", org=everybody.globex)
    served, turns = {}, []
    while rows := outbox.claim(2, served):
        turns.append(subjects(rows))
    assert sorted(turns[:2]) == [["a0", "a1"], ["g0", "g1"]]
    assert turns[2:] == [["a2", "a3"], ["a4", "a5"]]


def test_of_what_is_about_very_many_one_message_is_claimed_and_organisations_take_turns(everybody):
    left("everything", "a0", "a1", "a2", org=everybody.acme, age=3600)
    left("everything", "g0", org=everybody.globex)
    served, turns = {}, []
    while rows := outbox.claim(200, served):
        turns.append(subjects(rows))
    assert (sorted(turns[:2]), turns[2:]) == ([["a0"], ["g0"]], [["a1"], ["a2"]])


def test_many_messages_are_left_at_once(everybody, django_assert_num_queries):
    with django_assert_num_queries(1):
        outbox.add_many("start", map(str, range(900)), org_id=everybody.acme.id)
    assert len(outbox.claim(1_000, {})) == 900


@pytest.mark.parametrize(("chunk", "sizes"), [(1, [1, 1]), (2, [2]), (3, [2])])
def test_messages_are_left_about_all_that_a_query_finds_a_chunk_in_each(
    everybody, django_assert_num_queries, monkeypatch, chunk, sizes
):
    monkeypatch.setattr(outbox, "CHUNK", chunk)
    both = named(everybody.acme, everybody.globex)
    with django_assert_num_queries(1):
        outbox.add_chunks("start", both, {"why": "100%"}, org_id=everybody.globex.id)
    outbox.add_chunks("look", both, {}, org_id=everybody.globex.id)
    rows = outbox.claim(10, {})
    assert [len(row.payload["subjects"]) for row in rows] == sizes
    found = {id: fact for row in rows for id, fact in row.payload["subjects"].items()}
    assert found == {org.id: [org.slug] for org in (everybody.acme, everybody.globex)}
    facts = {(row.org_id, row.subject, row.payload["why"], row.attempts, row.last_error) for row in rows}
    assert facts == {(everybody.globex.id, "", "100%", 0, "")}


def test_about_nothing_no_message_is_left(everybody):
    outbox.add_chunks("start", named(), {}, org_id=everybody.acme.id)
    assert Outbox.objects.count() == 0


def test_a_kind_that_rests_is_not_due_at_once_and_not_missed_meanwhile(everybody):
    outbox.add("look", "one", org_id=everybody.acme.id)
    outbox.add_many("look", ["two"], org_id=everybody.acme.id)
    assert (outbox.claim(10, {}), outbox.waiting().count()) == ([], 0)
    Outbox.objects.update(due_at=timezone.now())
    assert (outbox.waiting().count(), len(outbox.claim(10, {}))) == (2, 2)


def test_what_is_done_is_not_claimed_again(everybody):
    left("stop", "0", "1", "2", org=everybody.acme)
    outbox.done(outbox.claim(1, {}))
    assert subjects(outbox.waiting().order_by("due_at")) == ["1", "2"]
    assert subjects(outbox.claim(10, {})) == ["1", "2"]


def test_what_was_released_is_due_as_before(everybody):
    left("stop", "0", "1", org=everybody.acme)
    outbox.release(outbox.claim(10, {}))
    assert subjects(outbox.claim(10, {})) == ["0", "1"]
    assert set(Outbox.objects.values_list("attempts", "last_error")) == {(0, "")}


def test_what_failed_waits_longer_each_time_but_never_more_than_a_minute(everybody):
    left("stop", "0", "1", org=everybody.acme)
    rows = outbox.claim(1, {})

    def waits(seconds: int, *asked) -> Outbox:
        before = timezone.now()
        outbox.retry(rows, *asked)
        after, row = timezone.now(), Outbox.objects.get(subject="0")
        assert before <= row.due_at - timedelta(seconds=seconds) <= after
        return row

    for seconds in (1, 2, 4, 8, 16, 32, *[60] * 8):
        row = waits(seconds, ConnectionError("x" * 1000))
    assert (row.attempts, row.last_error, row.done_at, row.claimed_until) == (14, "x" * 500, None, None)
    waits(2, "Redis is away", 2)
    assert subjects(outbox.waiting().order_by("subject")) == ["0", "1"]
    assert subjects(outbox.claim(10, {})) == ["1"]


def test_a_kind_that_nobody_delivers_cannot_be_left(everybody):
    with pytest.raises(KeyError):
        outbox.add("stopp", "x", org_id=everybody.acme.id)
    with pytest.raises(KeyError):
        outbox.add_many("stopp", ["x"], org_id=everybody.acme.id)
    with pytest.raises(KeyError):
        outbox.add_chunks("stopp", named(), {}, org_id=everybody.acme.id)


def test_a_kind_of_a_version_that_is_not_there_stays_says_why_and_holds_nothing_up(everybody, monkeypatch):
    left("start", "strange", org=everybody.acme, age=60)
    Outbox.objects.update(kind="certificate")
    left("start", "known", org=everybody.acme)
    assert outbox.note_unknown() == 1
    assert subjects(outbox.claim(10, {})) == ["known"]
    stranger = Outbox.objects.get(kind="certificate")
    assert (stranger.done_at, stranger.attempts) == (None, 1)
    assert stranger.last_error == "no app delivers messages of this kind"
    assert outbox.note_unknown() == 0  # said once a minute
    kinds.register("certificate", lambda rows, redis: None, urgency=kinds.SOON)
    Outbox.objects.update(due_at=timezone.now())
    assert subjects(outbox.claim(10, {})) == ["strange"]


def test_old_deliveries_are_forgotten(everybody):
    left("stop", "0", "1", "2", org=everybody.acme)
    outbox.done(outbox.claim(2, {}))
    Outbox.objects.filter(subject="0").update(done_at=timezone.now() - timedelta(days=8))
    assert outbox.forget(timezone.now() - timedelta(days=7)) == 1
    assert subjects(Outbox.objects.order_by("subject")) == ["1", "2"]


def test_two_workers_do_not_get_the_same_message_and_do_not_wait_for_each_other(committed, everybody):
    left("stop", "0", "1", "2", org=everybody.acme)
    claimed_elsewhere = []

    def other_worker():
        with scope.every_org():
            claimed_elsewhere.extend(subjects(outbox.claim(10, {})))
        connection.close()

    with transaction.atomic():
        assert subjects(outbox.claim(2, {})) == ["0", "1"]
        thread = threading.Thread(target=other_worker)
        thread.start()
        thread.join(60)
    assert claimed_elsewhere == ["2"]


def test_a_message_of_another_organisation_cannot_be_left(cast):
    with scope.org(cast.acme.id), pytest.raises(DatabaseError), transaction.atomic():
        outbox.add("stop", "x", org_id=cast.globex.id)
    with scope.every_org():
        assert Outbox.objects.count() == 0


def test_an_idle_look_is_one_query(everybody, django_assert_num_queries):
    outbox.add("look", "one", org_id=everybody.acme.id)
    with django_assert_num_queries(1):
        assert outbox.claim(10, {}) == []


def test_what_is_asked_all_the_time_sees_what_its_scope_does_and_outlives_an_error(committed, cast):
    with scope.every_org():
        outbox.add("stop", "", org_id=cast.acme.id)
    query = "SELECT count(*) FROM apis_outbox"
    assert connection.ask(query) == (0,)
    with scope.org(cast.globex.id):
        assert connection.ask(query) == (0,)
    with scope.every_org():
        assert connection.ask(query) == (1,)
        with pytest.raises(DatabaseError):
            connection.ask("SELECT 1 / 0")
        assert connection.ask(query) == (1,)
        assert [row.kind for row in outbox.claim(10, {})] == ["stop"]
        assert outbox.claim(10, {}) == []
