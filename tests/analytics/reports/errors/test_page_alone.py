"""The errors page of an organisation with a few requests of its own."""

from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from dashboard.analytics.reports import reader as reports_reader
from dashboard.analytics.reports import traffic
from dashboard.analytics.reports.errors import reader as errors_reader
from tests import make
from tests.analytics.screens import ago, push, sheet

ERRORS = "/o/acme/errors/"


def failed(redis, org, *changes: dict, **members: object) -> None:
    """A 503 of five milliseconds a change, a minute ago."""
    common = {
        "OrgID": org.id,
        "APIID": "orders",
        "ResponseCode": 503,
        "TimeStamp": ago(minutes=1),
        "RequestTime": 5,
        "Latency": {"Total": 5, "Upstream": 4},
    }
    push(redis, *({**common, **members, **change} for change in changes))


def asked(url: str) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("lines", [1, 3])
def test_one_line_takes_as_many_queries_as_three(redis, cast, client_for, django_assert_num_queries, lines):
    push(
        redis,
        *(
            {
                "OrgID": cast.acme.id,
                "ResponseCode": 500 + number,
                "TimeStamp": ago(minutes=1),
                "APIID": f"api-{number}",
            }
            for number in range(lines)
        ),
    )
    client = client_for(cast.acme_admin)
    client.get("/")  # the first request of a process also proves the isolation
    with django_assert_num_queries(22):
        assert len(client.get("/o/acme/errors/").context["rows"]) == lines


@pytest.mark.usefixtures("committed")
def test_without_an_error_the_page_says_of_how_many_requests(redis, cast, client_for):
    push(redis, {"OrgID": cast.acme.id, "ResponseCode": 200, "TimeStamp": ago(minutes=1)})
    page = client_for(cast.acme_admin).get("/o/acme/errors/")
    assert b"1 request in this period." in page.content


@pytest.mark.usefixtures("committed")
def test_lines_are_paged_and_their_number_is_said(redis, cast, client_for):
    failed(redis, cast.acme, *({"APIID": f"api-{number:02}"} for number in range(50)))
    client = client_for(cast.acme_admin)
    small = {"size": "25"}
    pages = [client.get(ERRORS, {**small, "p": number} if number else small) for number in ("", "1", "2")]
    assert [len(page.context["rows"]) for page in pages] == [25, 25, 25]
    found = [page.context["page"] for page in pages]
    assert [page.position for page in found] == ["1 to 25 of 50", "1 to 25 of 50", "26 to 50 of 50"]
    assert [(page.newer, page.older) for page in found] == [
        ("", "?size=25&p=2"),
        ("", "?size=25&p=2"),
        ("?size=25", ""),
    ]
    shown = [row["api"] for page in pages[1:] for row in page.context["rows"]]
    assert shown == [f"api-{number:02}" for number in range(50)]
    assert client.get(ERRORS, {**small, "p": "3"}).status_code == 404
    assert len(sheet(client.get(ERRORS, {"format": "csv"}))) == 50
    failed(redis, cast.acme, {"APIID": "one-more"})
    assert client.get(ERRORS, {**small, "p": "2"}).context["page"].older == "?size=25&p=3"
    assert client.get(ERRORS, {**small, "p": "3"}).context["page"].position == "51 to 51 of 51"


@pytest.mark.usefixtures("committed")
def test_a_line_is_told_whole_and_each_of_its_links_narrows_the_page(redis, cast, client_for):
    key, times = "a" * 16, [ago(minutes=minutes) for minutes in (50, 40, 3)]
    changes = [
        {"TimeStamp": at, "APIKey": key, "Alias": "shop", "Path": "/orders/7", "RawPath": "/orders/7"}
        for at in times
    ]
    failed(redis, cast.acme, *changes, {"ResponseCode": 404, "APIKey": ""})
    client = client_for(cast.acme_admin)
    page = client.get(ERRORS, {"range": "1h"})
    first, second = page.context["rows"]
    said = [datetime.fromtimestamp(seconds, cast.acme.zone) for seconds, _ in times]
    told = ("status", "status_class", "endpoint", "api", "key", "key_title", "hits", "first", "last")
    assert [first[name] for name in told] == [
        503,
        "5xx",
        "GET /orders/{id}",
        "orders",
        "shop",
        key,
        "3",
        f"{said[0].day} {said[0]:%b %H:%M}",
        f"{said[2].day} {said[2]:%b %H:%M}",
    ]
    assert first["why"] == "The upstream answered with an error: it was overloaded or being maintained."
    assert first["spark"] is not None
    assert (second["status"], second["key"], second["key_url"]) == (404, "", "")
    narrowed = {
        "status_url": {"status": "503"},
        "endpoint_url": {"api": "orders", "endpoint": "GET /orders/{id}"},
        "api_url": {"api": "orders"},
        "key_url": {"key": key},
    }
    assert {name: asked(first[name]) for name in narrowed} == {
        name: {"range": "1h", **filters} for name, filters in narrowed.items()
    }
    assert [asked(row["logs_url"]).get("key") for row in (first, second)] == [key, "none"]
    logs = asked(first["logs_url"])
    assert {name: logs[name] for name in ("api", "status", "endpoint", "range")} == {
        "api": "orders",
        "status": "503",
        "endpoint": "GET /orders/{id}",
        "range": "custom",
    }
    for row, count in ((first, 3), (second, 1)):
        assert len(client.get(row["logs_url"]).context["records"]) == count


@pytest.mark.usefixtures("committed")
def test_a_key_without_a_name_is_told_by_the_end_of_its_hash(redis, cast, client_for):
    failed(redis, cast.acme, {"APIKey": "0123456789abcdef", "Alias": ""})
    [row] = client_for(cast.acme_admin).get(ERRORS).context["rows"]
    assert (row["key"], row["key_title"]) == ("…abcdef", "0123456789abcdef")


@pytest.mark.usefixtures("committed")
def test_of_a_key_that_is_asked_for_the_records_are_read_also_without_telling_keys_apart(
    redis, cast, client_for
):
    for key in ("a" * 16, "b" * 16):
        failed(redis, cast.acme, {"APIKey": key})
    client = client_for(cast.acme_admin)
    [row] = client.get(ERRORS, {"key": "a" * 16, "by": "endpoint"}).context["rows"]
    assert (row["hits"], asked(row["logs_url"])["key"]) == ("1", "a" * 16)
    page = client.get(ERRORS, {"by": "endpoint"})
    [row] = page.context["rows"]
    assert (row["hits"], row["key"], "key" in asked(row["logs_url"])) == ("2", None, False)
    assert (page.context["by_key"], "by" in asked(page.context["other_url"])) == (False, False)
    assert asked(client.get(ERRORS).context["other_url"])["by"] == "endpoint"


@pytest.mark.usefixtures("committed")
def test_where_the_records_of_one_key_take_too_long_the_page_is_worth_asking_again(
    redis, cast, client_for, monkeypatch
):
    failed(redis, cast.acme, {"APIKey": "a" * 16})
    monkeypatch.setattr(errors_reader, "PATIENCE", 0.02)
    monkeypatch.setattr(errors_reader, "OF_A_RECORD", f"pg_sleep(0.1), {errors_reader.OF_A_RECORD}")
    client = client_for(cast.acme_admin)
    assert client.get(ERRORS, {"key": "a" * 16}).status_code == 503
    answer = client.get(ERRORS)
    assert (answer.status_code, answer.context["by_key"]) == (200, False)


@pytest.mark.usefixtures("committed")
def test_after_the_records_were_read_the_page_has_its_usual_time_again(redis, cast, client_for, monkeypatch):
    failed(redis, cast.acme, {"APIKey": "a" * 16})
    monkeypatch.setattr(errors_reader, "PATIENCE", 0.25)
    monkeypatch.setattr(reports_reader, "SUMS", f"pg_sleep(0.4)::text, {reports_reader.SUMS}")
    monkeypatch.setattr(reports_reader, "_figures", lambda sums: reports_reader.Figures(hits=1))
    assert client_for(cast.acme_admin).get(ERRORS).context["requests"] == "1 request"


@pytest.mark.usefixtures("committed")
def test_the_newest_errors_are_those_that_are_read(redis, cast, client_for, monkeypatch):
    for minutes, api in ((30, "old"), (20, "newer"), (10, "newest")):
        failed(redis, cast.acme, {"APIID": api, "TimeStamp": ago(minutes=minutes)})
    client = client_for(cast.acme_admin)

    def read(most: int, **params: str) -> tuple[set[str], str]:
        monkeypatch.setattr(traffic, "MOST_RECORDS", most)
        page = client.get(ERRORS, {"range": "1h", **params})
        return {row["api"] for row in page.context["rows"]}, page.context["read"]

    assert read(4) == ({"old", "newer", "newest"}, "Made from every single record of this period.")
    for params, of in (({}, " of 3"), ({"status": "5xx"}, " of 3"), ({"status": "503"}, "")):
        apis, words = read(2, **params)
        assert apis == {"newer", "newest"}
        assert words.startswith(f"Made from the newest 2{of} errors, back to ")
    assert read(3)[1].startswith("Made from the newest 3 of 3 errors")


@pytest.mark.usefixtures("committed")
def test_how_far_back_records_go_is_said_where_a_period_begins_before(redis, cast, client_for):
    failed(redis, cast.acme, {"TimeStamp": ago(days=3)})
    client, now = client_for(cast.acme_admin), timezone.now()
    read = {
        days: client.get(
            ERRORS,
            {"range": "custom", "from": f"{now - timedelta(days=days):%Y-%m-%d}", "to": f"{now:%Y-%m-%d}"},
        ).context["read"]
        for days in (29, 40)
    }
    kept = now - timedelta(days=30)
    assert read == {
        29: "Made from every single record of this period.",
        40: f"Made from single records, which are kept since {kept.day} {kept:%b %Y} 00:00.",
    }


@pytest.mark.usefixtures("committed")
def test_over_a_month_lines_without_keys_tell_days(redis, cast, client_for):
    at = ago(days=3)
    failed(redis, cast.acme, {"TimeStamp": at})
    client = client_for(cast.acme_admin)
    params = {"range": "30d", "by": "endpoint"}
    page = client.get(ERRORS, params)
    [row] = page.context["rows"]
    day = datetime.fromtimestamp(at[0], cast.acme.zone)
    assert (row["first"], row["last"]) == (f"{day.day} {day:%b}", f"{day.day} {day:%b}")
    assert page.context["read"] == "All errors of this period, counted by the day, all keys together."
    assert asked(row["logs_url"])["status"] == "503"


@pytest.mark.usefixtures("committed")
def test_a_file_holds_the_lines_with_names_and_moments_of_the_organisations_clock(redis, client_for):
    org = make.organisation("Far", "far", time_zone="Asia/Kathmandu")
    at = ago(minutes=3)
    failed(redis, org, {"APIKey": "a" * 16, "Alias": "shop", "TimeStamp": at})
    client = client_for(make.user("ann@far.example", org, {"IsAdmin": "admin"}))
    [row] = sheet(client.get("/o/far/errors/", {"format": "csv"}))
    moment = datetime.fromtimestamp(at[0], org.zone).isoformat(timespec="seconds")
    assert moment.endswith("+05:45")
    assert {name: row[name] for name in ("status", "api_id", "key", "alias", "requests", "timed")} == {
        "status": "503",
        "api_id": "orders",
        "key": "a" * 16,
        "alias": "shop",
        "requests": "1",
        "timed": "1",
    }
    assert (row["first"], row["last"]) == (moment, moment)
    assert row["why"] == "The upstream answered with an error: it was overloaded or being maintained."
    [row] = sheet(client.get("/o/far/errors/", {"format": "csv", "by": "endpoint"}))
    hour = datetime.fromtimestamp(at[0], org.zone).replace(minute=0, second=0)
    assert (row["key"], row["alias"], row["first"]) == ("", "", hour.isoformat(timespec="seconds"))
    page = client.get("/o/far/errors/", {"range": "1h", "status": "5xx"})
    file = asked(page.context["csv_url"])
    assert (file["format"], file["range"], file["status"]) == ("csv", "custom", "5xx")
    assert page.context["statuses"][2][2] is True


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("by", ["", "endpoint"])
def test_a_class_of_status_is_all_of_it_and_a_code_is_itself(redis, cast, client_for, by):
    codes = (400, 404, 499, 500, 509, 599)
    failed(redis, cast.acme, *({"ResponseCode": code} for code in codes))
    client = client_for(cast.acme_admin)

    def found(status: str) -> list[int]:
        params = {"status": status, "by": by, "sort": "status"}
        return [row["status"] for row in client.get(ERRORS, params).context["rows"]]

    assert {status: found(status) for status in ("", "4xx", "5xx", "404", "599", "410")} == {
        "": [*codes],
        "4xx": [400, 404, 499],
        "5xx": [500, 509, 599],
        "404": [404],
        "599": [599],
        "410": [],
    }


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("by", ["", "endpoint"])
def test_lines_are_sorted_both_ways_by_each_head(redis, cast, client_for, by):
    for api, minutes, count in (("a", 200, 1), ("b", 130, 3), ("c", 10, 2)):
        failed(redis, cast.acme, *[{"APIID": api, "TimeStamp": ago(minutes=minutes)}] * count)
    client = client_for(cast.acme_admin)

    def order(sort: str) -> str:
        page = client.get(ERRORS, {"sort": sort, "by": by})
        return "".join(row["api"] for row in page.context["rows"])

    sorts = ("count", "-count", "first", "-first", "last", "-last", "")
    assert [order(sort) for sort in sorts] == ["acb", "bca", "abc", "cba", "abc", "cba", "bca"]


@pytest.mark.usefixtures("committed")
def test_a_table_has_the_column_of_keys_only_where_they_are_told_apart_and_says_how_exact_times_are(
    redis, cast, client_for
):
    failed(redis, cast.acme, {"APIKey": "a" * 16})
    client = client_for(cast.acme_admin)

    def labels(**params: str) -> list[str]:
        return [head.label for head in client.get(ERRORS, params).context["heads"]]

    common = ["Status", "Endpoint, and why"]
    assert labels() == [*common, "Key", "Requests", "Over time", "First", "Last"]
    by_hour = [*common, "Requests", "Over time", "First (hour)", "Last (hour)"]
    assert labels(by="endpoint") == by_hour
    by_day = [*common, "Requests", "Over time", "First (day)", "Last (day)"]
    assert labels(by="endpoint", range="30d") == by_day
