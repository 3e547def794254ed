"""Definitions give policies to tokens that others sign: the organisation's own, or the definition is refused."""

import json

import pytest

from apis.models import ApiDefinition
from apis.publishing import publish
from apis.publishing.refusals import Invalid
from keys.policies import lifecycle
from keys.policies.use.naming import apis_naming
from orgs import scope
from orgs.models import User
from tests.keys import build
from tests.keys.policies.build import policy

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


@pytest.fixture
def theirs(cast):
    return policy(cast.globex, build.api(cast.globex, "Theirs"), name="Theirs", id="their-plan")


def refused(verb, *arguments, **named):
    with pytest.raises(Invalid) as error:
        verb(*arguments, **named)
    return [(problem.pointer, problem.message) for problem in error.value.problems]


def words(id):
    return f"There is no policy {id!r} in this organisation."


@pytest.mark.parametrize("pointer", PLACES)
def test_every_place_takes_own_policies_by_either_id_and_no_others(cast, orders, gold, theirs, pointer):
    for id in (theirs.id, "their-plan", "0" * 24, gold.id.upper(), "GOLD-PLAN"):
        changed = orders.definition | PLACES[pointer](id)
        with scope.org(cast.acme.id):
            assert refused(publish.change, orders, changed, author=None) == [(pointer, words(id))]
    for id in (gold.id, "gold-plan", ""):
        with scope.org(cast.acme.id):
            publish.change(orders, orders.definition | PLACES[pointer](id), author=None)


def test_every_door_refuses_a_foreign_and_an_unknown_policy_in_the_same_words(cast, client_for, rest, orders):
    theirs = policy(cast.globex, build.api(cast.globex, "Theirs"), name="Theirs")
    page, wire = client_for(cast.acme_admin), rest(cast.acme_admin)
    said = {}
    for name, id in (("foreign", theirs.id), ("unknown", "0" * 24)):
        new = build.definition("New", "/acme/new/", jwt_default_policies=[id])
        changed = orders.definition | {"jwt_default_policies": [id]}
        wrapped = {"api_definition": new | {"org_id": cast.acme.id}}
        form = {"text": json.dumps(changed), "started_from": 1, "save": "yes"}
        answers = (
            wire.post("/api/apis", wrapped, "application/json"),
            wire.put(f"/api/apis/{orders.id}", {"api_definition": changed}, "application/json"),
            page.post("/o/acme/apis/new/?as=json", {"text": json.dumps(new)}),
            page.post(f"/o/acme/apis/{orders.id}/edit/?as=json", form),
        )
        texts = [answer.content.decode().replace(id, "…").replace("&#x27;", "'") for answer in answers]
        assert ["There is no policy '…' in this organisation." in text for text in texts] == [True] * 4, texts
        said[name] = [answer.status_code for answer in answers]
    assert said["foreign"] == said["unknown"]
    with scope.every_org():
        assert ApiDefinition.objects.filter(org=cast.acme).count() == 1
        assert ApiDefinition.objects.get(id=orders.id).revision == 1


def test_a_revision_that_names_a_policy_which_has_gone_is_not_restored(cast, client_for, orders, gold):
    with scope.org(cast.acme.id):
        publish.change(orders, orders.definition | {"jwt_default_policies": ["gold-plan"]}, author=None)
        publish.change(orders, orders.definition | {"jwt_default_policies": []}, author=None)
        lifecycle.delete(gold, author=None)
    page = client_for(cast.acme_admin)
    answer = page.post(f"/o/acme/apis/{orders.id}/history/2/", {"started_from": 3}, follow=True)
    assert words("gold-plan") in answer.content.decode().replace("&#x27;", "'")
    with scope.org(cast.acme.id):
        assert ApiDefinition.objects.get(id=orders.id).revision == 3


def test_an_api_is_still_changed_when_a_policy_that_it_names_has_gone(cast, client_for, orders, gold):
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
    with scope.org(cast.acme.id):
        lifecycle.delete(gold, author=None)
        kept = publish.change(api, api.definition | {"name": "Renamed"}, author=None)
        assert kept.name == "Renamed"
        again = kept.definition | {"jwt_default_policies": ["gold-plan", "0" * 24]}
        assert refused(publish.change, kept, again, author=None) == [
            ("/jwt_default_policies/1", words("0" * 24))
        ]
