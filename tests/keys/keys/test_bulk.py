"""APIs and organisations that come and go, with very many keys."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apis.gateways import delivery as gateways
from apis.gateways import outbox
from apis.models import Outbox
from apis.publishing import publish
from keys.keys import bulk, delivery, lifecycle
from keys.keys.session import Right
from keys.models import Key, KeyRight
from orgs import scope
from orgs.ids import is_id
from orgs.models import AuditEntry
from orgs.organisations import lifecycle as organisations
from tests.keys import build
from tests.keys.build import actions, changes, inside


def rights(made):
    with scope.org(made.org_id):
        return sorted(KeyRight.objects.filter(key=made).values_list("api__api_id", flat=True))


def test_a_deleted_api_leaves_every_key_that_named_it(cast, redis):
    orders, returns = build.api(cast.acme, "Orders"), build.api(cast.acme, "Returns")
    both, _ = build.key(cast.acme, orders, returns)
    other, _ = build.key(cast.acme, returns)
    gone, _ = build.key(cast.acme, orders)
    inside(cast.acme, lifecycle.revoke, gone)
    inside(cast.acme, publish.delete, orders, author=None)
    assert (rights(both), rights(other), rights(gone)) == ([returns.api_id], [returns.api_id], [])
    assert build.waiting(cast.acme)[-1] == ("key-again", both.id)
    assert build.waiting(cast.acme).count(("key-again", other.id)) == 0
    build.deliver(redis)
    assert changes(cast.acme, "key.changed") == {
        "apis": [{orders.api_id: [], returns.api_id: []}, {returns.api_id: []}]
    }


def test_the_log_says_of_each_key_what_it_lost_and_who_took_it(cast, client_for, redis):
    orders, returns = build.api(cast.acme, "Orders"), build.api(cast.acme, "Returns")
    named, _ = build.key(cast.acme, orders, returns, alias="Partner")
    nameless, _ = build.key(cast.acme, orders)
    build.key(cast.acme, returns, alias="Untouched")
    browser = client_for(cast.acme_admin)
    browser.post(f"/o/acme/apis/{orders.id}/deletion/", {"started_from": 1, "removed": "1"})
    with scope.org(cast.acme.id):
        deleted_at = AuditEntry.objects.get(action="api.deleted").at
    build.deliver(redis)
    with scope.org(cast.acme.id):
        entries = AuditEntry.objects.filter(action="key.changed").order_by("label")
        told = list(
            entries.values_list("object_id", "label", "changes", "actor_email", "actor_id", "as_super_user")
        )
        [request] = set(AuditEntry.objects.filter(action="api.deleted").values_list("request_id", "address"))
        assert set(entries.values_list("request_id", "address")) == {request}
        assert all(is_id(entry.id) for entry in entries)
        # As of the deletion, and not of when the worker comes to it.
        assert all(abs(entry.at - deleted_at) < timedelta(seconds=1) for entry in entries)
    who = (cast.acme_admin.email, cast.acme_admin.id, False)
    both = {orders.api_id: [], returns.api_id: []}
    assert told == [
        (nameless.id, f"Key {nameless.hint}", {"apis": [{orders.api_id: []}, {}]}, *who),
        (named.id, "Partner", {"apis": [both, {returns.api_id: []}]}, *who),
    ]


def test_an_api_that_takes_another_id_leaves_the_keys_that_named_it(cast):
    orders = build.api(cast.acme, "Orders")
    made, _ = build.key(cast.acme, orders)
    inside(cast.acme, publish.change, orders, orders.definition | {"api_id": "another"}, author=None)
    assert rights(made) == []


def test_keys_for_all_apis_are_told_when_an_api_comes_and_goes_and_strangers_are_not(cast, redis):
    made, _ = build.key(cast.acme)
    foreign, _ = build.key(cast.globex)
    orders = build.api(cast.acme)
    assert build.waiting(cast.acme) == [("key", made.id), ("key-again", made.id)]
    inside(cast.acme, publish.delete, orders, author=None)
    assert build.waiting(cast.acme) == [("key", made.id), *[("key-again", made.id)] * 2]
    assert build.waiting(cast.globex) == [("key", foreign.id)]
    build.deliver(redis)
    assert (build.waiting(cast.acme), build.is_delivered(made)) == ([], True)


def test_whoever_sees_every_organisation_touches_no_keys_but_those_of_the_apis_own(cast):
    orders = build.api(cast.acme)
    made, _ = build.key(cast.acme)
    foreign, _ = build.key(cast.globex)
    with scope.every_org(), transaction.atomic():
        publish.delete(orders, author=None)
    assert build.waiting(cast.acme) == [("key", made.id), ("key-again", made.id)]
    assert build.waiting(cast.globex) == [("key", foreign.id)]
    # What somebody has open to edit is not out of date.
    assert [build.again(each).change_number for each in (made, foreign)] == [1, 1]


def test_the_keys_of_a_deleted_organisation_end_with_it(cast):
    made, _ = build.key(cast.acme)
    gone, _ = build.key(cast.acme)
    inside(cast.acme, lifecycle.revoke, gone)
    foreign, _ = build.key(cast.globex)
    with transaction.atomic():
        organisations.delete(cast.acme)
    assert [build.again(each).state() for each in (made, gone, foreign)] == ["revoked", "revoked", "active"]
    assert [build.again(each).change_number for each in (made, gone, foreign)] == [2, 2, 1]
    assert ("key-again", made.id) in build.waiting(cast.acme)
    assert actions(cast.acme)[-1] == ("key.revoked", made.id)
    with scope.org(cast.acme.id):
        entry = AuditEntry.objects.get(action="key.revoked", object_id=made.id)
    assert (entry.changes, entry.actor_email) == ({"revoked": [False, True]}, "command line")


# Locks, rows, the audit entry, the feed, the messages: the same however many keys there are.
STATEMENTS = {"API added": 24, "API deleted": 27, "organisation deleted": 29}


@pytest.mark.parametrize("what", STATEMENTS)
@pytest.mark.parametrize("more", [0, 10])
def test_an_organisation_with_many_keys_is_deleted_and_its_apis_come_and_go_in_a_few_statements(
    cast, what, more, monkeypatch
):
    """Otherwise publishing, which waits for the same lock, would stand still for as long as it has keys."""
    monkeypatch.setattr(outbox, "CHUNK", 2)
    orders = build.api(cast.acme)
    for _ in range(2 + more):
        build.key(cast.acme)
        build.key(cast.acme, orders)
    call = {
        "API added": lambda: build.api(cast.acme, "Returns"),
        "API deleted": lambda: inside(cast.acme, publish.delete, orders, author=None),
        "organisation deleted": lambda: organisations.delete(cast.acme),
    }[what]
    with CaptureQueriesContext(connection) as found:
        call()
    assert len(found) == STATEMENTS[what]
    # Of a key, and its rights, nothing is written but that it ends.
    written = [each["sql"] for each in found if each["sql"].startswith('UPDATE "keys_key"')]
    assert len(written) == (what == "organisation deleted")


class Died(BaseException):
    """The process ends at once."""


@pytest.fixture
def many(cast, redis, monkeypatch):
    """An API and four keys that name it and another, delivered; messages are about two keys each."""
    monkeypatch.setattr(outbox, "CHUNK", 2)
    orders, returns = build.api(cast.acme, "Orders"), build.api(cast.acme, "Returns")
    keys = [build.key(cast.acme, orders, returns)[0] for _ in range(4)]
    build.deliver(redis)
    assert all(build.is_delivered(key) for key in keys)
    return orders, returns, keys


def opened(redis, keys):
    return [list(build.stored(redis, key)["access_rights"]) for key in keys]


def left_over():
    """End the claims of whoever died, and what is to be tried later."""
    with scope.every_org():
        Outbox.objects.filter(done_at=None).update(claimed_until=None, due_at=timezone.now())


@pytest.mark.parametrize("place", ["write", "rights_of"])
def test_a_worker_that_dies_between_two_chunks_is_followed_by_one_that_goes_on(
    committed, cast, redis, many, place
):
    """In the middle of a chunk: before what its keys lost is noted, and after."""
    orders, returns, keys = many
    inside(cast.acme, publish.delete, orders, author=None)
    there, calls = getattr(bulk, place), []

    def dies(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise Died
        return there(*arguments)

    with pytest.MonkeyPatch.context() as patched, pytest.raises(Died):
        patched.setattr(bulk, place, dies)
        build.deliver(redis)
    assert sorted(map(len, opened(redis, keys))) == [1, 1, 2, 2]
    assert [build.is_delivered(key) for key in keys].count(True) == 2
    left_over()
    build.deliver(redis)
    assert opened(redis, keys) == [[returns.api_id]] * 4
    assert all(build.is_delivered(key) for key in keys)
    lost = [key for action, key in actions(cast.acme) if action == "key.changed"]
    assert sorted(lost) == sorted(key.id for key in keys)


def test_an_access_that_ends_does_not_wait_for_the_chunks(cast, redis, many):
    orders, _, keys = many
    inside(cast.acme, publish.delete, orders, author=None)
    inside(cast.acme, lifecycle.revoke, keys[-1])
    with scope.every_org():
        Outbox.objects.filter(kind="reload").delete()
    gateways.deliver(redis)
    assert [build.stored(redis, key) is None for key in keys] == [False] * 3 + [True]
    assert [build.is_delivered(key) for key in keys[:3]] == [False] * 3


def test_a_key_that_is_edited_between_the_deletion_and_its_chunk_is_what_the_edit_says(cast, redis, many):
    orders, returns, keys = many
    other = build.api(cast.acme, "Other")
    inside(cast.acme, publish.delete, orders, author=None)
    spec = lifecycle.KeySpec(alias="edited", rights=(Right(other.api_id),))
    inside(cast.acme, lifecycle.change, keys[0], spec, expected=1)
    build.deliver(redis)
    assert opened(redis, keys) == [[other.api_id], *[[returns.api_id]] * 3]
    assert build.stored(redis, keys[0])["alias"] == "edited"


def test_a_key_whose_api_goes_and_another_that_goes_at_once_are_both_taken_away(cast, redis, many):
    orders, returns, keys = many
    for api in (orders, returns):
        inside(cast.acme, publish.delete, api, author=None)
    build.deliver(redis)
    assert redis.keys("apikey-*") == []
    assert [rights(key) for key in keys] == [[]] * 4
    assert all(build.is_delivered(key) for key in keys)
    assert [action for action, _ in actions(cast.acme)].count("key.changed") == 8


def test_one_key_that_cannot_be_delivered_does_not_keep_the_others_of_its_chunk(
    cast, redis, many, monkeypatch
):
    orders, _, keys = many
    inside(cast.acme, publish.delete, orders, author=None)
    with scope.org(cast.acme.id):
        Key.objects.filter(id=keys[2].id).update(meta_data={"number": "unreadable"})
    encoded = delivery.encoded

    def raising(session, *allowance):
        if session["meta_data"]:
            raise ValueError("cannot be written")
        return encoded(session, *allowance)

    monkeypatch.setattr(delivery, "encoded", raising)
    build.deliver(redis)
    assert [len(each) for each in opened(redis, keys)] == [1, 1, 2, 1]
    with scope.org(cast.acme.id):
        stuck = Outbox.objects.get(done_at=None, kind="key")
    assert (stuck.subject, stuck.last_error) == (keys[2].id, "ValueError: cannot be written")


def test_a_message_of_before_about_one_key_is_delivered(cast, redis, many):
    _, _, keys = many
    redis.delete(f"apikey-{keys[0].token_hash}")
    with scope.org(cast.acme.id):
        outbox.add(delivery.AGAIN, keys[0].id, org_id=cast.acme.id)
    build.deliver(redis)
    assert build.stored(redis, keys[0]) is not None


def test_pages_say_that_gateways_do_not_know_yet_of_an_api_that_came_or_went(cast, redis, many, client_for):
    orders, _, keys = many
    browser = client_for(cast.acme_admin)
    build.key(cast.acme, build.api(cast.acme, "Other"))  # of which nothing is said
    build.deliver(redis)

    def said():
        listed = browser.get("/o/acme/keys/").content.decode()
        csv = b"".join(browser.get("/o/acme/keys/?format=csv")).decode().splitlines()[1:]
        page = browser.get(f"/o/acme/keys/{keys[0].id}/").content.decode()
        return (
            listed.count("not yet delivered"),
            [line.rpartition(",")[2] for line in csv].count("no"),
            "not yet delivered" in page,
        )

    assert said() == (0, 0, False)
    inside(cast.acme, publish.delete, orders, author=None)
    assert said() == (4, 4, True)
    build.deliver(redis)
    assert said() == (0, 0, False)
