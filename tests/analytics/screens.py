"""Helpers of the screens' tests: recorded traffic as if it had just passed, and a plain count of it."""

import csv
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import msgpack

from dashboard.analytics import distribution
from dashboard.analytics.ingest import claim, drain
from orgs.models import Organisation, User
from tests import make
from tests.analytics import recordings
from tests.analytics.arrivals import open_since

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


def play(
    redis,
    *,
    ago: timedelta = timedelta(minutes=2),
    zone: str = "Europe/Berlin",
    with_more: Callable[[int, dict], dict] = lambda number, record: {},
) -> Played:
    """The 5,000 recorded requests, moved so that the last was sent `ago`, drained into the database. with_more: members
    which a record has instead of its own, by its number.

    Rows of days count what beta's hours do; of alpha's no hour is closed, but where tables are distributed.
    """
    alpha = make.organisation("Alpha", "alpha", id=recordings.ORG_A, time_zone=zone)
    beta = make.organisation("Beta", "beta", id=recordings.ORG_B, time_zone=zone)
    last = max(recordings.loose(entry)["TimeStamp"][0] for entry in recordings.entries("v3.0.12-5000"))
    entries = recordings.moved("v3.0.12-5000", int((datetime.now(UTC) - ago).timestamp()) - last)
    entries = [
        msgpack.packb(record | with_more(number, record))
        for number, record in enumerate(map(recordings.loose, entries))
    ]
    if not distribution.is_distributed():
        open_since([alpha.id], datetime.now(UTC) - ago - timedelta(hours=2))
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
    return list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"))))


def push(redis, *changes: dict) -> None:
    """One request of a recorded gateway for each of the changes to it, drained."""
    [entry] = recordings.entries("v3.0.12-5000")[:1]
    for change in changes:
        redis.rpush(claim.LIST, msgpack.packb({**recordings.loose(entry), **change}))
    while drain.tick(redis):
        pass


def ago(**span: float) -> list[int]:
    """A gateway's stamp so long before now."""
    seconds = (datetime.now(UTC) - timedelta(**span)).timestamp()
    return [int(seconds), int(seconds % 1 * 1e9)]


class _Tables(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.label, self.cell = "", None

    def handle_starttag(self, tag, attrs):
        self.label = dict(attrs).get("aria-label", self.label) if tag in ("div", "table") else self.label
        if tag == "table":
            self.tables[self.label] = []
        elif tag == "tr":
            self.tables[self.label].append([])
        elif tag in ("td", "th"):
            self.cell = []

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[self.label][-1].append(" ".join("".join(self.cell).split()))
            self.cell = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell.append(data)


def tables_of(response) -> dict[str, list[list[str]]]:
    """The texts of a page's tables by their labels or those of the regions that they stand in, heads left out."""
    assert response.status_code == 200
    parser = _Tables()
    parser.feed(response.content.decode())
    return {label: rows[1:] for label, rows in parser.tables.items()}
