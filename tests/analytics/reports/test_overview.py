"""The analytics page and its files, against a plain count of the recorded requests."""

import math
from collections import Counter
from datetime import datetime, timedelta

from dashboard.analytics import histogram
from dashboard.analytics.dimensions import COUNTER_NAMES
from dashboard.analytics.ingest import endpoint
from dashboard.analytics.reports import periods, reader
from dashboard.analytics.reports.traffic import Filters, Owners
from orgs import scope
from tests import make
from tests.analytics.screens import classes, count_by, sheet, tables_of

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
        unknown = client.get(path, {"key": "f" * 64})
        assert dict(unknown.context["keys"])["f" * 64] == "…ffffff"
        assert f'<option value="{"f" * 64}" selected>' in unknown.content.decode()


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
            filters = Filters(key=key)
            raw, by_hour, by_day = (
                reader.totals(
                    owners, periods.days(today - timedelta(days=1), today, owners.zone, grain), filters
                )
                for grain in ("", "x", "k")
            )
            kept = [
                {name: getattr(sums, name) for name in (*COUNTER_NAMES, "latency_max")}
                for sums in (raw, by_hour, by_day)
            ]
            assert kept[0] == kept[1] == kept[2]
            assert sum(histogram.decode(raw.latency_histogram).values()) == raw.timed
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
        assert zoomed[0][0] == label.removesuffix(" (so far)")
        assert sum(int(row[1][0].replace(",", "")) for row in zoomed) == int(cells[0].replace(",", ""))
        rows_of_logs = sheet(client.get(f"{links['Logs']}&format=csv"))
        assert len(rows_of_logs) > 0


def test_there_is_no_link_to_what_shows_no_more_or_may_not_be_seen(played, client_for):
    analyst = client_for(make.user("una@alpha.example", played.alpha, {"analytics": "read"}))

    def offered(client, **params) -> set[tuple[str, ...]]:
        rows = client.get(OVERVIEW, params).context["plots"][0][0].lines
        return {tuple(text for text, _ in links) for *_, links in rows}

    assert offered(client_for(played.ann), range="1h") == {("Logs",)}
    assert offered(client_for(played.ann), range="30d") == {("Zoom in", "Logs")}
    assert offered(analyst, range="1h") == {()}
    assert offered(analyst, range="7d") == {("Zoom in",)}
