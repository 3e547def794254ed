"""Helpers of the tests of Tyk's analytics routes."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

ID = {
    "day": 0,
    "month": 0,
    "year": 0,
    "hour": 0,
    "code": 0,
    "path": "",
    "key": "",
    "alias": "",
    "url": "",
    "iso_country": "",
    "api_id": "",
    "api_name": "",
}


def dates(first: datetime, last: datetime) -> str:
    return f"{first.day}/{first.month}/{first.year}/{last.day:02}/{last.month:02}/{last.year}"


def week(zone: str = "Europe/Berlin") -> str:
    """The last seven days of the zone, today included."""
    today = datetime.now(ZoneInfo(zone))
    return dates(today - timedelta(days=6), today)


def data(client, path: str, **params) -> list[dict]:
    answer = client.get(path, params)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert list(answer.json()) == ["data", "pages"]
    return answer.json()["data"] or []


def errors(records: list[dict]) -> int:
    return sum(record["ResponseCode"] >= 400 for record in records)
