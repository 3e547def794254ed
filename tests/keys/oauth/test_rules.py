"""What an OAuth client may be, and what gateways read of it."""

import pytest

from keys.oauth import rules

GOOD = {
    "client_id": "123-shop.apps.example",
    "secret": "s3cret",
    "redirect_uri": "https://a.example/x?y=1,my.app://back",
    "policy_id": "gold",
    "description": "Shop",
    "meta_data": {"plan": {"tier": 1}},
}


def test_what_is_good_is_kept_and_null_is_absent():
    assert rules.values_from(GOOD | {"unknown": 1}) == GOOD
    assert rules.values_from(dict.fromkeys(GOOD)) == {"meta_data": {}}


BAD = {
    "client_id": [
        1,
        "a b",
        "a:b",
        "a/b",
        "-a",
        "é",
        "a" * 201,
        "revoke",
        "tokens",
        "oauth-clientid.x",
        "a\0",
    ],
    "secret": ["a b", "é", "a\nb", "s" * 201, 5],
    "redirect_uri": [
        *("/back", "https://a.example/#x", "https://a.example/ x", "a.example", "https://" + "x" * 2_001),
        *("javascript://x%0aalert(1)", ["https://a.example"]),
    ],
    "policy_id": [5, "p" * 201, "p\0"],
    "description": [{}, "d" * 501],
    "meta_data": [
        "x",
        [],
        1,
        {"policies": []},
        {"rate_limit_pattern": "x"},
        {"a": "\0"},
        {"a": "m" * 10_000},
    ],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_what_is_not_is_refused_by_its_name(name, value):
    with pytest.raises(rules.ClientError) as refused:
        rules.values_from({name: value})
    assert refused.value.field.partition(".")[0] == name


def test_gateways_find_their_own_form():
    facts = {
        "client_id": "shop",
        "secret": "s",
        "redirect_uri": "https://a.example",
        "policy": "p",
        "description": "",
    }
    assert rules.served(**facts, meta_data={}) == (
        b'{"id":"shop","secret":"s","redirecturi":"https://a.example","policyid":"p","description":""}'
    )
    full = rules.served(**facts, meta_data={"a": 1})
    assert full == (
        b'{"id":"shop","secret":"s","redirecturi":"https://a.example","meta_data":{"a":1},"policyid":"p","description":""}'
    )
    assert (rules.id_in(full), rules.id_in(b"["), rules.id_in(b"[]")) == ("shop", None, None)


@pytest.mark.parametrize(
    ("wanted", "stored", "same"),
    [
        (None, None, True),
        (None, b"{}", False),
        (b"{}", None, False),
        (b'{"a":"&"}', b'{"a":"\\u0026"}', True),
        (b'{"a":1}', b'{"a":2}', False),
    ],
)
def test_other_escapes_are_the_same_client(wanted, stored, same):
    assert rules.same(wanted, stored) is same
