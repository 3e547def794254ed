"""Many changes at once: all of them or none, and the feed locked once and last."""

import json

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apis.models import ApiDefinition, Outbox, Revision, ServedApi
from apis.publishing import bulk, events, feed, publish
from apis.publishing.bulk import Change
from apis.publishing.refusals import ManyRefused
from apis.publishing.staging import facts
from keys.models import Policy
from keys.policies import lifecycle as policies
from orgs import scope
from orgs.models import AuditEntry
from orgs.refusals import LimitReached
from tests.apis.examples import plain
from tests.apis.publishing.test_publish import at_once, calling, served, stored, targets_served
from tests.concurrency import second_of_two
from tests.keys import build


@pytest.fixture
def acme(cast):
    with scope.org(cast.acme.id):
        yield cast.acme


@pytest.fixture
def four(cast, acme):
    """APIs a, b, c and d at /a/ to /d/."""
    return [
        publish.create(acme.id, plain(f"/{name}/", name=name, api_id=name), author=None) for name in "abcd"
    ]


def at(path, api_id, **members):
    return plain(path, name=api_id, api_id=api_id, **members)


def there():
    return dict(ApiDefinition.objects.values_list("api_id", "listen_path"))


def test_changes_of_every_kind_are_one_transaction_with_one_message(cast, acme, four):
    a, b, c, d = four
    before = feed.current()
    Outbox.objects.all().delete()
    made = bulk.publish(
        acme.id,
        [
            Change(definition=at("/new/", "new"), wrapper={"categories": ["x"]}),
            Change(a, at("/a2/", "a"), started_from=1),
            Change(b, at("/b/", "renamed")),
            Change(c, active=False),
            Change(d, deleted=True),
        ],
        author=cast.acme_admin,
        message="Together",
    )
    assert there() == {"new": "/new/", "a": "/a2/", "renamed": "/b/", "c": "/c/"}
    assert [(api.api_id, api.revision, api.active, api.categories) for api in made] == [
        ("new", 1, True, ["x"]),
        ("a", 2, True, []),
        ("renamed", 2, True, []),
        ("c", 2, False, []),
        ("d", 1, True, []),
    ]
    revisions = Revision.objects.filter(message="Together").order_by("api_id")
    assert list(revisions.values_list("api_id", "number", "author", "author_id")) == [
        (id, number, cast.acme_admin.email, cast.acme_admin.id)
        for id, number in (("a", 2), ("c", 2), ("new", 1), ("renamed", 2))
    ]
    entries = AuditEntry.objects.filter(actor_id=cast.acme_admin.id).order_by("label", "object_id")
    assert {entry.object_id: (entry.action, entry.changes) for entry in entries} == {
        a.id: ("api.published", {"listen_path": ["/a/", "/a2/"], "revision": [1, 2]}),
        b.id: (
            "api.published",
            {"api_id": ["b", "renamed"], "name": ["b", "renamed"], "revision": [1, 2]},
        ),
        c.id: ("api.published", {"active": [True, False], "revision": [1, 2]}),
        d.id: ("api.deleted", {name: [value, None] for name, value in facts(d).items()}),
        made[0].id: ("api.created", {name: [None, value] for name, value in facts(made[0]).items()}),
    }
    assert [element["api_definition"]["api_id"] for element in served()] == ["a", "new", "renamed"]
    after = feed.current()
    assert (after.version, after.count) == (before.version + 1, 3)
    assert list(Outbox.objects.values_list("kind", "subject")) == [("reload", acme.id)]


def test_what_makes_no_difference_is_not_stored(cast, acme, four):
    before = stored()
    same = [Change(four[0], four[0].definition), Change(four[1], active=True), Change(four[2], wrapper={})]
    assert [api.revision for api in bulk.publish(acme.id, same, author=None)] == [1, 1, 1]
    assert bulk.publish(acme.id, [], author=None) == []
    assert stored() == before


@pytest.mark.parametrize(
    ("changes", "then"),
    [
        ([("a", "/b/"), ("b", "/a/")], {"a": "/b/", "b": "/a/", "c": "/c/", "d": "/d/"}),
        ([("b", "/a/"), ("a", "/b/")], {"b": "/a/", "a": "/b/", "c": "/c/", "d": "/d/"}),
        ([("b", "/a2/"), ("c", "/b2/"), ("a", "/c2/")], {"b": "/a2/", "c": "/b2/", "a": "/c2/", "d": "/d/"}),
        ([("d", "/d/"), None, None, None], {"d": "/d/"}),
        ([None, ("a", "/a/")], {"a": "/a/", "c": "/c/", "d": "/d/"}),
    ],
)
def test_apis_change_places_and_ids_with_each_other_and_take_those_of_one_that_goes(
    cast, acme, four, changes, then
):
    """changes: the id and path that a, b, … shall have; None for one that goes."""
    bulk.publish(
        acme.id,
        [
            Change(api, deleted=True) if each is None else Change(api, at(each[1], each[0]))
            for api, each in zip(four, changes, strict=False)
        ],
        author=None,
    )
    assert there() == then
    found = {
        each["api_definition"]["api_id"]: each["api_definition"]["proxy"]["listen_path"] for each in served()
    }
    assert found == then


SAME_ID, SAME_URL = "/api_id: Found API with the same ID", "/proxy/listen_path: Found API with same url"


def test_one_that_is_refused_keeps_all_from_being_stored_and_each_is_named(cast, acme, four):
    a, b, c, d = four
    build.api(cast.globex, "Theirs", api_id="theirs", path="/theirs/")
    gone = publish.create(acme.id, at("/gone/", "gone"), author=None)
    publish.delete(gone, author=None)
    publish.change(d, at("/d/", "d", tags=["x"]), author=None)
    changes = [
        (Change(a, at("/a/", "a", tags=["fine"])), None),
        (Change(definition=at("/n1/", "n1", active="yes")), "/active: must be true or false"),
        (Change(definition=at("/n2/", "theirs")), SAME_ID),
        (Change(definition=at("/theirs/below/", "n3")), SAME_URL),
        (Change(definition=at("/a/", "n4")), SAME_URL),
        (Change(definition=at("/n5/", "a")), SAME_ID),
        (Change(definition=at("/n6/", "n6")), None),
        (Change(definition=at("/n6/", "n7")), SAME_URL),
        (Change(definition=at("/n8/", "n6")), SAME_ID),
        (Change(b, plain("/b/", api_id=c.id)), SAME_ID),
        (Change(c, at("/c2/", "c")), None),
        (Change(d, at("/d/", "d"), started_from=1), "revision 2 was published meanwhile"),
        (Change(gone, active=False), "API not found"),
        (Change(definition=None), "must be an object"),
    ]
    before = stored()
    with pytest.raises(ManyRefused) as caught:
        bulk.publish(acme.id, [change for change, _ in changes], author=cast.acme_admin)
    expected = {place: why for place, (_, why) in enumerate(changes) if why}
    assert {place: str(refusal) for place, refusal in caught.value.by_place.items()} == expected
    assert caught.value.names[1] == "n1"
    assert str(caught.value).startswith(f"'n1': /active: must be true or false; 'theirs': {SAME_ID}; ")
    assert stored() == before


def test_a_strangers_api_is_missing_and_one_cannot_be_changed_twice(cast, acme, four):
    with scope.org(cast.globex.id):
        theirs = publish.create(cast.globex.id, plain("/theirs/"), author=None)
    with scope.every_org():
        before = stored()
        with pytest.raises(ManyRefused, match="API not found"):
            bulk.publish(acme.id, [Change(four[0], deleted=True), Change(theirs, deleted=True)], author=None)
        with pytest.raises(ValueError, match="twice"):
            bulk.publish(acme.id, [Change(four[0], active=False), Change(four[0], deleted=True)], author=None)
        assert stored() == before


def test_apis_of_a_batch_call_each_other_and_others_that_call_them_are_served_anew(cast, acme):
    outside = publish.create(acme.id, calling("two", "/outside/"), author=None)
    changes = [
        Change(definition=calling("two", "/one/", api_id="one")),
        Change(definition=calling("one", "/two/", api_id="two")),
    ]
    one, two = bulk.publish(acme.id, changes, author=None)
    called = {"/one/": f"tyk://{two.id}/x", "/two/": f"tyk://{one.id}/x", "/outside/": f"tyk://{two.id}/x"}
    assert targets_served() == called
    bulk.publish(acme.id, [Change(two, deleted=True), Change(one, active=False)], author=None)
    assert targets_served() == {"/outside/": f"tyk://{'0' * 24}/x"}
    assert ServedApi.objects.get().api_id == outside.id


def test_limits_count_what_comes_and_what_goes(cast, acme, four):
    def create(*ids):
        return [Change(definition=at(f"/{id}/", id)) for id in ids]

    size = sum(ApiDefinition.objects.values_list("size", flat=True))
    for name, others, limit in (
        ("max_apis", "max_definitions_bytes", 5),
        ("max_definitions_bytes", "max_apis", size + size // 3),
    ):
        type(acme).everyone.filter(id=acme.id).update(**{name: limit, others: 10**6})
        before = stored()
        with pytest.raises(LimitReached, match=name):
            bulk.publish(acme.id, create("e", "f"), author=None)
        assert stored() == before
    type(acme).everyone.filter(id=acme.id).update(max_apis=5)
    bulk.publish(acme.id, [*create("e", "f"), Change(four[0], deleted=True)], author=None)
    type(acme).everyone.filter(id=acme.id).update(max_apis=1, max_definitions_bytes=1)
    # Who has more than he may have can have less, or as much.
    bulk.publish(acme.id, [Change(four[1], deleted=True), Change(four[2], active=False)], author=None)
    assert sorted(there()) == ["c", "d", "e", "f"]
    # "false" is longer than "true".
    bulk.publish(acme.id, [Change(four[3], active=False)], author=None)
    type(acme).everyone.filter(id=acme.id).update(max_definition_bytes=1, max_definitions_bytes=10**6)
    with pytest.raises(ManyRefused, match="max_definition_bytes"):
        bulk.publish(acme.id, [Change(four[3], at("/d/", "d", tags=["longer"]))], author=None)


def test_many_cost_no_more_statements_than_one(cast, acme):
    def published(changes):
        with CaptureQueriesContext(connection) as made:
            apis = bulk.publish(acme.id, changes, author=None)
        return apis, len(made)

    def statements(name, count):
        paths = [f"/{name}/{number}/" for number in range(count)]
        apis, made = published(
            [Change(definition=at(path, path.strip("/").replace("/", "-"))) for path in paths]
        )
        apis, changed = published([Change(api, api.definition | {"tags": ["edge"]}) for api in apis])
        _, kept = published([Change(api, wrapper={"categories": ["x"]}) for api in apis])
        return made, changed, kept

    assert statements("few", 1) == statements("many", 40)


def test_others_publish_while_many_are_stored_and_taken_out_of_policies(committed, cast):
    """The list of policies that name an API which goes is numbered under the feed's lock, too: at the end."""
    with scope.org(cast.acme.id), transaction.atomic():
        api = publish.create(cast.acme.id, at("/a/", "a"), author=None)
        policies.create(
            cast.acme.id,
            {"name": "P", "access_rights": {"a": {"api_id": "a", "versions": ["Default"]}}},
            author=None,
        )
    published = []

    def in_between(org_id, what, **_):
        if (org_id, what) == (cast.acme.id, "added"):
            published.extend(at_once((cast.globex.id, theirs)))

    def theirs():
        connection.cursor().execute("SET LOCAL lock_timeout = '5s'")
        return publish.create(cast.globex.id, plain("/theirs/"), author=None).listen_path

    events.api_set_changed.connect(in_between)
    try:
        with scope.org(cast.acme.id), transaction.atomic():
            bulk.publish(
                cast.acme.id, [Change(api, deleted=True), Change(definition=at("/b/", "b"))], author=None
            )
    finally:
        events.api_set_changed.disconnect(in_between)
    assert (published, feed.current().count) == (["/theirs/"], 2)
    with scope.org(cast.acme.id), transaction.atomic():
        assert Policy.objects.get().document["access_rights"] == {}


def test_what_a_stranger_claimed_meanwhile_is_found_under_the_feeds_lock_and_named(committed, cast):
    def theirs():
        changes = [Change(definition=at("/fine/", "fine")), Change(definition=at("/x/y/", "late"))]
        bulk.publish(cast.globex.id, changes, author=None)

    answer = second_of_two(
        cast.acme.id, lambda: publish.create(cast.acme.id, plain("/x/"), author=None), theirs_in(cast, theirs)
    )
    assert {place: str(why) for place, why in answer.by_place.items()} == {1: SAME_URL}
    assert (answer.names, feed.current().count) == ({1: "late"}, 1)


def theirs_in(cast, work):
    def run():
        with scope.org(cast.globex.id):
            work()

    return run


def test_elements_are_in_line_with_their_revisions(cast, acme, four):
    bulk.publish(acme.id, [Change(api, at(f"/{api.name}2/", api.name)) for api in four], author=None)
    kept = {row.api_id: json.loads(bytes(row.body))["api_definition"] for row in ServedApi.objects.all()}
    assert {id: each["proxy"]["listen_path"] for id, each in kept.items()} == {
        api.id: f"/{api.name}2/" for api in four
    }
    assert set(ServedApi.objects.values_list("revision", flat=True)) == {2}
