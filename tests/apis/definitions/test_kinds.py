"""What a definition says to whoever asks, without his looking into it."""

import ast
from pathlib import Path

import pytest

from apis.definitions import kinds
from apis.definitions.facts import Names, Targets
from apis.definitions.listen_path import Address
from tests.apis.examples import as_served, plain

ROOT = Path(__file__).resolve().parent.parent.parent.parent


def test_a_definition_is_called_what_its_author_wrote():
    assert kinds.names(plain(api_id="one")) == Names("Payments", "one", "")
    assert kinds.names({"name": None, "org_id": 7}) == Names("", "", "7")


def test_it_is_active_where_it_says_so():
    assert [kinds.is_active(each) for each in (plain(), plain(active=False), {})] == [True, False, False]


@pytest.mark.parametrize(
    ("version_data", "names"),
    [
        ({"versions": {"v1": {"name": "one"}, "v2": {"name": "two"}}}, ["one", "two"]),
        ({"versions": {"v1": {"name": ""}, "v2": {}, "v3": None}}, ["v1", "v2", "v3"]),
        ({"versions": {}}, ["Default"]),
        ({"versions": None}, ["Default"]),
        ({}, ["Default"]),
        (None, ["Default"]),
    ],
)
def test_versions_are_named_by_the_member_that_gateways_compare(version_data, names):
    assert kinds.versions(plain(version_data=version_data)) == names


def test_the_address_of_a_definition_is_in_normal_form():
    assert kinds.address(plain("/a/", domain="API.Example.:8080")) == Address("api.example", "/a/")
    assert kinds.address(plain("/a/", domain="{x:[a-z]+}.example")) == Address("{x:[a-z]+}.example", "/a/")
    assert kinds.address(plain("/a/", domain="x.example", domain_disabled=True)) == Address("", "/a/")
    assert kinds.address(plain("/a/", protocol="tcp", listen_port=6000)) == Address("", "", 6000)
    assert kinds.address(plain("/a/", listen_port=8080)) == Address("", "/a/")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "token"),
        ({"use_standard_auth": False}, "token"),
        ({"use_keyless": True, "enable_jwt": True}, "keyless"),
        ({"enable_jwt": True, "use_standard_auth": False}, "JWT"),
        ({"use_basic_auth": True, "use_mutual_tls_auth": True}, "token, basic, mutual TLS"),
    ],
)
def test_ways_of_authenticating_are_said_in_words(members, words):
    assert kinds.auth(plain(**members)) == words


def test_targets_are_the_upstream_and_the_own_apis_that_are_called():
    assert kinds.targets(plain()) == Targets("http://upstream.example/", [])
    definition = plain(definition={"versions": {"v2": "orders-v2", "v1": ""}})
    rewrites = [{"rewrite_to": "tyk://stock/x"}, {"rewrite_to": "tyk://self/y"}]
    definition["version_data"]["versions"]["Default"]["extended_paths"] = {"url_rewrites": rewrites}
    definition["proxy"]["target_url"] = "tyk://orders/x"
    assert kinds.targets(definition) == Targets("tyk://orders/x", ["orders", "orders-v2", "stock"])
    assert kinds.targets({"proxy": None}) == Targets("", [])


def test_gateways_are_given_the_classic_form():
    assert kinds.classic_for_gateways(plain(), {}.get, {}) == as_served(plain())


def looks_inside(source: str) -> list[int]:
    """The lines where a member of what is called a definition is read."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Subscript):
            read = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            read = node.func.value
        else:
            continue
        name = read.attr if isinstance(read, ast.Attribute) else getattr(read, "id", "")
        if name in ("definition", "normal", "base"):
            found.append(node.lineno)
    return found


# What gateways check is told from the classic form that they were given, check by check, as they look into it.
AS_GATEWAYS_LOOK = {ROOT / "dashboard/analytics/explaining" / name for name in ("of_api.py", "of_key.py")}


def test_nobody_outside_looks_into_a_definition():
    ours = [path for name in ("orgs", "apis", "keys", "dashboard") for path in (ROOT / name).rglob("*.py")]
    outside = [path for path in ours if ROOT / "apis" / "definitions" not in path.parents]
    assert len(outside) > 100
    looking = {path for path in outside if looks_inside(path.read_text())}
    assert looking == AS_GATEWAYS_LOOK


def test_a_look_into_a_definition_would_be_found():
    assert looks_inside("a = api.definition['name']\nb = definition.get('proxy')\nc = names['x']") == [1, 2]
