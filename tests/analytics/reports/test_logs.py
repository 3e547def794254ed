"""The log browser against the recorded requests."""

from datetime import UTC, datetime, timedelta

from dashboard.analytics.reports import logs, reader, search
from orgs import scope
from orgs.models import User
from tests import make
from tests.analytics.screens import ADMINISTRATOR, count_by, sheet, tables_of

LOGS = "/o/alpha/logs/"


def walk(client, **params) -> list:
    """Every record that the browser shows, page by page."""
    found, url = [], LOGS
    while url:
        page = client.get(url, params)
        assert page.status_code == 200
        found += [line["record"] for line in page.context["records"]]
        url, params = page.context["page"].older and LOGS + page.context["page"].older, {}
    return found


FILTERS = (
    ({"api": "aaaa0000000000000000000000000003"}, lambda r: r["APIID"].endswith("3")),
    ({"key": "293126b6c5e8f310"}, lambda r: r["APIKey"] == "293126b6c5e8f310"),
    ({"status": "429"}, lambda r: r["ResponseCode"] == 429),
    ({"status": "5xx"}, lambda r: r["ResponseCode"] >= 500),
    ({"status": "2xx", "method": "post"}, lambda r: r["ResponseCode"] < 300 and r["Method"] == "POST"),
    ({"path": "/status/4"}, lambda r: r["RawPath"].startswith("/status/4")),
    ({"path": "/%"}, lambda r: r["RawPath"].startswith("/%")),
    ({"path": "/_tatus"}, lambda r: r["RawPath"].startswith("/_tatus")),
    ({"user_agent": "curl/8.1.2"}, lambda r: r["UserAgent"] == "curl/8.1.2"),
    ({"address": "203.0.113.28"}, lambda r: r["IPAddress"] == "203.0.113.28"),
    ({"least_ms": "45"}, lambda r: r["Latency"]["Total"] >= 45),
)


def test_paging_shows_every_record_once_newest_first(played, client_for):
    found = walk(client_for(played.ann), range="1h", method="POST")
    recorded = [record for record in played.records[played.alpha.id] if record["Method"] == "POST"]
    stamps = [tuple(record["TimeStamp"]) for record in recorded]
    shown = [(int(record.ts.timestamp()), record.ts.microsecond) for record in found]
    assert shown == sorted(((second, nano // 1000) for second, nano in stamps), reverse=True)
    assert len({(record.ts, record.id) for record in found}) == len(recorded) > 2 * search.PAGE


def test_a_page_holds_as_many_records_as_are_asked_for(played, client_for):
    client = client_for(played.ann)
    whole = [record.id for record in walk(client, range="1h", status="4xx")]
    for size in (25, 200):
        page = client.get(LOGS, {"range": "1h", "status": "4xx", "size": str(size)})
        assert [line["record"].id for line in page.context["records"]] == whole[:size]
        after = client.get(LOGS + page.context["page"].older)
        assert [line["record"].id for line in after.context["records"]] == whole[size : 2 * size]
        assert (after.context["page"].newest, after.context["page"].size) == (
            f"?range=1h&status=4xx&size={size}",
            size,
        )
    assert client.get(LOGS, {"size": "7"}).context["problems"] == [
        ("size", "must be one of 25, 50, 100, 200")
    ]


def test_each_filter_finds_what_a_plain_count_finds(played, client_for):
    client, records = client_for(played.ann), played.records[played.alpha.id]
    for filters, matches in FILTERS:
        found = len(walk(client, range="1h", **filters))
        assert (filters, found) == (filters, sum(map(matches, records)))


def test_a_custom_range_is_taken_to_the_instant(played, client_for):
    middle = datetime.fromtimestamp(played.first_second + 10, UTC)
    found = walk(
        client_for(played.ann),
        **{"range": "custom", "from": (middle - timedelta(hours=1)).isoformat(), "to": middle.isoformat()},
    )
    recorded = [record["TimeStamp"][0] for record in played.records[played.alpha.id]]
    assert len(found) == sum(second < middle.timestamp() for second in recorded)


def test_the_file_holds_all_that_is_filtered_whatever_page_is_shown(played, client_for, monkeypatch):
    monkeypatch.setattr(logs, "AT_ONCE", 100)
    client = client_for(played.ann)
    page = client.get(LOGS, {"range": "1h", "status": "4xx"})
    second = client.get(LOGS + page.context["page"].older)
    shown = [
        (record.path, str(record.status), record.key) for record in walk(client, range="1h", status="4xx")
    ]
    assert len(shown) > 300
    for url in (page.context["csv_url"], second.context["csv_url"]):
        answer = client.get(url)
        assert (answer.streaming, answer.has_header("Content-Length")) == (True, False)
        rows = sheet(answer)
        assert [(row["path"], row["status"], row["key"]) for row in rows] == shown


def test_a_file_that_is_cut_says_so_in_its_last_line(played, client_for, monkeypatch):
    monkeypatch.setattr(logs, "MOST_IN_A_FILE", 120)
    monkeypatch.setattr(logs, "AT_ONCE", 50)
    client = client_for(played.ann)
    asked = {"range": "1h", "format": "csv"}
    *rows, last = sheet(client.get(LOGS, asked))
    assert [row["path"] for row in rows] == [record.path for record in walk(client, range="1h")[:120]]
    assert last["time"] == "This file is cut here: it holds 120 rows, and there are more."
    monkeypatch.setattr(logs, "LONGEST", 0)
    [*rows, last] = sheet(client.get(LOGS, asked))
    assert (
        len(rows),
        last["time"].startswith("This file is cut here: it took too long. Records before "),
    ) == (50, True)
    monkeypatch.setattr(reader, "TIMEOUT", "1ms")
    monkeypatch.setattr(search, "terms", lambda wanted: (" AND pg_sleep(0.1)::text = ''", []))
    [*_, last] = sheet(client.get(LOGS, asked))
    assert last["time"] == "This file is cut here: the database did not answer. Please try again."


def test_a_file_ends_where_its_reader_may_not_see_the_log_any_more(played, client_for, monkeypatch):
    monkeypatch.setattr(logs, "AT_ONCE", 50)
    bob = make.user("bob@alpha.example", played.alpha, ADMINISTRATOR)
    own, super_users = (User.everyone.filter(pk=user.pk) for user in (bob, played.sue))
    ends = (
        (bob, lambda: own.update(permissions={"analytics": "read"})),
        (bob, own.delete),
        (played.sue, lambda: super_users.update(is_active=False)),
        (played.sue, lambda: super_users.update(is_superuser=False, org=played.beta)),
        (played.sue, super_users.delete),
    )
    for user, end in ends:
        own.update(permissions=ADMINISTRATOR)
        super_users.update(is_active=True, is_superuser=True, org=None, permissions=ADMINISTRATOR)
        parts = iter(client_for(user).get(LOGS, {"range": "1h", "format": "csv"}))
        assert [next(parts).count(b"\r\n") for _ in range(2)] == [1, 50]
        end()
        assert b"".join(parts).decode() == "This file is cut here: you may not see the log any more.\r\n"


def test_a_file_is_read_in_no_scope_but_its_own_and_leaves_none_behind(played, client_for):
    answer = client_for(played.ann).get(LOGS, {"range": "1h", "format": "csv"})
    parts = iter(answer)
    for _ in range(2):
        next(parts)
        assert scope.current() is None
    answer.close()
    assert scope.current() is None


def test_one_record_is_shown_with_all_that_is_known(played, client_for):
    client = client_for(played.ann)
    [line] = client.get(LOGS, {"range": "1h", "key": "293126b6c5e8f310"}).context["records"][:1]
    page = client.get(line["url"])
    assert (page.status_code, page.context["record"]) == (200, line["record"])
    for text, url in page.context["same"]:
        assert (text, line["record"] in [one["record"] for one in client.get(url).context["records"]]) == (
            text,
            True,
        )
    charts = dict(page.context["charts"])
    assert list(charts) == ["Figures of this key, that day", "Figures of this API, that day"]
    assert {client.get(url).status_code for url in charts.values()} == {200}
    logs_only = client_for(make.user("lou@alpha.example", played.alpha, {"log": "read"}))
    assert logs_only.get(line["url"]).context["charts"] == []


def test_of_a_500_with_a_time_of_the_upstream_it_is_known_who_answered(played, client_for):
    client = client_for(played.ann)
    lines = client.get(LOGS, {"range": "1h", "status": "500"}).context["records"]
    told = {
        (line["record"].upstream_latency > 0, client.get(line["url"]).context["why"])
        for line in lines
        if line["record"].timed
    }
    assert told == {
        (True, "The upstream answered with an error."),
        (False, "The upstream answered with an error, or a gateway of 5.x got no answer from it."),
    }


def test_anothers_record_is_answered_like_a_missing_one(played, client_for):
    [line] = client_for(played.ann).get(LOGS, {"range": "1h"}).context["records"][:1]
    path = line["url"].removeprefix("/o/alpha/")
    bob = client_for(played.bob)
    answers = [
        bob.get(url)
        for url in (
            f"/o/beta/{path}",
            "/o/beta/logs/1/1/",
            f"/o/beta/logs/{'9' * 30}/{'9' * 30}/",
            line["url"],
        )
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 404]
    assert len({answer.content for answer in answers}) == 1


def test_times_are_those_of_the_organisation(played, client_for):
    page = client_for(played.ann).get(LOGS, {"range": "1h"})
    [first] = tables_of(page)["Requests, newest first"][:1]
    at = page.context["records"][0]["record"].ts.astimezone(played.alpha.zone)
    assert first[0] == f"{at.day} {at:%b} {at:%H:%M:%S}.{at.microsecond // 1000:03}"
    file = sheet(client_for(played.ann).get(LOGS, {"range": "1h", "format": "csv"}))
    assert file[0]["time"] == at.isoformat(timespec="microseconds")


def test_a_member_needs_the_right_to_logs(played, client_for):
    max_ = make.user("max@alpha.example", played.alpha, {"analytics": "read"})
    client = client_for(max_)
    assert client.get(LOGS).status_code == 403
    tiles = client.get("/o/alpha/analytics/", {"range": "1h"}).context["tiles"]
    assert [(tile.name, url.split("?")[0]) for tile, url in tiles if url] == [
        ("errors", "/o/alpha/errors/"),
        ("latency", "/o/alpha/analytics/"),
        ("limited", "/o/alpha/errors/"),
        ("keys", "/o/alpha/analytics/keys/"),
    ]


def test_a_page_that_is_open_asks_for_rows_and_none_asks_for_itself(played, client_for):
    client = client_for(played.ann)
    live = client.get(LOGS, {"live": "1", "method": "GET"}).content.decode()
    assert live.count("<live-tail url=") == 1
    assert "?method=GET&amp;format=rows&amp;after=" in live
    assert "refresh" not in live
    assert f"comes over {search.LATE.seconds} seconds late" in live
    assert "<live-tail" not in client.get(LOGS).content.decode()
    for wrong in ({"format": "rows"}, {"after": "x"}, {"after": f"1.{2**63}"}, {"after": "9" * 16 + ".1"}):
        assert (wrong, client.get(LOGS, wrong).status_code in (200, 400)) == (wrong, True)
    assert client.get(LOGS, {"format": "rows"}).context["problems"][0][0] == "after"


def test_the_keys_of_the_recording_are_all_found(played, client_for):
    client = client_for(played.ann)
    for key, hits in count_by(played.records[played.alpha.id], "APIKey").most_common(3):
        assert len(walk(client, range="24h", key=key)) == hits


def test_a_request_that_did_not_reach_its_upstream_is_not_called_refused(played, client_for):
    client = client_for(played.ann)

    def untimed(status: str) -> list[dict]:
        lines = client.get(LOGS, {"status": status}).context["records"]
        return [line for line in lines if not line["record"].timed]

    for status, took, why in (
        ("500", "not measured", "The gateway got no answer: the upstream could not be reached"),
        ("401", "refused", "Refused by the gateway: no key was sent"),
    ):
        lines = untimed(status)
        assert {line["took"] for line in lines} == {took}
        assert why in client.get(lines[0]["url"]).content.decode()
