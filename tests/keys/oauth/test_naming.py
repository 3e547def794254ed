"""OAuth clients by their names, where traffic has their IDs."""

import pytest
from django.db import connection
from django.utils.html import escape

from keys.models import OAuthClient
from keys.oauth import lifecycle
from orgs import scope
from orgs.providers import clients
from tests.analytics.screens import ago, push, sheet
from tests.keys.oauth import build
from tests.keys.policies.build import policy

LOGS, ANALYTICS, CLIENTS = "/o/acme/logs/", "/o/acme/analytics/", "/o/acme/oauth/"


def inside(org, verb, *arguments):
    with scope.org(org.id):
        return verb(*arguments)


def test_a_living_client_is_named_before_a_deleted_one_and_never_anothers(cast):
    api, other = build.api(cast.acme), build.api(cast.acme, "Other")
    gold = policy(cast.acme, api)
    theirs = build.api(cast.globex, "Theirs")
    build.client(cast.globex, theirs, policy(cast.globex, theirs), client_id="theirs", description="Secret")
    for number, each in enumerate((api, api, other)):
        made, _ = build.client(cast.acme, each, gold, client_id="shop", description=f"Shop {number}")
        if number < 2:
            inside(cast.acme, lifecycle.delete, made)
    gone, _ = build.client(cast.acme, api, gold, client_id="gone")
    inside(cast.acme, lifecycle.delete, gone)
    build.client(cast.acme, api, gold, client_id="bare")
    names = inside(cast.acme, clients.names, {"shop", "gone", "bare", "theirs", "nobody", ""})
    assert [names.of("shop"), names.of("shop", api.api_id), names.of("shop", "elsewhere")] == [
        "Shop 2",
        "Shop 1 (deleted)",
        "Shop 2",
    ]
    assert [names.of(each) for each in ("gone", "bare", "theirs", "nobody", "")] == [
        "gone (deleted)",
        "bare",
        "theirs",
        "nobody",
        "",
    ]


def test_without_an_id_nothing_is_read(cast, django_assert_num_queries):
    with scope.org(cast.acme.id), django_assert_num_queries(0):
        assert clients.names({""}) == clients.Names()


@pytest.fixture
def traffic(committed, cast, redis):
    """Three requests of a client, one of a stranger's of the same organisation's API, one of no client."""
    api = build.api(cast.acme)
    build.client(cast.acme, api, policy(cast.acme, api), client_id="shop", description="The <Shop>")
    theirs = build.api(cast.globex, "Theirs")
    build.client(cast.globex, theirs, policy(cast.globex, theirs), client_id="theirs", description="Secret")
    common = {"OrgID": cast.acme.id, "APIID": api.api_id, "TimeStamp": ago(minutes=15), "APIKey": "a" * 16}
    push(
        redis,
        *({**common, "OauthID": "shop", "ResponseCode": code} for code in (200, 200, 500)),
        {**common, "OauthID": "theirs"},
        {**common, "OauthID": ""},
    )
    return api


def test_records_and_rankings_name_clients_and_are_filtered_by_them(cast, client_for, traffic, redis):
    ada = client_for(cast.acme_admin)
    page = ada.get(LOGS)
    at = page.context["records"][0]["record"].ts.astimezone(cast.acme.zone)
    lines = page.context["records"]
    assert sorted(line["client"] for line in lines) == [
        "",
        "The <Shop>",
        "The <Shop>",
        "The <Shop>",
        "theirs",
    ]
    assert b"Secret" not in page.content
    shown = ada.get(LOGS, {"oauth": "shop"})
    assert (len(shown.context["records"]), shown.context["chips"][0][:2]) == (
        3,
        ("OAuth client", "The <Shop>"),
    )
    assert '<input type="hidden" name="oauth" value="shop">' in shown.content.decode()
    record = ada.get(next(line["url"] for line in shown.context["records"])).content.decode()
    assert escape("The <Shop>") + ' <span class="mono">shop</span>' in record
    rows = sheet(ada.get(LOGS, {"format": "csv", "oauth": "shop"}))
    assert {(row["oauth_client"], row["oauth_client_name"]) for row in rows} == {("shop", "The <Shop>")}

    ranking = ada.get(ANALYTICS + "clients/")
    assert [(line.name, line.note, line.hits, line.failed) for line, _ in ranking.context["lines"]] == [
        ("The <Shop>", "shop", "3", "1 (33.3 %)"),
        ("theirs", "", "1", "0"),
    ]
    assert ranking.context["table"].rest == ("1 request carried no token of an OAuth client.")
    file = sheet(ada.get(ANALYTICS, {"format": "csv", "table": "clients"}))
    assert [(row["oauth_client"], row["oauth_client_name"], row["requests"]) for row in file] == [
        ("shop", "The <Shop>", "3"),
        ("theirs", "theirs", "1"),
    ]
    overview = ada.get(ANALYTICS, {"oauth": "shop"})
    assert overview.context["chips"] == [("OAuth client", "The <Shop>", ANALYTICS)]
    assert next(line.hits for table in overview.context["tables"] for line, _ in table["lines"]) == "3"
    errors = ada.get("/o/acme/errors/", {"oauth": "shop"})
    assert [row["hits"] for row in errors.context["rows"]] == ["1"]
    for path in (LOGS, ANALYTICS, ANALYTICS + "clients/"):
        assert ada.get(path, {"oauth": "x" * 201}).status_code == 400
        assert ada.get(path, {"oauth": "'; --"}).status_code == 200
    with scope.org(cast.acme.id):
        client = OAuthClient.objects.get()
    # Another API may have a client of the same ID.
    second = {"OrgID": cast.acme.id, "APIID": "second", "OauthID": "shop", "APIKey": "b" * 16}
    push(redis, {**second, "TimeStamp": ago(minutes=15)})
    other = policy(cast.acme, traffic, name="Silver")
    edit = {"policy_id": other.id, "redirect_uri": build.URI, "seen": 1}
    for page in (
        ada.get(f"{CLIENTS}{client.id}/deletion/"),
        ada.get(f"{CLIENTS}{client.id}/tokens/"),
        ada.post(f"{CLIENTS}{client.id}/edit/", edit),
    ):
        asked = page.context["radius"]
        assert (asked.requests, asked.callers, asked.least, asked.zone) == (3, 1, False, "UTC")
        [endpoints] = asked.tables
        assert [(line.api, line.requests) for line in endpoints.lines] == [("Protected", 3)]
        assert asked.last in (f"after {at.day} {at:%b %H}:00", f"{at.day} {at:%b %H:%M}")
        assert b"3 requests</strong> in the last 30 days, with 1 different token" in page.content
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) > 0, bool_and(indexdef LIKE '%(org_id, oauth, ts) WHERE (oauth <> ''''::text)')"
            " FROM pg_indexes WHERE indexname ~ '^record_[0-9]+_.*oauth'"
        )
        assert cursor.fetchone() == (True, True)
