"""Policies made and changed: whole or not at all, never another organisation's APIs, ids for good."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apis.models import Outbox
from apis.publishing import publish
from keys.keys import lifecycle as key_lifecycle
from keys.keys.delivery import AGAIN
from keys.models import KeyPolicy, Policy, PolicyRevision, PolicyRight
from keys.policies import lifecycle, refusals, render
from orgs import scope
from orgs.models import AuditEntry
from orgs.organisations import lifecycle as organisations
from orgs.refusals import LimitReached
from tests.concurrency import second_of_two
from tests.keys import build as keys
from tests.keys.policies import build


def everything():
    """What is stored of policies, in all organisations."""
    with scope.every_org():
        return [
            (Policy.objects.count(), PolicyRevision.objects.count(), PolicyRight.objects.count()),
            AuditEntry.objects.filter(kind="policy").count(),
            build.pulled().stamp,
        ]


def opened(policy):
    with scope.org(policy.org_id):
        rights = PolicyRight.objects.filter(policy=policy).order_by("api__api_id")
        return list(rights.values_list("api__api_id", flat=True))


def again(policy):
    with scope.org(policy.org_id):
        return Policy.objects.get(id=policy.id)


def change(policy, wanted, **named):
    with scope.org(policy.org_id):
        return lifecycle.change(again(policy), wanted, author=None, **named)


def test_a_policy_is_stored_with_its_revision_its_rights_and_its_audit_entry(cast):
    api = keys.api(cast.acme)
    with scope.org(cast.acme.id):
        made = lifecycle.create(cast.acme.id, build.document("Gold", api, tags=["a"]), author=cast.acme_admin)
        revision = PolicyRevision.objects.get()
        entry = AuditEntry.objects.get(kind="policy")
    assert (revision.document, revision.number, revision.author, revision.message) == (
        made.document,
        1,
        cast.acme_admin.email,
        "Created",
    )
    assert (made.policy_id, made.name, made.state, made.tags, made.grants_rights, made.revision) == (
        made.id,
        "Gold",
        "active",
        ["a"],
        True,
        1,
    )
    assert opened(made) == [api.api_id]
    assert (entry.action, entry.object_id, entry.label, entry.actor_email) == (
        "policy.created",
        made.id,
        "Gold",
        cast.acme_admin.email,
    )


@pytest.mark.parametrize("form", ["map", "list"])
@pytest.mark.parametrize("whose", ["foreign", "unknown"])
def test_a_policy_never_names_an_api_that_is_not_the_organisations_own(cast, form, whose):
    own, foreign = keys.api(cast.acme), keys.api(cast.globex)
    id = foreign.api_id if whose == "foreign" else "nobodys"
    rights = {id: {"api_id": id}, own.api_id: {"api_id": own.api_id}}
    wanted = {"name": "Gold", "access_rights": rights}
    if form == "list":
        wanted = {"name": "Gold", "access_rights_array": list(rights.values())}
    before = everything()
    with scope.org(cast.acme.id), pytest.raises(refusals.Invalid) as refused:
        lifecycle.create(cast.acme.id, wanted, author=None)
    assert str(refused.value) == f"/access_rights/{id}: There is no API {id!r} in this organisation."
    made = build.policy(cast.acme, own)
    with pytest.raises(refusals.Invalid):
        change(made, wanted)
    assert opened(made) == [own.api_id]
    with scope.org(cast.acme.id):
        lifecycle.delete(again(made), author=None)
    assert everything()[0][0] == before[0][0]


def test_an_api_named_in_another_case_is_not_the_api(cast):
    keys.api(cast.acme, api_id="orders")
    with scope.org(cast.acme.id), pytest.raises(refusals.Invalid, match="no API 'Orders'"):
        lifecycle.create(cast.acme.id, {"name": "Gold", "access_rights": {"Orders": {}}}, author=None)


def test_given_ids_are_kept(cast):
    api = keys.api(cast.acme)
    by_row = build.policy(cast.acme, api, name="1", _id="5F" + 22 * "a")
    by_name = build.policy(cast.acme, api, name="2", id="team:gold")
    by_hex = build.policy(cast.acme, api, name="3", id="b" * 24)
    assert (by_row.id, by_row.policy_id) == ("5f" + 22 * "a", "5f" + 22 * "a")
    assert (by_name.policy_id, by_name.id == "team:gold") == ("team:gold", False)
    assert (by_hex.id, by_hex.policy_id) == ("b" * 24, "b" * 24)


@pytest.mark.parametrize("when", ["while it is there", "after it is deleted"])
@pytest.mark.parametrize("names", [{"_id": "a" * 24}, {"id": "a" * 24}, {"id": "team:gold"}])
def test_an_id_that_one_organisation_has_or_had_is_never_anothers(cast, when, names):
    made = build.policy(cast.globex, keys.api(cast.globex), _id="a" * 24, id="team:gold")
    if when == "after it is deleted":
        with scope.org(cast.globex.id):
            lifecycle.delete(made, author=None)
    own = keys.api(cast.acme)
    before = everything()
    with scope.org(cast.acme.id), pytest.raises(refusals.Taken) as refused:
        lifecycle.create(cast.acme.id, build.document("Gold", own, **names), author=None)
    assert (str(refused.value), everything()) == ("There is a policy with this ID already.", before)
    mine = build.policy(cast.acme, own, name="Mine")
    if "id" in names:
        with pytest.raises(refusals.Taken):
            change(mine, build.document("Mine", own, **names))


@pytest.mark.parametrize(
    "names", [{"_id": "b" * 24, "id": "other"}, {"_id": "a" * 24, "id": "other"}, {"id": "a" * 24}]
)
def test_a_policys_id_is_no_other_policys_of_the_organisation_in_either_place(cast, names):
    build.policy(cast.acme, _id="a" * 24, id="b" * 24)
    before = everything()
    with scope.org(cast.acme.id), pytest.raises(refusals.Taken):
        lifecycle.create(cast.acme.id, build.document("Silver", **names), author=None)
    assert everything() == before


@pytest.mark.parametrize("member", ["_id", "id"])
def test_no_policy_has_the_id_of_an_element_that_is_derived_from_an_id(cast, member):
    build.policy(cast.acme, keys.api(cast.acme), id="gold")
    derived = build.served()[1]["_id"]
    before = everything()
    for given in (derived, derived.upper()) if member == "_id" else (derived,):
        with scope.org(cast.acme.id), pytest.raises(refusals.Invalid) as refused:
            lifecycle.create(cast.acme.id, build.document("Silver", **{member: given}), author=None)
        assert str(refused.value) == "/_id: must not begin with ffffffff"
    assert everything() == before


def test_of_two_that_claim_an_id_at_once_one_gets_it(committed, cast):
    apis = {org.id: keys.api(org) for org in (cast.acme, cast.globex)}

    def claim(org):
        with scope.org(org.id):
            return lifecycle.create(org.id, build.document("Gold", apis[org.id], id="gold"), author=None)

    answer = second_of_two(cast.acme.id, lambda: claim(cast.acme), lambda: claim(cast.globex))
    assert type(answer) is refusals.Taken
    with scope.every_org():
        assert list(Policy.objects.values_list("org_id", flat=True)) == [cast.acme.id]


def test_a_name_is_one_policys_of_an_organisation(cast):
    acme, globex = keys.api(cast.acme), keys.api(cast.globex)
    build.policy(cast.acme, acme)
    build.policy(cast.globex, globex)
    other = build.policy(cast.acme, acme, name="Silver")
    before = everything()
    with (
        scope.org(cast.acme.id),
        pytest.raises(refusals.Invalid, match="/name: is the name of another policy"),
    ):
        lifecycle.create(cast.acme.id, build.document("Gold", acme), author=None)
    with pytest.raises(refusals.Invalid):
        change(other, build.document("Gold", acme))
    assert everything() == before


def test_a_change_makes_a_revision_and_no_difference_makes_none(cast):
    api, other = keys.api(cast.acme), keys.api(cast.acme, "Other")
    made = build.policy(cast.acme, api, id="gold")
    before = everything()
    assert change(made, made.document).revision == 1
    assert change(made, {**made.document, "last_updated": "1"}).revision == 1
    with scope.org(cast.acme.id):
        made.document = {**made.document, "last_updated": "1"}
        made.save()
    assert change(made, made.document).revision == 1
    assert everything() == before
    # Without an id it keeps the one it has.
    changed = change(made, build.document("Gold", other, rate=20), message="More")
    assert (changed.revision, changed.policy_id, changed.document["rate"]) == (2, "gold", 20)
    assert opened(made) == [other.api_id]
    with scope.org(cast.acme.id):
        assert list(PolicyRevision.objects.order_by("number").values_list("number", "message")) == [
            (1, "Created"),
            (2, "More"),
        ]


def test_who_saw_an_older_revision_changes_and_deletes_nothing(cast):
    api = keys.api(cast.acme)
    made = build.policy(cast.acme, api)
    change(made, build.document("Gold", api, rate=20), expected=1)
    before = everything()
    with pytest.raises(refusals.Stale):
        change(made, build.document("Gold", api, rate=30), expected=1)
    with scope.org(cast.acme.id), pytest.raises(refusals.Stale):
        lifecycle.delete(made, author=None, expected=1)
    assert everything() == before


def test_a_policy_that_is_gone_is_missing(cast):
    made = build.policy(cast.acme, keys.api(cast.acme))
    with scope.org(cast.acme.id):
        lifecycle.delete(made, author=None)
        for verb in (
            lambda: lifecycle.delete(made, author=None),
            lambda: lifecycle.change(made, made.document, author=None),
        ):
            with pytest.raises(refusals.Deleted):
                verb()
        entry = AuditEntry.objects.get(action="policy.deleted")
    assert (entry.object_id, entry.label) == (made.id, "Gold")


def test_an_api_that_goes_is_taken_out_of_policies_which_open_nothing_rather_than_everything(cast):
    gone, kept = keys.api(cast.acme), keys.api(cast.acme, "Other")
    both = build.policy(cast.acme, gone, kept, name="Both")
    alone = build.policy(cast.acme, gone, name="Alone")
    with scope.org(cast.acme.id):
        publish.delete(gone, author=None)
    assert [(opened(each), again(each).revision, again(each).grants_rights) for each in (both, alone)] == [
        ([kept.api_id], 2, True),
        ([], 2, False),
    ]
    rights = {each["name"]: list(each["access_rights"]) for each in build.served()}
    assert rights == {"Both": [kept.api_id], "Alone": list(render.nothing())}
    with scope.org(cast.acme.id):
        assert (
            PolicyRevision.objects.get(policy_row_id=alone.id, number=2).message
            == f"API {gone.api_id} is deleted"
        )


def test_a_renamed_api_keeps_its_old_name_in_a_policy_until_it_is_served_again(cast):
    api = keys.api(cast.acme)
    made = build.policy(cast.acme, api)
    assert build.served()[0]["access_rights"][api.api_id]["api_name"] == api.name
    change(made, build.document("Gold", api, rate=20))
    assert build.served()[0]["rate"] == 20


def test_an_organisation_has_no_more_policies_than_it_may(cast):
    api = keys.api(cast.acme)
    made = build.policy(cast.acme, api)
    type(cast.acme).everyone.filter(id=cast.acme.id).update(max_policies=1)
    with scope.org(cast.acme.id), pytest.raises(LimitReached, match="1 policies at most"):
        lifecycle.create(cast.acme.id, build.document("Silver", api), author=None)
    type(cast.acme).everyone.filter(id=cast.acme.id).update(max_policies=9, max_policies_bytes=made.size)
    with pytest.raises(LimitReached, match="bytes in all policies together"):
        change(made, build.document("Gold", api, tags=["longer than it was before"]))
    type(cast.acme).everyone.filter(id=cast.acme.id).update(max_policies=0, max_policies_bytes=1)
    assert change(made, {**build.document("Gold"), "rate": 0, "per": 0}).revision == 2


def test_a_form_that_is_sent_twice_makes_one_policy(cast):
    api = keys.api(cast.acme)
    with scope.org(cast.acme.id):
        made = lifecycle.create(cast.acme.id, build.document("Gold", api), author=None, form_token="once")
        with pytest.raises(refusals.AlreadyMade) as refused:
            lifecycle.create(cast.acme.id, build.document("Silver", api), author=None, form_token="once")
    assert refused.value.policy == made


@pytest.mark.parametrize("number", [1, 3])
def test_keys_that_lose_a_policy_are_delivered_again_in_a_few_statements(
    cast, number, django_assert_num_queries
):
    api = keys.api(cast.acme)
    made = build.policy(cast.acme, api)
    having = [keys.key(cast.acme, api)[0] for _ in range(number)]
    with scope.org(cast.acme.id):
        KeyPolicy.objects.bulk_create(
            KeyPolicy(org_id=cast.acme.id, key=key, policy=made, position=0) for key in having
        )
        with transaction.atomic(), django_assert_num_queries(20):
            lifecycle.delete(made, author=None)
    with scope.org(cast.acme.id):
        told = Outbox.objects.get(kind=AGAIN).payload["subjects"]
    assert told == dict.fromkeys([key.id for key in having], 0)
    with scope.org(cast.acme.id):
        assert KeyPolicy.objects.count() == 0


def test_the_log_says_of_each_key_which_policy_it_lost_and_who_took_it(cast, redis):
    api = keys.api(cast.acme)
    first, gold, last = (
        build.policy(cast.acme, api, name=name, id=name) for name in ("first", "gold", "last")
    )
    spec = key_lifecycle.KeySpec
    among, alone, ended, _ = (
        keys.inside(cast.acme, key_lifecycle.create, cast.acme.id, spec(policies=ids), created_by="test")[0]
        for ids in ((first.id, gold.id, last.id), (gold.id,), (gold.id,), (last.id,))
    )
    keys.inside(cast.acme, key_lifecycle.revoke, ended)
    with scope.org(cast.acme.id):
        lifecycle.delete(gold, author=cast.acme_admin)
    for _ in range(2):
        keys.deliver(redis)
        with scope.org(cast.acme.id):
            Outbox.objects.filter(kind=AGAIN).update(done_at=None)
            entries = AuditEntry.objects.filter(action="key.changed")
            told = sorted(entries.values_list("object_id", "changes", "actor_email"))
        assert told == sorted(
            [
                (among.id, {"policies": [["first", "gold", "last"], ["first", "last"]]}, "ada@acme.example"),
                (alone.id, {"policies": [["gold"], []]}, "ada@acme.example"),
            ]
        )


def test_an_api_and_an_organisation_go_in_as_many_statements_whatever_policies_there_are(cast):
    """All organisations wait for the list's lock, and for the feed's."""
    found = {"API": [], "organisation": []}
    for org, number in ((cast.acme, 1), (cast.globex, 4)):
        first, second = keys.api(org, "First"), keys.api(org, "Second")
        for each in range(number):
            build.policy(org, first, second, name=f"Policy {each}")
        with CaptureQueriesContext(connection) as asked, scope.org(org.id):
            publish.delete(first, author=None)
        found["API"].append(len(asked))
        with scope.org(org.id):
            assert set(Policy.objects.values_list("revision", flat=True)) == {2}
            assert AuditEntry.objects.filter(action="policy.changed").count() == number
        with CaptureQueriesContext(connection) as asked:
            organisations.delete(org)
        found["organisation"].append(len(asked))
        with scope.org(org.id):
            assert AuditEntry.objects.filter(action="policy.deleted").count() == number
    assert {what: len(set(numbers)) for what, numbers in found.items()} == {"API": 1, "organisation": 1}
