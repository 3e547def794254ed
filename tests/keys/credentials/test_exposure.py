"""Nothing that is saved lets whoever knows the name of a user call an API without the password, nor whoever knows the
fingerprint of a certificate without that, by policies either: gateways take both for a token (seen)."""

import json

import pytest

from apis.models import ApiDefinition, Outbox
from apis.publishing import publish
from keys.credentials.exposure import BY_POLICY, STAYS
from keys.keys import lifecycle as keys
from keys.keys.parameters import SessionError
from keys.models import Key, Policy
from keys.policies import lifecycle
from keys.policies.refusals import Invalid
from orgs import scope
from tests.apis.pages import published
from tests.concurrency import second_of_two
from tests.keys import build
from tests.keys.policies.build import document, policy

JSON = "application/json"
SECRET = {"password": "long enough"}
# By the kind of key, what an API that asks for its secret says.
ASKING = {
    "basic": {"use_basic_auth": True},
    "certificate": {"auth": {"auth_header_name": "Authorization", "use_certificate": True}},
}
NOT_ASKING = {
    "basic": {"use_basic_auth": False},
    "certificate": {"auth": {"auth_header_name": "Authorization"}},
}


class World:
    """A policy of acme for users or certificates, which opened an API for tokens in its first revision; `has`: whether
    such a key has it."""

    def __init__(self, cast, client_for, rest, admin_client, *, kind="basic", has):
        self.org, self.page, self.rest = cast.acme, client_for(cast.acme_admin), rest(cast.acme_admin)
        self.admin = admin_client
        self.tokens = build.api(cast.acme, "Tokens")
        self.guarded = build.api(cast.acme, "Guarded", **ASKING[kind])
        self.bare = self.guarded.definition | NOT_ASKING[kind]
        self.plan = policy(cast.acme, self.tokens, id="plan")
        self.wanted = document("Gold", self.guarded, self.tokens, _id=self.plan.id, id="plan")
        with scope.org(cast.acme.id):
            without = document("Gold", self.guarded)
            self.plan = lifecycle.change(self.plan, without, author=None)
        if has:
            holder, _ = user(cast.acme, self.plan) if kind == "basic" else by_token(cast.acme, self.plan)
            with scope.org(cast.acme.id):
                Key.objects.filter(id=holder.id).update(credential=kind)

    def form(self, **more):
        return {"text": json.dumps(self.wanted), "started_from": self.plan.revision, **more}


def user(org, plan):
    spec = keys.KeySpec(policies=(plan.id,), secrets=SECRET)
    return build.inside(org, keys.create, org.id, spec, created_by="test", key_id="jonas")


def by_token(org, plan):
    return build.inside(org, keys.create, org.id, keys.KeySpec(policies=(plan.id,)), created_by="test")


def edited(world, **more):
    return world.page.post(f"/o/acme/policies/{world.plan.id}/edit/?as=json", world.form(**more), follow=True)


POLICY_DOORS = {
    "REST": lambda w: w.rest.put("/api/portal/policies/plan", w.wanted, content_type=JSON),
    "page, before it is saved": edited,
    "page, saved": lambda w: edited(w, save="yes"),
    "restored": lambda w: w.page.post(
        f"/o/acme/policies/{w.plan.id}/history/1/", {"started_from": w.plan.revision}, follow=True
    ),
    "brought": lambda w: w.admin.post(
        "/admin/policies/import", {"Data": [w.wanted | {"org_id": w.org.id}]}, content_type=JSON
    ),
}


API_DOORS = {
    "REST": lambda w: w.rest.put(f"/api/apis/{w.guarded.id}", {"api_definition": w.bare}, content_type=JSON),
    "REST, for all": lambda w: w.rest.put(
        f"/api/apis/{w.guarded.id}",
        {"api_definition": w.bare | {"use_keyless": True}},
        content_type=JSON,
    ),
    "page": lambda w: published(
        w.page,
        f"/o/acme/apis/{w.guarded.id}/edit/?as=json",
        {"text": json.dumps(w.bare | {"enable_jwt": True}), "started_from": 1},
    ),
}
DOORS = {
    **{("policy", door): BY_POLICY for door in POLICY_DOORS},
    **{("api", door): {kind: fault.message for kind, fault in STAYS.items()} for door in API_DOORS},
}


def state():
    with scope.every_org():
        revisions = [
            list(model.objects.order_by("id").values_list("revision", flat=True))
            for model in (Policy, ApiDefinition)
        ]
        return revisions, Outbox.objects.count()


def text(answer):
    return answer.content.decode().replace("&#x27;", "'")


@pytest.fixture
def world_of(cast, client_for, rest, admin_client):
    return lambda **named: World(cast, client_for, rest, admin_client, **named)


@pytest.fixture
def world(world_of):
    return world_of(has=True)


@pytest.mark.parametrize("credential", ASKING)
def test_no_door_opens_an_api_to_whoever_knows_the_name_of_a_key(world_of, credential):
    world = world_of(kind=credential, has=True)
    before = state()
    said = {}
    for (kind, door), words in DOORS.items():
        answer = (POLICY_DOORS if kind == "policy" else API_DOORS)[door](world)
        said[kind, door] = words[credential] in text(answer), answer.status_code
        assert state() == before, door
    seen = {door: (True, 200 if door[1] == "restored" else 400) for door in DOORS}
    assert said == seen


@pytest.mark.parametrize("door", [*POLICY_DOORS, *API_DOORS])
def test_what_no_user_has_is_changed_by_every_door(cast, world_of, door):
    world = world_of(has=False)
    by_token(cast.acme, world.plan)
    ended, _ = user(cast.acme, world.plan)
    build.inside(cast.acme, keys.revoke, ended)
    before = state()
    answer = {**API_DOORS, **POLICY_DOORS}[door](world)
    assert answer.status_code in (200, 302)
    assert (state() != before) == (door != "page, before it is saved")


def test_what_a_policy_opens_already_stays_and_is_changed_in_other_ways(world):
    """It may have been stored before this was asked, or by way of one that only limited."""
    with scope.org(world.org.id):
        ApiDefinition.objects.filter(id=world.guarded.id).update(auth="token")
        changed = lifecycle.change(world.plan, world.plan.document | {"rate": 5}, author=None)
        api = ApiDefinition.objects.get(id=world.guarded.id)
        api = publish.change(api, world.bare | {"enable_jwt": True}, author=None)
        limits = {"partitions": {"rate_limit": True}}
        limiting = lifecycle.change(changed, changed.document | limits, author=None)
        with pytest.raises(Invalid) as refused:
            lifecycle.change(limiting, limiting.document | {"partitions": {"acl": True}}, author=None)
        assert [problem.pointer for problem in refused.value.problems] == [
            f"/access_rights/{world.guarded.api_id}"
        ]
        # What only limits opens none.
        asking = publish.change(api, world.guarded.definition, author=None)
        assert [api.auth, asking.auth] == ["JWT", "basic"]
        assert publish.change(asking, world.bare, author=None).auth == "token"


@pytest.mark.parametrize("first", ["the user", "the policy", "the API"])
def test_of_a_user_and_what_would_open_to_his_name_the_second_is_refused(committed, cast, world_of, first):
    world = world_of(has=False)
    kind, change = {
        "the policy": (SessionError, lambda: lifecycle.change(world.plan, world.wanted, author=None)),
        "the API": (
            SessionError,
            lambda: publish.change(world.guarded, world.bare, author=None),
        ),
        "the user": (Invalid, lambda: user(cast.acme, world.plan)),
    }[first]
    other = (
        (lambda: lifecycle.change(world.plan, world.wanted, author=None))
        if first == "the user"
        else (lambda: user(cast.acme, world.plan))
    )
    assert type(second_of_two(cast.acme.id, change, other)) is kind
