"""Drafts: saved only by whoever saw what there is, ended in the transaction that publishes them."""

import json
from functools import partial

import pytest

from apis.definitions.document import compact
from apis.drafts import lifecycle as drafts
from apis.drafts.lifecycle import Reviewed
from apis.models import ApiDefinition, Draft, Revision
from apis.publishing import publish
from apis.publishing.refusals import Deleted, DraftMoved, Invalid, ManyRefused, Stale, Taken
from orgs import scope
from orgs.models import AuditEntry, Organisation
from orgs.refusals import LimitReached
from tests.apis.examples import plain
from tests.apis.publishing.test_publish import stored
from tests.concurrency import second_of_two


@pytest.fixture
def acme(cast):
    with scope.org(cast.acme.id):
        yield cast.acme


@pytest.fixture
def api(cast, acme):
    return publish.create(acme.id, plain(), author=cast.acme_admin)


@pytest.fixture
def save(cast):
    """Saves a draft as whoever saw everything would; `facts` say otherwise."""

    def saved(api, text="{}", **facts):
        now = drafts.of(api)
        seen = {"author": cast.acme_admin, "seen": now.stamp if now else "", "started_from": api.revision}
        return drafts.save(api, text, **seen | facts)

    return saved


def test_a_draft_is_its_text_as_typed_who_saved_it_and_where_it_began(cast, acme, api, save):
    text = '{ "name":"Half",\n"zebra": 1.50}'
    draft = save(api, text, message="Why")
    assert list(Draft.objects.values("api_id", "text", "message", "started_from", "author", "author_id")) == [
        {
            "api_id": api.id,
            "text": text,
            "message": "Why",
            "started_from": 1,
            "author": "ada@acme.example",
            "author_id": cast.acme_admin.id,
        }
    ]
    again = save(api, "{}")
    assert (Draft.objects.count(), again.id, again.stamp == draft.stamp) == (1, draft.id, False)
    facts = {"author": ["ada@acme.example", None], "bytes": [2, None], "started_from": [1, None]}
    drafts.discard(api, author=cast.acme_admin, seen=again.stamp)
    entries = AuditEntry.objects.exclude(action="api.created").order_by("at", "id")
    assert list(entries.values_list("action", "object_id", "changes")) == [
        (
            "api.draft-saved",
            api.id,
            {"author": [None, "ada@acme.example"], "bytes": [None, len(text)], "started_from": [None, 1]},
        ),
        ("api.draft-saved", api.id, {"bytes": [len(text), 2]}),
        ("api.draft-discarded", api.id, facts),
    ]
    assert not Draft.objects.exists()


@pytest.mark.parametrize(
    ("text", "facts", "refusal"),
    [
        ("[]", {}, Invalid),
        ("{", {}, Invalid),
        ('{"a": "\\u0000"}', {}, Invalid),
        ("{}", {"seen": ""}, DraftMoved),
        ("{}", {"seen": "f" * 24}, DraftMoved),
        ("{}", {"started_from": 2}, Stale),
        (compact({"x": "y" * 80}), {}, LimitReached),
        (compact({"x": "y" * 40}), {}, LimitReached),
        (compact({"x": "é" * 34}), {}, LimitReached),
    ],
)
def test_what_nobody_may_save_leaves_the_draft_as_it_was(api, save, text, facts, refusal):
    save(publish.create(api.org_id, plain("/b/", name="B"), author=None), compact({"x": "y" * 30}))
    save(api, '{"name": "Theirs"}')
    Organisation.everyone.update(max_definition_bytes=80, max_definitions_bytes=80)
    before = list(Draft.objects.order_by("id").values())
    with pytest.raises(refusal):
        save(api, text, **facts)
    assert list(Draft.objects.order_by("id").values()) == before
    # What is replaced does not count.
    assert save(api, compact({"x": "z" * 30})).author == "ada@acme.example"


def test_a_stamp_of_a_draft_that_has_ended_is_not_that_of_the_next(cast, acme, api, save):
    old = save(api).stamp
    drafts.discard(api, author=cast.acme_admin, seen=old)
    with pytest.raises(DraftMoved) as refused:
        save(api, "{}", seen=old)
    assert (refused.value.draft, Draft.objects.exists()) == (None, False)
    save(api, '{"name": "Next"}')
    for late in (
        lambda: save(api, "{}", seen=old),
        lambda: drafts.discard(api, author=cast.acme_admin, seen=old),
        lambda: drafts.publish(acme.id, [Reviewed(api.id, old, 1)], author=cast.acme_admin),
    ):
        with pytest.raises(DraftMoved) as refused:
            late()
        assert refused.value.draft.definition == {"name": "Next"}


def test_publishing_makes_one_revision_of_each_and_ends_the_drafts(cast, acme, api, save):
    other = publish.create(acme.id, plain("/b/", name="B"), author=None)
    kept = publish.create(acme.id, plain("/c/", name="C"), author=None)
    chosen = [
        Reviewed(each.id, save(each, compact(plain(path, name=name))).stamp, 1)
        for each, path, name in ((api, "/a2/", "A2"), (other, "/b2/", "B2"))
    ]
    save(kept)
    changed = drafts.publish(acme.id, chosen, author=cast.acme_admin, message="Both")
    assert [(each.name, each.revision) for each in changed] == [("A2", 2), ("B2", 2)]
    made = Revision.objects.filter(number=2).order_by("definition_id").values_list("message", "author")
    assert list(made) == [("Both", "ada@acme.example")] * 2
    assert [draft.api_id for draft in Draft.objects.all()] == [kept.id]


@pytest.mark.parametrize(("many", "said"), [(2, ["Why a", "Why b"]), (1, [""])])
def test_several_without_a_message_each_keep_what_was_said_of_them(  # noqa: PLR0917
    cast, acme, api, save, many, said
):
    other = publish.create(acme.id, plain("/b/", name="B"), author=None)
    chosen = [
        Reviewed(each.id, save(each, compact(plain(path, name=name)), message=f"Why {name}").stamp, 1)
        for each, path, name in ((api, "/a2/", "a"), (other, "/b2/", "b"))[:many]
    ]
    drafts.publish(acme.id, chosen, author=cast.acme_admin)
    made = {each.definition["name"]: each.message for each in Revision.objects.filter(number=2)}
    assert [made[name] for name in ("a", "b")[:many]] == said


def test_all_are_published_or_none(cast, acme, api, save):
    other = publish.create(acme.id, plain("/b/", name="B"), author=None)
    good = Reviewed(api.id, save(api, compact(plain("/a2/"))).stamp, 1)
    wanted = {
        Taken: lambda: Reviewed(other.id, save(other, compact(plain("/c/"))).stamp, 1),
        Invalid: lambda: Reviewed(other.id, save(other, "{}").stamp, 1),
        Stale: lambda: Reviewed(other.id, save(other, compact(plain("/b2/"))).stamp, 2),
        DraftMoved: lambda: Reviewed(other.id, "f" * 24, 1),
        Deleted: lambda: Reviewed("f" * 24, "f" * 24, 1),
    }
    publish.create(acme.id, plain("/c/", name="C"), author=None)
    for refusal, bad in wanted.items():
        chosen = [good, bad()]
        before = stored(), list(Draft.objects.order_by("id").values())
        with pytest.raises((ManyRefused, DraftMoved, Deleted)) as refused:
            drafts.publish(acme.id, chosen, author=cast.acme_admin)
        assert (stored(), list(Draft.objects.order_by("id").values())) == before
        found = getattr(refused.value, "by_place", {1: refused.value})
        assert [(place, type(each)) for place, each in found.items()] == [(1, refusal)]


def test_a_draft_goes_with_its_api_and_an_organisation_with_its_drafts(cast, acme, api, save):
    save(api)
    publish.delete(api, author=None)
    assert not Draft.objects.exists()
    save(publish.create(acme.id, plain(), author=None))
    publish.depart(acme)
    assert (ApiDefinition.objects.count(), Draft.objects.count()) == (0, 0)


def test_a_definition_that_cannot_be_published_is_compared_as_it_is(cast, acme, api):
    broken = {"openapi": "3.0.3", "x-tyk-api-gateway": {"info": [1]}}
    assert drafts.judged(api, broken, author=cast.acme_admin)[0] == broken
    fit, faults = drafts.judged(api, plain(), author=cast.acme_admin)
    assert (fit, faults) == (json.loads(api.definition_text), [])


@pytest.mark.usefixtures("committed")
def test_who_waits_for_another_save_neither_overwrites_nor_publishes_what_he_did_not_see(cast):
    with scope.org(cast.acme.id):
        api = publish.create(cast.acme.id, plain(), author=None)
    seen, ada = "", cast.acme_admin
    late = {
        "save": lambda: drafts.save(api, "{}", author=ada, seen=seen, started_from=1),
        "discard": lambda: drafts.discard(api, author=ada, seen=seen),
        "publish": lambda: drafts.publish(cast.acme.id, [Reviewed(api.id, seen, 1)], author=ada),
    }
    found = {}
    for name, second in late.items():
        with scope.org(cast.acme.id):
            now = drafts.of(api)
        seen = now.stamp if now else ""
        text = compact(plain(name=name))
        first = partial(drafts.save, api, text, author=ada, seen=seen, started_from=1)
        answer = second_of_two(cast.acme.id, first, second)
        with scope.org(cast.acme.id):
            kept = drafts.of(api).definition["name"], ApiDefinition.objects.get().revision
        found[name] = type(answer), *kept
    assert found == {name: (DraftMoved, name, 1) for name in late}
