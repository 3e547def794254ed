"""What gateways pull of policies: whole, never empty, each under every name it has."""

import json

import pytest

from apis.models import FeedVersion, Outbox
from apis.publishing import feed, packing
from keys.models import PolicyFeed, ServedPolicy
from keys.policies import lifecycle, render, serving
from orgs import scope
from orgs.organisations import lifecycle as organisations
from tests.keys import build as keys
from tests.keys.policies import build


def number():
    return FeedVersion.objects.get().number


def test_without_any_policy_one_that_no_key_can_use_is_served(cast):
    assert build.served() == [json.loads(render.PLACEHOLDER)]
    assert (build.pulled().count, build.pulled().version) == (0, number())


def test_the_list_has_the_policies_of_every_organisation_whatever_the_callers_scope(cast):
    acme, globex = keys.api(cast.acme), keys.api(cast.globex)
    made = [build.policy(cast.acme, acme), build.policy(cast.globex, globex)]
    with scope.org(cast.acme.id):
        found = {each["_id"]: (each["org_id"], list(each["access_rights"])) for each in build.served()}
    assert found == {
        made[0].id: (cast.acme.id, [acme.api_id]),
        made[1].id: (cast.globex.id, [globex.api_id]),
    }


def test_a_policy_numbers_what_gateways_pull_and_leaves_the_list_of_apis_as_it_is(cast):
    api = keys.api(cast.acme)
    apis, before = feed.current(), number()
    with scope.every_org():
        Outbox.objects.all().delete()
    made = build.policy(cast.acme, api)
    with scope.every_org():
        told = list(Outbox.objects.values_list("kind", "subject", "payload"))
    assert (number(), told) == (before + 1, [("reload", made.id, before + 1)])
    assert feed.current() == apis._replace(version=before + 1)
    assert build.pulled().version == before + 1


def test_a_list_that_misses_a_policy_is_no_list(cast):
    made = build.policy(cast.acme, keys.api(cast.acme))
    build.policy(cast.globex, keys.api(cast.globex))
    with scope.every_org():
        ServedPolicy.objects.filter(policy_id=made.id).delete()
        PolicyFeed.objects.update(stamp="made anew")
    for look in (serving.POLICIES.current, serving.POLICIES.outline):
        with pytest.raises(feed.FeedInDoubt, match="has 2 policies, but 1 were found"):
            look()


def test_a_policy_with_an_id_of_its_own_is_served_under_both_of_its_names(cast):
    made = build.policy(cast.acme, keys.api(cast.acme), id="ns/gold".replace("/", "."))
    found = build.served()
    assert [(each["_id"], each["id"]) for each in found] == [
        (made.id, ""),
        (render.derived_id("ns.gold"), "ns.gold"),
    ]
    assert [{**each, "_id": "", "id": ""} for each in found] == [{**found[0], "_id": "", "id": ""}] * 2
    assert build.pulled().count == 1


def test_what_an_older_version_made_is_served_anew_with_one_message_an_organisation(cast):
    build.policy(cast.acme, keys.api(cast.acme))
    build.policy(cast.globex, keys.api(cast.globex))
    right = build.served()
    with scope.every_org():
        ServedPolicy.objects.update(body=b"{}", packed=packing.pack(b"{}"), made_by="older")
        before = number()
        assert serving.serve_again() == 2
        assert (build.served(), number()) == (right, before + 2)
        assert (serving.serve_again(), number()) == (0, before + 2)
        ServedPolicy.objects.update(made_by="older")
        assert (serving.serve_again(), number()) == (0, before + 2)
        assert set(ServedPolicy.objects.values_list("made_by", flat=True)) == {serving.made_by()}


def test_an_organisation_that_departs_takes_its_policies_along(cast):
    build.policy(cast.acme, keys.api(cast.acme))
    build.policy(cast.acme, name="Other")
    left = build.policy(cast.globex, keys.api(cast.globex))
    with scope.every_org():
        organisations.delete(cast.acme, actor=cast.super_user)
    assert [each["_id"] for each in build.served()] == [left.id]
    with scope.every_org():
        assert PolicyFeed.objects.get().policies == 1


def test_the_last_policy_goes_and_the_list_is_not_empty(cast):
    made = build.policy(cast.acme, keys.api(cast.acme))
    with scope.org(cast.acme.id):
        lifecycle.delete(made, author=None)
    assert build.served() == [json.loads(render.PLACEHOLDER)]
