"""Tyk's analytics routes against the recorded requests."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tests.analytics.rest_wire import ID, data, errors, week
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
    assert set(recorded) == set(first)


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
