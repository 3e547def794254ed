"""What few requests have is counted alike on pages, in files, by REST and in the log: as by a plain count of the
recorded requests. The recorded gateway knew one version, no OAuth client and no country: here some requests have
them, and some have neither user agent nor address."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from django.db import connection, connections
from redis import Redis

from dashboard.analytics.dimensions import NOT_VERSIONED
from dashboard.analytics.ingest.entries.clean import GATEWAY_TAGS
from dashboard.analytics.reports import rankings, traffic
from tests import make
from tests.analytics.rest_wire import data, week
from tests.analytics.screens import Played, classes, play, sheet
from tests.conftest import _copy_database

OVERVIEW = "/o/alpha/analytics/"


NO_CALL = {"IsMCP": False, "JSONRPCMethod": "", "PrimitiveType": "", "PrimitiveName": ""}
CALLS = (
    {"IsMCP": True, "JSONRPCMethod": "tools/call", "PrimitiveType": "tool", "PrimitiveName": "the forecast"},
    {"IsMCP": True, "JSONRPCMethod": "tools/list", "PrimitiveType": "", "PrimitiveName": ""},
)


def called(record: dict) -> str:
    """As it is counted."""
    call = record["MCPStats"] or NO_CALL
    return " ".join(
        filter(None, (call[name] for name in ("JSONRPCMethod", "PrimitiveType", "PrimitiveName")))
    )


def with_more(number: int, record: dict) -> dict:
    return {
        "APIVersion": (NOT_VERSIONED, "", "v1", "v2")[number % 4],
        "OauthID": ("", "shop", "till")[number % 3],
        "Geo": {"Country": {"ISOCode": ("", "CH", "DE", "NP", "US")[number % 5]}},
        "UserAgent": record["UserAgent"] * (number % 7 > 0),
        "IPAddress": (record["IPAddress"], "2001:DB8::7", "unknown")[number % 11 % 3],
        "Tags": record["Tags"] * (1 + number % 2),
        "MCPStats": (None, NO_CALL, NO_CALL | {"IsMCP": True}, *CALLS)[number % 5],
    }


@pytest.fixture(scope="module")
def told(django_db_setup, django_db_blocker, _valkey) -> Iterator[Played]:
    with django_db_blocker.unblock():
        with Redis.from_url(_valkey) as client:
            client.flushall()
            yield play(client, with_more=with_more)
        connections.close_all()
        _copy_database(connections["default"].settings_dict["NAME"])


# The columns of a file that name a line, and those which a record is counted for.
TABLES = {
    "versions": (
        ("api_id", "version"),
        lambda r: [(r["APIID"], r["APIVersion"])] if r["APIVersion"] not in ("", NOT_VERSIONED) else [],
    ),
    "clients": (("oauth_client",), lambda r: [(r["OauthID"],)] if r["OauthID"] else []),
    "countries": (
        ("country",),
        lambda r: [(code,)] if (code := r["Geo"]["Country"]["ISOCode"]) else [],
    ),
    "tags": (("tag",), lambda r: [(tag,) for tag in {*r["Tags"]} if not tag.startswith(GATEWAY_TAGS)]),
    "primitives": (("api_id", "primitive"), lambda r: [(r["APIID"], called(r))] if called(r) else []),
    "agents": (("user_agent",), lambda r: [(r["UserAgent"],)] if r["UserAgent"] else []),
    "addresses": (
        ("address",),
        lambda r: [(r["IPAddress"].lower(),)] if r["IPAddress"] != "unknown" else [],
    ),
}


def lines_of(records: list[dict], table: str) -> dict[tuple[str, ...], list[dict]]:
    """The records of each line by what names it."""
    found = {}
    for record in records:
        for line in TABLES[table][1](record):
            found.setdefault(line, []).append(record)
    return found


@pytest.mark.parametrize("table", TABLES)
def test_pages_files_and_log_count_as_a_plain_count_does(told, client_for, table):
    client, records = client_for(told.ann), told.records[told.alpha.id]
    expected = {line: classes(own) for line, own in lines_of(records, table).items()}
    assert len(expected) > 1
    assert any(line["5xx"] and line["429"] for line in expected.values())
    for span in ("1h", "24h", "30d"):
        file = sheet(client.get(OVERVIEW, {"range": span, "format": "csv", "table": table}))
        assert {
            tuple(row[name] for name in TABLES[table][0]): {name: int(row[name]) for name in classes([])}
            for row in file
        } == expected
        assert len(file) == len(expected)
        page = client.get(f"{OVERVIEW}{table}/", {"range": span, "size": "200"})
        shown = [(line.hits, line.failed.split(" ")[0], line.limited) for line, _ in page.context["lines"]]
        assert sorted(shown) == sorted(
            tuple(f"{line[name]:,}" for name in ("requests", "5xx", "429")) for line in expected.values()
        )
        assert page.context["table"].count == len(expected)
        without = sum(not TABLES[table][1](record) for record in records)
        rest = page.context["table"].rest
        assert table == "tags" or rest.startswith(f"{without:,} requests {rankings.KINDS[table].without}")
    for line, url in page.context["lines"][:4]:
        # A line leads to the log, or to the page of its figures, whose requests lead there.
        log = url
        if not rankings.KINDS[table].personal:
            [log] = [there for tile, there in client.get(url).context["tiles"] if tile.name == "requests"]
        chips = [(what, value) for what, value, _ in client.get(log).context["chips"]]
        assert (page.context["table"].one, line.name) in chips
        assert len(sheet(client.get(f"{log}&format=csv"))) == int(line.hits.replace(",", ""))


# What a record has of each filter; the last has several, so that records with both are counted once.
VALUES = {
    "api": lambda r: {r["APIID"]},
    "key": lambda r: {r["APIKey"]} - {"00000000"},
    "oauth": lambda r: {r["OauthID"]},
    "version": lambda r: {r["APIVersion"]} - {NOT_VERSIONED},
    "country": lambda r: {r["Geo"]["Country"]["ISOCode"]},
    "status": lambda r: {str(r["ResponseCode"])},
    "primitive": lambda r: {called(r)},
    "tag": lambda r: {tag for tag in r["Tags"] if not tag.startswith(GATEWAY_TAGS)},
}


def two_of(records: list[dict], name: str) -> list[str]:
    counted = Counter(value for record in records for value in VALUES[name](record) - {""})
    return [value for value, _ in counted.most_common(2)]


@pytest.mark.parametrize(
    "names",
    [
        *((name,) for name in VALUES),
        ("api", "country"),
        ("key", "oauth"),
        ("primitive", "key"),
        ("tag", "version"),
        ("status", "key"),
    ],
)
def test_two_values_of_a_filter_are_alternatives_on_pages_in_files_and_in_the_log(told, client_for, names):
    client, records = client_for(told.ann), told.records[told.alpha.id]
    asked = {name: two_of(records, name) for name in names}
    own = [r for r in records if all(VALUES[name](r) & {*values} for name, values in asked.items())]
    each = [sum(asked[names[0]][at] in VALUES[names[0]](record) for record in own) for at in (0, 1)]
    assert len(records) > len(own) > 0
    assert all(each)
    assert (sum(each) > len(own)) == ("tag" in names)
    expected = classes(own)
    for span, table in (("24h", "requests"), ("30d", "apis")):
        page = client.get(OVERVIEW, {"range": span, **asked})
        shown = {tile.name: tile.exact for tile, _ in page.context["tiles"]}
        assert shown["requests"] == f"{len(own):,}"
        assert len(page.context["chips"]) == 2 * len(names)
        file = sheet(client.get(OVERVIEW, {"range": span, "format": "csv", "table": table, **asked}))
        assert {name: sum(int(row[name]) for row in file) for name in expected} == expected
        assert table == "requests" or len(file) == len({record["APIID"] for record in own})
        keys = {key for record in own for key in VALUES["key"](record)}
        assert page.context["tables"][1]["table"].count == len(keys)
    [log] = [url for tile, url in page.context["tiles"] if tile.name == "requests"]
    assert len(sheet(client.get(f"{log}&format=csv"))) == len(own)
    if "status" in names:  # of which that page has errors alone
        return
    errors = sheet(client.get("/o/alpha/errors/", {"range": "24h", "format": "csv", **asked}))
    assert sum(int(row["requests"]) for row in errors) == expected["4xx"] + expected["5xx"]


def test_two_statuses_of_errors_and_of_the_log_are_alternatives(told, client_for):
    client, records = client_for(told.ann), told.records[told.alpha.id]
    for statuses in (["404", "429"], ["404", "5xx"], ["4xx", "404"]):
        own = [r for r in records if {str(r["ResponseCode"]), f"{r['ResponseCode'] // 100}xx"} & {*statuses}]
        for asked in ({"by": "endpoint"}, {"by": "key"}):
            found = client.get("/o/alpha/errors/", {"range": "24h", "status": statuses, **asked})
            file = sheet(client.get(found.context["csv_url"]))
            assert sum(int(row["requests"]) for row in file) == len(own)
            assert [value for what, value, _ in found.context["chips"] if what == "Status"] == statuses
        log = client.get("/o/alpha/logs/", {"status": statuses})
        assert len(sheet(client.get(log.context["csv_url"]))) == len(own)


def test_statuses_count_alike_by_code_and_by_class_wherever_they_are_asked_for(
    told, client_for, rest, monkeypatch
):
    client, machine, records = client_for(told.ann), rest(told.ann), told.records[told.alpha.id]
    for statuses in (["404"], ["404", "5xx"], ["2xx", "3xx", "429"]):
        own = [r for r in records if {str(r["ResponseCode"]), f"{r['ResponseCode'] // 100}xx"} & {*statuses}]
        assert 0 < len(own) < len(records)
        for path, span in product((OVERVIEW, f"{OVERVIEW}hours/"), ("24h", "7d")):
            asked = {"range": span, "status": statuses}
            page = client.get(path, asked)
            assert [value for what, value, _ in page.context["chips"] if what == "Status"] == statuses
            counted = [
                sum(int(row["requests"]) for row in sheet(client.get(path, {**asked, "format": "csv", **of})))
                for of in ({}, {"table": "apis"})[: 1 + (path == OVERVIEW)]
            ]
            assert {*counted} == {len(own)}
        for path in ("/api/usage/", "/api/usage/apis/", "/api/activity/endpoint/"):
            found = data(machine, f"{path}{week()}", status=",".join(statuses), p="0")
            assert (path, sum(row["hits"] for row in found)) == (path, len(own))
    # What is made of the newest errors says so, and how long they took is compared with nothing.
    monkeypatch.setattr(traffic, "MOST_RECORDS", 20)
    began, ended = (f"{datetime.now(UTC) - timedelta(minutes=ago):%Y-%m-%dT%H:%MZ}" for ago in (1450, 1))
    asked = {"status": "4xx", "compare": began, "compare_to": ended}
    sent: list[str] = []

    def see(execute, sql, params, many, context):
        sent.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(see):
        page = client.get(OVERVIEW, {"range": "24h", **asked})
    tiles = {tile.name: tile for tile, _ in page.context["tiles"]}
    assert (page.context["sample"], tiles["latency"].change) == ("", None)
    assert re.fullmatch(
        rf"[0-9]+ requests timed, among the newest 1?[0-9] of {tiles['requests'].exact} requests",
        tiles["latency"].exact,
    )
    assert "Different keys among the newest 20 errors." in tiles["keys"].help
    keys = sheet(client.get(OVERVIEW, {"range": "24h", **asked, "format": "csv", "table": "keys"}))
    assert (tiles["keys"].exact, tiles["keys"].spark) == (
        str(sum(bool(row["requests"]) for row in keys)),
        None,
    )
    # They are read once for keys and endpoints.
    of_lines = [sql for sql in sent if "LIMIT 20)" in sql and re.search("(key|endpoint) AS value", sql)]
    assert len(of_lines) == 1
    for sort, name in product(("requests", "errors"), ("keys", "endpoints")):
        errors = {"range": "24h", "status": ["4xx", "5xx"], "sort": sort}
        beside = client.get(OVERVIEW, errors).context["tables"]
        alone = client.get(f"{OVERVIEW}{name}/", errors).context
        [found] = [table for table in beside if table["table"].name == name]
        assert [line for line, _ in found["lines"]] == [line for line, _ in alone["lines"]][:10]
        assert (found["table"].count, found["table"].rest) == (alone["table"].count, alone["table"].rest)
    assert (
        "among the newest 20 errors, since "
        in client.get(OVERVIEW, {"range": "1h", **asked}).context["sample"]
    )
    [api] = two_of(records, "api")[:1]
    file = client.get(OVERVIEW, {"api": api, "status": "4xx", "format": "csv", "table": "keys"})
    assert "made from the newest 20 errors of the API: those before" in file.getvalue().decode()


def test_rest_counts_as_a_plain_count_does(told, rest):
    client, records = rest(told.ann), told.records[told.alpha.id]
    addresses = {
        "versions": lambda line: ("/api/usage/", {"api_id": line[0], "api_version": line[1]}),
        "clients": lambda line: (f"/api/activity/oauthid/{line[0]}/", {}),
        "tags": lambda line: ("/api/usage/", {"tags": line[0]}),
    }
    for table, asked in addresses.items():
        for line, own in lines_of(records, table).items():
            path, params = asked(line)
            found = data(client, f"{path}{week()}", **params)
            assert (line, sum(row["hits"] for row in found), sum(row["error"] for row in found)) == (
                line,
                len(own),
                sum(record["ResponseCode"] >= 400 for record in own),
            )
    for names, path, params in (
        ("tag", "/api/usage/", lambda both: {"tags": both}),
        ("key", "/api/activity/keys/aggregate/{}/", lambda both: {}),
    ):
        both = two_of(records, names)
        found = data(client, f"{path.format(','.join(both))}{week()}", **params(both))
        expected = sum(bool(VALUES[names](record) & {*both}) for record in records)
        assert sum(row["hits"] for row in found) == expected
    by_country = {
        row["id"]["iso_country"]: row["hits"] for row in data(client, f"/api/activity/geo/{week()}")
    }
    assert by_country == Counter(record["Geo"]["Country"]["ISOCode"] for record in records)


def test_what_the_newest_records_alone_are_counted_for_says_so_on_the_page_and_in_the_file(
    told, client_for, monkeypatch
):
    monkeypatch.setattr(traffic, "MOST_RECORDS", 100)
    client, asked = client_for(told.ann), {"range": "24h"}
    stamps = sorted(tuple(r["TimeStamp"]) for r in told.records[told.alpha.id])
    since = datetime.fromtimestamp(stamps[-101][0], UTC) + timedelta(microseconds=stamps[-101][1] // 1000 + 1)
    page = client.get(f"{OVERVIEW}agents/", asked)
    assert page.context["table"].rest == "Made from the newest 100 of 3,124 requests."
    *lines, last = sheet(client.get(OVERVIEW, {**asked, "format": "csv", "table": "agents"}))
    named = sum(
        bool(r["UserAgent"])
        for r in sorted(told.records[told.alpha.id], key=lambda record: record["TimeStamp"])[-100:]
    )
    assert 0 < sum(int(line["requests"]) for line in lines) == named < 100
    local = since.astimezone(told.alpha.zone)
    assert last["user_agent"] == (
        f"This file is made from the newest 100 requests: those before {local.day} {local:%b %Y %H:%M:%S} are missing."
    )
    *_, last = sheet(client.get(OVERVIEW, {**asked, "format": "csv", "table": "clients"}))
    assert last["requests"]


def test_totals_of_the_newest_records_say_so_and_are_compared_with_nothing(told, client_for, monkeypatch):
    client, records = client_for(told.ann), told.records[told.alpha.id]
    both = {"country": "CH", "version": "v1"}
    newest = sorted(records, key=lambda record: record["TimeStamp"], reverse=True)
    # The number looked at, and whether it leaves out anything.
    for most, left_out in ((100, True), (len(records), False)):
        monkeypatch.setattr(traffic, "MOST_RECORDS", most)
        own = [r for r in newest[:most] if VALUES["country"](r) | VALUES["version"](r) == {"CH", "v1"}]
        for span in ("1h", "24h", "30d"):
            asked = {"range": span, "compare": "before", **both}
            page = client.get(OVERVIEW, asked)
            assert page.context["tiles"][0][0].exact == f"{len(own):,}"
            said = f"all figures are of those among the newest {most} requests, since "
            note = page.context["sample"]
            assert (said in note, "Changes compare with" in page.content.decode()) == (left_out, not left_out)
            for path in (f"{OVERVIEW}apis/", "/o/alpha/errors/"):
                assert client.get(path, asked).context["sample"] == note
            for table in ("requests", "latency"):
                file = sheet(client.get(OVERVIEW, {**asked, "format": "csv", "table": table}))
                assert (file[-1]["from"] == note) == left_out
        # Of the same records, in a time of another length.
        now = datetime.now(UTC)
        began, ended = (f"{now - timedelta(minutes=ago):%Y-%m-%dT%H:%MZ}" for ago in (50, 1))
        page = client.get(OVERVIEW, {"range": "1h", "compare": began, "compare_to": ended, **both})
        changes = {tile.name: tile.change for tile, _ in page.context["tiles"]}
        assert [changes[name] is None for name in ("requests", "errors", "latency")] == [left_out] * 3
    # Requests that are counted, by keys that are not.
    monkeypatch.setattr(traffic, "MOST_RECORDS", 100)
    began = f"{datetime.now(UTC) - timedelta(hours=24, minutes=1):%Y-%m-%dT%H:%MZ}"
    page = client.get(OVERVIEW, {"range": "24h", "compare": began, "country": "CH"})
    changes = {tile.name: tile.change for tile, _ in page.context["tiles"]}
    assert (changes["requests"] is None, changes["keys"], page.context["sample"]) == (False, None, "")


def test_a_table_of_tags_has_the_tags_alone_that_are_filtered_by_however_it_is_read(told, client_for):
    client, records = client_for(told.ann), told.records[told.alpha.id]
    both = two_of(records, "tag")
    for span, tags in product(("1h", "24h", "30d"), (both[:1], both)):
        file = sheet(client.get(OVERVIEW, {"range": span, "format": "csv", "table": "tags", "tag": tags}))
        assert {row["tag"]: int(row["requests"]) for row in file} == {
            tag: sum(tag in VALUES["tag"](record) for record in records) for tag in tags
        }


def test_user_agents_and_addresses_are_for_those_who_may_see_records(told, client_for):
    client = client_for(make.user("max@alpha.example", told.alpha, {"analytics": "read"}))
    for table in [name for name, kind in rankings.KINDS.items() if not kind.top]:
        answers = [
            client.get(f"{OVERVIEW}{table}/"),
            client.get(OVERVIEW, {"format": "csv", "table": table}),
        ]
        hidden = table in ("agents", "addresses")
        assert [answer.status_code for answer in answers] == [403 if hidden else 200] * 2
        links = [client.get(OVERVIEW).content.decode(), client_for(told.ann).get(OVERVIEW).content.decode()]
        assert [f"{OVERVIEW}{table}/" in page for page in links] == [not hidden, True]
