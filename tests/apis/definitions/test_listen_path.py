"""Where APIs listen, and who would take whose traffic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apis.definitions.listen_path import Address, claimed_domain, faults, head, normalise, overlap


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/a/", "/a/"),
        ("/a", "/a"),
        ("/", "/"),
        ("a/", "/a/"),
        ("//a///b/", "/a/b/"),
        ("/a/./b/../c/", "/a/c/"),
        ("/../../a/", "/a/"),
        ("/a%2Fb/", "/a/b/"),
        ("/a%252Fb/", "/a/b/"),
        ("/%2e%2e/a/", "/a/"),
        ("/a/..", "/"),
        ("/{id:[0-9/]+}/x/", "/{id:[0-9/]+}/x/"),
    ],
)
def test_a_path_has_one_spelling(path, normal):
    assert normalise(path) == normal


@given(st.text(alphabet="/.%2Fea"))
def test_the_normal_form_of_a_normal_form_is_itself(path):
    assert normalise(normalise(path)) == normalise(path)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/orders/", []),
        ("/orders", []),
        ("/", []),
        ("/hello-world/", []),
        ("/Ünïcode/", []),
        ("/{id}/x/", []),
        ("/{id:[0-9]+}/x/", []),
        ("/{id:[0-9]{3}}/", []),
        ("/{id:(?:a|b)}/", []),
        ("", ["must not be empty"]),
        ("orders/", ["must begin with a slash"]),
        ("/a b/", ["must not contain blanks"]),
        ("/a\tb/", ["must not contain blanks"]),
        ("/a?b/", ["must not contain ? # % or \\"]),
        ("/a%2Fb/", ["must not contain ? # % or \\"]),
        ("/a//b/", ["must be written /a/b/"]),
        ("/a/../b/", ["must be written /b/"]),
        ("/tyk/", ["is reserved for the gateway itself"]),
        ("/tyk", ["is reserved for the gateway itself"]),
        ("/hello/x/", ["is reserved for the gateway itself"]),
        ("/{a/", ["has unbalanced braces"]),
        ("/}a{/", ["has unbalanced braces"]),
        ("/{a:[/", ["has unbalanced braces"]),
        ("/{a}/{a}/", ["has the parameter a twice"]),
        ("/{a:[}/", ["has a pattern which gateways do not all understand: ["]),
        # A capture group makes the router of every gateway panic, a look-ahead does not compile there.
        ("/{a:([0-9]+)}/", ["has a pattern which gateways do not all understand: ([0-9]+)"]),
        ("/{a:(?=x)}/", ["has a pattern which gateways do not all understand: (?=x)"]),
        ("/{a:(?P<b>x)}/", ["has a pattern which gateways do not all understand: (?P<b>x)"]),
        ("/{a:x++}/", ["has a pattern which gateways do not all understand: x++"]),
        ("/{a:}/", ["has a pattern which gateways do not all understand: "]),
    ],
)
def test_a_path_that_a_gateway_would_not_serve_as_written_is_refused(path, found):
    assert faults(path) == found


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        ("/payments/", "/payments/v2/", True),
        ("/payments/", "/payments", True),
        ("/payments/", "/payments/", True),
        ("/payments/", "/orders/", False),
        ("/pay/", "/payments/", False),
        ("/pay", "/payments/", True),
        ("/a/pay", "/a/payments/v2/", True),
        ("/", "/orders/", True),
        ("/{any}/", "/orders/", True),
        ("/{any}/x/", "/orders/y/", False),
        ("/{any:.*}/x/", "/orders/y/", True),
        ("/v{n}/x/", "/v2/x/", True),
        ("/Orders/", "/orders/", False),
    ],
)
def test_paths_meet_where_one_lies_below_the_other_either_way_round(one, other, meets):
    assert overlap(Address("", one), Address("", other)) is meets
    assert overlap(Address("", other), Address("", one)) is meets


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        ("a.example", "a.example", True),
        ("a.example", "b.example", False),
        ("", "a.example", True),
        ("{sub}.example", "a.example", True),
        ("*.example", "a.example", True),
    ],
)
def test_paths_on_different_domains_do_not_meet(one, other, meets):
    assert overlap(Address(one, "/x/"), Address(other, "/x/")) is meets


def test_tcp_apis_meet_on_a_port_only():
    assert overlap(Address("", "", 6000), Address("", "", 6000)) is True
    assert overlap(Address("", "", 6000), Address("", "", 6001)) is False
    assert overlap(Address("", "", 6000), Address("", "/")) is False


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("/a/b/", "/a/b/"),
        ("/a/b", "/a/b"),
        ("/{any}/x/", "/"),
        ("/a/b{id}/c/", "/a/"),
        ("/a/{id:[0-9/]+}/c/", "/a/"),
        ("", ""),
    ],
)
def test_a_path_is_looked_up_by_what_comes_before_its_first_parameter(path, expected):
    assert head(path) == expected


SEGMENTS = st.sampled_from(["a", "ab", "b", "{x}", "a{x}", "{y:[a-z/]+}"])
PATHS = st.builds(
    lambda segments, end: "/" + "/".join(segments) + (end if segments else ""),
    st.lists(SEGMENTS, max_size=4),
    st.sampled_from(["", "/"]),
)


@given(PATHS, PATHS)
def test_of_two_paths_that_meet_the_head_of_one_begins_with_that_of_the_other(one, other):
    meet = overlap(Address("", one), Address("", other))
    begins = head(one).startswith(head(other)) or head(other).startswith(head(one))
    assert begins or not meet
    if "{" not in one + other:
        assert begins is meet


@pytest.mark.parametrize(
    ("domain", "alone"),
    [("", ""), ("a.example", "a.example"), ("{sub}.example", ""), ("*.example", "")],
)
def test_a_domain_that_meets_every_other_is_claimed_as_none(domain, alone):
    assert claimed_domain(domain) == alone
