"""Folding of paths into endpoints."""

import pytest

from dashboard.analytics.ingest import endpoint


@pytest.mark.parametrize(
    ("path", "folded"),
    [
        ("/orders", "/orders"),
        ("/", "/"),
        ("", "/"),
        ("/orders/17", "/orders/{id}"),
        ("/orders/17/", "/orders/{id}/"),
        ("/v2/users", "/v2/users"),
        ("/files/0d3b5b1c-33a7-4f7e-9d0a-0c8a1f6f9b11/raw", "/files/{id}/raw"),
        ("/orgs/5e9d9544a1dcd600", "/orgs/{id}"),
        ("/orgs/5e9d9544a1dcd60", "/orgs/5e9d9544a1dcd60"),
        ("/s/abcdefghijklmnopqrs1", "/s/{id}"),
        ("/s/abcdefghijklmnopqrst", "/s/abcdefghijklmnopqrst"),
        ("/a/b/c/d/e/f/g/1/i/j", "/a/b/c/d/e/f/g/{id}/{rest}"),
        ("orders/17", "/orders/{id}"),
        ("//17", "//{id}"),
        ("/x\n12", "/x\n12"),
    ],
)
def test_variable_segments_are_folded_and_names_are_kept(path, folded):
    assert endpoint.fold(path) == folded


def test_an_untracked_request_is_named_by_method_and_folded_path():
    assert endpoint.name("GET", "/orders/17", tracked=False) == "GET /orders/{id}"


def test_a_tracked_request_keeps_the_path_its_gateway_gave():
    assert endpoint.name("GET", "/orders/17", tracked=True) == "GET /orders/17"


def test_an_endpoint_is_never_longer_than_its_column():
    assert len(endpoint.name("GET", "/a" * 500, tracked=True)) == 200


def test_folding_a_folded_path_changes_nothing():
    once = endpoint.fold("/a/17/5e9d9544a1dcd60001d0ed20/c/d/e/f/g/h/i")
    assert endpoint.fold(once).startswith("/a/{id}/{id}/c/d/e/f/g/")
