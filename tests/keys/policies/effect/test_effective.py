"""Every recorded answer of both gateways is what the module makes of the same session and policies; see
tests/keys/data/README.md."""

import json
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.policies.effect.applying import PARTITIONS, Refusal
from keys.policies.effect.effective import effective, policy_names
from keys.policies.effect.levels import LIMITS, Setting, values
from keys.policies.effect.merging import interval

RECORDED = json.loads((Path(__file__).parents[2] / "data" / "effective.json").read_text())
ORG = "5e9d9544a1dcd60001d0ed20"
GENERATIONS = ("3.0", "5")
THREE = ["A:", "B:", "C:"]
NOT_COMPARED = ("alias", "org_id", "apply_policies", "apply_policy_id")  # given back as they were
WITHOUT_ORDER = ("json_rpc_methods", "mcp_primitives")


def flat(session):
    """A session as the recordings have it: (member, value), without what is zero, and in order what has none."""
    members = {}
    for name, value in session.items():
        if name == "access_rights":
            for api_id, right in value.items():
                members |= flat_right(f"access_rights.{api_id}", without_zero(right))
        elif name == "meta_data":
            members[name] = value
        elif name not in NOT_COMPARED and (kept := without_zero(value)):
            members[name] = sorted(kept) if name == "tags" else kept
    return {name: value for name, value in members.items() if value != {} or name.count(".") == 1}


def flat_right(path, right):
    for name in WITHOUT_ORDER:
        if name in right:
            right[name] = sorted(right[name], key=json.dumps)
    return {f"{path}.{name}": value for name, value in right.items()} or {path: {}}


def without_zero(value):
    if isinstance(value, dict):
        return {name: kept for name, held in value.items() if (kept := without_zero(held))}
    if isinstance(value, list):
        return [without_zero(entry) for entry in value]
    return value or None


def recorded(numbers):
    members = dict(RECORDED["members"][number] for number in numbers)
    return {
        name: sorted(value, key=json.dumps) if name.endswith(WITHOUT_ORDER) else value or {}
        for name, value in members.items()
    }


CASES = [
    (session | ({"apply_policies": names} if names else {}), generation, *answer)
    for session_name, names, *answers in RECORDED["cases"]
    for session in [RECORDED["sessions"][session_name]]
    for generation, answer in zip(GENERATIONS, answers, strict=True)
]


def allowed_at_once(outcome, api_id):
    """What a request for /session of an API is answered, by the session it is let in with."""
    rights = (outcome.session or {}).get("access_rights")
    if outcome.refusal or (rights and api_id not in rights):
        return "disallowed" if outcome.refusal or not outcome.session.get("is_inactive") else "inactive"
    if outcome.session.get("is_inactive"):
        return "inactive"
    paths = (rights or {}).get(api_id, {}).get("allowed_urls")
    if paths and not any(path["url"] in "/session" and "GET" in (path["methods"] or ()) for path in paths):
        return "resource"
    return "open"


def test_the_recordings_hold_every_kind_of_partition_with_every_other_in_every_order():
    kinds = {name.partition(":")[2] for name in RECORDED["policies"] if name.startswith("A:")}
    held = {tuple(names) for session, names, *_ in RECORDED["cases"] if session == "own"}
    pairs = {pair for one in kinds for other in kinds for pair in permutations((f"A:{one}", f"B:{other}"))}
    orders = {tuple(names) for _, names, *_ in RECORDED["cases"] if sorted(n[:2] for n in names) == THREE}
    assert len(kinds) == 15
    assert pairs <= held
    assert len(orders) == 6 * 38
    assert {order for names in orders for order in permutations(names)} == orders


def test_a_request_is_let_in_or_refused_as_both_gateways_did():
    answers = [
        (allowed_at_once(effective(session, RECORDED["policies"], generation, api_org=ORG), "a"), status)
        for session, generation, status, *_ in CASES
    ]
    assert [pair for pair in answers if pair[0] != pair[1]] == []
    assert len(answers) == 2250


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_session_is_made_as_the_gateway_made_it(generation):
    compared = []
    for session, of_generation, _, *answers in CASES:
        outcome = effective(session, RECORDED["policies"], generation)
        if of_generation == generation and answers and not outcome.refusal:
            drawn = outcome.undetermined
            made = {name: value for name, value in flat(outcome.session).items() if name not in drawn}
            for numbers in answers:
                theirs = {n: value for n, value in recorded(numbers).items() if n not in drawn}
                assert made == theirs, (session, policy_names(session))
            compared.append(session)
    assert len(compared) == {"3.0": 875, "5": 698}[generation]


def test_what_a_gateway_takes_from_any_api_is_what_it_answered_now_one_way_now_another():
    drawn = 0
    for session, generation, _, *answers in CASES:
        outcome = effective(session, RECORDED["policies"], generation)
        if answers and not outcome.refusal:
            made = [recorded(numbers) for numbers in answers]
            varied = {name for name in LIMITS if len({json.dumps(one.get(name)) for one in made}) > 1}
            assert outcome.undetermined == varied
            drawn += bool(varied)
    assert drawn == 20


def policy(**members):
    return {"org_id": ORG, "access_rights": {"a": {}}} | members


def key(*names, **members):
    return {"org_id": ORG, "apply_policies": list(names)} | members


def in_force(outcome, api_id, *names):
    limits = outcome.limits[api_id]
    return tuple((limits[name].value, limits[name].policy) if name in limits else None for name in names)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_each_limit_says_which_policy_set_it_or_the_key(generation):
    policies = {
        "gold": policy(rate=10, per=10, partitions={"rate_limit": True, "acl": True}),
        "big": policy(quota_max=500, quota_renewal_rate=60, partitions={"quota": True, "acl": True}),
    }
    made = effective(key("gold", "big", max_query_depth=3), policies, generation)
    assert made.limits["a"] == {
        "rate": Setting(10, "gold"),
        "per": Setting(10, "gold"),
        "quota_max": Setting(500, "big"),
        "quota_renewal_rate": Setting(60, "big"),
        "max_query_depth": Setting(3, None),
    }
    assert made.granted_by == {"a": ("gold", "big")}


def test_3_0_takes_rate_and_period_each_by_itself_and_5_the_faster_pair():
    policies = {"many": policy(rate=100, per=60), "soon": policy(rate=5, per=1)}
    older, newer = (effective(key("many", "soon"), policies, generation) for generation in GENERATIONS)
    assert in_force(older, "a", "rate", "per") == ((100, "many"), (60, "many"))
    assert in_force(newer, "a", "rate", "per") == ((5, "soon"), (1, "soon"))


def test_3_0_loses_limits_set_apart_from_the_right_on_the_same_api():
    policies = {
        "right": policy(partitions={"acl": True}),
        "limits": policy(
            **{"rate": 2, "per": 60, "quota_max": 5, "quota_renewal_rate": 60},
            partitions={"rate_limit": True, "quota": True, "complexity": True},
        ),
    }
    for order in permutations(policies):
        older, newer = (effective(key(*order), policies, generation) for generation in GENERATIONS)
        assert in_force(older, "a", "rate", "quota_max") == (None, None)
        assert in_force(newer, "a", "rate", "quota_max") == ((2, "limits"), (5, "limits"))


def test_5_asks_policies_alone_whether_a_key_with_any_is_suspended():
    suspended = key("gold", is_inactive=True)
    states = [
        bool(effective(suspended, {"gold": policy(is_inactive=deny)}, generation).session.get("is_inactive"))
        for generation in GENERATIONS
        for deny in (False, True)
    ]
    assert states == [True, True, False, True]


def test_5_takes_policies_from_the_meta_data_of_a_key_whoever_they_say_they_are_of():
    session = {"org_id": ORG, "access_rights": {"a": {}}, "meta_data": {"policies": [
        {"id": "x", "org_id": "another", "access_rights": {"theirs": {}}},
    ]}}  # fmt: skip
    older, newer = (effective(session, {}, generation, api_org="another") for generation in GENERATIONS)
    assert list(older.session["access_rights"]) == ["a"]
    assert newer.granted_by == {"theirs": ("x",)}


def test_a_policy_without_apis_sets_limits_in_3_0_and_refuses_the_key_in_5():
    session = key("limits", access_rights={"a": {}}, rate=100, per=1)
    policies = {"limits": {"org_id": ORG, "rate": 1, "per": 60}}
    older, newer = (effective(session, policies, generation) for generation in GENERATIONS)
    assert in_force(older, "a", "rate", "per") == ((1, "limits"), (60, "limits"))
    assert newer.refusal == Refusal.NO_RIGHTS


@pytest.mark.parametrize(
    ("names", "reasons"),
    [
        (("unknown",), (Refusal.UNKNOWN, Refusal.UNKNOWN)),
        (("unknown", "plain"), (Refusal.UNKNOWN, None)),
        (("foreign",), (Refusal.FOREIGN, Refusal.UNKNOWN)),
        (("foreign", "plain"), (Refusal.FOREIGN, None)),
        (("both",), (Refusal.PER_API_AND_PARTITIONS,) * 2),
        (("per api", "acl"), (None, Refusal.MIXED)),
        (("acl", "per api"), (Refusal.MIXED,) * 2),
        (("plain", "per api"), (Refusal.MIXED, None)),
        (("per api", "per api again"), (Refusal.MIXED, None)),
        (("per api", "acl elsewhere"), (None, Refusal.MIXED)),
        (("quota",), (None, Refusal.NO_RIGHTS)),
    ],
)
def test_a_refused_key_says_why(names, reasons):
    policies = {
        "plain": policy(),
        "foreign": policy(org_id="another"),
        "both": policy(partitions={"per_api": True, "acl": True}),
        "per api": policy(partitions={"per_api": True}),
        "per api again": policy(partitions={"per_api": True}),
        "acl": policy(partitions={"acl": True}),
        "acl elsewhere": policy(partitions={"acl": True}, access_rights={"b": {}}),
        "quota": policy(partitions={"quota": True}),
    }
    session = key(*names, access_rights={"a": {}})
    made = [effective(session, policies, generation, api_org=ORG) for generation in GENERATIONS]
    assert tuple(outcome.refusal for outcome in made) == reasons
    assert [outcome.session is None for outcome in made] == [reason is not None for reason in reasons]


NUMBERS = st.sampled_from([0, -1, 1, 2, 5, 60])
LIMITED = {"rate": NUMBERS, "per": NUMBERS, "quota_max": NUMBERS, "quota_renewal_rate": NUMBERS}
RIGHTS = st.dictionaries(
    st.sampled_from("abc"),
    st.fixed_dictionaries({}, optional={"limit": st.fixed_dictionaries({}, optional=LIMITED)}),
)
POLICIES = st.fixed_dictionaries(
    {"org_id": st.just(ORG), "access_rights": RIGHTS},
    optional=LIMITED
    | {"partitions": st.dictionaries(st.sampled_from([*PARTITIONS, "per_api"]), st.booleans(), max_size=3)},
)
KEYS = st.fixed_dictionaries({"org_id": st.just(ORG), "access_rights": RIGHTS}, optional=LIMITED)
NAMED = st.dictionaries(st.sampled_from("xyz"), POLICIES)


@given(session=KEYS, policies=NAMED, generation=st.sampled_from(GENERATIONS))
def test_whoever_is_said_to_have_set_a_limit_has_that_value(session, policies, generation):
    outcome = effective(session | {"apply_policies": sorted(policies)}, policies, generation)
    for api_id, limits in outcome.limits.items():
        for name, setting in limits.items():
            holder = session if setting.policy is None else policies[setting.policy]
            limit = holder["access_rights"].get(api_id, {}).get("limit", {})
            anywhere = [holder.get(name), limit.get(name)]
            others = [right.get("limit", {}).get(name) for right in holder["access_rights"].values()]
            assert setting.value in (anywhere if name not in outcome.undetermined else anywhere + others)


@given(session=KEYS, policies=NAMED, generation=st.sampled_from(GENERATIONS))
def test_policies_open_no_api_that_neither_they_nor_the_key_names(session, policies, generation):
    before = json.dumps([session, policies])
    outcome = effective(session | {"apply_policies": sorted(policies)}, policies, generation)
    granted = {api_id for held in policies.values() for api_id in held["access_rights"]}
    if outcome.session:
        opened = set(outcome.session.get("access_rights", {}))
        assert opened <= granted | set(session["access_rights"])
        if generation == "5" and policies:
            assert opened
            assert opened <= granted
    assert json.dumps([session, policies]) == before


@given(policies=NAMED.filter(bool), session=KEYS)
def test_for_5_the_order_of_policies_that_set_all_and_name_apis_changes_no_quota_and_no_pace(
    policies, session
):
    whole = {name: held | {"partitions": {}} for name, held in policies.items() if held["access_rights"]}
    outcomes = [effective(session | {"apply_policies": order}, whole, "5") for order in permutations(whole)]
    made = [
        outcome.refusal or {api_id: quota_and_pace(limits) for api_id, limits in outcome.limits.items()}
        for outcome in outcomes
    ]
    assert [one for one in made if one != made[0]] == []


def quota_and_pace(limits):
    held = values(limits)
    return held.get("quota_max"), held.get("quota_renewal_rate"), interval(held)
