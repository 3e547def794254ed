"""The list of keys: its filters, and what a row says."""

import socket
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apis.gateways import names, redis_client
from keys.finding import quotas
from keys.keys import lifecycle
from keys.keys.reader import policies_of
from keys.models import Key
from keys.rotation.counters import SPENT
from orgs import scope
from tests import make
from tests.analytics.screens import ago, push
from tests.entry.conftest import closed_port
from tests.keys import build
from tests.keys.policies import build as policies


@pytest.fixture
def acme(cast, client_for):
    return client_for(cast.acme_admin)


@pytest.fixture
def orders(cast):
    return build.api(cast.acme, "Orders")


@pytest.fixture
def given(cast, orders):
    """Policies of acme: `gold` opens Orders within a quota, `closed` denies."""
    return {
        "gold": policies.policy(cast.acme, orders, quota_max=200, quota_renewal_rate=3600),
        "closed": policies.policy(cast.acme, orders, name="Closed", state="deny"),
    }


@pytest.fixture
def made(cast, orders, given):
    """Keys of acme by alias."""
    build.key(cast.globex, build.api(cast.globex), alias="foreign", owner="Ann", tags=["vip"])
    gold, closed, soon = given["gold"], given["closed"], timezone.now() + timedelta(days=3)
    limits = {"quota_max": 50, "quota_renewal_rate": 60}
    return {
        "gold": by(cast.acme, gold, alias="gold", owner="Ann", tags=["vip", "a b"]),
        "closed": by(cast.acme, gold, closed, alias="closed", owner="Ann"),
        "own": build.key(cast.acme, orders, alias="own", owner="Ann & Co", **limits)[0],
        "bare": build.key(cast.acme, orders, alias="bare", tags=["vip2"])[0],
        "ending": build.key(cast.acme, alias="ending", owner="Bo", expires_at=soon)[0],
    }


def by(org, *given, **spec):
    asked = lifecycle.KeySpec(policies=tuple(policy.id for policy in given), **spec)
    return build.inside(org, lifecycle.create, org.id, asked, created_by="test")[0]


def listed(answer):
    return sorted(rows(answer))


def rows(answer):
    return {row["key"].alias: row for row in answer.context["rows"]}


def test_filters_find_the_keys_that_have_it_and_nothing_of_strangers(acme, made, given):
    wanted = {
        f"policy={given['gold'].id}": ["closed", "gold"],
        f"policy={given['closed'].id}": ["closed"],
        f"policy={given['gold'].id}&state=active": ["gold"],
        "tag=vip": ["gold"],
        "tag=a+b": ["gold"],
        "tag=vi": [],
        "owner=Ann": ["closed", "gold"],
        "owner=Ann+%26+Co": ["own"],
        "no_owner=yes": ["bare"],
        "ends=30d": ["ending"],
        "state=refused": ["closed"],
        "state=active": ["bare", "ending", "gold", "own"],
    }
    assert {query: listed(acme.get(f"/o/acme/keys/?{query}")) for query in wanted} == wanted


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("policy=zzzz", "policy"),
        ("tag=" + "x" * 101, "tag"),
        ("owner=" + "x" * 201, "owner"),
        ("no_owner=no", "no_owner"),
        ("used=sometimes", "used"),
        ("ends=31d", "ends"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_and_named(acme, orders, query, field):
    answer = acme.get(f"/o/acme/keys/?{query}")
    assert (answer.status_code, f"<code>{field}</code>" in answer.content.decode()) == (400, True)


def test_a_strangers_policy_is_refused_in_the_words_of_an_unknown_one(cast, acme, orders):
    foreign = policies.policy(cast.globex, build.api(cast.globex))
    asked = [acme.get(f"/o/acme/keys/?policy={id}") for id in (foreign.id, "0" * 24)]
    assert [answer.context["filters"].errors for answer in asked] == [
        {"policy": ["There is no such policy."]}
    ] * 2


@pytest.mark.usefixtures("committed")
def test_keys_are_told_apart_by_whether_they_were_called(cast, acme, made, redis):
    push(
        redis,
        {"OrgID": cast.acme.id, "APIKey": made["gold"].token_hash, "TimeStamp": ago(hours=1)},
        {"OrgID": cast.acme.id, "APIKey": made["own"].token_hash, "TimeStamp": ago(days=3)},
    )
    with scope.org(cast.acme.id):
        long_ago = timezone.now() - timedelta(days=91)
        Key.objects.filter(alias__in=["gold", "closed"]).update(created_at=long_ago)
    wanted = {
        "used=24h": ["gold"],
        "used=no-24h": ["bare", "closed", "ending", "own"],
        "used=30d": ["gold", "own"],
        "used=never": ["bare", "closed", "ending"],
        "used=no-90d": ["closed"],
    }
    assert {query: listed(acme.get(f"/o/acme/keys/?{query}")) for query in wanted} == wanted


def test_who_may_not_see_traffic_is_neither_told_nor_asked_of_use(cast, client_for, made):
    reader = client_for(make.user("kay@acme.example", cast.acme, {"keys": "read"}))
    page = reader.get("/o/acme/keys/")
    assert (page.status_code, 'name="used"' in page.content.decode()) == (200, False)
    assert listed(reader.get("/o/acme/keys/?used=never")) == listed(page)


def test_a_key_that_a_policy_denies_is_said_to_be_refused_everywhere(acme, made):
    page, one = acme.get("/o/acme/keys/"), acme.get(f"/o/acme/keys/{made['closed'].id}/")
    assert {alias: row["state"] for alias, row in rows(page).items()} == {
        "gold": "active",
        "closed": "refused",
        "own": "active",
        "bare": "active",
        "ending": "active",
    }
    assert 'its policy <span class="short" title="Closed">' in page.content.decode()
    assert one.context["state"] == "refused"
    lines = acme.get("/o/acme/keys/?format=csv&state=refused").getvalue().decode().splitlines()[1:]
    assert [line.split(",")[1:5:3] for line in lines] == [["closed", "refused"]]


def test_a_row_says_what_its_key_opens_and_leads_to_it(cast, acme, made, given, orders):
    build.key(cast.acme, orders, build.api(cast.acme, "Returns"), alias="two")
    third = policies.policy(cast.acme, orders, name="Third")
    by(cast.acme, given["gold"], given["closed"], third, alias="three")
    by(cast.acme, alias="every", all_apis=True)
    found = rows(acme.get("/o/acme/keys/"))
    said = {
        alias: ([policy.name for policy in row["policies"]], row["policies_in_all"], row["own"])
        for alias, row in found.items()
    }
    assert said == {
        "gold": (["Gold"], 0, ""),
        "closed": (["Gold", "Closed"], 0, ""),
        "three": (["Gold", "Closed"], 3, ""),
        "own": ([], 0, "1 API"),
        "bare": ([], 0, "1 API"),
        "two": ([], 0, "2 APIs"),
        "ending": ([], 0, "all APIs"),
        "every": ([], 0, "all APIs"),
    }
    assert {row["address"] for row in found.values()} == {
        reverse("key-detail", args=["acme", row["key"].id]) for row in found.values()
    }


def test_a_row_says_how_much_of_its_quota_a_key_has_used(acme, made, redis):
    for key, count in ((made["gold"], 50), (made["own"], 77)):
        redis.set(f"quota-{key.token_hash}", count)
    redis.set(f"quota-{made['closed'].token_hash}", SPENT)
    found = {
        alias: row["quota"] and (row["quota"].used, row["quota"].most)
        for alias, row in rows(acme.get("/o/acme/keys/")).items()
    }
    assert found == {"gold": (50, 200), "closed": (0, 200), "own": (50, 50), "bare": None, "ending": None}


def test_the_fullest_of_several_quotas_is_shown_whatever_a_key_is_counted_under(cast, acme, orders, redis):
    returns = build.api(cast.acme, "Returns")

    def limited(api, quota_max):
        return policies.policy(
            cast.acme,
            api,
            name=f"{quota_max}",
            partitions={"per_api": True},
            access_rights={api.api_id: {"limit": {"quota_max": quota_max, "quota_renewal_rate": 60}}},
        )

    few, many = limited(orders, 10), limited(returns, 1_000)
    two = by(cast.acme, few, many, alias="two")
    with scope.org(cast.acme.id):
        counted = quotas.counted_of([two], policies_of([two]), {two.id})[two.id]
        Key.objects.filter(id=two.id).update(allowance="shared")
    scopes = {most: name for name, most in counted.items()}
    fullest = []
    for counter, used in (
        ("", {}),
        (two.token_hash, {10: 5, 1_000: 10}),
        (two.token_hash, {1_000: 900}),
        ("shared", {1_000: 700}),
        ("shared", {1_000: 950}),
    ):
        for most, number in used.items():
            redis.set(names.quota(counter, scopes[most]), number)
        quota = rows(acme.get("/o/acme/keys/"))["two"]["quota"]
        fullest.append((quota.used, quota.most, quota.several))
    assert sorted(scopes) == [10, 1_000]
    assert fullest == [(0, 10, 2), (5, 10, 2), (900, 1_000, 2), (900, 1_000, 2), (950, 1_000, 2)]


def test_the_list_is_shown_at_once_while_redis_is_away_or_silent(acme, made, settings, monkeypatch):
    monkeypatch.setattr(redis_client, "HASTE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
        begun = time.monotonic()
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        page = acme.get("/o/acme/keys/")
        taken = time.monotonic() - begun
    with closed_port() as port:
        settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
        away = acme.get("/o/acme/keys/")
    for answer in (page, away):
        shown = {alias: (row["quota"], row["away"]) for alias, row in rows(answer).items()}
        assert answer.status_code == 200
        assert shown["gold"] == (None, "The gateways' Redis does not answer.")
    assert taken < 10  # as long as work waits that is not for a page


def test_a_list_by_policies_costs_the_same_queries_for_one_key_and_for_three(cast, acme, given):
    acme.get("/o/acme/keys/")  # the first request of a process has the database proved
    counts = []
    for more in (1, 2):
        for _ in range(more):
            by(cast.acme, given["gold"], given["closed"], owner="Ann")
        with CaptureQueriesContext(connection) as queries:
            acme.get(f"/o/acme/keys/?policy={given['gold'].id}&state=refused&owner=Ann")
        counts.append(len(queries))
    assert counts == [22, 22]


def test_links_of_a_row_and_of_a_policy_lead_to_the_keys_they_count(acme, made, given):
    page = acme.get("/o/acme/keys/").content.decode()
    assert 'href="?owner=Ann%20%26%20Co"' in page
    assert (
        f'href="/o/acme/keys/?policy={given["gold"].id}"'
        in acme.get(f"/o/acme/policies/{given['gold'].id}/").content.decode()
    )
    with scope.org(made["gold"].org_id):
        assert Key.objects.count() == 5
