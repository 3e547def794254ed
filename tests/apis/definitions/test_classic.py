"""The recorded definitions of two gateways, and generated ones: what a gateway chokes on is refused, and
nothing else.
"""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apis.definitions.classic import DEFAULT_ADDED, additions, normal_form, problems
from apis.definitions.pointer import Problem
from apis.definitions.rules.shape import TYPES
from apis.publishing.render import wrapper
from orgs.ids import new_id
from tests.apis.examples import as_served, plain

DATA = Path(__file__).parent / "data"
RECORDED = {
    version: json.loads((DATA / f"definitions-{version}.json").read_text())
    for version in ("3.0.12", "5.14.0")
}
# Loaded by a gateway, but then never answering as its author means: refused all the same.
USELESS = {
    "listen_path with no leading slash": "/proxy/listen_path",
    "listen_path /a-open/../x/": "/proxy/listen_path",
    "listen_path /tyk/": "/proxy/listen_path",
    "listen_path with ? /a?b/": "/proxy/listen_path",
    "target_url empty": "/proxy/target_url",
    "env:// reference in a definition (name member)": "/name",
}


def definition_of(case):
    element = case["element"]
    return element.get("api_definition") if isinstance(element, dict) else None


def cases():
    for version, recorded in RECORDED.items():
        for case in recorded:
            yield pytest.param(case, id=f"{version}: {case['case']}")


@pytest.mark.parametrize("case", list(cases()))
def test_what_a_gateway_refused_skipped_or_died_of_is_refused_and_the_rest_is_not(case):
    expected = case["outcome"] != "loaded" or case["case"] in USELESS
    found = problems(definition_of(case), may_use_references=False)
    assert bool(found) == expected
    if case["case"] in USELESS and case["outcome"] == "loaded":
        assert found[0].pointer == USELESS[case["case"]]


@pytest.mark.parametrize("case", [case for case in cases() if case.values[0]["outcome"] == "loaded"])
def test_a_served_definition_goes_out_equal_but_for_what_is_forced(case):
    definition = definition_of(case)
    forced = {"id": new_id(), "api_id": "an id", "org_id": new_id()}
    sent = json.loads(wrapper(definition, **forced))
    given = definition | forced | {"active": True}
    if not (definition.get("version_data") or {}).get("versions"):
        given["version_data"] = {
            "not_versioned": True,
            "versions": {"Default": {"name": "Default", "use_extended_paths": True, "extended_paths": {}}},
        }
    assert sent == {"api_definition": as_served(given), "oas": None}


def test_the_recordings_hold_every_kind_of_outcome():
    outcomes = {case["outcome"] for recorded in RECORDED.values() for case in recorded}
    assert outcomes == {"loaded", "list refused", "skipped", "crashed"}


def leaves(types, pointer=()):
    """Every simple type of the table, with the steps that lead to it; "*" and 0 stand for a map's key and an
    index.
    """
    if isinstance(types, dict):
        for name, below in types.items():
            yield from leaves(below, (*pointer, name))
    elif isinstance(types, list):
        yield from leaves(types[0], (*pointer, 0))
    else:
        yield pointer, types


def holding(steps, value):
    """A document with `value` where `steps` lead."""
    for step in reversed(steps):
        value = [value] if step == 0 else {("any" if step == "*" else step): value}
    return value


def merged(definition, other):
    for name, value in other.items():
        if isinstance(value, dict) and isinstance(definition.get(name), dict):
            merged(definition[name], value)
        else:
            definition[name] = value
    return definition


WRONG = {
    "string": [1, True, {}, []],
    "bool": ["yes", 0, 1, {}],
    "int": ["1", 1.5, 1.0, True, []],
    "int64": ["1", 1.5, True],
    "uint16": [-1, 65536, 1.5, "1", False],
    "uint64": [-1, 1.5, "1"],
    "float64": ["1", True, {}],
    "duration": [None, 5, 1.5, False, {}],
    "time": ["", "soon", 5, "2026-13-01T00:00:00Z"],
    "id": ["zz", "a" * 32, 5, {}],
}


def test_a_wrong_type_is_refused_at_every_member_that_a_gateway_knows():
    accepted = [
        (steps, value)
        for steps, wanted in leaves(TYPES)
        for value in WRONG.get(wanted, [])
        if not any(
            problem.pointer.rsplit("/", 1)[-1] == ("any" if steps[-1] == "*" else str(steps[-1]))
            for problem in problems(merged(plain(), holding(steps, value)), may_use_references=True)
        )
    ]
    assert accepted == []


def test_an_unknown_member_may_be_anything_and_is_kept():
    definition = plain(some_new_member={"a": [1, 2.5, None, {"b": "ü"}]}, _id="kept")
    assert problems(definition, may_use_references=False) == []
    made = normal_form(definition, id="1" * 24, api_id="x", org_id="2" * 24)
    assert made == definition | {"id": "1" * 24, "api_id": "x", "org_id": "2" * 24}


MEMBERS = sorted(
    {step for steps, _ in leaves(TYPES) for step in steps if isinstance(step, str) and step != "*"}
)


@pytest.mark.parametrize(
    "name", ["org_id", "api_id", "active", "domain", "use_keyless", "proxy", "id", "CORS"]
)
def test_a_name_that_differs_from_a_known_one_only_by_case_is_refused(name):
    found = problems(plain() | {name.swapcase(): plain().get(name)}, may_use_references=True)
    assert [str(problem) for problem in found] == [
        f'/{name.swapcase()}: differs from "{name}" only by upper and lower case'
    ]


def test_letters_which_go_folds_but_upper_does_not_are_seen_through():
    # U+017F folds to s, U+212A to k.
    definition = plain() | {"u\u017fe_keyle\u017f\u017f": True, "u\u017fe_\u212aeyless": True}
    assert len(problems(definition, may_use_references=True)) == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text() | st.sampled_from(MEMBERS), below, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(json_values)
def test_whatever_is_sent_the_answer_is_a_list_of_problems(value):
    assert isinstance(problems(value, may_use_references=False), list)


def folded_names_are_unique(value):
    if isinstance(value, dict):
        names = [name.casefold() for name in value]
        return len(set(names)) == len(names) and all(map(folded_names_are_unique, value.values()))
    return all(map(folded_names_are_unique, value)) if isinstance(value, list) else True


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["x", "X", "Name", "z", "ORG_ID", "foo"]), json_values, max_size=4))
def test_in_bytes_for_a_gateway_no_two_names_of_an_object_differ_only_by_case(members):
    definition = plain() | members
    if not problems(definition, may_use_references=True):
        sent = wrapper(definition, id="1" * 24, api_id="x", org_id="2" * 24)
        assert folded_names_are_unique(json.loads(sent))
        assert json.loads(sent)["api_definition"]["org_id"] == "2" * 24


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("http://upstream.example/", None),
        ("https://[::1]:8443/a?b=c%20d", None),
        ("h2c://upstream:9000", None),
        ("tyk://orders/x", None),
        ("", "must not be empty"),
        ("upstream.example", "must be a URL with http or https"),
        ("javascript:alert(1)", "must be a URL with http or https"),
        ("file:///etc/passwd", "must be a URL with http or https"),
        ("http://", "must be a URL with a host"),
        ("http://[bad", "must be a URL"),
        ("http://host:99999/", "must be a URL"),
        ("http://a b/", "must be a URL without blanks and with whole %-escapes"),
        ("http://a/%zz", "must be a URL without blanks and with whole %-escapes"),
        ("http://a\x7f/", "must be a URL without blanks and with whole %-escapes"),
    ],
)
def test_a_target_url_is_refused_unless_a_gateway_can_parse_and_reach_it(target, fault):
    definition = plain()
    definition["proxy"]["target_url"] = target
    found = problems(definition, may_use_references=True)
    assert [(problem.pointer, problem.message) for problem in found] == (
        [("/proxy/target_url", fault)] if fault else []
    )


BALANCED = {"enable_load_balancing": True, "target_list": ["http://a", "http://b"]}


@pytest.mark.parametrize(
    ("target", "proxy", "graphql", "fault"),
    [
        ("", BALANCED, {}, None),
        ("host.example", BALANCED, {}, None),
        ("host.example/path", BALANCED, {}, None),
        ("host example", BALANCED, {}, "must be a URL without blanks and with whole %-escapes"),
        ("file:///etc/passwd", BALANCED, {}, "must be a URL with http or https"),
        ("tyk://$1/", BALANCED, {}, "must be tyk:// and the ID of an own API"),
        ("host.example", {}, {}, "must be a URL with http or https"),
        ("", {}, {"enabled": True, "execution_mode": "executionEngine"}, None),
        ("", {}, {"enabled": True, "execution_mode": "supergraph"}, None),
        ("", {}, {"enabled": True, "execution_mode": "proxyOnly"}, "must not be empty"),
        ("", {}, {"enabled": False, "execution_mode": "executionEngine"}, "must not be empty"),
        (
            "file:///x",
            {},
            {"enabled": True, "execution_mode": "supergraph"},
            "must be a URL with http or https",
        ),
    ],
)
def test_a_target_may_be_absent_where_a_gateway_does_not_dial_it(target, proxy, graphql, fault):
    definition = plain(graphql=graphql)
    definition["proxy"] |= {"target_url": target, **proxy}
    found = [each.message for each in problems(definition, may_use_references=True)]
    assert found == ([fault] if fault else [])


@pytest.mark.parametrize("given", [None, {}, {"versions": {}}, {"versions": None, "default_version": "v1"}])
def test_a_definition_without_a_version_is_given_one_and_it_is_said(given):
    definition = plain(version_data=given)
    made = normal_form(definition, id="1" * 24, api_id="x", org_id="2" * 24)
    only = {"name": "Default", "use_extended_paths": True, "extended_paths": {}}
    assert made["version_data"] == {**(given or {}), "not_versioned": True, "versions": {"Default": only}}
    assert additions(definition) == [DEFAULT_ADDED]
    assert (additions(made), normal_form(made, id="1" * 24, api_id="x", org_id="2" * 24)) == ([], made)


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "  "}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": "#category"}, "/name"),
        ({"api_id": "x" * 201}, "/api_id"),
        ({"is_oas": True}, "/is_oas"),
        ({"protocol": "tcp"}, "/listen_port"),
        ({"protocol": "tls", "listen_port": 70000}, "/listen_port"),
        ({"protocol": "udp"}, "/protocol"),
        ({"listen_port": -1}, "/listen_port"),
        ({"domain": "no host"}, "/domain"),
        ({"domain": "-x.example"}, "/domain"),
        ({"domain": "{sub:([a-z]+)}.example"}, "/domain"),
        ({"domain": "{sub.example"}, "/domain"),
        ({"name": "a\0b"}, ""),
        ({"name": "\ud800"}, ""),
        ({"session_lifetime": 2**63}, ""),
        ({"new": float("nan")}, ""),
        ({"new": 1e999}, ""),
    ],
)
def test_other_faults_are_named_by_their_member(members, pointer):
    assert [problem.pointer for problem in problems(plain(**members), may_use_references=True)] == [pointer]


def test_a_tcp_api_needs_a_port_and_no_listen_path():
    definition = plain(protocol="tcp", listen_port=6000)
    definition["proxy"] = {"target_url": "tcp://upstream:6000"}
    assert problems(definition, may_use_references=True) == []


def handling(name, meta):
    return {"event_handlers": {"events": {"AuthFailure": [{"handler_name": name, "handler_meta": meta}]}}}


HANDLER = "/event_handlers/events/AuthFailure/0/handler_meta"


@pytest.mark.parametrize(
    ("members", "pointers"),
    [
        (handling("eh_log_handler", None), [f"{HANDLER}/prefix"]),
        (handling("eh_log_handler", {"prefix": 1}), [f"{HANDLER}/prefix"]),
        (handling("eh_log_handler", {"prefix": "x"}), []),
        (handling("eh_dynamic_handler", {}), [f"{HANDLER}/name", f"{HANDLER}/path"]),
        (handling("cp_dynamic_handler", {"name": []}), [f"{HANDLER}/name"]),
        (handling("eh_web_hook_handler", {}), []),
        ({"event_handlers": {"events": {"AuthFailure": None}}}, []),
        ({"auth_provider": {"storage_engine": "ldap"}}, ["/auth_provider/storage_engine"]),
        ({"session_provider": {"storage_engine": "rpc"}}, ["/session_provider/storage_engine"]),
        ({"auth_provider": {"storage_engine": "redis"}, "session_provider": None}, []),
    ],
)
def test_what_a_gateway_reads_without_asking_is_there_as_it_expects(members, pointers):
    assert [problem.pointer for problem in problems(plain(**members), may_use_references=True)] == pointers


@pytest.mark.parametrize("name", ["a" * 24, " " + "A1" * 12 + " ", "5" * 24 + " #tag", "5" * 24 + "x#tag"])
def test_no_name_looks_like_an_id_to_a_gateway(name):
    found = problems(plain(name=name), may_use_references=True)
    assert found == [Problem("/name", "must not be 24 hexadecimal digits, as ids are")]


def test_a_name_that_only_begins_like_an_id_is_a_name():
    for name in ("a" * 25, "5" * 24 + "xy#tag", "5" * 23 + "#tag"):
        assert problems(plain(name=name), may_use_references=True) == []
