"""What gateways write back of a key with policies is left alone, whatever nobody offered is not."""

from itertools import permutations

import pytest

from apis.definitions.rules.targets import NOWHERE
from keys.keys.session import Limits, session
from keys.policies.effect.effective import effective
from keys.policies.render import nothing
from keys.sessions.merged import accepted, granted_apis, has_quota, scopes, with_periods
from tests.keys.keys.test_session import CREATED

ORG, STRANGE = "a" * 24, "5" * 24
A, B = "1" * 32, "2" * 32
NOW = 1_800_000_000


def right(api_id, **limit):
    return {
        "api_id": api_id,
        "apiid": api_id,
        "api_name": "x",
        "versions": ["Default"],
        "limit": limit or None,
    }


def policy(id, *apis, **members):
    rights = {api_id: right(api_id) for api_id in apis} or nothing()
    return {"_id": id, "id": "", "org_id": ORG, "access_rights": rights, **members}


GOLD = policy("c" * 24, A, rate=10, per=60, quota_max=100, quota_renewal_rate=3600, tags=["gold"])
BULK = policy("d" * 24, A, B, rate=500, per=60, quota_max=-1, meta_data={"tier": 2}, last_updated="9")
LIMITS = policy(
    "e" * 24, A, quota_max=7, quota_renewal_rate=60, partitions={"quota": True, "acl": False}, tags=["slow"]
)
SPEED = policy("f" * 24, B, rate=3, per=1, partitions={"rate_limit": True, "acl": True}, hmac_enabled=True)
BULK_ACL = policy("7" * 24, A, B, partitions={"acl": True})
EACH = policy("9" * 24, partitions={"per_api": True}, rate=9, per=3)
EACH["access_rights"] = {A: right(A, rate=4, per=2, quota_max=50, quota_renewal_rate=60), B: right(B)}


def ours(*policies, **changes):
    values = {"org_id": ORG, "apis": (), "rights": (), "limits": Limits(), "tags": ["own"]}
    values |= {"meta_data": {"tier": 1}, "created_at": CREATED, "updated_at": CREATED} | changes
    return session(policies=[each["_id"] for each in policies], **values)


def merged(session, policies, generation):
    """What a gateway of this generation works with, as it would write it back."""
    return effective(session, {each["_id"]: each for each in policies}, generation, api_org=ORG).session


def test_a_key_with_policies_names_them_sets_no_limit_that_it_has_not_and_opens_nothing_by_itself():
    made = ours(GOLD, BULK)
    assert (made["apply_policies"], made["access_rights"]) == ([GOLD["_id"], BULK["_id"]], nothing())
    assert {name: made[name] for name in ("rate", "quota_max", "quota_remaining")} == {
        "rate": 0,
        "quota_max": 0,
        "quota_remaining": 0,
    }
    own = ours(GOLD, limits=Limits(rate=5, per=1, quota_max=9, quota_renewal_rate=60))
    assert [own[name] for name in ("rate", "per", "quota_max", "quota_remaining")] == [5, 1, 9, 9]


def test_a_suspended_key_has_no_policies_for_newer_gateways_would_let_them_decide():
    made = ours(GOLD, suspended=True)
    assert ("apply_policies" in made, made["is_inactive"], made["access_rights"]) == (False, True, nothing())
    for generation in ("3.0", "5"):
        seen = effective(made, {}, generation, api_org=ORG).session
        assert (seen["is_inactive"], list(seen["access_rights"])) == (True, [NOWHERE])


@pytest.mark.parametrize("generation", ["3.0", "5"])
@pytest.mark.parametrize(
    "policies",
    [
        order
        for each in (
            [GOLD],
            [BULK],
            [GOLD, BULK],
            [GOLD, LIMITS],
            [GOLD, BULK, LIMITS],
            [SPEED, LIMITS],
            [EACH],
        )
        for order in permutations(each)
    ],
    ids=lambda policies: "-".join(each["_id"][0] for each in policies) if isinstance(policies, tuple) else "",
)
@pytest.mark.parametrize("limits", [Limits(), Limits(rate=50, per=60, quota_max=20, quota_renewal_rate=30)])
def test_what_a_gateway_makes_of_it_is_accepted_and_made_of_that_again(generation, policies, limits):
    made = ours(*policies, limits=limits)
    assert accepted(made, made, policies)
    once = merged(made, policies, generation)
    for _ in range(3):
        assert accepted(made, once | {"quota_renews": NOW, "apply_policy_id": policies[0]["_id"]}, policies)
        once = merged(once, policies, generation)


@pytest.mark.parametrize(
    "change",
    [
        {"org_id": "b" * 24},
        {"apply_policies": [STRANGE]},
        {"apply_policies": [GOLD["_id"], STRANGE]},
        {"apply_policies": []},
        {"apply_policy_id": STRANGE},
        {"access_rights": {}},
        {"access_rights": None},
        {"access_rights": [A]},
        {"access_rights": {A: {}, STRANGE: {}}},
        {"access_rights": {A: {"api_id": STRANGE}}},
        {"access_rights": {A: {"limit": {"rate": 11, "per": 60}}}},
        {"access_rights": {A: {"limit": {"quota_max": -1}}}},
        {"access_rights": {A: {"limit": []}}},
        {"access_rights": {A: "all"}},
        {"Access_Rights": {STRANGE: {"api_id": STRANGE}}},
        {"is_inactive": True},
        {"rate": 11},
        {"rate": -1},
        {"quota_max": -1},
        {"quota_renewal_rate": 1},
        {"max_query_depth": -1},
        {"throttle_interval": 5},
        {"expires": 1},
        {"alias": "other"},
        {"tags": []},
        {"tags": ["own", "gold", "mine"]},
        {"tags": "own"},
        {"tags": [{}]},
        {"meta_data": {}},
        {"meta_data": {"tier": 7}},
        {"meta_data": {"tier": 1, "policies": [{"access_rights": {STRANGE: {}}}]}},
        {"meta_data": []},
        {"hmac_enabled": True},
        {"certificate": "x"},
    ],
    ids=str,
)
@pytest.mark.parametrize("generation", ["3.0", "5"])
def test_what_nobody_offered_is_found(change, generation):
    made = ours(GOLD)
    written = merged(made, [GOLD], generation)
    assert accepted(made, written, [GOLD])
    assert not accepted(made, written | change, [GOLD])
    assert not accepted(made, made | change, [GOLD])


def test_nothing_is_not_accepted():
    assert not accepted(ours(GOLD), None, [GOLD])


def test_what_a_policy_said_before_it_was_changed_is_found():
    made, written = ours(GOLD), merged(ours(GOLD), [GOLD], "3.0")
    for change in ({"rate": 5}, {"quota_max": 5}, {"tags": []}, policy("", B)):
        assert not accepted(made, written, [GOLD | change | {"_id": GOLD["_id"]}])
    denied = GOLD | {"is_inactive": True}
    assert accepted(made, merged(made, [denied], "3.0"), [denied])
    assert not accepted(made, merged(made, [denied], "3.0"), [GOLD])


def test_a_key_whose_policies_are_gone_or_only_limit_accepts_no_right():
    made, written = ours(GOLD, LIMITS), merged(ours(GOLD, LIMITS), [GOLD, LIMITS], "5")
    assert not accepted(made, written, [])
    assert not accepted(made, written, [LIMITS])
    assert (granted_apis([LIMITS]), granted_apis([GOLD, BULK]), granted_apis([EACH])) == (
        set(),
        {A, B},
        {A, B},
    )


def test_a_quota_period_that_gateways_have_begun_goes_on_for_what_policies_open_and_nothing_else():
    begun = {"quota_max": 100, "quota_renews": NOW + 60, "quota_remaining": 40}
    stored = merged(ours(GOLD), [GOLD], "5") | {"quota_renews": NOW + 60, "quota_remaining": 40}
    stored["access_rights"] = {A: {"limit": begun}, STRANGE: {"limit": begun}, B: {"limit": begun}}
    made = with_periods(ours(GOLD), stored, [GOLD], NOW)
    assert made == ours(GOLD) | {
        "quota_renews": NOW + 60,
        "quota_remaining": 40,
        "access_rights": nothing()
        | {
            A: {
                "api_id": A,
                "api_name": "",
                "versions": [],
                "limit": {"quota_renews": NOW + 60, "quota_remaining": 40},
            }
        },
    }
    assert accepted(ours(GOLD), made, [GOLD])
    for generation in ("3.0", "5"):
        limits = merged(made, [GOLD], generation)["access_rights"][A]["limit"]
        assert (limits["quota_max"], limits["quota_renews"]) == (100, NOW + 60)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        {},
        {"quota_renews": NOW - 1, "access_rights": {A: {"limit": {"quota_renews": NOW - 1}}}},
        {"quota_renews": "x", "access_rights": {A: {"limit": {"quota_renews": True}}}},
        {"quota_renews": 2**70, "access_rights": {A: {"limit": {"quota_renews": 2**70}}}},
        {"access_rights": {A: {"limit": []}, B: None}},
        {"access_rights": [A]},
    ],
)
def test_a_period_that_is_over_or_never_was_begins_now_as_gateways_of_3_0_need_it(stored):
    begun = {"api_id": A, "api_name": "", "versions": [], "limit": {"quota_renews": NOW + 3600}}
    made = with_periods(ours(GOLD), stored, [GOLD], NOW)
    assert made == ours(GOLD) | {"quota_renews": NOW + 3600, "access_rights": nothing() | {A: begun}}
    assert accepted(ours(GOLD), made, [GOLD])
    assert merged(made, [GOLD], "3.0")["access_rights"][A]["limit"]["quota_renews"] == NOW + 3600
    assert with_periods(ours(BULK, SPEED), stored, [BULK, SPEED], NOW) == ours(BULK, SPEED)


def test_each_api_of_several_policies_begins_the_period_of_its_own_quota():
    each = policy("8" * 24, B, quota_max=5, quota_renewal_rate=60)
    made = with_periods(ours(GOLD, each), None, [GOLD, each], NOW)
    limits = merged(made, [GOLD, each], "3.0")["access_rights"]
    assert [limits[api_id]["limit"]["quota_renews"] for api_id in (A, B)] == [NOW + 3600, NOW + 60]


def test_a_quota_that_a_policy_sets_on_what_another_opens_begins_a_period():
    made = with_periods(ours(BULK_ACL, LIMITS), None, [BULK_ACL, LIMITS], NOW)
    written = merged(made, [BULK_ACL, LIMITS], "3.0")
    assert (written["quota_max"], written["quota_renews"]) == (7, NOW + 60)
    # Counted as the whole key; with a limit of its own, even if only a period, it would have no quota.
    assert "limit" not in written["access_rights"][A]
    limit = written["access_rights"][B]["limit"]
    assert (limit["quota_max"], limit["quota_renews"]) == (7, NOW + 60)


def test_what_is_left_of_another_quota_is_not_left_of_the_keys_own():
    own = ours(GOLD, limits=Limits(quota_max=100, quota_renewal_rate=60))
    stored = {"quota_max": 5, "quota_remaining": 3, "quota_renews": NOW + 50}
    assert with_periods(own, stored, [GOLD], NOW)["quota_remaining"] == 100


def test_requests_are_counted_by_policy_and_by_api_where_limits_are_per_api():
    assert scopes([GOLD, EACH]) == [GOLD["_id"], EACH["_id"], A, B]
    assert [has_quota([each]) for each in (GOLD, EACH, SPEED, BULK)] == [True, True, False, False]
