"""What gateways find when they look whether upstreams answer: from their list in Redis into the database, each check
once in effect: the worker's step `tick`.

The list is claimed by renaming, like those of traffic. A part of a claim is entered in the ledger by the very
transaction that stores it, so a crash at any moment loses nothing and doubles nothing. Nothing expires meanwhile: a
gateway gives this list no time to live.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import redis
from django.db import connection, transaction

from dashboard.analytics.dimensions import Grain, oldest
from dashboard.analytics.ingest import claim
from dashboard.analytics.ingest.entries import decode
from dashboard.analytics.ingest.entries.clean import LARGEST_INT, moment, text, within
from dashboard.analytics.models import Batch, IngestState, Uptime, UptimeHour
from orgs import scope
from orgs.ids import new_id
from orgs.models import Organisation

log = logging.getLogger(__name__)

LIST = "host-checker:tyk-uptime-analytics"
CHUNK = 20_000  # entries a transaction
LONGEST_URL = 400  # characters: an index takes no more
_USER = re.compile(r"\A((?:[^/?#@]*://)?)[^/?#]*@")


class Target(NamedTuple):
    """What is looked at: the URL of an upstream of an API."""

    org_id: str
    api_id: str
    url: str


class Check(NamedTuple):
    """One look at a target. latency: milliseconds; it says something only if there was an answer."""

    target: Target
    at: datetime
    is_up: bool
    answered: bool
    status: int
    latency: int


@dataclass
class Sums:
    """Of the checks of a target in an hour."""

    checks: int = 0
    failures: int = 0
    answered: int = 0
    latency_sum: int = 0

    def add(self, check: Check) -> None:
        self.checks += 1
        self.failures += not check.is_up
        self.answered += check.answered
        self.latency_sum += check.latency if check.answered else 0


def now_in_utc() -> datetime:
    return datetime.now(UTC)


def tick(client: redis.Redis, clock: Callable[[], datetime] = now_in_utc) -> None:
    """Store what gateways found. Raises what Redis or PostgreSQL raise when they are away; nothing is lost by that, and
    the next call takes up the same entries. While the clock is in doubt (trust), everything is left where it is."""
    with scope.every_org():
        if IngestState.objects.get().doubt:
            return
        for name in claim.claim_one(client, LIST):
            for pos in range(0, client.llen(name), CHUNK):
                _store(client, name, pos, clock())
            claim.drop(client, LIST, name)
            # Nobody finds the claim any more, so nobody asks whether it is stored.
            Batch.objects.filter(claim=name).delete()


@transaction.atomic
def _store(client: redis.Redis, name: str, pos: int, now: datetime) -> None:
    """A part of a claim, unless it is stored already; another worker that is just doing so is waited for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO batch (claim, pos, n, done, received_at) VALUES (%s, %s, 0, true, %s) ON CONFLICT DO NOTHING",
            [name, pos, now],
        )
        if not cursor.rowcount:
            return
    checks = list(_known(_checks(client.lrange(name, pos, pos + CHUNK - 1), now), now))
    add_hours(checks)
    set_latest(checks)


def _checks(entries: Iterable[bytes], now: datetime) -> list[Check]:
    found, bad = [], 0
    for entry in entries:
        try:
            found.append(check(decode.decode_uptime(entry), now))
        except decode.Undecodable:
            bad += 1
    if bad:
        log.warning("%d entries of %s cannot be decoded and are left out", bad, LIST)
    return found


def check(record: decode.UptimeRecord, now: datetime) -> Check:
    """A record as a check. A stamp that is ahead of `now` is not believed."""
    at, _ = moment(record.time_stamp, now)
    # A user and a password in a URL are for its upstream alone.
    url = text(_USER.sub(r"\1", record.url), LONGEST_URL)
    target = Target(text(record.org_id, 100), text(record.api_id, 200), url)
    failed = record.tcp_error or record.server_error or record.response_code >= 500
    status = 0 if record.tcp_error else within(record.response_code, 999)
    return Check(
        target, at, not failed, not record.tcp_error, status, within(record.request_time, LARGEST_INT)
    )


def _known(checks: list[Check], now: datetime) -> Iterable[Check]:
    """Those of organisations that there are, and not too old to be kept. No row of an organisation ever goes."""
    ids = {each.target.org_id for each in checks}
    there = set(Organisation.everyone.filter(id__in=ids).values_list("id", flat=True))
    first = oldest(Grain.HOUR, now)
    return (each for each in checks if each.target.org_id in there and each.at >= first)


def add_hours(checks: Iterable[Check]) -> None:
    """Add checks to the hours (UTC) of their targets."""
    sums: dict[tuple, Sums] = defaultdict(Sums)
    for each in checks:
        sums[each.target, each.at.replace(minute=0, second=0, microsecond=0)].add(each)
    table = UptimeHour._meta.db_table
    with connection.cursor() as cursor:
        cursor.executemany(
            f"""INSERT INTO {table} AS t
                (id, org_id, api_id, url, ts, checks, failures, answered, latency_sum)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (org_id, api_id, url, ts) DO UPDATE SET
                checks = t.checks + excluded.checks, failures = t.failures + excluded.failures,
                answered = t.answered + excluded.answered, latency_sum = t.latency_sum + excluded.latency_sum""",  # noqa: S608
            # In one order, so that two workers do not wait for each other.
            [
                (new_id(), *target, ts, total.checks, total.failures, total.answered, total.latency_sum)
                for (target, ts), total in sorted(sums.items(), key=lambda item: item[0])
            ],
        )


def set_latest(checks: Iterable[Check]) -> None:
    """Keep the last check of each target, and since when they have found what it found."""
    first: dict[Target, datetime] = {}
    latest: dict[Target, tuple[Check, datetime]] = {}
    for each in sorted(checks, key=lambda check: check.at):
        first.setdefault(each.target, each.at)
        before = latest.get(each.target)
        since = before[1] if before and before[0].is_up == each.is_up else each.at
        latest[each.target] = each, since
    table = Uptime._meta.db_table
    with connection.cursor() as cursor:
        cursor.executemany(
            f"""INSERT INTO {table} AS t (id, org_id, api_id, url, at, is_up, status, latency, since)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (org_id, api_id, url) DO UPDATE SET
                at = excluded.at, is_up = excluded.is_up, status = excluded.status, latency = excluded.latency,
                since = CASE WHEN t.is_up = excluded.is_up AND excluded.since = %s THEN t.since ELSE excluded.since END
            WHERE t.at <= excluded.at""",  # noqa: S608
            [
                (new_id(), *target, last.at, last.is_up, last.status, last.latency, since, first[target])
                for target, (last, since) in sorted(latest.items())
            ],
        )
