"""Codes that clients trade at gateways for tokens: what lies in Redis, and what no code is made for."""

import json
from urllib.parse import urlencode

import pytest

from keys.keys.session import parsed
from keys.oauth import lifecycle
from keys.oauth.authorisation import asked_from, authorise
from keys.oauth.refusals import Stale
from orgs import scope
from orgs.models import AuditEntry, User
from tests.keys.build import deliver
from tests.keys.oauth import build
from tests.keys.policies.build import policy

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
CODES = {"allowed_access_types": ["authorization_code"], "allowed_authorize_types": ["code"]}
TWO = "https://app.example/back?a=1,shop://back"


@pytest.fixture
def protected(cast):
    return build.api(cast.acme, oauth_meta=CODES)


@pytest.fixture
def gold(cast, protected):
    return policy(cast.acme, protected, id="gold-plan")


@pytest.fixture
def shop(cast, protected, gold):
    return build.client(cast.acme, protected, gold, client_id="shop", redirect_uri=TWO)[0]


@pytest.fixture
def ada(cast, rest):
    return rest(cast.acme_admin)


def ask(person, api, content=JSON, **members):
    sent = {"response_type": "code", "client_id": "shop", **members}
    path = f"/api/apis/oauth/{getattr(api, 'api_id', api)}/authorize-client"
    return person.post(path, sent if content == JSON else urlencode(sent), content)


def codes(redis):
    return sorted(redis.scan_iter("*oauth-authorize*"))


def refused(answer):
    return answer.status_code, answer.json()["Message"]


def test_a_code_lies_in_redis_as_gateways_read_it_and_without_the_secret(ada, protected, gold, shop, redis):
    answer = ask(ada, protected, state="x y", scope="read").json()
    code = answer["code"]
    assert answer == {
        "code": code,
        "redirect_to": f"https://app.example/back?a=1&code={code}&state=x+y",
        "state": "x y",
    }
    (place,) = codes(redis)
    assert place.decode() == f"oauth-data.{protected.api_id}.oauth-authorize.{code}"
    assert 240 < redis.ttl(place) <= 250
    stored = json.loads(redis.get(place))
    assert stored | {"CreatedAt": ""} == {
        "Client": {"id": "shop", "secret": "", "redirecturi": TWO, "policyid": gold.id},
        "Code": code,
        "ExpiresIn": 250,
        "Scope": "read",
        "RedirectUri": "https://app.example/back?a=1",
        "State": "x y",
        "CreatedAt": "",
        "UserData": "",
    }
    with scope.org(shop.org_id):
        entry = AuditEntry.objects.get(action="oauth-client.authorised")
    assert (entry.changes["redirect_uri"], code in str(entry.changes)) == (
        [None, "https://app.example/back?a=1"],
        False,
    )


def test_a_form_names_one_of_the_addresses_and_whose_the_tokens_are(ada, protected, gold, shop, redis):
    rules = {
        "alias": "jo",
        "tags": ["t"],
        "meta_data": {"user": 0},
        "apply_policies": ["gold-plan"],
        "org_id": shop.org_id,
        "rate": 0,
        "access_rights": {},
        "expires": 5,
        "monitor": {"trigger_limits": None},
    }
    answer = ask(ada, protected, FORM, redirect_uri="shop%3A%2F%2Fback", key_rules=json.dumps(rules)).json()
    assert answer["redirect_to"] == f"shop://back?code={answer['code']}"
    stored = json.loads(redis.get(codes(redis)[0]))
    made = parsed(stored["UserData"].encode())
    kept = ("alias", "tags", "meta_data", "apply_policies", "org_id", "oauth_client_id", "rate", "expires")
    assert {name: made[name] for name in kept} == {
        "alias": "jo",
        "tags": ["t"],
        "meta_data": {"user": 0},
        "apply_policies": [gold.id],
        "org_id": shop.org_id,
        "oauth_client_id": "shop",
        "rate": 0,
        "expires": 0,
    }
    # Never empty, which would open everything, and no API's.
    assert made["access_rights"].keys().isdisjoint({"", protected.api_id})
    assert made["access_rights"]


def test_nothing_of_an_address_is_another_but_that_the_code_is_added(cast, ada, protected, *, gold):
    own = ("shop:///back", "https://[app/?b=2&a=1&b=1&code=old", "HTTPS://app.example?")
    build.client(cast.acme, protected, gold, client_id="odd", redirect_uri=",".join(own))
    answers = [ask(ada, protected, client_id="odd", redirect_uri=uri).json() for uri in own]
    assert [answer["redirect_to"].replace(answer["code"], "CODE") for answer in answers] == [
        "shop:///back?code=CODE",
        "https://[app/?a=1&b=2&b=1&code=CODE",
        "HTTPS://app.example?code=CODE",
    ]


def test_nobody_has_a_code_who_may_not_and_for_what_is_not_the_clients(
    cast, ada, rest, protected, *, gold, shop, redis
):
    theirs = build.api(cast.globex, "Theirs", oauth_meta=CODES)
    build.client(cast.globex, theirs, policy(cast.globex, theirs, id="their-plan"), client_id="their-shop")
    implicit = build.api(cast.acme, "Implicit", oauth_meta={"allowed_authorize_types": ["token"]})
    build.client(cast.acme, implicit, gold, client_id="shop")
    suspended, _ = build.client(cast.acme, protected, gold, client_id="asleep")
    with scope.org(cast.acme.id):
        lifecycle.set_suspended(suspended, True)
    User.everyone.filter(pk=cast.acme_member.pk).update(permissions={"oauth": "read"})
    reader = rest(User.everyone.get(pk=cast.acme_member.pk))
    assert ask(reader, protected).status_code == 403
    from_policy = "Comes from the client's policy."
    for answer, *sent in (
        ((404, "API not found"), theirs, {}),
        ((404, "API not found"), theirs, {"client_id": "their-shop"}),
        ((404, "OAuth client not found"), protected, {"client_id": "their-shop"}),
        ((400, "client_id: Must be a string."), protected, {"client_id": {}}),
        ((400, "client_id: Is suspended: gateways do not know it."), protected, {"client_id": "asleep"}),
        (
            (400, "response_type: Must be code: tokens are given by gateways alone."),
            protected,
            {"response_type": "token"},
        ),
        (
            (
                400,
                "response_type: This API gives no codes: its oauth_meta.allowed_authorize_types has no code.",
            ),
            implicit,
            {},
        ),
        (
            (400, "redirect_uri: Is none of this client's."),
            protected,
            {"redirect_uri": "https://app.example/back"},
        ),
        ((400, "redirect_uri: Is none of this client's."), protected, {"redirect_uri": TWO}),
        ((400, "state: Must not be longer than 2,000 characters."), protected, {"state": "x" * 2_001}),
        (
            (400, "key_rules: Must be JSON: Expecting value at line 1 column 2."),
            protected,
            {"key_rules": "["},
        ),
        ((400, "key_rules: Must be an object."), protected, {"key_rules": [1]}),
        (
            (400, f"key_rules.access_rights: {from_policy}"),
            protected,
            {"key_rules": {"access_rights": {theirs.api_id: {}}}},
        ),
        (
            (400, f"key_rules.Access_Rights: {from_policy}"),
            protected,
            {"key_rules": {"Access_Rights": {theirs.api_id: {"api_id": theirs.api_id}}}},
        ),
        ((400, f"key_rules.rate: {from_policy}"), protected, {"key_rules": {"rate": 5}}),
        ((400, f"key_rules.Alias: {from_policy}"), protected, {"key_rules": {"Alias": "jo"}}),
        (
            (400, "key_rules.apply_policies: Must be the client's policy, not 'their-plan'."),
            protected,
            {"key_rules": {"apply_policies": ["gold-plan", "their-plan"]}},
        ),
        (
            (400, "key_rules.apply_policy_id: Must be the client's policy, not 'their-plan'."),
            protected,
            {"key_rules": {"apply_policy_id": "their-plan"}},
        ),
        (
            (400, "key_rules.org_id: Must be the client's organisation."),
            protected,
            {"key_rules": {"org_id": cast.globex.id}},
        ),
        ((400, "key_rules.tags: Must be a list of strings."), protected, {"key_rules": {"tags": [{}, 1]}}),
        (
            (400, "key_rules.alias: Must be a string of 200 characters at most."),
            protected,
            {"key_rules": {"alias": ["x"]}},
        ),
    ):
        api, members = sent
        assert (refused(ask(ada, api, **members)), members) == (answer, members)
    status, message = refused(ask(ada, protected, key_rules={"meta_data": {"rate_limit_pattern": "x"}}))
    assert (status, message.partition(":")[0]) == (400, "key_rules.meta_data.rate_limit_pattern")
    nul = refused(ask(ada, protected, FORM, client_id="a\0"))
    assert nul == (400, "client_id: Must not hold a NUL character.")
    assert codes(redis) == []


def test_a_client_that_changes_meanwhile_leaves_no_code(cast, protected, shop, redis):
    with scope.org(cast.acme.id):
        lifecycle.change(shop, {"description": "other"})
        asked = asked_from({"response_type": "code", "client_id": "shop"})
        with pytest.raises(Stale):
            authorise(shop, asked, ["code"], redis)
    assert codes(redis) == []


def test_another_policy_or_the_end_of_a_client_ends_its_codes(cast, ada, protected, *, shop, redis):
    other = policy(cast.acme, protected, name="Silver")
    ask(ada, protected, key_rules={"alias": "jo"})
    with scope.org(cast.acme.id):
        lifecycle.change(shop, {"policy_id": other.id})
    deliver(redis)
    assert codes(redis) == []
    ask(ada, protected)
    assert len(codes(redis)) == 1
    with scope.org(cast.acme.id):
        lifecycle.delete(build.now(shop))
    deliver(redis)
    assert codes(redis) == []


def test_without_redis_there_is_no_code(ada, protected, shop, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert ask(ada, protected).status_code == 503
    with scope.org(shop.org_id):
        assert not AuditEntry.objects.filter(action="oauth-client.authorised").exists()
