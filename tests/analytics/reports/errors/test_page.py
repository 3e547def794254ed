"""The errors page against a plain count of the recorded requests."""

from collections import Counter

from dashboard.analytics.ingest import endpoint
from dashboard.analytics.reports import traffic
from dashboard.analytics.reports.errors import page
from dashboard.analytics.reports.errors import reader as errors_reader
from dashboard.analytics.reports.parameters import NO_KEY
from tests import make
from tests.analytics.screens import sheet

ERRORS = "/o/alpha/errors/"
RANGES = ("1h", "24h", "7d", "30d")


def endpoint_of(record: dict, seen: set) -> str:
    name = f"{record['Method']} {endpoint.fold(record['Path'])}"
    return name if (record["APIID"], name) in seen else "{unmatched}"


def errors_of(records: list[dict]) -> Counter:
    """By status, API, endpoint and key ("" for none)."""
    seen = {
        (record["APIID"], f"{record['Method']} {endpoint.fold(record['Path'])}")
        for record in records
        if record["ResponseCode"] != 404
    }
    return Counter(
        (
            str(record["ResponseCode"]),
            record["APIID"],
            endpoint_of(record, seen),
            "" if record["APIKey"] == "00000000" else record["APIKey"],
        )
        for record in records
        if record["ResponseCode"] >= 400
    )


def counted(rows: list[dict[str, str]]) -> Counter:
    found = Counter()
    for row in rows:
        found[row["status"], row["api_id"], row["endpoint"], row["key"]] += int(row["requests"])
    return found


def without_keys(errors: Counter) -> Counter:
    found = Counter()
    for (*rest, _), count in errors.items():
        found[*rest, ""] += count
    return found


def test_every_range_with_keys_and_without_equals_a_count_of_the_recording(played, client_for):
    wanted = errors_of(played.records[played.alpha.id])
    client = client_for(played.ann)
    for name in RANGES:
        file = {"range": name, "format": "csv"}
        assert counted(sheet(client.get(ERRORS, file))) == wanted
        assert counted(sheet(client.get(ERRORS, {**file, "by": "endpoint"}))) == without_keys(wanted)


def test_a_line_leads_to_exactly_the_records_that_it_counts(played, client_for):
    client = client_for(played.ann)
    rows = client.get(ERRORS).context["rows"]
    assert rows
    assert {row["key"] == "" for row in rows} == {True, False}
    for row in rows:
        found = sheet(client.get(f"{row['logs_url']}&format=csv"))
        assert len(found) == min(int(row["hits"].replace(",", "")), 50)
        assert {record["status"] for record in found} == {str(row["status"])}


def test_filters_narrow_the_lines_in_both_readings(played, client_for):
    client, errors = client_for(played.ann), errors_of(played.records[played.alpha.id])
    (status, api, name, key), _ = max(
        ((line, count) for line, count in errors.items() if line[3]), key=lambda pair: pair[1]
    )
    asked = {
        "status": lambda line: line[0] == status,
        "api": lambda line: line[1] == api,
        "endpoint": lambda line: line[2] == name,
        "key": lambda line: line[3] == key,
    }
    values = {"status": status, "api": api, "endpoint": name, "key": key}
    for field, matches in asked.items():
        wanted = Counter({line: count for line, count in errors.items() if matches(line)})
        file = {field: values[field], "format": "csv"}
        assert counted(sheet(client.get(ERRORS, file))) == wanted
        if field != "key":
            found = counted(sheet(client.get(ERRORS, {**file, "by": "endpoint"})))
            assert found == without_keys(wanted)


def test_lines_are_sorted_by_what_is_asked(played, client_for):
    client = client_for(played.ann)

    def column(sort: str, name: str) -> list:
        return [row[name] for row in sheet(client.get(ERRORS, {"sort": sort, "format": "csv"}))]

    for sort, name, kind in (("count", "requests", int), ("status", "status", int), ("last", "last", str)):
        values = list(map(kind, column(sort, name)))
        assert values == sorted(values)
        assert list(map(kind, column(f"-{sort}", name))) == values[::-1]


def test_where_keys_cannot_be_told_apart_in_time_the_page_says_so_and_counts_all_errors(
    played, client_for, monkeypatch
):
    monkeypatch.setattr(errors_reader, "PATIENCE", 0.02)
    monkeypatch.setattr(errors_reader, "OF_A_RECORD", f"pg_sleep(0.1), {errors_reader.OF_A_RECORD}")
    answer = client_for(played.ann).get(ERRORS)
    assert answer.context["read"] == (
        "Telling keys apart took more than 0.02 s. All errors of this period, counted by the hour, all keys together."
    )
    *_, last = sheet(client_for(played.ann).get(ERRORS, {"format": "csv"}))
    assert last["status"] == answer.context["read"]


def test_above_the_number_of_records_that_are_read_the_page_says_how_far_back_it_reaches(
    played, client_for, monkeypatch
):
    monkeypatch.setattr(traffic, "MOST_RECORDS", 10)
    answer = client_for(played.ann).get(ERRORS)
    assert sum(int(row["hits"]) for row in answer.context["rows"]) == 10
    errors = sum(errors_of(played.records[played.alpha.id]).values())
    assert answer.context["read"].startswith(f"Made from the newest 10 of {errors} errors, back to ")


def test_a_file_that_does_not_hold_every_line_says_so_in_its_last(played, client_for, monkeypatch):
    client, file = client_for(played.ann), {"format": "csv"}
    whole = sheet(client.get(ERRORS, file))
    monkeypatch.setattr(page, "IN_A_FILE", 3)
    *shown, last = sheet(client.get(ERRORS, file))
    assert (shown, len(whole) > 3) == (whole[:3], True)
    assert last["status"] == "This file is cut here: it holds 3 rows, and there are more."
    monkeypatch.undo()
    monkeypatch.setattr(traffic, "MOST_RECORDS", 10)
    *shown, last = sheet(client.get(ERRORS, file))
    assert sum(int(row["requests"]) for row in shown) == 10
    assert last["status"] == client.get(ERRORS).context["read"]
    assert last["status"].startswith("Made from the newest 10 of ")


def test_the_lines_have_pages_of_every_size(played, client_for):
    client = client_for(played.ann)
    count = len(sheet(client.get(ERRORS, {"format": "csv"})))
    assert count > 25
    first = client.get(ERRORS, {"size": "25"})
    assert (len(first.context["rows"]), first.context["page"].position) == (25, f"1 to 25 of {count}")
    second = client.get(ERRORS + first.context["page"].older)
    assert second.context["page"].first == 26
    assert [row["logs_url"] for row in first.context["rows"] + second.context["rows"]] == [
        row["logs_url"] for row in client.get(ERRORS).context["rows"]
    ][: 25 + len(second.context["rows"])]


def test_what_cannot_be_meant_is_refused_by_the_name_of_its_field(played, client_for):
    client = client_for(played.ann)
    for field, value in (
        ("status", "200"),
        ("by", "api"),
        ("sort", "key"),
        ("p", "0"),
        ("size", "7"),
        ("format", "xml"),
        ("endpoint", "x" * 301),
        ("range", "2h"),
    ):
        answer = client.get(ERRORS, {field: value})
        assert (field, answer.status_code) == (field, 400)
        assert f"<strong>{field}</strong>" in answer.content.decode()
    assert client.get(ERRORS, {"p": "9"}).status_code == 404


def test_the_page_needs_the_right_to_analytics_and_its_links_the_right_to_logs(played, client_for):
    plain = make.user("pat@alpha.example", played.alpha, {"log": "read"})
    analyst = make.user("ana@alpha.example", played.alpha, {"analytics": "read"})
    assert client_for(plain).get(ERRORS).status_code == 403
    assert {row["logs_url"] for row in client_for(analyst).get(ERRORS).context["rows"]} == {""}


def test_records_without_a_key_can_be_asked_for_in_the_logs(played, client_for):
    found = client_for(played.ann).get("/o/alpha/logs/", {"key": NO_KEY, "status": "4xx"})
    assert {line["record"].key for line in found.context["records"]} == {""}
