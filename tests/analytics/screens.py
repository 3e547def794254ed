"""Helpers of the screens' tests: recorded traffic as if it had just passed, and a plain count of it."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dashboard.analytics import claim, drain
from orgs.models import Organisation, User
from tests import make
from tests.analytics import recordings

ADMINISTRATOR = {"IsAdmin": "admin"}


@dataclass
class Played:
    """The recorded organisations with their people, and the records of each as plain dicts, oldest first."""

    alpha: Organisation
    beta: Organisation
    ann: User
    bob: User
    sue: User
    records: dict[str, list[dict]]

    @property
    def first_second(self) -> int:
        return min(record["TimeStamp"][0] for records in self.records.values() for record in records)


def play(redis, *, ago: timedelta = timedelta(minutes=2), zone: str = "Europe/Berlin") -> Played:
    """The 5,000 recorded requests, moved so that the last was sent `ago`, drained into the database."""
    alpha = make.organisation("Alpha", "alpha", id=recordings.ORG_A, time_zone=zone)
    beta = make.organisation("Beta", "beta", id=recordings.ORG_B, time_zone=zone)
    last = max(recordings.loose(entry)["TimeStamp"][0] for entry in recordings.entries("v3.0.12-5000"))
    entries = recordings.moved("v3.0.12-5000", int((datetime.now(UTC) - ago).timestamp()) - last)
    redis.rpush(claim.LIST, *entries)
    while drain.tick(redis):
        pass
    records: dict[str, list[dict]] = {alpha.id: [], beta.id: []}
    for entry in entries:
        record = recordings.loose(entry)
        records[record["OrgID"]].append(record)
    return Played(
        alpha=alpha,
        beta=beta,
        ann=make.user("ann@alpha.example", alpha, ADMINISTRATOR),
        bob=make.user("bob@beta.example", beta, ADMINISTRATOR),
        sue=make.user("sue@platform.example", None),
        records=records,
    )


def count_by(records: list[dict], name: str) -> Counter:
    """Requests by a member of the record; those without a key are left out."""
    return Counter(record[name] for record in records if record[name] not in ("", "00000000"))


def classes(records: list[dict]) -> dict[str, int]:
    """Requests by class of status, all of them, and the rate-limited ones."""
    found = Counter(f"{record['ResponseCode'] // 100}xx" for record in records)
    limited = sum(record["ResponseCode"] == 429 for record in records)
    return {name: found[name] for name in ("2xx", "3xx", "4xx", "5xx")} | {
        "requests": len(records),
        "429": limited,
    }


def sheet(response) -> list[dict[str, str]]:
    """A CSV answer as rows by column name."""
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(response.content.decode())))
