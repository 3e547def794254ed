"""What an API's row repeats of its definition."""

from apis.publishing.columns import columns
from tests.apis.examples import plain


def test_the_row_repeats_what_others_ask():
    definition = plain("/a/{id}/", api_id="one", domain="A.example:8080")
    definition["proxy"]["target_url"] = "tyk://orders/" + "x" * 3_000
    assert columns(definition) == {
        "api_id": "one",
        "name": "Payments",
        "active": True,
        "domain": "a.example",
        "listen_path": "/a/{id}/",
        "listen_port": 0,
        "claimed_domain": "a.example",
        "path_head": "/a/",
        "versions": ["Default"],
        "auth": "token",
        "target_url": definition["proxy"]["target_url"][:2_000],
        "calls": ["orders"],
    }
