"""Tyk's analytics routes at their edges: names, zones, rights, odd parameters."""

from datetime import UTC, datetime, timedelta

from apis.publishing import publish
from dashboard.analytics.rest.asked import NOT_OWNED
from orgs import scope
from tests import make
from tests.analytics import screens
from tests.analytics.rest_wire import ID, data, week
from tests.analytics.screens import ago, push
from tests.apis.examples import plain


def test_usage_by_api_carries_names_and_last_hits(committed, redis, rest):
    alpha = make.organisation("Alpha", "alpha")
    ann = make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR)
    with scope.org(alpha.id):
        orders = publish.create(alpha.id, plain("/orders/", name="Orders"), author=ann)
    stamp = ago(minutes=5)
    push(redis, {"OrgID": alpha.id, "APIID": orders.api_id, "TimeStamp": stamp, "ResponseCode": 404})
    [row] = data(rest(ann), f"/api/usage/apis/{week('UTC')}")
    minute = datetime.fromtimestamp(stamp[0], UTC).replace(second=0)
    assert row == {
        "id": {**ID, "api_id": orders.api_id, "api_name": "Orders"},
        "hits": 1,
        "success": 0,
        "error": 1,
        "last_hit": minute.isoformat().replace("+00:00", "Z"),
        "request_time": 2.0,
        "latency": 2.0,
        "upstream_latency": 2.0,
        "max_latency": 2,
        "min_latency": 0,
        "max_upstream_latency": 0,
        "min_upstream_latency": 0,
    }


def test_a_super_user_sees_days_as_each_organisation_cuts_them(committed, redis, rest):
    east = make.organisation("East", "east", time_zone="Pacific/Kiritimati")
    west = make.organisation("West", "west", time_zone="Pacific/Pago_Pago")
    noon = datetime.now(UTC).replace(hour=11, minute=0, second=0) - timedelta(days=2)
    stamp = [int(noon.timestamp()), 0]
    push(redis, {"OrgID": east.id, "TimeStamp": stamp}, {"OrgID": west.id, "TimeStamp": stamp})
    rows = data(rest(make.user("sue@platform.example", None)), f"/api/usage/{week('UTC')}")
    days = [noon.astimezone(org.zone) for org in (west, east)]
    assert [(row["id"]["day"], row["id"]["month"], row["hits"]) for row in rows] == [
        (day.day, day.month, 1) for day in days
    ]


def test_an_empty_range_is_null_on_one_page(committed, rest):
    ann = make.user("ann@alpha.example", make.organisation("Alpha", "alpha"), screens.ADMINISTRATOR)
    client = rest(ann)
    for path in (
        f"/api/usage/{week()}",
        f"/api/usage/apis/{week()}",
        f"/api/activity/keys/{week()}",
        f"/api/activity/keys/endpoint/{'a' * 16}/{week()}",
        f"/api/activity/errors/{week()}",
        f"/api/activity/endpoint/{week()}",
        f"/api/activity/geo/{week()}",
        "/api/versions?api_id=nowhere",
        "/api/logs",
    ):
        assert client.get(path).content == b'{"data":null,"pages":1}'


ODD = (
    ("/api/usage/31/2/2026/1/3/2026", {}, "start date"),
    ("/api/usage/1/3/2026/1/2/2026", {}, "end date"),
    ("/api/usage/a/b/c/1/2/2026", {}, "start date"),
    ("/api/usage/1/1/2026/1/1/99999", {}, "end date"),
    ("/api/usage/1/1/1/1/1/2026", {}, "start date"),
    ("/api/usage/1/1/2026/1/2/2026", {"res": "minute"}, "res"),
    ("/api/usage/1/1/2026/1/2/2026", {"p": "x"}, "p "),
    ("/api/usage/1/1/2026/1/2/2026", {"tags": "t" * 201}, "tags"),
    ("/api/usage/1/1/2026/1/2/2026", {"tags": ",".join(map(str, range(101)))}, "tags"),
    ("/api/usage/1/1/2026/1/2/2026", {"api_version": "v" * 201}, "api_version"),
    ("/api/usage/1/1/2026/1/2/2026", {"status": "404,6xx"}, "status"),
    ("/api/usage/1/1/2026/1/2/2026", {"status": ["404", "5xx\n"]}, "status"),
    ("/api/usage/1/1/2026/1/2/2026", {"status": ",".join(map(str, range(400, 421)))}, "status"),
    (f"/api/activity/keys/{'k' * 129}/1/1/2026/1/2/2026", {}, "Key could not be decoded."),
    ("/api/activity/keys/aggregate/,/1/1/2026/1/2/2026", {}, "keys"),
    (f"/api/activity/keys/aggregate/{','.join(map(str, range(101)))}/1/1/2026/1/2/2026", {}, "keys"),
    ("/api/activity/errors/1/1/2026/1/2/2026", {"by": "Colour"}, "by"),
    ("/api/versions", {}, "api_id"),
    ("/api/usage/apis/1/1/2026/1/2/2026", {"by": "Colour"}, "by"),
    ("/api/usage/apis/1/1/2026/1/2/2026", {"sort": "up"}, "sort"),
    ("/api/activity/keys/1/1/2026/1/2/2026", {"api_id": "\0"}, "api_id"),
    ("/api/logs", {"start": "yesterday"}, "start"),
    ("/api/logs", {"end": "9" * 30}, "end"),
    ("/api/logs", {"start": "20", "end": "10"}, "end"),
    ("/api/logs", {"code": "4xx"}, "code"),
    ("/api/logs", {"errors": "maybe"}, "errors"),
    ("/api/logs", {"key": "k" * 129}, "key"),
    ("/api/logs", {"p": "\0"}, "p: "),
)


def test_an_odd_parameter_is_a_400_that_names_it(committed, rest):
    ann = make.user("ann@alpha.example", make.organisation("Alpha", "alpha"), screens.ADMINISTRATOR)
    client = rest(ann)
    for path, params, named in ODD:
        answer = client.get(path, params)
        assert (answer.status_code, answer.json()["Status"], answer.json()["Meta"]) == (400, "Error", None)
        assert named in answer.json()["Message"]
    for path, params in (
        (f"/api/activity/keys/{'k' * 128}/1/1/2026/1/1/2026", {}),
        (f"/api/activity/keys/aggregate/{','.join(map(str, range(100)))}/1/1/2026/1/2/2026", {}),
        ("/api/usage/1/1/2026/1/1/2026", {"tags": ",".join(f"{number:0200}" for number in range(100))}),
        ("/api/usage/1/1/1970/31/12/2999", {"status": ",".join(map(str, range(400, 420)))}),
    ):
        assert (path, client.get(path, params).status_code) == (path, 200)


def test_the_rights_of_analytics_and_logs_are_told_apart(committed, rest):
    alpha = make.organisation("Alpha", "alpha")
    reader = make.user("rita@alpha.example", alpha, {"analytics": "read"})
    logger = make.user("lou@alpha.example", alpha, {"log": "read"})
    nobody = make.user("max@alpha.example", alpha)
    paths = (f"/api/usage/{week()}", f"/api/usage/apis/{week()}", f"/api/activity/keys/{week()}", "/api/logs")
    codes = {
        user.email: [rest(user).get(path).status_code for path in paths] for user in (reader, logger, nobody)
    }
    assert codes == {
        "rita@alpha.example": [200, 200, 200, 403],
        "lou@alpha.example": [403, 403, 403, 200],
        "max@alpha.example": [403, 403, 403, 403],
    }


def test_clients_countries_and_versions_are_those_of_the_records(committed, redis, rest):
    alpha = make.organisation("Alpha", "alpha")
    ann = make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR)
    with scope.org(alpha.id):
        orders = publish.create(alpha.id, plain("/orders/", name="Orders"), author=ann)
        versioned = {**plain("/carts/", name="Carts")}
        versioned["version_data"] = {
            "not_versioned": False,
            "versions": {"v1": {"name": "v1"}, "v2": {"name": "v2"}},
        }
        carts = publish.create(alpha.id, versioned, author=ann)
    stamp, common = ago(minutes=5), {"OrgID": alpha.id, "APIID": orders.api_id}
    swiss = {"Country": {"ISOCode": "CH"}}
    push(
        redis,
        {**common, "TimeStamp": stamp, "OauthID": "shop", "Geo": swiss, "RawPath": "/a", "Method": "GET"},
        {**common, "TimeStamp": stamp, "OauthID": "shop", "RawPath": "/a", "Method": "POST"},
        {**common, "TimeStamp": stamp, "OauthID": "other", "Geo": swiss, "RawPath": "/b"},
        {**common, "TimeStamp": stamp, "APIID": carts.api_id, "APIVersion": "v2", "RawPath": "/c"},
    )
    client, span = rest(ann), week("UTC")
    assert sum(row["hits"] for row in data(client, f"/api/activity/oauthid/shop/{span}")) == 2
    assert sum(row["hits"] for row in data(client, f"/api/activity/oauthid/shop/{span}", res="hour")) == 2
    [row] = data(client, f"/api/activity/oauthid/endpoint/shop/{span}")
    assert (row["id"], row["hits"]) == (
        {**ID, "path": "/a", "api_id": orders.api_id, "api_name": "Orders"},
        2,
    )
    countries = data(client, f"/api/activity/geo/{span}")
    assert sorted((row["id"]["iso_country"], row["hits"]) for row in countries) == [("", 2), ("CH", 2)]
    assert {tuple({**row["id"], "iso_country": ""}.items()) for row in countries} == {tuple(ID.items())}
    of_v2 = data(client, f"/api/usage/apis/{span}", api_version="v2")
    assert [(row["id"]["api_name"], row["hits"]) for row in of_v2] == [("Carts", 1)]
    # When the API was called, of whatever version, says nothing of this one: it is known to the day.
    assert of_v2[0]["last_hit"] == f"{datetime.fromtimestamp(stamp[0], UTC):%Y-%m-%d}T00:00:00Z"
    for api_id, names in ((carts.api_id, ["v1", "v2"]), (orders.api_id, ["Non Versioned"]), ("nowhere", [])):
        assert data(client, "/api/versions", api_id=api_id) == names
    stranger = make.user("bob@beta.example", make.organisation("Beta", "beta"), screens.ADMINISTRATOR)
    assert data(rest(stranger), "/api/versions", api_id=carts.api_id) == []


def test_who_may_see_only_what_he_owns_is_told_of_nothing_else(committed, redis, rest):
    alpha = make.organisation("Alpha", "alpha")
    owner, other = (
        make.user(f"{name}@alpha.example", alpha, {"owned_analytics": "read"}) for name in ("otto", "odd")
    )
    with scope.org(alpha.id):
        mine, theirs = (
            publish.create(alpha.id, plain(f"/{name}/", name=name), author=owner)
            for name in ("mine", "theirs")
        )
        publish.keep(mine, {"user_owners": [owner.id]}, author=owner, started_from=1)
    common = {"OrgID": alpha.id, "TimeStamp": ago(minutes=5), "ResponseCode": 404, "APIKey": "cafe"}
    push(
        redis,
        {**common, "APIID": mine.api_id},
        *[{**common, "APIID": theirs.api_id, "ResponseCode": 500}] * 3,
    )
    span = week("UTC")
    lines = (
        f"/api/usage/{span}",
        f"/api/usage/{span}?res=hour&tags=edge-a,edge-b",
        f"/api/usage/apis/{span}",
        f"/api/activity/errors/{span}",
        f"/api/activity/endpoint/{span}",
        f"/api/usage/apis/{mine.api_id}/{span}",
        f"/api/usage/{span}?api_id={mine.api_id}",
    )
    everything = make.user("ann@alpha.example", alpha, {"analytics": "read"})
    counts = {
        user.email: [sum(row["hits"] for row in data(rest(user), path)) for path in lines[:5]]
        for user in (owner, other, everything)
    }
    assert counts == {
        "otto@alpha.example": [1] * 5,
        "odd@alpha.example": [0] * 5,
        "ann@alpha.example": [4] * 5,
    }
    assert [sum(row["hits"] for row in data(rest(owner), path)) for path in lines[5:]] == [1, 1]
    assert [row["id"]["code"] for row in data(rest(owner), lines[3])] == [404]
    refused = [
        rest(owner).get(path)
        for api_id in (theirs.api_id, "nowhere")
        for path in (
            f"/api/usage/apis/{api_id}/{span}",
            f"/api/usage/{span}?api_id={api_id}",
            f"/api/activity/errors/{span}?api_id={api_id}",
            f"/api/versions?api_id={api_id}",
        )
    ]
    assert {(answer.status_code, answer.json()["Message"]) for answer in refused} == {(403, NOT_OWNED)}
    assert data(rest(owner), f"/api/versions?api_id={mine.api_id}") == ["Non Versioned"]
    hidden = (
        "keys",
        "keys/cafe",
        "keys/endpoint/cafe",
        "keys/aggregate/cafe",
        "oauthid/a",
        "oauthid/endpoint/a",
        "geo",
    )
    assert [rest(owner).get(f"/api/activity/{path}/{span}").status_code for path in hidden] == [403] * len(
        hidden
    )
