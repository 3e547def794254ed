"""APIs and organisations that come and go, with very many keys."""

import contextlib

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apis.publishing import publish
from keys.keys import lifecycle
from keys.models import KeyRight
from orgs import scope
from orgs.ids import is_id
from orgs.models import AuditEntry
from orgs.organisations import lifecycle as organisations
from tests.keys import build
from tests.keys.build import actions, changes, inside


def undone(call):
    with contextlib.suppress(Undone), transaction.atomic():
        call()
        raise Undone


class Undone(Exception):
    pass


def rights(made):
    with scope.org(made.org_id):
        return sorted(KeyRight.objects.filter(key=made).values_list("api__api_id", flat=True))


def test_a_deleted_api_leaves_every_key_that_named_it(cast):
    orders, returns = build.api(cast.acme, "Orders"), build.api(cast.acme, "Returns")
    both, _ = build.key(cast.acme, orders, returns)
    other, _ = build.key(cast.acme, returns)
    gone, _ = build.key(cast.acme, orders)
    inside(cast.acme, lifecycle.revoke, gone)
    inside(cast.acme, publish.delete, orders, author=None)
    assert (rights(both), rights(other), rights(gone)) == ([returns.api_id], [returns.api_id], [])
    assert changes(cast.acme, "key.changed") == {
        "apis": [{orders.api_id: [], returns.api_id: []}, {returns.api_id: []}]
    }
    assert build.waiting(cast.acme)[-1] == ("key-again", both.id)
    assert build.waiting(cast.acme).count(("key-again", other.id)) == 0


def test_the_log_says_of_each_key_what_it_lost_and_who_took_it(cast, client_for):
    orders, returns = build.api(cast.acme, "Orders"), build.api(cast.acme, "Returns")
    named, _ = build.key(cast.acme, orders, returns, alias="Partner")
    nameless, _ = build.key(cast.acme, orders)
    build.key(cast.acme, returns, alias="Untouched")
    browser = client_for(cast.acme_admin)
    browser.post(f"/o/acme/apis/{orders.id}/deletion/", {"started_from": 1})
    with scope.org(cast.acme.id):
        entries = AuditEntry.objects.filter(action="key.changed").order_by("label")
        told = list(
            entries.values_list("object_id", "label", "changes", "actor_email", "actor_id", "as_super_user")
        )
        [request] = set(AuditEntry.objects.filter(action="api.deleted").values_list("request_id", "address"))
        assert set(entries.values_list("request_id", "address")) == {request}
        assert all(is_id(entry.id) for entry in entries)
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


def test_keys_for_all_apis_are_told_when_an_api_comes_and_goes_and_strangers_are_not(cast):
    made, _ = build.key(cast.acme)
    foreign, _ = build.key(cast.globex)
    orders = build.api(cast.acme)
    assert build.waiting(cast.acme) == [("key", made.id), ("key-again", made.id)]
    inside(cast.acme, publish.delete, orders, author=None)
    assert build.waiting(cast.acme) == [("key", made.id), *[("key-again", made.id)] * 2]
    assert build.waiting(cast.globex) == [("key", foreign.id)]
    assert not build.again(made).is_delivered


def test_whoever_sees_every_organisation_touches_no_keys_but_those_of_the_apis_own(cast):
    orders = build.api(cast.acme)
    made, _ = build.key(cast.acme)
    foreign, _ = build.key(cast.globex)
    with scope.every_org(), transaction.atomic():
        publish.delete(orders, author=None)
    assert build.waiting(cast.acme) == [("key", made.id), ("key-again", made.id)]
    assert build.waiting(cast.globex) == [("key", foreign.id)]
    assert [build.again(each).change_number for each in (made, foreign)] == [2, 1]


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


def test_an_organisation_with_many_keys_is_deleted_and_its_apis_come_and_go_in_a_few_statements(cast):
    """Otherwise publishing, which waits for the same lock, would stand still for as long as it has keys."""
    orders = build.api(cast.acme)
    for _ in range(2):
        build.key(cast.acme)
        build.key(cast.acme, orders)

    def statements():
        with CaptureQueriesContext(connection) as found:
            undone(lambda: build.api(cast.acme, "Returns"))
            undone(lambda: inside(cast.acme, publish.delete, orders, author=None))
            undone(lambda: organisations.delete(cast.acme))
        return len(found)

    few = statements()
    for _ in range(10):
        build.key(cast.acme)
        build.key(cast.acme, orders)
    assert statements() == few
