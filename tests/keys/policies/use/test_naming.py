"""Definitions give policies to tokens that others sign: gateways are told the organisation's own alone, from when they
come until they go."""

import json

import pytest

from apis.definitions import kinds
from apis.definitions.rules.policies import NO_POLICY
from apis.models import ApiDefinition
from apis.publishing import feed, publish
from apis.publishing.serving import missing_policies
from keys.policies import lifecycle
from keys.policies.use.naming import apis_naming
from orgs import scope
from orgs.models import User
from tests.apis.pages import published
from tests.concurrency import second_of_two
from tests.keys import build
from tests.keys.policies.build import document, policy

PLACES = {
    "/jwt_default_policies/0": lambda id: {"jwt_default_policies": [id]},
    "/jwt_scope_to_policy_mapping/read": lambda id: {"jwt_scope_to_policy_mapping": {"read": id}},
    "/scopes/jwt/scope_to_policy/read": lambda id: {"scopes": {"jwt": {"scope_to_policy": {"read": id}}}},
    "/scopes/oidc/scope_to_policy/read": lambda id: {"scopes": {"oidc": {"scope_to_policy": {"read": id}}}},
    "/openid_options/providers/0/client_ids/Yw==": lambda id: {
        "openid_options": {"providers": [{"issuer": "https://id.example", "client_ids": {"Yw==": id}}]}
    },
}


@pytest.fixture
def orders(cast):
    return build.api(cast.acme, "Orders")


@pytest.fixture
def gold(cast, orders):
    return policy(cast.acme, orders, id="gold-plan")


def naming(org, name, *ids):
    return build.api(org, name, jwt_default_policies=list(ids))


def told(api):
    """(JSON pointer, policy) of each that gateways are told of an API."""
    elements = (element["api_definition"] for element in json.loads(feed.current().body))
    [served] = [kinds.policies(element) for element in elements if element["id"] == api.id]
    return served


@pytest.mark.parametrize("pointer", PLACES)
def test_every_place_is_given_own_policies_by_either_id_and_no_others(cast, orders, gold, pointer):
    policy(cast.globex, build.api(cast.globex, "Theirs"), name="Theirs", id="their-plan")
    strange = ("their-plan", "0" * 24, NO_POLICY, gold.id.upper(), "GOLD-PLAN", "")
    with scope.org(cast.acme.id):
        for id in (gold.id, "gold-plan", *strange):
            api = publish.change(orders, orders.definition | PLACES[pointer](id), author=None)
            assert kinds.policies(api.definition) == ([(pointer, id)] if id else [])
            assert told(api) == ([(pointer, NO_POLICY if id in strange else gold.id)] if id else [])
            assert missing_policies(api) == ([id] if id and id in strange else [])


def test_a_policy_is_given_from_when_it_comes_until_it_goes(cast, orders):
    api, other = naming(cast.acme, "Later", "later", "0" * 24), naming(cast.globex, "Theirs", "later")
    place = "/jwt_default_policies/"

    def first():
        [(pointer, id), _], [theirs] = told(api), told(other)
        assert (pointer, theirs) == (f"{place}0", (f"{place}0", NO_POLICY))
        return id

    assert first() == NO_POLICY
    number = feed.current().version
    with scope.org(cast.acme.id):
        later = lifecycle.create(cast.acme.id, document("Later", orders, id="later"), author=None)
        assert (first(), feed.current().version) == (later.id, number + 1)
        lifecycle.change(later, later.document | {"id": "renamed"}, author=None)
        assert first() == NO_POLICY
        [later] = lifecycle.bring({"/0": (cast.acme.id, later.document | {"id": "later"})})
        assert first() == later.id
        lifecycle.change(later, later.document | {"state": "deny"}, author=None)
        assert first() == later.id
        lifecycle.delete(later, author=None)
        assert first() == NO_POLICY
        second = naming(cast.acme, "Second", "again")
        lifecycle.bring({"/0": (cast.acme.id, document("Again", orders, _id="0" * 24, id="again"))})
        assert told(api) == [(f"{place}0", NO_POLICY), (f"{place}1", "0" * 24)]
        assert told(second) == [(f"{place}0", "0" * 24)]


def test_a_strangers_policy_of_the_id_is_like_none_whenever_it_comes(cast, orders):
    api = naming(cast.acme, "Waiting", "wanted")
    before = feed.current().stamp
    policy(cast.globex, build.api(cast.globex, "Theirs", active=False), name="Theirs", id="wanted")
    assert (told(api), feed.current().stamp) == ([("/jwt_default_policies/0", NO_POLICY)], before)
    with scope.every_org():  # as a super-user has it
        publish.change(api, api.definition | {"name": "Renamed"}, author=None)
        assert (told(api), missing_policies(api)) == ([("/jwt_default_policies/0", NO_POLICY)], ["wanted"])


def test_an_api_is_given_its_policies_when_it_is_switched_on(cast, gold):
    api = naming(cast.acme, "Off", "gold-plan", "none")
    with scope.org(cast.acme.id):
        api = publish.set_active(api, False, author=None)
        lifecycle.change(gold, gold.document | {"id": "none"}, author=None)
        api = publish.set_active(api, True, author=None)
    assert [id for _, id in told(api)] == [NO_POLICY, gold.id]


def test_every_door_takes_a_foreign_and_an_unknown_policy_in_the_same_words(cast, client_for, rest, orders):
    theirs = policy(cast.globex, build.api(cast.globex, "Theirs"), name="Theirs")
    page, wire = client_for(cast.acme_admin), rest(cast.acme_admin)
    said = []
    for number, id in enumerate((theirs.id, "0" * 24)):
        new = build.definition("New", "/acme/new/", jwt_default_policies=[id], api_id="new")
        changed = orders.definition | {"jwt_default_policies": [id], "name": f"Orders {number}"}
        wrapped = {"api_definition": new | {"org_id": cast.acme.id}}
        form = {"text": json.dumps(changed), "started_from": 1 + 2 * number}
        answers = [
            page.get(published(page, f"/o/acme/apis/{orders.id}/edit/?as=json", form).url),
            wire.post("/api/apis", wrapped, "application/json"),
            wire.put(
                f"/api/apis/{orders.id}", {"api_definition": changed | {"tags": []}}, "application/json"
            ),
        ]
        api_id = answers[1].json()["Meta"]
        answers.append(page.get(f"/o/acme/apis/{api_id}/"))
        assert wire.delete(f"/api/apis/{api_id}").status_code == 200
        bodies = [answer.content.decode().replace(id, "…") for answer in answers]
        warning = (
            "There is no policy '…' in this organisation yet: gateways refuse tokens that are given no other."
        )
        assert [answer.status_code for answer in answers] == [200] * 4
        assert [json.loads(body)["Warnings"] for body in bodies[1:3]] == [[warning], [warning]]
        pages = [bodies[at].replace("&#x27;", "'") for at in (0, 3)]
        assert [warning in body for body in pages] == [True, True]
        said.append([body.replace(api_id, "")[:80] for body in bodies[1:3]])
    assert said[0] == said[1]
    with scope.every_org():
        assert {id for _, id in told(orders)} == {NO_POLICY}


def test_a_revision_that_names_a_policy_which_has_gone_is_restored(cast, client_for, orders, gold):
    with scope.org(cast.acme.id):
        publish.change(orders, orders.definition | {"jwt_default_policies": ["gold-plan"]}, author=None)
        publish.change(orders, orders.definition | {"jwt_default_policies": []}, author=None)
        lifecycle.delete(gold, author=None)
    page = client_for(cast.acme_admin)
    published(page, f"/o/acme/apis/{orders.id}/history/2/", {"started_from": 3})
    assert told(orders) == [("/jwt_default_policies/0", NO_POLICY)]


def test_the_page_of_a_policy_says_which_apis_lose_it(cast, client_for, orders, gold):
    with scope.org(cast.acme.id):
        publish.change(orders, orders.definition | {"jwt_default_policies": ["gold-plan"]}, author=None)
        api = ApiDefinition.objects.get(id=orders.id)
        assert [each.id for each in apis_naming(gold)] == [api.id]
    asked = client_for(cast.acme_admin).get(f"/o/acme/policies/{gold.id}/deletion/").content.decode()
    assert "1 API gives it to tokens that others sign" in asked
    User.everyone.filter(pk=cast.acme_member.pk).update(permissions={"policies": "write"})
    member = client_for(User.everyone.get(pk=cast.acme_member.pk))
    assert (
        f"/o/acme/apis/{api.id}/" not in member.get(f"/o/acme/policies/{gold.id}/deletion/").content.decode()
    )


@pytest.mark.parametrize("first", ["the API", "the policy"])
@pytest.mark.parametrize("event", ["comes", "goes"])
def test_of_an_api_and_its_policy_that_change_at_once_the_last_is_told(committed, cast, first, event):
    """Each sees what the other did, whoever was first: both hold the organisation's lock until they have committed."""
    orders = build.api(cast.acme, "Orders")
    wanted = document("Later", orders, id="later", _id="5" * 24)
    later = policy(cast.acme, orders, name="Later", id="later") if event == "goes" else None

    def api():
        return publish.change(orders, orders.definition | {"jwt_default_policies": ["later"]}, author=None)

    def come_or_go():
        return (
            lifecycle.delete(later, author=None)
            if later
            else lifecycle.create(cast.acme.id, wanted, author=None)
        )

    one, other = (api, come_or_go) if first == "the API" else (come_or_go, api)
    answer = second_of_two(cast.acme.id, one, other)
    assert not isinstance(answer, Exception), answer
    assert told(orders) == [("/jwt_default_policies/0", NO_POLICY if event == "goes" else wanted["_id"])]
