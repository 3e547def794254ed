"""Whether the clock can be believed, asked before traffic is stored by it and before anything is deleted by it.

A wrong clock would file traffic under dates of its own and throw away what it takes for old. So this process's
clock is compared with the database's, with the moment until which it was last believed (`witnessed_at`, moved
on while it runs), and with the stamps of the traffic that waits. While there is doubt nothing is claimed, stored
or deleted: records wait in Redis, and everybody is told.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import redis
from django.db import connection, transaction

from dashboard.analytics.clock import EPOCH
from dashboard.analytics.dimensions import RECORDS, oldest
from dashboard.analytics.ingest import claim
from dashboard.analytics.ingest.entries import decode
from dashboard.analytics.models import Batch, IngestState

log = logging.getLogger(__name__)

AGREE = timedelta(minutes=5)  # how far clocks that agree may be apart
LEAP = timedelta(hours=24)  # how long this may have been switched off without a word of traffic to prove it
STEADY = timedelta(hours=24)  # how long a clock was believed without a break before anything is deleted by it
SAMPLE = 20  # of the newest entries of each list
OFTEN = timedelta(seconds=20)  # how often the trail is written
BATCHES = 1_000  # the newest, which may tell that the clock is right


@dataclass(frozen=True)
class Trail:
    """Until when the clock was last believed, and whether an operator has vouched for it since. proven: asks whether
    traffic of late came when its stamps say."""

    witnessed_at: datetime | None
    vouched: bool
    proven: Callable[[], bool] = lambda: False


def doubt(now: datetime, ahead: timedelta, trail: Trail, stamps: list[datetime]) -> str:
    """Why the clock cannot be believed, as sentences; "" if it can. Pure.

    ahead: how far the database's clock is before this process's; stamps: of traffic that waits, newest first.
    """
    if abs(ahead) > AGREE:
        return f"This machine's clock says {_said(now)}, the database's {_said(now + ahead)}."
    near = sum(abs(stamp - now) <= AGREE for stamp in stamps)
    if near and 2 * near >= len(stamps):
        return ""
    if trail.witnessed_at is not None and not unbroken(now, trail):
        return f"It says {_said(now)}, and when it was last believed it was {_said(trail.witnessed_at)}."
    possible = [stamp for stamp in stamps if oldest(RECORDS, now) <= stamp <= now + LEAP]
    # Of traffic of late that agreed with the clock, whatever else comes is from a gateway whose own clock is wrong.
    if stamps and not possible and not trail.vouched and not trail.proven():
        return f"It says {_said(now)}, and the newest traffic is stamped {_said(stamps[0])}."
    return ""


def unbroken(now: datetime, trail: Trail) -> bool:
    """Whether the clock goes on from where it was last believed."""
    return trail.witnessed_at is None or -AGREE <= now - trail.witnessed_at <= LEAP


def look(client: redis.Redis, now: datetime, ahead: timedelta) -> bool:
    """Whether traffic may be stored by the clock; what was found is written down."""
    stamps = list(_stamps(client))
    with transaction.atomic():
        state = IngestState.objects.select_for_update().get()
        trail = Trail(state.witnessed_at, state.vouched, lambda: _agreed(now))
        found = doubt(now, ahead, trail, stamps)
        if found:
            changed = state.doubt != found
            state.doubt = found
        else:
            goes_on = state.witnessed_at is not None and unbroken(now, trail)
            changed = bool(state.doubt) or not goes_on or now - state.witnessed_at > OFTEN
            state.doubt = ""
            if changed and not goes_on:
                state.steady_since, state.vouched = now, False
            if changed:
                state.witnessed_at = max(now, state.witnessed_at) if goes_on else now
        if changed:
            state.save(update_fields=["doubt", "witnessed_at", "steady_since", "vouched"])
    if found and changed:
        log.error("The clock is wrong, so no traffic is stored and nothing is deleted. %s", found)
    return not found


def _agreed(now: datetime) -> bool:
    """Whether any traffic of late was stamped when it came. What was too far ahead has been given the very moment."""
    newest = Batch.objects.order_by("-no").values_list("received_at", "first_ts", "last_ts")[:BATCHES]
    return any(
        ts is not None and ts != received_at and abs(received_at - ts) <= AGREE
        for received_at, *stamps in newest
        if abs(now - received_at) <= LEAP
        for ts in stamps
    )


def vouch(now: datetime) -> None:
    """An operator says that the clock is right, whatever else speaks against it."""
    with transaction.atomic():
        state = IngestState.objects.select_for_update().get()
        state.witnessed_at, state.steady_since, state.vouched, state.doubt = now, now, True, ""
        state.save(update_fields=["doubt", "witnessed_at", "steady_since", "vouched"])


def why_nothing_is_deleted(now: datetime, ahead: timedelta) -> str:
    """Why nothing may be deleted for its age now; "" if it may.

    Both clocks, the trail and the newest stored traffic, by its arrival and its own stamp, have to agree.
    """
    state = IngestState.objects.get()
    if state.doubt:
        return state.doubt
    if abs(ahead) > AGREE:
        return doubt(now, ahead, Trail(None, vouched=False), [])
    if state.witnessed_at is None or abs(now - state.witnessed_at) > AGREE:
        return "The clock has not been compared with traffic lately."
    if not state.vouched and now - state.steady_since < STEADY:
        return f"The clock is believed only since {_said(state.steady_since)}."
    return "" if state.vouched else _disagreement(now)


def _disagreement(now: datetime) -> str:
    """How arrival and stamp of the newest stored traffic speak against the clock."""
    newest = Batch.objects.filter(last_ts__isnull=False).order_by("-no").first()
    if newest and (
        newest.last_ts > now + LEAP or (newest.received_at > now - LEAP and newest.last_ts < now - LEAP)
    ):
        return (
            f"The newest traffic arrived {_said(newest.received_at)} and is stamped {_said(newest.last_ts)}."
        )
    return ""


def doubt_of_everybody(now: datetime) -> str:
    """Why the clock is not believed, by what the worker found or by this process's own clock; "" if it is."""
    return IngestState.objects.get().doubt or doubt(now, database_ahead(), Trail(None, vouched=False), [])


def database_ahead() -> timedelta:
    """How far the database's clock is ahead of this process's."""
    with connection.cursor() as cursor:
        before = datetime.now(UTC)
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0] - before


def _stamps(client: redis.Redis) -> Iterator[datetime]:
    """When the newest entries of the gateways' lists were sent, newest first in each."""
    pipeline = client.pipeline(transaction=False)
    for name in claim.LISTS:
        pipeline.lrange(name, -SAMPLE, -1)
    for name, entries in zip(claim.LISTS, pipeline.execute(raise_on_error=False), strict=True):
        if isinstance(entries, list):
            yield from _sent(reversed(entries), claim.decoder(name))


def _sent(entries: Iterable[bytes], decoder: Callable[[bytes], decode.GatewayRecord]) -> Iterator[datetime]:
    for entry in entries:
        with suppress(decode.Undecodable, OverflowError):
            yield EPOCH + timedelta(seconds=decoder(entry).time_stamp[0])


def _said(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
