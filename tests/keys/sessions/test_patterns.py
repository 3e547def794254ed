"""Which patterns of paths are taken: RE2 read, or did not read, each of them (Go 1.26)."""

import pytest

from keys.policies import document
from keys.sessions.patterns import LONGEST, problem


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^/x/orders$",
        "/users/{id}/*",
        "(?i)^/A/(b|c)+?/[^/]+$",
        "(?P<id>[0-9]{1,10})",
        r"\d\w\s\b\.\-\_\x41\z",
        "[[:alpha:]_]+",
        "(a{10}){100}",
        "é",
        "(?s:.)",
    ],
)
def test_a_pattern_that_gateways_read_is_taken(pattern):
    assert problem(pattern) == ""


@pytest.mark.parametrize(
    "pattern",
    [
        "^/x/(?!admin)",
        "(?<=a)b",
        "(?<!a)b",
        "(?=a)",
        r"(a)\1",
        "(?P<n>a)(?P=n)",
        "(?P<é>a)",
        "a*+",
        "(?>a)",
        "(?#a)",
        "(?x)a",
        "(?a)",
        "a{1001}",
        "(a{10}){101}",
        "((a{10}){10}){11}",
        "[",
        "(",
        "a**",
        "*",
        r"\Z",
        r"\u0041",
        r"\é",
        "[a\\b]",
        "[[:foo:]]",
        "[[:alpha:]",
        "\\x4[:alpha:]",
        "\\",
        "(" * 400 + ")" * 400,
        "a" * (LONGEST + 1),
    ],
)
def test_a_pattern_that_they_do_not_read_would_let_everything_pass_and_is_refused(pattern):
    assert problem(pattern)


def test_a_policy_is_refused_at_the_place_of_such_a_pattern():
    paths = [{"url": "^/x$", "methods": ["GET"]}, None, {"url": "^/x/(?!admin)", "methods": ["GET"]}]
    policy = {"name": "x", "access_rights": {"a": {"api_id": "a", "allowed_urls": paths}}}
    assert [found.pointer for found in document.problems(policy)] == ["/access_rights/a/allowed_urls/2/url"]
