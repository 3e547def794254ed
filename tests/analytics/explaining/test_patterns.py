"""Paths and patterns, as gateways of all settings take them."""

import time

from dashboard.analytics.explaining.patterns import matches


def test_a_path_is_matched_for_certain_by_the_whole_and_not_by_what_it_does_not_have():
    assert matches("/secret", "/secret", "/api/") is True
    assert matches("/secret", "/api/secret", "/api/") is True
    assert matches("/api/secret", "/secret", "/api/") is True
    assert matches("/secret", "/open", "/api/") is False
    assert matches("/users/{id}/keys", "/users/7/keys", "/") is True
    assert matches("/users/{id}/keys", "/users/7/8/keys", "/") is False


def test_what_depends_on_settings_of_the_gateway_is_not_known_but_for_one_that_has_none():
    assert matches("/secret", "/secret/x", "/api/") is None
    assert matches("/secret", "/secret/x", "/api/", everywhere=True) is True
    assert matches("/users/{id}", "/users/", "/") is None
    assert matches("/users/{id}", "/users/", "/", everywhere=True) is True
    assert matches("/SECRET", "/secret", "/api/") is None


def test_patterns_that_may_take_long_or_are_read_otherwise_are_not_tried():
    began = time.process_time()
    for pattern in (
        "(a+)+$",
        ".*.*.*x",
        "/a/*",
        "[",
        "/{a}{b}",
        "/[{a}]",
        "/[[a]",
        r"\pN",
        "a" * 1_001,
    ):
        assert (pattern, matches(pattern, "/" + "a" * 999, "/")) == (pattern, None)
    assert matches("/.*x", "/" + "a" * 999, "/") is False
    assert matches("/a", "/" + "a" * 1_001, "/") is None
    assert time.process_time() - began < 1
