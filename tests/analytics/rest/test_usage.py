"""Tyk's analytics routes against the recorded requests."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dashboard.analytics.dimensions import RECORDS, Grain, oldest
from dashboard.analytics.reports import traffic
from dashboard.analytics.rest import activity, reading, whole
from dashboard.analytics.rest.answers import Missing
from tests.analytics.rest_wire import ID, data, dates, errors, week
from tests.analytics.screens import count_by

FILTERS = (
    ({"api": "aaaa0000000000000000000000000003"}, lambda r: r["APIID"].endswith("3")),
    ({"key": "293126b6c5e8f310"}, lambda r: r["APIKey"] == "293126b6c5e8f310"),
    ({"code": "429"}, lambda r: r["ResponseCode"] == 429),
    ({"errors": "1"}, lambda r: r["ResponseCode"] >= 400),
    ({"errors": "0"}, lambda r: True),
)


def test_usage_counts_by_day_hour_and_month(played, rest):
    client, records = rest(played.ann), played.records[played.alpha.id]
    zone = ZoneInfo("Europe/Berlin")
    at = [datetime.fromtimestamp(record["TimeStamp"][0], zone) for record in records]
    for unit, names in (
        ("hour", ("day", "month", "year", "hour")),
        ("day", ("day", "month", "year")),
        ("month", ("month", "year")),
    ):
        rows = data(client, f"/api/usage/{week()}", res=unit)
        expected = {tuple(getattr(moment, name) for name in names): 0 for moment in sorted(at)}
        for moment in at:
            expected[tuple(getattr(moment, name) for name in names)] += 1
        assert {tuple(row["id"][name] for name in names): row["hits"] for row in rows} == expected
        assert sum(row["error"] for row in rows) == errors(records)
        assert all(row["success"] + row["error"] == row["hits"] for row in rows)
        assert all(list(row["id"]) == list(ID) for row in rows)
        without = {"day", "month", "year", "hour"}.difference(names)
        assert {row["id"][name] for row in rows for name in without} <= {0}


def test_usage_of_one_api(played, rest):
    api = "aaaa0000000000000000000000000002"
    rows = data(rest(played.ann), f"/api/usage/{week()}", api_id=api)
    own = [record for record in played.records[played.alpha.id] if record["APIID"] == api]
    assert (sum(row["hits"] for row in rows), sum(row["error"] for row in rows)) == (len(own), errors(own))


def test_usage_by_api_is_sorted_as_asked(played, rest):
    client, by_api = rest(played.ann), count_by(played.records[played.alpha.id], "APIID")
    path = f"/api/usage/apis/{week()}"
    busiest = [(row["id"]["api_id"], row["hits"]) for row in data(client, path, by="Hits", sort="-1")]
    assert busiest == by_api.most_common()
    assert [(row["id"]["api_id"], row["hits"]) for row in data(client, path, by="Hits", sort="1")] == busiest[
        ::-1
    ]


def test_activity_by_key_pages_by_ten_and_whole(played, rest):
    client, records = rest(played.ann), played.records[played.alpha.id]
    path = f"/api/activity/keys/{week()}"
    by_key = count_by(records, "APIKey")
    rows = data(client, path, p="-1")
    assert {row["id"]["key"]: row["hits"] for row in rows} == by_key
    assert {row["id"]["key"]: row["id"]["alias"] for row in rows} == {
        record["APIKey"]: record["Alias"] for record in records if record["APIKey"] in by_key
    }
    newest = {
        record["APIKey"]: tuple(record["TimeStamp"])
        for record in sorted(records, key=lambda r: r["TimeStamp"])
    }
    assert {row["id"]["key"]: datetime.fromisoformat(row["last_hit"]).timestamp() // 1 for row in rows} == {
        key: newest[key][0] for key in by_key
    }
    pages = client.get(path).json()["pages"]
    assert (pages, len(data(client, path))) == (-(-len(by_key) // 10), 10)
    assert [row for number in range(1, pages + 1) for row in data(client, path, p=number)] == rows
    assert data(client, path, p=99) == data(client, path, p=pages)


def test_logs_without_a_range_are_those_of_the_last_24_hours(played, rest):
    client, records = rest(played.ann), played.records[played.alpha.id]
    answer = client.get("/api/logs").json()
    assert (answer["pages"], len(answer["data"])) == (313, 10)
    rows = data(client, "/api/logs/", p="-1")
    newest_first = sorted(records, key=lambda record: record["TimeStamp"], reverse=True)
    assert [row["ResponseCode"] for row in rows] == [record["ResponseCode"] for record in newest_first]
    first, recorded = rows[0], newest_first[0]
    same = (
        *("Method", "Host", "Path", "RawPath", "ContentLength", "UserAgent", "Day", "Month", "Year", "Hour"),
        *("ResponseCode", "APIKey", "APIVersion", "APIID", "OrgID", "OauthID", "RequestTime", "Latency"),
        *("RawRequest", "RawResponse", "IPAddress", "Alias", "TrackPath"),
    )
    at = datetime.fromtimestamp(recorded["TimeStamp"][0], UTC)
    moved = {**recorded, "Day": at.day, "Month": at.month, "Year": at.year, "Hour": at.hour}
    assert {name: first[name] for name in same} == {name: moved[name] for name in same}
    assert {*recorded, "LogID"} == set(first)


def test_logs_are_filtered(played, rest):
    client, records = rest(played.ann), played.records[played.alpha.id]
    for params, matches in FILTERS:
        found = len(data(client, "/api/logs", p="-1", **params))
        assert (params, found) == (params, sum(map(matches, records)))


def test_logs_take_both_seconds_of_a_range(played, rest):
    recorded = [record["TimeStamp"][0] for record in played.records[played.alpha.id]]
    start, end = played.first_second + 3, played.first_second + 7
    rows = data(rest(played.ann), "/api/logs", start=start, end=end, p="-1")
    assert len(rows) == sum(start <= second <= end for second in recorded)
    # Without a start: the 24 hours up to the end.
    rows = data(rest(played.ann), "/api/logs", end=start + 24 * 3_600 - 1, p="-1")
    assert 0 < len(rows) == sum(start <= second for second in recorded) < len(recorded)


def test_each_user_is_answered_with_his_own_organisation_and_a_super_user_with_all(played, rest):
    totals = {
        user: {
            "usage": sum(row["hits"] for row in data(rest(user), f"/api/usage/{week()}")),
            "apis": sum(row["hits"] for row in data(rest(user), f"/api/usage/apis/{week()}", p="-1")),
            "keys": sum(row["hits"] for row in data(rest(user), f"/api/activity/keys/{week()}", p="-1")),
            "logs": len(data(rest(user), "/api/logs", p="-1")),
        }
        for user in (played.ann, played.bob, played.sue)
    }
    records = {
        played.ann: played.records[played.alpha.id],
        played.bob: played.records[played.beta.id],
        played.sue: [*played.records[played.alpha.id], *played.records[played.beta.id]],
    }
    assert totals == {
        user: {
            "usage": len(own),
            "apis": len(own),
            "keys": sum(count_by(own, "APIKey").values()),
            "logs": len(own),
        }
        for user, own in records.items()
    }


def test_another_organisations_api_and_key_give_nothing(played, rest):
    bob = rest(played.bob)
    assert data(bob, f"/api/usage/{week()}", api_id="aaaa0000000000000000000000000002") == []
    assert data(bob, "/api/logs", api="aaaa0000000000000000000000000002") == []
    assert data(bob, "/api/logs", key="293126b6c5e8f310") == []


def plain(records: list[dict]) -> tuple[int, int]:
    """Requests and errors."""
    return len(records), errors(records)


def sums(rows: list[dict]) -> tuple[int, int]:
    return sum(row["hits"] for row in rows), sum(row["error"] for row in rows)


def by(rows: list[dict], *names: str) -> dict[tuple, int]:
    """Requests by members of `id`, of which no two rows have the same."""
    found = {tuple(row["id"][name] for name in names): row["hits"] for row in rows}
    assert len(found) == len(rows)
    return found


def test_time_rows_of_an_api_a_key_and_several_keys_are_a_plain_count(played, rest):
    client, records = rest(played.ann), played.records[played.alpha.id]
    (first, _), (second, _) = count_by(records, "APIKey").most_common(2)
    api = "aaaa0000000000000000000000000002"
    of_first = [record for record in records if record["APIKey"] == first]
    of_both = [record for record in records if record["APIKey"] in (first, second)]
    for path, own in (
        (f"/api/usage/apis/{api}/{week()}", [record for record in records if record["APIID"] == api]),
        (f"/api/activity/keys/{first}/{week()}", of_first),
        (f"/api/activity/keys/aggregate/{first},{second},/{week()}", of_both),
    ):
        for unit in ("hour", "day", "month"):
            assert (path, unit, sums(data(client, path, res=unit))) == (path, unit, plain(own))
    of_api = [record for record in of_first if record["APIID"] == api]
    assert sums(data(client, f"/api/activity/keys/{first}/{week()}", api_id=api)) == plain(of_api)


def test_time_rows_of_a_key_have_a_row_for_each_day_that_has_begun(played, rest):
    client = rest(played.ann)
    today = datetime.now(ZoneInfo("Europe/Berlin"))
    days = [today - timedelta(days=number) for number in range(6, -1, -1)]
    expected = [(day.day, day.month, day.year, 0) for day in days]
    key = "293126b6c5e8f310"
    for last in (today, today + timedelta(days=3)):
        rows = data(client, f"/api/activity/keys/{key}/{dates(days[0], last)}")
        assert [
            tuple(row["id"][name] for name in ("day", "month", "year", "hour")) for row in rows
        ] == expected
        assert (rows[0]["hits"], rows[0]["last_hit"]) == (0, "0001-01-01T00:00:00Z")
    rows = data(client, f"/api/activity/keys/{key}/{week()}", sort="-1")
    assert [row["id"]["day"] for row in rows] == [day.day for day in days[::-1]]
    before = datetime.now(today.tzinfo)
    by_hour = data(client, f"/api/activity/keys/{key}/{dates(before, before)}", res="hour")
    after = datetime.now(today.tzinfo)
    # The hour may turn meanwhile; of a day that is over by then all hours are told.
    last = {before.hour, after.hour if after.date() == before.date() else 23}
    assert by_hour[-1]["id"]["hour"] in last


def test_errors_countries_and_endpoints_are_a_plain_count(played, rest):
    client, records = rest(played.ann), played.records[played.alpha.id]
    (key, _), *_ = count_by(records, "APIKey").most_common(1)
    of_key = [record for record in records if record["APIKey"] == key]
    codes = Counter((record["ResponseCode"],) for record in records if record["ResponseCode"] >= 400)
    assert by(data(client, f"/api/activity/errors/{week()}", p="-1"), "code") == codes
    tagged = [record for record in records if "plan-2" in record["Tags"]]
    codes = Counter((record["ResponseCode"],) for record in tagged if record["ResponseCode"] >= 400)
    assert by(data(client, f"/api/activity/errors/{week()}", p="-1", tags="plan-2"), "code") == codes
    assert by(data(client, f"/api/activity/geo/{week()}"), "iso_country") == {("",): len(records)}
    for path, own in (
        (f"/api/activity/endpoint/{week()}", records),
        (f"/api/activity/keys/endpoint/{key}/{week()}", of_key),
    ):
        found = by(data(client, path, p="-1"), "api_id", "path")
        assert sum(found.values()) == len(own)
        by_api = Counter()
        for (api, _), hits in found.items():
            by_api[api] += hits
        assert by_api == Counter(record["APIID"] for record in own)
        searched = Counter(record["APIID"] for record in own if record["Path"] == "/search")
        assert (
            searched and {api: hits for (api, name), hits in found.items() if name == "/search"} == searched
        )


def test_tags_and_versions_filter_by_any_of_them(played, rest):
    client, records = rest(played.ann), played.records[played.alpha.id]
    either = [record for record in records if {"plan-1", "plan-2"} & set(record["Tags"])]
    for query in (
        "tags=plan-1,plan-2",
        "tags=plan-1&tags=plan-2",
        "tags=plan-2,&tags=plan-1&api_version=Non+Versioned",
    ):
        assert sums(data(client, f"/api/usage/{week()}?{query}")) == plain(either)
        assert by(data(client, f"/api/usage/apis/{week()}?p=-1&{query}"), "api_id") == Counter(
            (record["APIID"],) for record in either
        )
        assert by(data(client, f"/api/activity/keys/{week()}?p=-1&{query}"), "key") == {
            (key,): hits for key, hits in count_by(either, "APIKey").items()
        }
    assert data(client, f"/api/usage/{week()}", api_version="v9") == []
    assert data(client, f"/api/usage/{week()}", tags="nobody's") == []


def test_what_is_another_organisations_is_answered_like_what_is_nowhere(played, rest):
    bob = rest(played.bob)
    for path in (
        "/api/usage/apis/{}/",
        "/api/activity/keys/{}/",
        "/api/activity/keys/endpoint/{}/",
        "/api/activity/keys/aggregate/{},/",
        "/api/activity/oauthid/{}/",
        "/api/activity/oauthid/endpoint/{}/",
    ):
        theirs = "aaaa0000000000000000000000000002" if "apis" in path else "293126b6c5e8f310"
        answers = [bob.get(path.format(name) + week()) for name in (theirs, "nowhere")]
        assert answers[0].status_code == 200
        assert answers[0].content == answers[1].content
        assert not any(row["hits"] for row in answers[0].json()["data"] or ())
    ann = rest(played.ann)
    assert sum(row["hits"] for row in data(ann, f"/api/activity/keys/293126b6c5e8f310/{week()}"))


def test_figures_are_whole_since_the_first_row_with_nothing_from_before():
    instant, kathmandu = datetime(2026, 11, 24, tzinfo=UTC), ZoneInfo("Asia/Kathmandu")
    assert [
        whole.first_row(at, grain, kathmandu)
        for at in (instant, instant + timedelta(minutes=15))
        for grain in (Grain.HOUR, Grain.DAY, RECORDS)
    ] == [
        instant + timedelta(minutes=15),
        instant + timedelta(hours=18, minutes=15),
        instant,
        instant + timedelta(minutes=15),
        instant + timedelta(hours=18, minutes=15),
        instant + timedelta(minutes=15),
    ]
    # Of several organisations what is whole of all.
    of_both = Missing(instant, 3) | Missing(instant + timedelta(days=1)) | Missing(rows=4)
    assert of_both == Missing(instant + timedelta(days=1), 7)


def test_an_endpoint_has_its_path_and_those_counted_together_their_name():
    found = [activity.path_of(name)["path"] for name in ("GET /orders/{id}", "GET /a b", "{other}")]
    assert found == ["/orders/{id}", "/a b", "{other}"]


def test_an_answer_says_what_it_leaves_out(played, rest, monkeypatch):
    client, records = rest(played.ann), played.records[played.alpha.id]
    now = datetime.now(ZoneInfo("Europe/Berlin"))
    long = dates(now - timedelta(days=500), now)
    first_day = datetime.combine(oldest(Grain.DAY, now).date(), time(), ZoneInfo("Europe/Berlin"))
    first_day += timedelta(days=first_day < oldest(Grain.DAY, now))
    for path, params, since in (
        (f"/api/usage/{long}", {}, first_day),
        (f"/api/usage/apis/{long}", {}, first_day),
        (f"/api/usage/{long}", {"tags": "edge-a,edge-b"}, oldest(RECORDS, now)),
        (f"/api/usage/{long}", {"tags": "edge-a"}, first_day),
        (f"/api/activity/geo/{long}", {}, first_day),
        (f"/api/activity/keys/293126b6c5e8f310/{long}", {"res": "hour"}, oldest(RECORDS, now)),
    ):
        answer = client.get(path, params).json()
        assert datetime.fromisoformat(answer["cut"]["since"]) == since, path
    # Of a time before that it is not known that there was no request.
    first_hour = oldest(RECORDS, now).astimezone(now.tzinfo)
    members = ("day", "month", "year", "hour")
    assert [answer["data"][0]["id"][name] for name in members] == [
        getattr(first_hour, name) for name in members
    ]
    monkeypatch.setattr(traffic, "MOST_RECORDS", 100)
    newest = sorted(records, key=lambda record: record["TimeStamp"], reverse=True)
    answer = client.get(f"/api/usage/{week()}", {"tags": "edge-a,nobody's"}).json()
    tagged = sum("edge-a" in record["Tags"] for record in newest[:100])
    assert 0 < sum(row["hits"] for row in answer["data"]) == tagged < 100
    seconds, nanoseconds = newest[100]["TimeStamp"]
    left_out = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=nanoseconds // 1000)
    assert datetime.fromisoformat(answer["cut"]["since"]) == left_out + timedelta(microseconds=1)
    monkeypatch.setattr(reading, "MOST_ROWS", 2)
    answer = client.get(f"/api/usage/apis/{week()}").json()
    assert (len(answer["data"]), answer["cut"]) == (2, {"rows": 3})
