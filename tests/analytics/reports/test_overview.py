"""The analytics page and its files, against a plain count of the recorded requests."""

import math
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.utils import timezone

from apis import marks
from apis.publishing import publish
from dashboard.analytics import histogram
from dashboard.analytics.dimensions import COUNTER_NAMES
from dashboard.analytics.ingest import endpoint
from dashboard.analytics.reports import overview, reader
from dashboard.analytics.reports.charts.plots import Event
from dashboard.analytics.reports.periods import cutting
from dashboard.analytics.reports.traffic import Filters, Owners
from orgs import scope
from orgs.models import Organisation
from tests import make
from tests.analytics.screens import ago, classes, count_by, push, sheet, tables_of
from tests.apis.examples import plain

OVERVIEW = "/o/alpha/analytics/"


RANGES = ("1h", "24h", "7d", "30d")


def figures_of(rows: list[dict[str, str]]) -> dict[str, int]:
    """The sums over all rows of a file."""
    return {
        name: sum(int(row[name]) for row in rows) for name in ("requests", "2xx", "3xx", "4xx", "5xx", "429")
    }


def exact_percentile(records: list[dict], share: float) -> int:
    times = sorted(
        record["Latency"]["Total"]
        for record in records
        if record["Latency"]["Total"] > 0 or record["ResponseCode"] < 400
    )
    return times[math.ceil(share * len(times)) - 1]


def endpoints_of(records: list[dict]) -> Counter:
    """As the ingest names them: paths folded, and what was never seen but with a 404 under one name."""
    named = [(record, f"{record['Method']} {endpoint.fold(record['Path'])}") for record in records]
    seen = {(record["APIID"], name) for record, name in named if record["ResponseCode"] != 404}
    return Counter(
        (record["APIID"], name if (record["APIID"], name) in seen else "{unmatched}")
        for record, name in named
    )


# Those that begin with an empty database come first: the recording is there for all that follow.

OF_ACME = "/o/acme/analytics/"


def asked(url: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(url)
    return parts.path, {name: value for name, [value] in parse_qs(parts.query).items()}


@pytest.fixture
def history(cast) -> tuple:
    """Two APIs of acme, the first of which was changed since and is deleted: (now, orders, returns)."""
    now = timezone.now().replace(microsecond=0)
    with scope.org(cast.acme.id):
        author = {"author": cast.acme_admin}
        orders = publish.create(
            cast.acme.id, plain("/orders/", name="Orders"), at=now - timedelta(days=5), **author
        )
        publish.change(orders, plain("/orders/", name="Buy"), at=now - timedelta(minutes=30), **author)
        returns = publish.create(
            cast.acme.id, plain("/returns/", name="Returns"), at=now - timedelta(minutes=20), author=None
        )
    return now, orders, returns


def events(client, **params: str) -> list[Event]:
    return [yearless(event) for event in client.get(OF_ACME, params).context["events"]]


def yearless(event: Event) -> Event:
    """Its time without the year, which is there while a period reaches back over the end of one."""
    parts = tuple(map(yearless, event.parts))
    return replace(event, when=re.sub(r" 20\d\d(?= )", "", event.when), parts=parts)


def single(told: list[Event]) -> list[Event]:
    return [part for event in told for part in event.parts or (event,)]


def test_what_was_published_in_a_period_is_told_newest_first_with_its_revision(cast, client_for, history):
    now, orders, returns = history
    client, zone = client_for(cast.acme_admin), cast.acme.zone

    def event(before: timedelta, text: str, api, number: int) -> Event:
        when = (now - before).astimezone(zone)
        url = f"/o/acme/apis/{api.id}/history/{number}/"
        return Event(now - before, text, url, f"{when.day} {when:%b %H:%M:%S}")

    renamed = event(timedelta(minutes=30), "Buy, revision 2, published by ada@acme.example", orders, 2)
    added = event(timedelta(minutes=20), "Returns, revision 1, published by command line", returns, 1)
    first = event(timedelta(days=5), "Buy, revision 1, published by ada@acme.example", orders, 1)
    assert events(client, range="1h") == [added, renamed]
    assert single(events(client, range="7d")) == [added, renamed, first]
    assert events(client, range="7d", api=returns.api_id) == [added]
    assert events(client, range="7d", api=orders.api_id) == [renamed, first]
    assert events(client, range="7d", api="elsewhere") == []


def test_of_a_deleted_api_it_is_told_without_name_and_link(cast, client_for, history):
    _, orders, _ = history
    with scope.org(cast.acme.id):
        publish.delete(orders, author=cast.acme_admin)
    texts = [(event.text, bool(event.url)) for event in events(client_for(cast.acme_admin), range="1h")]
    assert texts == [
        ("Returns, revision 1, published by command line", True),
        ("A deleted API, revision 2, published by ada@acme.example", False),
    ]


def test_who_may_not_see_apis_is_told_of_revisions_without_a_link(cast, client_for, history):
    analyst = make.user("una@acme.example", cast.acme, {"analytics": "read"})
    told = events(client_for(analyst), range="7d")
    assert {event.url for event in [*told, *single(told)]} == {""}
    stranger = client_for(cast.globex_admin)
    assert stranger.get("/o/globex/analytics/", {"range": "7d"}).context["events"] == []


def test_revisions_of_one_bucket_are_one_mark_with_a_list(cast, client_for, monkeypatch):
    at = (timezone.now() - timedelta(days=2)).replace(minute=0, second=5, microsecond=0)
    with scope.org(cast.acme.id):
        api = publish.create(cast.acme.id, plain(), author=None, at=at)
        for second in (1, 2):
            publish.change(api, plain(name=f"Name {second}"), author=None, at=at + timedelta(seconds=second))
        publish.create(cast.acme.id, plain("/b/"), author=None, at=at + timedelta(days=1))
    client = client_for(cast.acme_admin)
    page = client.get(OF_ACME, {"range": "7d"})
    alone, several = page.context["events"]
    assert (alone.parts, several.text, several.at, several.url) == ((), "3 publishes of 1 API", at, "")
    numbers = [part.text.split(", ")[1] for part in several.parts]
    assert numbers == ["revision 3", "revision 2", "revision 1"]
    assert [len(plot.chart.marks) for plot, _ in page.context["plots"]] == [2, 2]
    monkeypatch.setattr(marks, "MOST_REVISIONS", 2)
    assert [event.text for event in events(client, range="7d")][1:] == ["1 or more publishes of 1 API"]


def test_a_revision_belongs_to_the_period_in_which_it_begins(cast, client_for, history):
    now, *_ = history
    client, made = client_for(cast.acme_admin), (now - timedelta(days=2)).replace(second=0)
    with scope.org(cast.acme.id):
        publish.create(cast.acme.id, plain("/third/", name="Third"), author=None, at=made)

    def told(start: datetime, end: datetime) -> list[str]:
        span = {"from": start.isoformat(), "to": end.isoformat(), "range": "custom"}
        return [event.text.partition(",")[0] for event in events(client, **span) if "Third" in event.text]

    hour = timedelta(hours=1)
    assert told(made, made + hour) == ["Third"]
    assert told(made - hour, made) == []
    assert told(made - 2 * hour, made - hour) == []


def test_of_very_many_revisions_the_newest_are_told(cast, client_for, monkeypatch):
    now = timezone.now()
    with scope.org(cast.acme.id):
        api = publish.create(cast.acme.id, plain(), author=None, at=now - timedelta(minutes=55))
        for number in range(2, 55):
            at = now - timedelta(minutes=56 - number)
            publish.change(api, plain(name=f"Name {number}"), author=None, at=at)
    numbers = [event.text.split(", ")[1] for event in events(client_for(cast.acme_admin), range="1h")]
    assert numbers == [f"revision {number}" for number in range(54, 4, -1)]


@pytest.mark.usefixtures("committed")
def test_each_tile_leads_to_what_it_counts(redis, cast, client_for):
    taken = {"OrgID": cast.acme.id, "TimeStamp": ago(minutes=3), "APIID": "orders", "RequestTime": 70}
    push(redis, *({**taken, "Latency": {"Total": 70, "Upstream": 69}, "ResponseCode": 200} for _ in range(3)))
    page = client_for(cast.acme_admin).get(OF_ACME, {"range": "1h", "api": "orders", "measure": "share"})
    links = {tile.name: asked(url) for tile, url in page.context["tiles"] if url}
    [p95] = [tile for tile, _ in page.context["tiles"] if tile.name == "latency"]
    _, common = asked(page.context["exact_url"])
    common.pop("measure")
    assert common.keys() == {"range", "api", "from", "to"}
    assert links == {
        "requests": ("/o/acme/logs/", common),
        "limited": ("/o/acme/errors/", {**common, "status": "429"}),
        "latency": ("/o/acme/logs/", {**common, "least_ms": "70"}),
        "errors": ("/o/acme/errors/", {**common, "status": "5xx"}),
        "keys": ("/o/acme/analytics/keys/", common),
    }
    assert p95.value == "70 ms"
    analyst = make.user("una@acme.example", cast.acme, {"analytics": "read"})
    page = client_for(analyst).get(OF_ACME, {"range": "1h"})
    links = {tile.name: asked(url) for tile, url in page.context["tiles"] if url}
    assert links.keys() == {"errors", "limited", "latency", "keys"}
    path, changes = links["latency"]
    assert (path, changes["sort"]) == (OF_ACME, "p95")


@pytest.mark.usefixtures("committed")
def test_the_files_of_charts_hold_each_bucket_from_end_to_end_and_which_are_over(redis, cast, client_for):
    at = ago(minutes=3)
    taken = {"OrgID": cast.acme.id, "TimeStamp": at, "APIID": "orders"}
    times = (10, 20, 0)
    push(
        redis,
        *(
            {**taken, "RequestTime": ms, "Latency": {"Total": ms, "Upstream": ms}, "ResponseCode": code}
            for ms, code in zip(times, (200, 503, 429), strict=True)
        ),
    )
    client = client_for(cast.acme_admin)
    file = {"range": "1h", "format": "csv"}
    requests, latency = (
        sheet(client.get(OF_ACME, {**file, "table": name})) for name in ("requests", "latency")
    )
    called = datetime.fromtimestamp(at[0], UTC)
    for rows in (requests, latency):
        spans = [tuple(datetime.fromisoformat(row[name]) for name in ("from", "to")) for row in rows]
        assert {end - start for start, end in spans} == {timedelta(minutes=1)}
        assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
        assert [row["complete"] for row in rows] == ["yes"] * (len(rows) - 1) + ["no"]
    [row] = [row for row in requests if row["requests"] != "0"]
    assert row == {
        "from": called.replace(second=0).isoformat(),
        "to": (called.replace(second=0) + timedelta(minutes=1)).isoformat(),
        "complete": "yes",
        **{"requests": "3", "2xx": "1", "3xx": "0", "4xx": "1", "5xx": "1", "429": "1"},
    }
    [row] = [row for row in latency if row["timed"] != "0"]
    assert [row[name] for name in ("timed", "p50_ms", "p95_ms", "p99_ms", "max_ms")] == [
        "2",
        "10.0",
        "20.0",
        "20.0",
        "20",
    ]
    assert {row["max_ms"] for row in latency if row["timed"] == "0"} == {""}


@pytest.mark.usefixtures("committed")
def test_the_latency_of_a_key_is_written_from_its_own_records(redis, cast, client_for):
    taken = {"OrgID": cast.acme.id, "TimeStamp": ago(minutes=3), "APIID": "orders", "ResponseCode": 200}
    for key, ms in (("a" * 16, 40), ("b" * 16, 7)):
        push(redis, {**taken, "APIKey": key, "RequestTime": ms, "Latency": {"Total": ms, "Upstream": 1}})
    file = {"range": "7d", "format": "csv", "table": "latency"}
    client = client_for(cast.acme_admin)
    found = {
        key: [
            row["max_ms"] for row in sheet(client.get(OF_ACME, {**file, "key": key})) if row["timed"] != "0"
        ]
        for key in ("a" * 16, "b" * 16)
    }
    assert found == {"a" * 16: ["40"], "b" * 16: ["7"]}


def test_a_page_that_takes_too_long_answers_that_it_is_worth_asking_again(cast, client_for, monkeypatch):
    monkeypatch.setattr(reader, "TIMEOUT", "50ms")
    monkeypatch.setattr(reader, "SUMS", f"pg_sleep(0.3)::text, {reader.SUMS}")
    client = client_for(cast.acme_admin)
    for params in ({}, {"format": "csv"}, {"format": "csv", "table": "latency"}):
        answer = client.get(OF_ACME, params)
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert client.get("/o/acme/analytics/keys/").status_code == 503
    tables = ("apis", "keys", "endpoints", "clients", "versions", "countries", "tags", "primitives")
    tables += ("agents", "addresses")
    assert list(overview.FILES) == [*tables, "requests", "latency"]


def test_a_file_of_another_name_is_refused_by_the_names_there_are(cast, client_for):
    client = client_for(cast.acme_admin)
    for name in ("colours", "Requests", "apis,keys"):
        answer = client.get(OF_ACME, {"format": "csv", "table": name})
        assert answer.context["problems"] == [
            (
                "table",
                "table must be one of apis, keys, endpoints, clients, versions, countries, tags, primitives, "
                "agents, addresses, requests, latency.",
            )
        ]
    assert client.get(OF_ACME, {"table": "colours"}).status_code == 200
    assert [*sheet(client.get(OF_ACME, {"format": "csv"}))[0]] == [
        "from",
        "to",
        "complete",
        "requests",
        "2xx",
        "3xx",
        "4xx",
        "5xx",
        "429",
    ]


def test_every_range_of_the_page_and_its_files_equals_a_count_of_the_recording(played, client_for):
    records = played.records[played.alpha.id]
    client = client_for(played.ann)
    by_key, by_api = count_by(records, "APIKey"), count_by(records, "APIID")
    for name in RANGES:
        page = client.get(OVERVIEW, {"range": name})
        tiles = {tile.name: tile.exact for tile, _ in page.context["tiles"]}
        assert tiles["requests"] == "3,124"
        assert tiles["errors"] == f"{classes(records)['5xx']} of 3,124"
        assert tiles["limited"] == f"{classes(records)['429']:,}"
        assert tiles["keys"] == str(len(by_key))
        shown = tables_of(page)
        assert [row[0] for row in shown["APIs by requests"]] == [api for api, _ in by_api.most_common()]
        assert [int(row[1].replace(",", "")) for row in shown["Keys by requests"]] == [
            hits for _, hits in by_key.most_common(10)
        ]
        columns = list(zip(*[row[1:-1] for row in shown["Requests by status, as a table"]], strict=True))
        sums = [sum(int(cell.replace(",", "")) for cell in column) for column in columns]
        assert dict(zip(("requests", "2xx", "3xx", "4xx", "5xx", "429"), sums, strict=True)) == classes(
            records
        )

        def file(table, name=name):
            return sheet(client.get(OVERVIEW, {"range": name, "format": "csv", "table": table}))

        assert figures_of(file("requests")) == classes(records)
        assert {row["key"]: int(row["requests"]) for row in file("keys")} == by_key
        assert {row["key"]: row["alias"] for row in file("keys")} == {
            record["APIKey"]: record["Alias"] for record in records if record["APIKey"] in by_key
        }
        assert {row["api_id"]: int(row["requests"]) for row in file("apis")} == by_api
        assert {
            (row["api_id"], row["endpoint"]): int(row["requests"]) for row in file("endpoints")
        } == endpoints_of(records)


def test_requests_without_a_key_are_named_below_the_keys(played, client_for):
    keyless = sum(record["APIKey"] == "00000000" for record in played.records[played.alpha.id])
    page = client_for(played.ann).get(OVERVIEW, {"range": "24h"})
    tables = {ranking["table"].name: ranking["table"].rest for ranking in page.context["tables"]}
    assert tables == {"apis": "", "keys": f"{keyless:,} requests carried no key.", "endpoints": ""}


def test_percentiles_are_within_a_sixty_fourth_of_the_exact_ones(played, client_for):
    client, records = client_for(played.ann), played.records[played.alpha.id]
    for name in RANGES:
        rows = sheet(client.get(OVERVIEW, {"range": name, "format": "csv", "table": "apis"}))
        for row in rows:
            own = [record for record in records if record["APIID"] == row["api_id"]]
            if not int(row["timed"]):
                assert (row["p50_ms"], row["p95_ms"], row["p99_ms"]) == ("", "", "")
                continue
            for column, share in (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)):
                exact = exact_percentile(own, share)
                assert abs(float(row[column]) - exact) <= exact / 64


def test_the_latency_of_one_key_is_read_from_its_records(played, client_for):
    client, records = client_for(played.ann), played.records[played.alpha.id]
    key = count_by(records, "APIKey").most_common(1)[0][0]
    exact = exact_percentile([record for record in records if record["APIKey"] == key], 0.95)
    for name in RANGES:
        [_, (plot, _)] = client.get(OVERVIEW, {"range": name, "key": key}).context["plots"]
        shown = {label: value for _, label, value in plot.legend}["p95"]
        assert abs(int(shown.removesuffix(" ms")) - exact) <= exact / 64


def test_filters_narrow_every_part_of_the_page(played, client_for):
    client, records = client_for(played.ann), played.records[played.alpha.id]
    api, key = "aaaa0000000000000000000000000002", count_by(records, "APIKey").most_common(1)[0][0]
    of_api = [record for record in records if record["APIID"] == api]
    of_key = [record for record in records if record["APIKey"] == key]
    of_both = [record for record in of_api if record["APIKey"] == key]
    for name in RANGES:
        for filters, wanted in (
            ({"api": api}, of_api),
            ({"key": key}, of_key),
            ({"api": api, "key": key}, of_both),
        ):
            asked = {"range": name, **filters, "format": "csv"}
            assert figures_of(sheet(client.get(OVERVIEW, {**asked, "table": "requests"}))) == classes(wanted)
            for table in ("apis", "endpoints"):
                assert figures_of(sheet(client.get(OVERVIEW, {**asked, "table": table}))) == classes(wanted)
            keys = sheet(client.get(OVERVIEW, {**asked, "table": "keys"}))
            assert {row["key"]: int(row["requests"]) for row in keys} == count_by(wanted, "APIKey")


def test_an_endpoint_narrows_every_part_of_the_page_and_the_records_behind_it(played, client_for):
    client, records = client_for(played.ann), played.records[played.alpha.id]
    api, name = "aaaa0000000000000000000000000002", "GET /status/{id}"
    named = [
        (record, f"{record['Method']} {endpoint.fold(record['Path'])}")
        for record in records
        if record["APIID"] == api
    ]
    name = Counter(each for _, each in named).most_common(1)[0][0]
    wanted = [record for record, each in named if each == name]
    key = count_by(wanted, "APIKey").most_common(1)[0][0]
    of_key = [record for record in wanted if record["APIKey"] == key]
    assert wanted and of_key
    for asked in RANGES:
        for filters, own in (({}, wanted), ({"key": key}, of_key)):
            params = {"range": asked, "api": api, "endpoint": name, **filters}
            for table in ("requests", "apis", "endpoints"):
                file = sheet(client.get(OVERVIEW, {**params, "format": "csv", "table": table}))
                assert (asked, table, figures_of(file)) == (asked, table, classes(own))
            keys = sheet(client.get(OVERVIEW, {**params, "format": "csv", "table": "keys"}))
            assert {row["key"]: int(row["requests"]) for row in keys} == count_by(own, "APIKey")
            page = client.get(OVERVIEW, params)
            assert ("Endpoint", name) in [(what, value) for what, value, _ in page.context["chips"]]
    tiles = {tile.name: url for tile, url in client.get(OVERVIEW, {**params, "range": "1h"}).context["tiles"]}
    assert len(client.get(tiles["requests"]).context["records"]) == min(50, len(of_key))


def test_a_key_is_chosen_by_its_name(played, client_for):
    client, by_key = client_for(played.ann), count_by(played.records[played.alpha.id], "APIKey")
    names = {record["APIKey"]: record["Alias"] for record in played.records[played.alpha.id]}
    for path in (OVERVIEW, "/o/alpha/logs/", "/o/alpha/analytics/apis/"):
        offered = dict(client.get(path, {"range": "24h"}).context["keys"])
        assert offered.pop("none", "no key") == "no key"
        assert offered == {key: f"{names[key]} …{key[-6:]}".strip() for key in by_key}
        [busiest] = by_key.most_common(1)[0][:1]
        asked = client.get(path, {"key": ["f" * 64, busiest]})
        assert [name for _, name, _ in asked.context["chips"]] == [
            "…ffffff",
            names[busiest] or f"…{busiest[-6:]}",
        ]


def test_all_charts_of_a_page_have_the_same_buckets(played, client_for):
    client = client_for(played.ann)
    for asked, buckets in (("1h", 60), ("7d", 84), ("30d", 30)):
        plots = [plot for plot, _ in client.get(OVERVIEW, {"range": asked}).context["plots"]]
        assert [plot.buckets for plot in plots] == [buckets, buckets]
        assert plots[0].chart.x == plots[1].chart.x


def test_each_sees_his_own_organisation_and_a_stranger_is_answered_like_nobody(played, client_for):
    bob = client_for(played.bob)
    own = bob.get("/o/beta/analytics/", {"range": "1h"})
    assert {tile.name: tile.exact for tile, _ in own.context["tiles"]}["requests"] == "1,876"
    aliens = {record["APIKey"] for record in played.records[played.alpha.id]} - {"00000000"}
    for path in ("", "keys/", "endpoints/"):
        text = bob.get(f"/o/beta/analytics/{path}", {"range": "1h"}).content.decode()
        assert [key for key in aliens if key in text or key[-6:] in text] == []
    for path in ("analytics/", "analytics/keys/", "logs/", ""):
        stranger, missing = bob.get(f"/o/alpha/{path}"), bob.get(f"/o/nowhere/{path}")
        assert (stranger.status_code, missing.status_code) == (404, 404)
        assert stranger.content == missing.content


def test_a_super_user_sees_an_organisation_as_its_people_do(played, client_for):
    page = client_for(played.sue).get(OVERVIEW, {"range": "1h"})
    assert {tile.name: tile.exact for tile, _ in page.context["tiles"]}["requests"] == "3,124"


def test_the_whole_ranking_pages_through_every_key(played, client_for):
    client, keys = client_for(played.ann), count_by(played.records[played.alpha.id], "APIKey")
    pages = [client.get("/o/alpha/analytics/keys/", {"range": "1h", "p": number}) for number in (1, 2)]
    rows = [row for page in pages if page.status_code == 200 for row in tables_of(page)["Keys by requests"]]
    assert [int(row[1].replace(",", "")) for row in rows] == [hits for _, hits in keys.most_common()]
    assert client.get("/o/alpha/analytics/keys/", {"range": "1h", "p": "99"}).status_code == 404
    assert client.get("/o/alpha/analytics/colours/").status_code == 404


def test_what_cannot_be_shown_names_its_parameter(played, client_for):
    client = client_for(played.ann)
    for name, value in (
        ("range", "90d"),
        ("from", "yesterday"),
        ("api", "a" * 201),
        ("key", "k" * 129),
        ("measure", "sum"),
        ("format", "xml"),
    ):
        answer = client.get(OVERVIEW, {"to": "2026-11-20", name: value} if name == "from" else {name: value})
        assert (answer.status_code, [field for field, _ in answer.context["problems"]]) == (400, [name])


def test_the_share_of_errors_can_be_drawn_instead_of_counts(played, client_for):
    page = client_for(played.ann).get(OVERVIEW, {"range": "1h", "measure": "share"})
    [plot, _], _ = page.context["plots"]
    assert (plot.title, [series for series, _, _ in plot.legend]) == ("Share of errors", ["4xx", "5xx"])


def test_records_and_rollups_give_equal_figures(played):
    owners = Owners((played.alpha.id,), played.alpha.zone)
    today = datetime.now(owners.zone).date()
    with scope.org(played.alpha.id):
        for key in sorted(count_by(played.records[played.alpha.id], "APIKey"))[:5]:
            filters = Filters(keys=(key,))
            raw, by_hour, by_day = (
                reader.totals(
                    owners, cutting.days(today - timedelta(days=1), today, owners.zone, grain), filters
                )
                for grain in ("", "x", "k")
            )
            kept = [
                {name: getattr(sums, name) for name in (*COUNTER_NAMES, "latency_max")}
                for sums in (raw, by_hour, by_day)
            ]
            assert kept[0] == kept[1] == kept[2]
            assert histogram.running(raw.latency_histogram)[-1] == raw.timed
            assert kept[0]["hits"] == count_by(played.records[played.alpha.id], "APIKey")[key]


def test_each_bucket_of_the_charts_leads_to_its_own_time_and_its_own_records(played, client_for):
    client, records = client_for(played.ann), played.records[played.alpha.id]
    page = client.get(OVERVIEW, {"range": "24h"})
    rows, same = (plot.lines for plot, _ in page.context["plots"])
    assert [links for *_, links in rows] == [links for *_, links in same]
    busy = [(label, cells, dict(links)) for label, cells, links in rows if cells[0] != "0"]
    assert sum(int(cells[0].replace(",", "")) for _, cells, _ in busy) == len(records)
    for label, cells, links in busy:
        zoomed = client.get(links["Zoom in"]).context["plots"][0][0].lines
        # A time that reaches over the end of a year says which.
        assert zoomed[0][0] in {first := label.removesuffix(" (so far)"), re.sub(r" 20\d\d ", " ", first)}
        assert sum(int(row[1][0].replace(",", "")) for row in zoomed) == int(cells[0].replace(",", ""))
        rows_of_logs = sheet(client.get(f"{links['Logs']}&format=csv"))
        assert len(rows_of_logs) == int(cells[0].replace(",", ""))
    times = {row[name] for row in sheet(client.get(page.context["plots"][0][1])) for name in ("from", "to")}
    assert {
        time
        for time in times
        if datetime.fromisoformat(time).astimezone(played.alpha.zone).isoformat() != time
    } == set()


def test_there_is_no_link_to_what_shows_no_more_or_may_not_be_seen(played, client_for):
    analyst = client_for(make.user("una@alpha.example", played.alpha, {"analytics": "read"}))

    def offered(client, **params) -> set[tuple[str, ...]]:
        rows = client.get(OVERVIEW, params).context["plots"][0][0].lines
        return {tuple(text for text, _ in links) for *_, links in rows}

    assert offered(client_for(played.ann), range="1h") == {("Logs",)}
    assert offered(client_for(played.ann), range="30d") == {("Zoom in", "Logs")}
    assert offered(analyst, range="1h") == {()}
    assert offered(analyst, range="7d") == {("Zoom in",)}
    # Records of which fewer are kept are not led to.
    alpha = Organisation.everyone.filter(pk=played.alpha.pk)
    alpha.update(kept_days={"records": 1})
    found = offered(client_for(played.ann), range="30d")
    alpha.update(kept_days={})
    assert found == {("Zoom in",), ("Zoom in", "Logs")}


def test_the_links_of_a_bucket_keep_the_filters_but_not_how_the_page_is_drawn(played, client_for):
    params = {"range": "24h", "api": "aaaa0000000000000000000000000002", "measure": "share", "sort": "errors"}
    page = client_for(played.ann).get(OVERVIEW, params)
    (_, _, links), *_ = page.context["plots"][0][0].lines[1:]
    zoom, logs = (asked(url) for url in dict(links).values())
    assert zoom[0] == OVERVIEW
    assert zoom[1].keys() == {"range", "api", "measure", "sort", "from", "to"}
    assert logs == (
        "/o/alpha/logs/",
        {name: value for name, value in zoom[1].items() if name not in ("measure", "sort")},
    )


def test_no_row_is_compared_with_the_organisation_of_the_policy_besides_that_of_the_page(played, client_for):
    key = next(record["APIKey"] for record in played.records[played.alpha.id] if len(record["APIKey"]) > 8)
    client, plans = client_for(played.ann), {}

    def explain(execute, sql, params, many, context):
        if "FROM rollup " in sql or "FROM record " in sql:
            with connection.connection.cursor() as cursor:
                plans[page, sql] = [line for (line,) in cursor.execute(f"EXPLAIN {sql}", params)]
        return execute(sql, params, many, context)

    pages = ["/o/alpha/", *(f"{OVERVIEW}?range={name}" for name in RANGES)]
    pages += [
        f"{OVERVIEW}?key={key}",
        f"/o/alpha/errors/?key={key}",
        "/o/alpha/logs/?range=30d&status=504&api=a",
    ]
    with connection.execute_wrapper(explain):
        for page in pages:
            assert client.get(page).status_code == 200
    assert [page for page in pages if not any(page == read for read, _ in plans)] == []
    policy = re.compile(r"org_id = \(*(\$\d|InitPlan \d)")  # a value that is known once the statement runs
    for (_, sql), plan in plans.items():
        assert list(filter(policy.search, plan)) == [], sql
        assert any("One-Time Filter" in line for line in plan), sql
