"""What results from policies, said for people as gateways of both generations apply them."""

from datetime import UTC, datetime

from keys.keys.lifecycle import KeySpec
from keys.keys.reader import policies_of
from keys.keys.session import Right
from keys.policies.effect.applying import Refusal
from keys.sessions import results
from keys.sessions.results import Limit, Line
from orgs import scope
from tests.keys import build
from tests.keys.policies.build import policy


def resulting(org, *given, **spec):
    """What results for a key of these policies, API by API, by name; and who refuses it."""
    spec = KeySpec(policies=tuple(each.id for each in given), **spec)
    made, _ = build.inside(org, build.lifecycle.create, org.id, spec, created_by="test")
    names = {api.api_id: api.name for api in build.apis_of(org)}
    with scope.org(org.id):
        found = results.of_key(made, policies_of([made])[made.id])
    return {names[api_id]: lines for api_id, lines in found.lines.items()}, found.refusals


def test_of_one_policy_both_generations_make_the_same(cast):
    orders = build.api(cast.acme)
    gold = policy(cast.acme, orders, quota_max=9, quota_renewal_rate=3600, max_query_depth=4)
    assert resulting(cast.acme, gold) == (
        {
            "Orders": [
                Line(
                    "",
                    True,
                    Limit("10 requests in 60 s", "Gold"),
                    Limit("9 requests, renewed after 1 hour", "Gold"),
                    Limit("GraphQL depth 4", "Gold"),
                    "Gold",
                )
            ]
        },
        [],
    )


def test_where_generations_differ_each_is_said_with_who_sets_the_limit(cast):
    """A key's own limit counts in 3.0 where it is higher, and never in 5."""
    orders, returns = build.api(cast.acme), build.api(cast.acme, "Returns")
    gold = policy(cast.acme, orders, partitions={"acl": True})
    fast = policy(cast.acme, orders, returns, name="Fast", rate=99, partitions={"rate_limit": True})
    lines, refused = resulting(cast.acme, gold, fast, rate=500, per=1)
    assert refused == []
    assert list(lines) == ["Orders"]
    assert [(line.generation, line.opens, line.rate.text, line.granted_by) for line in lines["Orders"]] == [
        ("", True, "99 requests in 60 s", "Gold")
    ]


def test_paths_and_their_limits_are_said_with_the_gateways_that_know_them(cast, client_for):
    orders = build.api(cast.acme)
    slow = [{"path": "/slow", "methods": [{"name": "GET", "limit": {"rate": 3, "per": 60}}]}]
    only = [{"url": f"/{number}", "methods": ["GET"]} for number in range(results.MOST_SAID + 1)]
    gold = policy(cast.acme, access_rights={orders.api_id: {"endpoints": slow, "allowed_urls": only[:1]}})
    key, _ = build.inside(
        cast.acme, build.lifecycle.create, cast.acme.id, KeySpec(policies=(gold.id,)), created_by="test"
    )
    path, limit = ("Only", "GET /0"), ("Limit, not on 3.0", "GET /slow: 3 requests in 60 s")
    page = client_for(cast.acme_admin).get(f"/o/acme/keys/{key.id}/")
    [(_, lines)] = page.context["results"]
    assert [(line.generation, line.besides, line.more) for line in lines] == [
        ("3.0", (path,), 0),
        ("5", (path, limit), 0),
    ]
    assert page.content.decode().count("GET /slow: 3 requests in 60 s") == 1
    many = policy(cast.acme, name="Many", access_rights={orders.api_id: {"allowed_urls": only}})
    lines, _ = resulting(cast.acme, many)
    assert [(len(line.besides), line.more) for line in lines["Orders"]] == [(results.MOST_SAID, 1)]


def test_who_refuses_a_key_is_said(cast):
    orders = build.api(cast.acme)
    per_api = policy(cast.acme, orders, name="Each", partitions={"per_api": True})
    part = policy(cast.acme, orders, name="Part", partitions={"acl": True})
    _, refused = resulting(cast.acme, part, per_api)
    assert refused == [("", str(Refusal.MIXED))]


def test_a_key_with_a_policy_that_denies_is_said_to_be_refused(cast):
    orders = build.api(cast.acme)
    gold = policy(cast.acme, orders)
    denied = policy(cast.acme, orders, name="Denied", active=False, is_inactive=True)
    _, refused = resulting(cast.acme, gold, denied)
    assert refused == [("", "one of its policies denies")]


def test_large_limits_are_written_out(cast):
    orders = build.api(cast.acme)
    gold = policy(cast.acme, orders, rate=2_000_000, per=1, quota_max=2_000_000, quota_renewal_rate=2_592_000)
    lines, _ = resulting(cast.acme, gold)
    [line] = lines["Orders"]
    assert (line.rate.text, line.quota.text) == (
        "2,000,000 requests in 1 s",
        "2,000,000 requests, renewed after 30 days",
    )


def test_a_key_that_is_not_made_is_previewed_with_the_names_that_clients_use(cast):
    orders = build.api(cast.acme)
    gold = policy(cast.acme, orders, id="gold", key_expires_in=60)
    with scope.org(cast.acme.id):
        spec = KeySpec(alias="x", policies=(gold.id,), rights=(Right(orders.api_id),))
        outcome = results.of_spec(cast.acme.id, spec, suspended=True)["5"]
    left = outcome.session["expires"] - datetime.now(UTC).timestamp()
    assert 50 < left <= 60
    assert (outcome.session["apply_policies"], outcome.session["is_inactive"]) == (["gold"], True)
    assert list(outcome.session["access_rights"]) == [orders.api_id]
    with scope.org(cast.acme.id):
        outcome = results.of_spec(cast.acme.id, KeySpec(all_apis=True), suspended=False)["3.0"]
        assert list(outcome.session["access_rights"]) == [orders.api_id]
    with scope.org(cast.globex.id):
        outcome = results.of_spec(cast.globex.id, KeySpec(all_apis=True), suspended=False)["3.0"]
        assert (outcome.session, outcome.refusal) == (None, Refusal.NO_RIGHTS)
