import pytest

from keys.keys.parameters import (
    MOST_POLICIES,
    NO_GRANT,
    NO_RIGHTS,
    SessionError,
    no_such_policy,
    policies_from,
    rights_from,
    values_from,
)
from keys.keys.session import PolicyFacts, Right
from tests.keys.recorded import API_A, API_B, ORG_A, ORG_B, RECORDED


def refused(call, *arguments):
    with pytest.raises(SessionError) as caught:
        call(*arguments)
    return caught.value.field, caught.value.message


@pytest.mark.parametrize("empty", [{}, None, []])
def test_empty_rights_are_refused(empty):
    expected = "Must be an object of API ids." if empty == [] else NO_RIGHTS
    assert refused(rights_from, empty, [API_A]) == ("access_rights", expected)


def test_a_strangers_api_is_refused_in_the_words_used_for_one_that_does_not_exist():
    assert refused(rights_from, {API_B: {}}, [API_A]) == (
        "access_rights",
        f"There is no API '{API_B}' in this organisation.",
    )
    assert refused(rights_from, {"zzzz": {}}, [API_A]) == (
        "access_rights",
        "There is no API 'zzzz' in this organisation.",
    )


def test_one_strangers_api_among_own_ones_refuses_the_whole():
    assert refused(rights_from, {API_A: {}, API_B: {}}, [API_A])[0] == "access_rights"


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ("x", ""),
        ([], ""),
        ({"api_id": API_B}, ".api_id"),
        ({"versions": "Default"}, ".versions"),
        ({"versions": [1]}, ".versions.0"),
        ({"apiid": API_B}, ".apiid"),
        ({"allowed_urls": [{"url": "/x", "methods": "GET"}]}, ".allowed_urls.0.methods"),
        ({"allowed_urls": [{"url": 5}]}, ".allowed_urls.0.url"),
        ({"allowed_urls": [{"url": "^/(?!x)", "methods": ["GET"]}]}, ".allowed_urls.0.url"),
        ({"limit": []}, ".limit"),
        ({"limit": {"rate": "5"}}, ".limit.rate"),
        ({"limit": {"rate": 5}}, ".limit.per"),
        ({"limit": {"quota_max": 5}}, ".limit.quota_renewal_rate"),
        ({"limit": {"quota_max": -2}}, ".limit.quota_max"),
        ({"limit": {"quota_max": 1.5}}, ".limit.quota_max"),
        ({"limit": {"smoothing": {"enabled": 1}}}, ".limit.smoothing.enabled"),
        ({"Limit": {"rate": 5, "per": 1}}, ".Limit"),
        ({"limit": {"rate": 5, "Rate": 900, "per": 1}}, ".limit.Rate"),
        ({"restricted_types": [{"name": "Query", "fields": [5]}]}, ".restricted_types.0.fields.0"),
        ({"allowed_types": {}}, ".allowed_types"),
        (
            {"field_access_rights": [{"limits": {"max_query_depth": "2"}}]},
            ".field_access_rights.0.limits.max_query_depth",
        ),
        ({"disable_introspection": 1}, ".disable_introspection"),
        (
            {"endpoints": [{"path": "/x", "methods": [{"limit": {"rate": True}}]}]},
            ".endpoints.0.methods.0.limit.rate",
        ),
        ({"json_rpc_methods": [7]}, ".json_rpc_methods.0"),
        ({"json_rpc_methods_access_rights": {"allowed": "all"}}, ".json_rpc_methods_access_rights.allowed"),
        ({"mcp_primitives": [{"type": None, "name": 5}]}, ".mcp_primitives.0.name"),
        ({"mcp_access_rights": {"tools": []}}, ".mcp_access_rights.tools"),
    ],
)
def test_what_an_entry_cannot_be_is_refused_by_name(entry, field):
    assert refused(rights_from, {API_A: entry}, [API_A])[0] == f"access_rights.{API_A}{field}"


def test_members_a_gateway_fills_with_nothing_do_no_harm():
    recorded = RECORDED["written_back"][0]["after"]["access_rights"]
    assert recorded[API_A]["limit"]["rate"] == 0
    assert rights_from(recorded, [API_A]) == [Right(API_A, ("Default",))]


def test_recorded_bodies_that_crossed_organisations_are_refused():
    own = {ORG_A: [API_A], ORG_B: [API_B]}
    verdicts = {}
    for label, recorded in RECORDED["rest_bodies"].items():
        body = recorded["body"]
        try:
            rights_from(values_from(body).get("access_rights"), own.get(body["org_id"], []))
            verdicts[label] = "taken"
        except SessionError as error:
            verdicts[label] = error.field
    assert verdicts == {
        "a-one": "taken",
        "b-one": "taken",
        "a-quota": "taken",
        "a-inactive": "taken",
        "a-perapi-limit": "taken",
        # Of these the form says more, for it knows the policies (keys.keys.forms).
        "a-policy-only": "access_rights",
        "a-policy-unknown": "taken",
        "b-policy-of-a": "taken",
        "a-unknown-api": "access_rights",
        "a-empty-rights": "access_rights",
        "no-org": "access_rights",
        "a-rights-on-b": "access_rights",
        "mixed-rights": "access_rights",
        "hmac": "taken",
    }


def test_a_session_read_from_a_gateway_can_be_sent_back():
    recorded = RECORDED["written_back"][0]["after"]
    assert values_from(recorded) == {
        "org_id": ORG_A,
        "alias": "",
        "tags": [],
        "meta_data": {},
        "rate": 1000,
        "per": 60,
        "quota_max": 3,
        "quota_renewal_rate": 3600,
        "expires": 0,
        "is_inactive": False,
        "access_rights": recorded["access_rights"],
        "apply_policy_id": "",
    }


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("alias", 5),
        ("owner", []),
        ("tags", "gold"),
        ("tags", [1]),
        ("meta_data", []),
        ("rate", "100"),
        ("rate", True),
        ("rate", float("inf")),
        ("per", {}),
        ("quota_max", 1.5),
        ("quota_max", 2**63),
        ("quota_renewal_rate", "3600"),
        ("expires", "tomorrow"),
        ("is_inactive", "false"),
        ("is_inactive", 0.0),
        ("all_apis", 1),
        ("org_id", 7),
        ("apply_policies", "5e9d9544a1dcd60001d0ef01"),
        ("apply_policies", [7]),
        ("apply_policy_id", ["x"]),
        ("session_lifetime", "60"),
    ],
)
def test_a_member_of_the_wrong_kind_is_refused_by_name(member, value):
    assert refused(values_from, {member: value})[0] == member


def test_unknown_members_are_passed_over():
    assert values_from({"colour": "red", "quota_remaining": "nonsense", "alias": "x"}) == {"alias": "x"}


OWN_POLICIES = [
    PolicyFacts("a" * 24, "gold", "Gold"),
    PolicyFacts("b" * 24, "b" * 24, "Slow", grants_rights=False),
]


def test_policies_are_named_by_either_id_and_keep_their_order():
    gold, slow = OWN_POLICIES
    assert policies_from(["b" * 24, "gold", "a" * 24], OWN_POLICIES) == [slow, gold]
    assert policies_from(["a" * 24, "b" * 24], OWN_POLICIES) == [gold, slow]
    assert policies_from([], OWN_POLICIES) == []


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["c" * 24], no_such_policy("c" * 24)),
        (["gold", ""], no_such_policy("")),
        (["Gold"], no_such_policy("Gold")),
        (["b" * 24], NO_GRANT),
        ([str(number) for number in range(21)], "Must not be more than 20 policies."),
    ],
)
def test_policies_that_may_not_be_given_are_refused(names, message):
    assert refused(policies_from, names, OWN_POLICIES) == ("apply_policies", message)


def test_a_key_has_as_many_policies_as_it_may_and_no_more():
    own = [PolicyFacts(f"{number:024}", f"p{number}", "") for number in range(MOST_POLICIES + 1)]
    ids = [policy.id for policy in own]
    assert policies_from(ids[:MOST_POLICIES], own) == own[:MOST_POLICIES]
    with pytest.raises(SessionError, match="20 policies"):
        policies_from(ids, own)
