"""What publishing would mean to callers."""

import pytest

from apis.definitions.listen_path import Address
from apis.drafts.effects import Facts, facts, warnings
from orgs.providers.last_week import Week
from tests.apis.examples import openapi, plain

BUSY = Week(1_234, 2.5)
OPEN = {"use_keyless": True, "use_standard_auth": False}
GONE = "it had 1,234 requests in the last 7 days, and who calls it gets 404."


def versions(*names, ignored=(), used=True):
    paths = {"use_extended_paths": used, "extended_paths": {"ignored": list(ignored)}}
    return {"version_data": {"not_versioned": True, "versions": {n: {"name": n, **paths} for n in names}}}


def limit(rate, per=1, **more):
    return {"global_rate_limit": {"rate": rate, "per": per}} | more


FREE = {"path": "/free", "method_actions": {"GET": {}, "DELETE": {}}}
OLD = {"path": "/old", "method": "POST"}


@pytest.mark.parametrize(
    ("before", "after", "week", "keys", "said"),
    [
        ({}, {"name": "New"}, BUSY, 0, []),
        ({}, {}, None, None, []),
        ({}, {}, None, 1, ["Affects 1 key: so many may call this API."]),
        ({}, {}, None, 2_000, ["Affects 2,000 keys: so many may call this API."]),
        ({}, OPEN, BUSY, 0, ["Opens it to everyone: nobody needs a key."]),
        (OPEN, OPEN | {"name": "New"}, BUSY, 0, []),
        (
            OPEN,
            {},
            BUSY,
            0,
            ["Asks everybody who he is, by: token. How many call without a key is not known."],
        ),
        ({"active": False} | OPEN, OPEN, BUSY, 0, ["Opens it to everyone: nobody needs a key."]),
        ({"active": False}, {"active": False} | OPEN, BUSY, 0, []),
        (
            {},
            {"use_basic_auth": True, "use_standard_auth": False},
            BUSY,
            0,
            ["Callers have to prove who they are in another way: basic instead of token."],
        ),
        (
            {},
            versions("Default", ignored=[FREE, OLD]),
            BUSY,
            0,
            ["Opens to everyone, without a key: DELETE, GET /free, POST /old."],
        ),
        ({}, versions("Default", ignored=[FREE | {"disabled": True}]), BUSY, 0, []),
        ({}, versions("Default", ignored=[FREE], used=False), BUSY, 0, []),
        (versions("Default", ignored=[FREE]), versions("Default", ignored=[FREE]), BUSY, 0, []),
        (OPEN, OPEN | versions("Default", ignored=[FREE]), BUSY, 0, []),
        ({}, {"active": False}, BUSY, 0, [f"Removes the route /payments/: {GONE}"]),
        ({}, {"active": False}, Week(0, 0), 0, []),
        (
            {},
            {"active": False},
            None,
            0,
            ["Removes the route /payments/: its traffic is not known, and who calls it gets 404."],
        ),
        ({"active": False}, {"active": False, "domain": "x.example"}, BUSY, 0, []),
        (
            {"domain": "a.example"},
            {"domain": "b.example"},
            BUSY,
            0,
            [f"Removes the route a.example/payments/: {GONE}"],
        ),
        (
            versions("v1", "v2"),
            versions("v2", "v3"),
            Week(1, 0),
            0,
            ["Removes the version v1 of a route in use: it had 1 request in the last 7 days."],
        ),
        (
            {},
            limit(120, 60),
            BUSY,
            0,
            [
                "Cuts the rate limit to 2 requests a second, below the peak of the last 7 days: 2.5 a second, the mean "
                "of the busiest hour."
            ],
        ),
        ({}, limit(3), BUSY, 0, []),
        (limit(1), limit(2), BUSY, 0, []),
        (limit(1), limit(1) | {"name": "New"}, BUSY, 0, []),
        ({}, limit(2, disable_rate_limit=True), BUSY, 0, []),
        ({}, limit(2), None, 0, []),
        ({}, limit(2, active=False), Week(0, 9), 0, []),
    ],
)
def test_what_callers_would_meet_is_said(before, after, week, keys, said):
    assert warnings(facts(plain(**before)), facts(plain(**after)), week, keys) == said


def test_a_document_is_read_by_what_gateways_make_of_it():
    ignored = {"list": {"ignoreAuthentication": {"enabled": True}}}
    limited = openapi(operations=ignored, extension={"server": {"authentication": {"enabled": False}}})
    assert facts(openapi(operations=ignored)) == Facts(
        active=True,
        auth="token",
        route=Address("", "/orders/"),
        versions=frozenset({"Default"}),
        limit=None,
        open=frozenset({"GET /orders"}),
    )
    assert facts(limited).auth == "keyless"


def test_many_names_are_cut():
    new = versions("Default", ignored=[{"path": f"/{n}", "method": "GET"} for n in range(7)])
    assert warnings(facts(plain()), facts(plain(**new)), None, None) == [
        "Opens to everyone, without a key: GET /0, GET /1, GET /2, GET /3, GET /4 and 2 more."
    ]
