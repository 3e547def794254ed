"""What few requests have is counted alike on pages, in files, by REST and in the log: as by a plain count of the
recorded requests. The recorded gateway knew one version, no OAuth client and no country: here some requests have
them, and some have neither user agent nor address."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from redis import Redis

from dashboard.analytics.dimensions import NOT_VERSIONED
from dashboard.analytics.ingest.entries.clean import GATEWAY_TAGS
from dashboard.analytics.reports import rankings, rows
from tests import make
from tests.analytics.rest_wire import data, week
from tests.analytics.screens import Played, classes, play, sheet
from tests.conftest import _copy_database

OVERVIEW = "/o/alpha/analytics/"


def with_more(number: int, record: dict) -> dict:
    return {
        "APIVersion": (NOT_VERSIONED, "", "v1", "v2")[number % 4],
        "OauthID": ("", "shop", "till")[number % 3],
        "Geo": {"Country": {"ISOCode": ("", "CH", "DE", "NP", "US")[number % 5]}},
        "UserAgent": record["UserAgent"] * (number % 7 > 0),
        "IPAddress": (record["IPAddress"], "2001:DB8::7", "unknown")[number % 11 % 3],
        "Tags": record["Tags"] * (1 + number % 2),
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
        assert table == "tags" or rest.startswith(f"{without:,} requests {rankings.WITHOUT[table]}")
    for line, url in page.context["lines"][:4]:
        # A line leads to the log, or to the page of its figures, whose requests lead there.
        log = url
        if table not in rankings.PERSONAL:
            [log] = [there for tile, there in client.get(url).context["tiles"] if tile.name == "requests"]
        chips = [(what, value) for what, value, _ in client.get(log).context["chips"]]
        assert (page.context["table"].one, line.name) in chips
        assert len(sheet(client.get(f"{log}&format=csv"))) == int(line.hits.replace(",", ""))


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
    by_country = {
        row["id"]["iso_country"]: row["hits"] for row in data(client, f"/api/activity/geo/{week()}")
    }
    assert by_country == Counter(record["Geo"]["Country"]["ISOCode"] for record in records)


def test_what_the_newest_records_alone_are_counted_for_says_so_on_the_page_and_in_the_file(
    told, client_for, monkeypatch
):
    monkeypatch.setattr(rows, "MOST_RECORDS", 100)
    monkeypatch.setattr(rankings, "MOST_RECORDS", 100)
    monkeypatch.setattr(rows, "NEWEST", "ORDER BY ts DESC, id DESC LIMIT 100")
    client, asked = client_for(told.ann), {"range": "24h"}
    named = sorted(tuple(r["TimeStamp"]) for r in told.records[told.alpha.id] if r["UserAgent"])
    since = datetime.fromtimestamp(named[-101][0], UTC) + timedelta(microseconds=named[-101][1] // 1000 + 1)
    page = client.get(f"{OVERVIEW}agents/", asked)
    assert page.context["table"].rest == "Made from the newest 100 of 3,124 requests."
    *lines, last = sheet(client.get(OVERVIEW, {**asked, "format": "csv", "table": "agents"}))
    assert sum(int(line["requests"]) for line in lines) == 100
    local = since.astimezone(told.alpha.zone)
    assert last["user_agent"] == (
        f"This file is made from the newest 100 requests: those before {local.day} {local:%b %Y %H:%M:%S} are missing."
    )
    *_, last = sheet(client.get(OVERVIEW, {**asked, "format": "csv", "table": "clients"}))
    assert last["requests"]


def test_user_agents_and_addresses_are_for_those_who_may_see_records(told, client_for):
    client = client_for(make.user("max@alpha.example", told.alpha, {"analytics": "read"}))
    for table in rankings.WITHOUT:
        answers = [
            client.get(f"{OVERVIEW}{table}/"),
            client.get(OVERVIEW, {"format": "csv", "table": table}),
        ]
        hidden = table in rankings.PERSONAL
        assert [answer.status_code for answer in answers] == [403 if hidden else 200] * 2
        links = [client.get(OVERVIEW).content.decode(), client_for(told.ann).get(OVERVIEW).content.decode()]
        assert [f"{OVERVIEW}{table}/" in page for page in links] == [not hidden, True]
