"""The rankings of a page."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from dashboard.analytics import clock
from dashboard.analytics.models import IngestState, RollupCut
from dashboard.analytics.reports import rankings
from orgs import scope
from tests import make
from tests.analytics import screens
from tests.analytics.screens import ago, count_by, push, sheet

OVERVIEW = "/o/alpha/analytics/"


def test_it_is_said_since_when_ids_of_letters_and_digits_are_folded(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha", time_zone="Asia/Kathmandu")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    paths = ("/parcels/TW2017411148DE", "/parcels/TW2017411149DE", "/v2/parcels")
    push(
        redis,
        *({"OrgID": alpha.id, "TimeStamp": ago(minutes=5), "Path": path, "RawPath": path} for path in paths),
    )

    def endpoints(asked: str) -> tuple[list[str], str]:
        tables = client.get(OVERVIEW, {"range": asked}).context["tables"]
        [table] = [each["table"] for each in tables if each["table"].name == "endpoints"]
        return [line.name for line in table.lines], table.folding

    lines = ["GET /parcels/{id}", "GET /v2/parcels"]
    assert endpoints("7d") == (lines, "")
    since = datetime.now(UTC) - timedelta(days=2)
    with scope.every_org():
        IngestState.objects.update(folded_since=since)
    said = clock.said(since, alpha.zone, year=True)
    assert endpoints("24h") == (lines, "")
    assert endpoints("7d") == (
        lines,
        f"Since {said}, paths with ids of letters and digits are one line; before, each was counted under its own.",
    )


def test_a_ranking_is_sorted_by_requests_errors_or_p95(played, client_for, monkeypatch):
    client, records = client_for(played.ann), played.records[played.alpha.id]
    apis = {record["APIID"] for record in records}

    def failed(api: str) -> int:
        return sum(record["ResponseCode"] >= 500 for record in records if record["APIID"] == api)

    def times(api: str) -> float:
        own = sorted(
            record["Latency"]["Total"]
            for record in records
            if record["APIID"] == api and (record["Latency"]["Total"] or record["ResponseCode"] < 400)
        )
        return own[-(-95 * len(own) // 100) - 1] if own else -1

    requests = count_by(records, "APIID")
    orders = (("requests", requests.get, "requests"), ("errors", failed, "5xx"), ("p95", times, "p95"))
    for sort, figure, called in orders:
        file = client.get(OVERVIEW, {"range": "24h", "sort": sort, "format": "csv", "table": "apis"})
        figures = [figure(row["api_id"]) for row in sheet(file)]
        assert len(figures) == len(apis)
        if sort == "p95":  # within 1/64
            assert all(a >= b * (1 - 1 / 32) for a, b in pairwise(figures))
        else:
            assert figures == sorted(figures, reverse=True)
        page = client.get("/o/alpha/analytics/apis/", {"range": "24h", "sort": sort})
        sorted_by = [head.address for head in page.context["heads"] if head.direction == "descending"]
        assert sorted_by == [f"?range=24h&sort={sort}"]
        assert page.content.decode().count('aria-sort="descending"') == 1
        assert page.context["label"] == f"APIs by {called}"
        assert f"<h1>APIs by {called}</h1>" in page.content.decode()
    monkeypatch.setattr(rankings, "MOST_SORTED", 2)
    table = client.get("/o/alpha/analytics/apis/", {"range": "24h", "sort": "p95"}).context["table"]
    assert table.rest.endswith("Sorted are the 2 with most requests.")
    assert client.get(OVERVIEW, {"sort": "colour"}).context["problems"] == [
        ("sort", "sort must be one of requests, errors, p95.")
    ]


def test_keys_are_sorted_by_their_mean_until_percentiles_of_them_are_counted(played, client_for):
    asked = {"range": "24h", "sort": "p95", "format": "csv", "table": "keys"}
    for dimension_set, column in ((1, "mean_ms"), (2, "p95_ms")):
        with scope.every_org():
            RollupCut.objects.filter(org=played.alpha).update(dimension_set=dimension_set)
        rows = sheet(client_for(played.ann).get(OVERVIEW, asked))
        assert ("p95_ms" in rows[0]) == (dimension_set == 2)
        found = [float(row[column] or -1) for row in rows]
        assert found == sorted(found, reverse=True)
        assert len(set(found)) > 4


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.0", "100000", "\N{SUPERSCRIPT TWO}", " 1"])
def test_what_is_no_number_of_a_page_is_refused_by_name(played, client_for, number):
    answer = client_for(played.ann).get("/o/alpha/analytics/apis/", {"p": number})
    assert answer.status_code == 400
    assert [field for field, _ in answer.context["problems"]] == ["p"]


def test_a_file_that_is_cut_says_so_in_its_last_line(played, client_for, monkeypatch):
    client = client_for(played.ann)
    asked = {"range": "24h", "format": "csv", "table": "endpoints"}
    whole = {sort: sheet(client.get(OVERVIEW, {**asked, "sort": sort})) for sort in ("requests", "p95")}
    monkeypatch.setattr(rankings, "IN_A_FILE", 3)
    for sort, rows in whole.items():
        assert len(rows) > 4
        *shown, last = sheet(client.get(OVERVIEW, {**asked, "sort": sort}))
        assert shown == rows[:3]
        assert last["api_id"] == "This file is cut here: it holds 3 rows, and there are more."


def test_what_is_sorted_by_percentile_is_whole_in_the_file_and_paged_as_far_as_it_goes(
    played, client_for, monkeypatch
):
    client, asked = client_for(played.ann), {"range": "24h", "sort": "p95"}
    file = {**asked, "format": "csv", "table": "endpoints"}
    whole = sheet(client.get(OVERVIEW, file))
    monkeypatch.setattr(rankings, "MOST_SORTED", 30)
    assert sheet(client.get(OVERVIEW, file)) == whole
    last = {**asked, "size": "25", "p": "2"}
    context = client.get("/o/alpha/analytics/endpoints/", last).context
    page = context["page"]
    assert (page.position, page.older, len(whole) > 30) == ("26 to 30 of 30", "", True)
    assert context["table"].rest == "Sorted are the 30 with most requests."


def test_it_is_said_since_when_clients_are_counted(played, client_for):
    since = datetime.now(UTC) - timedelta(hours=2)
    asked = (("clients", "24h"), ("clients", "1h"), ("keys", "24h"))

    def change(**columns: object) -> None:
        with scope.every_org():
            RollupCut.objects.filter(org=played.alpha).update(**columns)

    change(dimensions_from=since)
    tables = [
        client_for(played.ann).get(f"{OVERVIEW}{name}/", {"range": span}).context["table"]
        for name, span in asked
    ]
    change(dimensions_from=None)
    said = f"OAuth clients are counted since {clock.said(since, played.alpha.zone, year=True)}."
    assert [table.folding for table in tables] == [said, "", ""]


def test_a_ranking_has_pages_of_every_size(played, client_for):
    client, path = client_for(played.ann), "/o/alpha/analytics/keys/"
    keys = len(count_by(played.records[played.alpha.id], "APIKey"))
    assert keys > 25
    page = client.get(path, {"range": "24h", "size": "25"})
    assert (len(page.context["lines"]), page.context["page"].position) == (25, f"1 to 25 of {keys}")
    second = client.get(path + page.context["page"].older)
    assert second.context["page"].position == f"26 to {keys} of {keys}"
    assert client.get(path, {"size": "7"}).context["problems"] == [
        ("size", "must be one of 25, 50, 100, 200")
    ]


def test_a_page_beyond_the_last_and_a_ranking_of_another_name_are_not_found(played, client_for):
    client = client_for(played.ann)
    found = [
        client.get(f"/o/alpha/analytics/{path}").status_code
        for path in ("apis/?p=1", "apis/?p=", "apis/?p=00001", "apis/?p=99999", "colours/")
    ]
    assert found == [200, 200, 200, 404, 404]
