"""What the filters of a page offer."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apis.publishing import publish
from dashboard.analytics.reports import choices
from orgs import scope
from tests import make
from tests.analytics.screens import ago, push, sheet
from tests.keys import build

OVERVIEW = "/o/acme/analytics/"
OFFERED = ("versions", "oauth_clients", "countries", "tags", "primitives", "endpoints")


def request(org, api, word: str, country: str) -> dict:
    return {
        "OrgID": org.id,
        "APIID": api.api_id,
        "APIKey": word * 8,
        "Alias": word,
        "APIVersion": word,
        "OauthID": word,
        "Tags": [word, f"key-{word}"],
        "Geo": {"Country": {"ISOCode": country}},
        "Path": f"/{word}",
        "RawPath": f"/{word}",
        "Method": "GET",
        "TimeStamp": ago(minutes=5),
        "MCPStats": {
            "IsMCP": True,
            "JSONRPCMethod": "tools/call",
            "PrimitiveType": "tool",
            "PrimitiveName": word,
        },
    }


@pytest.fixture
def apis(committed, redis, cast) -> list:
    orders, returns = (build.api(cast.acme, name) for name in ("Orders", "Returns"))
    foreign = build.api(cast.globex, "Foreign")
    push(
        redis,
        request(cast.acme, orders, "green", "CH"),
        request(cast.acme, returns, "blue", "DE"),
        request(cast.globex, foreign, "red", "FR"),
    )
    return [orders, returns]


def offered(answer) -> list[list[str]]:
    return [[value for value, _ in answer.context[name]] for name in OFFERED]


def keys(answer) -> list[str]:
    return [name for value, name in answer.context["keys"] if value != "none"]


def test_a_filter_offers_what_the_organisation_has_and_of_apis_that_are_chosen_what_those_have(
    apis, cast, client_for
):
    client, orders = client_for(cast.acme_admin), apis[0]
    green = [["green"], ["green"], ["CH"], ["green"], ["tools/call tool green"], ["GET /green"]]
    called = ["tools/call tool blue", "tools/call tool green"]
    both = [["blue", "green"], ["blue", "green"], ["CH", "DE"], ["blue", "green"], called, []]
    for path in (OVERVIEW, "/o/acme/errors/", "/o/acme/logs/"):
        page = client.get(path)
        assert (offered(page), [name[:4] for name in keys(page)]) == (both, ["blue", "gree"])
        page = client.get(path, {"api": orders.api_id})
        assert (offered(page), [name[:4] for name in keys(page)]) == (green, ["gree"])
        assert [name for _, name in page.context["apis"]] == ["Orders", "Returns"]
        text = page.content.decode()
        assert '<datalist id="endpoints"><option value="GET /green"></option></datalist>' in text
        assert '<datalist id="primitives"><option value="tools/call tool green"></option></datalist>' in text
        assert '"red"' not in text and "tool red" not in text


def test_offered_are_the_busiest_of_the_newest_days_of_a_period(apis, cast, client_for, redis):
    client, orders = client_for(cast.acme_admin), apis[0]
    push(redis, {**request(cast.acme, orders, "past", "IS"), "TimeStamp": ago(days=9)})
    for path in (OVERVIEW, "/o/acme/logs/"):
        recent = client.get(path, {"range": "30d"})
        assert ([name[:4] for name in keys(recent)], offered(recent)[2]) == (["blue", "gree"], ["CH", "DE"])
        day = f"{datetime.now(UTC).astimezone(cast.acme.zone) - timedelta(days=9):%Y-%m-%d}"
        then = client.get(path, {"range": "custom", "from": day, "to": day})
        assert ([name[:4] for name in keys(then)], offered(then)[2]) == (["past"], ["IS"])


def test_where_there_are_more_keys_than_are_offered_another_can_be_named_by_its_hash(
    apis, cast, client_for, redis, monkeypatch
):
    client, orders = client_for(cast.acme_admin), apis[0]
    push(
        redis, *[{**request(cast.acme, orders, "busy", "CH"), "APIKey": key} for key in ("", "busy" * 8) * 2]
    )
    another = '<label class="field">Another key <input name="key" maxlength="128" placeholder="its hash"'
    for path in (OVERVIEW, "/o/acme/logs/"):
        for most, offered_keys, fields in ((2, ["blue", "busy"], 1), (3, ["blue", "busy", "gree"], 0)):
            monkeypatch.setattr(choices, "MOST_KEYS", most)
            page = client.get(path)
            named = [name[:4] for name in keys(page)]
            assert (named, page.content.decode().count(another)) == (offered_keys, fields)
        found = client.get(path, {"key": ["", "green" * 8]})
        assert found.context["kept"]["key"] == ("green" * 8,)
    monkeypatch.setattr(choices, "MOST_OTHERS", 1)
    assert offered(client.get(OVERVIEW))[2] == ["CH"]


def test_whoever_sees_only_own_apis_is_offered_only_theirs(apis, cast, client_for):
    returns = apis[1]
    owner = make.user("olaf@acme.example", cast.acme, {"owned_analytics": "read"})
    with scope.org(cast.acme.id), transaction.atomic():
        publish.keep(returns, {"user_owners": [owner.id]}, author=cast.acme_admin, started_from=1)
    page = client_for(owner).get(OVERVIEW)
    assert offered(page) == [["blue"], ["blue"], ["DE"], ["blue"], ["tools/call tool blue"], ["GET /blue"]]
    assert [name[:4] for name in keys(page)] == ["blue"]
    assert [name for _, name in page.context["apis"]] == ["Returns"]
    assert page.context["endpoints_of"] == [(f"{returns.api_id} GET /blue", "GET /blue of Returns")]
    assert "green" not in page.content.decode()
    pages = [client_for(user).get(f"{OVERVIEW}primitives/") for user in (cast.acme_admin, owner)]
    assert [sorted(line.name for line, _ in page.context["lines"]) for page in pages] == [
        ["tools/call tool blue", "tools/call tool green"],
        ["tools/call tool blue"],
    ]
    assert "green" not in pages[1].content.decode()
    for primitive, requests in (("tools/call tool blue", ["1"]), ("tools/call tool green", [])):
        file = client_for(owner).get(
            OVERVIEW, {"primitive": primitive, "format": "csv", "table": "primitives"}
        )
        assert [row["requests"] for row in sheet(file)] == requests


def test_an_endpoint_is_offered_with_its_api_and_choosing_it_filters_by_both(apis, cast, client_for):
    client, (orders, returns) = client_for(cast.acme_admin), apis
    green, blue = f"{orders.api_id} GET /green", f"{returns.api_id} GET /blue"
    for path in (OVERVIEW, f"{OVERVIEW}hours/", "/o/acme/errors/", "/o/acme/logs/"):
        page = client.get(path)
        assert page.context["endpoints_of"] == [
            (blue, "GET /blue of Returns"),
            (green, "GET /green of Orders"),
        ]
        page = client.get(path, {"endpoint_of": [green, ""], "country": "CH"})
        chips = [(what, value) for what, value, _ in page.context["chips"]]
        assert chips == [("API", "Orders"), ("Endpoint", "GET /green"), ("Country", "CH")]
        # Of an API that is chosen any endpoint can be added.
        assert (page.context["endpoints_of"], page.context["endpoints"]) == ([], [("GET /green", "")])
        assert 'name="endpoint_of"' not in page.content.decode()
        for refused, field in (
            ("nonsense", "endpoint_of"),
            (" GET /", "endpoint_of"),
            (f"{'a' * 201} x", "api"),
        ):
            answer = client.get(path, {"endpoint_of": refused})
            assert (answer.status_code, [name for name, _ in answer.context["problems"]]) == (400, [field])
    file = client.get(OVERVIEW, {"endpoint_of": green, "format": "csv", "table": "endpoints"})
    assert [(row["api"], row["endpoint"]) for row in sheet(file)] == [("Orders", "GET /green")]


def test_a_page_takes_as_many_statements_for_twenty_values_of_a_filter_as_for_two(apis, cast, client_for):
    client = client_for(cast.acme_admin)

    def statements(path: str, values: int) -> int:
        asked = {"range": "30d"}
        for name in ("api", "key", "endpoint", "oauth", "version", "tag"):
            asked[name] = [apis[0].api_id if name == "api" else "green", *map(str, range(values - 1))]
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(path, asked)
        assert (answer.status_code, len(answer.context["chips"])) == (200, 6 * values)
        return len(captured)

    for path in (OVERVIEW, "/o/acme/errors/", "/o/acme/logs/"):
        client.get(path)
        assert statements(path, 20) == statements(path, 2)
    # Names of APIs are asked for once, of those filtered by and of those of records together.
    with CaptureQueriesContext(connection) as captured:
        answer = client.get("/o/acme/logs/", {"range": "30d", "api": [api.api_id for api in apis]})
    assert len(answer.context["records"]) > 0
    assert (
        len([query for query in captured if '"api_id" IN (' in query["sql"] and '"name"' in query["sql"]])
        == 1
    )
