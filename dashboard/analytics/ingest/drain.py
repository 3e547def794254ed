"""Traffic from the gateways' Redis into the database, each record once in effect: the worker's step `tick`.

A crash, or an end of either server, at any moment loses nothing and doubles nothing: a chunk is marked done
in the very transaction that stores it, and its entries stay in Redis until that has committed.
"""

import gc
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic

import psycopg
import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections, transaction

from dashboard.analytics.bodies.collecting import Bodies
from dashboard.analytics.ingest import claim, dead_letters, progress, trust
from dashboard.analytics.ingest.claim import Chunk
from dashboard.analytics.ingest.entries import decode, ordinary
from dashboard.analytics.ingest.entries.clean import TCP_STATUS, Line, instant
from dashboard.analytics.ingest.store import TooManyBad, refuse, sqlstate, store
from dashboard.analytics.models import Batch, DeadLetter
from orgs import scope

log = logging.getLogger(__name__)

CHUNKS = 5  # a transaction: the more records in it, the more of them share a rollup row
POSITION_BITS = 20
BAD_SHARE = 0.05  # of a chunk; more is no accident, and then nothing of the chunk is given up
BAD_FEW = 100  # so many may always be bad

# Of the whole server and not of a chunk: away, shutting down, short of resources, a deadlock, or a lock that was not
# had in time.
SERVER_FAULTS = ("", "08", "40", "53", "55", "57", "58")
FIRST_PAUSE, LONGEST_PAUSE = 15, 600  # seconds until a chunk that was set aside is tried again

# Chunks in which this process met too many bad records: they wait in Redis for a person, the others go on.
_stuck: dict[int, str] = {}


@dataclass
class Aside:
    """A chunk that could not be stored for another reason: it waits in Redis until `due` (monotonic seconds)."""

    reason: str
    pause: float
    due: float


_aside: dict[int, Aside] = {}


@dataclass
class Unpacked:
    """A chunk's entries, sorted into lines and dead letters; `counts` has what is only counted."""

    chunk: Chunk
    lines: list[Line] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)


def now_in_utc() -> datetime:
    return datetime.now(UTC)


def tick(
    client: redis.Redis,
    clock: Callable[[], datetime] = now_in_utc,
    database_ahead: Callable[[], timedelta] = trust.database_ahead,
) -> bool:
    """Claim what gateways pushed and store up to 100,000 records of it in one transaction.

    True if more is waiting: call again at once. False: again in about 2 seconds. Raises what Redis or
    PostgreSQL raise when they are away; nothing is lost by that, and the next call takes up the same records.
    While the clock is in doubt, everything is left where it is.
    """
    with scope.every_org():
        now = clock()
        if not trust.look(client, now, database_ahead()):
            claim.hold(client)
            progress.note_held(client)
            return False
        claimed = claim.claim_lists(client)
        held = claim.claims(client)
        with transaction.atomic():
            taken = claim.register(client, held, now)
            progress.count(Counter({progress.TAKEN: taken}), now)
        stored = _store_waiting(client, clock)
        _forget_settled()
        claim.release(client, held)
        reasons = {number: aside.reason for number, aside in _aside.items()}
        waiting = progress.note(client, claimed, now, stuck=_stuck, aside=reasons)
        return waiting and stored


def _store_waiting(client: redis.Redis, clock: Callable[[], datetime]) -> bool:
    """Store some of the chunks that wait, if there are several in two transactions side by side: entries are read and
    decoded for the one while PostgreSQL works for the other. Whether there were any."""
    if claim.waiting(_left_alone()) < 2:
        return store_next(client, clock, CHUNKS)
    with ThreadPoolExecutor(1) as thread:
        beside = thread.submit(_store_beside, client, clock)
        stored = store_next(client, clock, CHUNKS)
    return beside.result() or stored


def _store_beside(client: redis.Redis, clock: Callable[[], datetime]) -> bool:
    """In a thread, which has no scope and connections of its own."""
    try:
        with scope.every_org():
            return store_next(client, clock, CHUNKS)
    finally:
        connections.close_all()


def store_next(client: redis.Redis, clock: Callable[[], datetime], most: int) -> bool:
    """Store the next chunks, at most `most`, in one transaction; whether there were any."""
    chunks: list[Chunk] = []
    try:
        with transaction.atomic():
            chunks = claim.take(most, _left_alone())
            _store(client, chunks, clock(), bad_share=BAD_SHARE)
    except TooManyBad as error:
        if len(chunks) > 1:
            return store_next(client, clock, most=1)
        _stuck[chunks[0].no] = str(error)
        log.error("Batch %d is left in Redis: %s", chunks[0].no, error)
    except Exception as error:
        if not chunks or _of_the_server(error):
            raise
        if len(chunks) > 1:
            return store_next(client, clock, most=1)
        _set_aside(chunks[0].no, error)
    return bool(chunks)


def _of_the_server(error: Exception) -> bool:
    """Whether a failure would have met every other chunk as well: Redis or PostgreSQL are away or in trouble."""
    if isinstance(error, redis.RedisError):
        return True
    return isinstance(error, (DatabaseError, InterfaceError, psycopg.Error)) and (
        sqlstate(error)[:2] in SERVER_FAULTS
    )


def _set_aside(number: int, error: Exception) -> None:
    """Others go on; this chunk is tried again after a pause, twice as long each time."""
    before = _aside.get(number)
    if before and before.due > monotonic():
        return  # by the other thread, a moment ago
    pause = min(2 * before.pause, LONGEST_PAUSE) if before else FIRST_PAUSE
    code = sqlstate(error)
    # The message of class 42 names tables and rights; others may quote values.
    detail = str(error).splitlines()[0] if code.startswith("42") else f"{type(error).__name__} {code}".strip()
    _aside[number] = Aside(detail, pause, monotonic() + pause)
    log.error("Batch %d cannot be stored and is tried again in %d s: %s", number, pause, detail)


def _left_alone() -> list[int]:
    """Batches that wait for a person, or for a later moment."""
    now = monotonic()
    return [*_stuck, *(number for number, aside in list(_aside.items()) if aside.due > now)]


def _forget_settled() -> None:
    """Batches may have been stored meanwhile, by this process, another worker or `analytics retry`."""
    for kept in (_stuck, _aside):
        if kept:
            waiting = set(Batch.objects.filter(done=False, pk__in=kept).values_list("pk", flat=True))
            for number in kept.keys() - waiting:
                del kept[number]


def store_stuck(client: redis.Redis, number: int) -> bool:
    """Store a batch however many of its records are bad, which become dead letters.

    False: nothing is waiting.
    """
    with scope.every_org(), transaction.atomic():
        chunks = claim.take_one(number)
        _store(client, chunks, now_in_utc(), bad_share=1.0)
    return bool(chunks)


def unpack(
    chunk: Chunk, entries: Iterable[bytes], *, hashed_keys: bool, bodies: Bodies | None = None
) -> Unpacked:
    """The entries of a chunk as lines, dead letters for the undecodable, and counts of the rest. bodies: what collects
    what went over the wire, for organisations that keep it; the others' is not even read."""
    found = Unpacked(chunk)
    record_of, messages_of = claim.decoder(chunk.claim), claim.decoder_of_messages(chunk.claim)
    keeping = bodies.orgs if bodies else {}
    line = ordinary.lines(chunk.received_at, hashed_keys=hashed_keys)
    position = -1
    for position, entry in enumerate(entries):
        row_id = chunk.no << POSITION_BITS | position
        try:
            record = record_of(entry)
        except decode.Undecodable as error:
            reason = DeadLetter.Reason.UNDECODABLE
            found.dead.append(
                DeadLetter(id=row_id, reason=reason, detail=str(error), received_at=chunk.received_at)
            )
            continue
        if record.response_code == TCP_STATUS:
            found.counts["tcp"] += 1
        elif keeping and record.org_id in keeping:
            found.lines.append(bodies.line(messages_of(entry), record, row_id, line))
        else:
            found.lines.append(line(record, row_id))
    found.counts["lost"] = chunk.n - position - 1
    if found.counts["lost"]:
        log.error("Redis has lost %d of the %d records of batch %d", found.counts["lost"], chunk.n, chunk.no)
    return found


@contextmanager
def _collector_off() -> Iterator[None]:
    """Nothing of a chunk refers to itself, and it is so much that the collector would look through it all the time."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


@_collector_off()
def _store(client: redis.Redis, chunks: list[Chunk], now: datetime, *, bad_share: float) -> None:
    bodies = Bodies(now)
    unpacked = [
        unpack(chunk, claim.read(client, chunk), hashed_keys=settings.GATEWAY_HASH_KEYS, bodies=bodies)
        for chunk in chunks
    ]
    entries = sum(chunk.n for chunk in chunks)
    most_bad = max(BAD_FEW, int(bad_share * entries))
    undecodable = sum(len(found.dead) for found in unpacked)
    if undecodable > most_bad:
        raise TooManyBad(f"{undecodable} of {entries} entries cannot be decoded")
    lines = [line for found in unpacked for line in found.lines]
    refused = refuse(lines, now)
    codes = store([line for line in lines if line.id not in refused], now, most_bad - undecodable)
    # What PostgreSQL refuses comes back by a retry, to which its body belongs.
    bodies.settle(refused.keys())
    refused |= dict.fromkeys(codes, DeadLetter.Reason.DATABASE)
    for found in unpacked:
        _settle(found, refused, codes)
    progress.count(sum((found.counts for found in unpacked), Counter()), now)


def _settle(found: Unpacked, refused: dict[int, str], codes: dict[int, str]) -> None:
    """Mark a chunk done and keep its dead letters."""
    stored = []
    for each in found.lines:
        if each.id in refused:
            found.dead.append(
                dead_letters.of(each, refused[each.id], codes.get(each.id, ""), found.chunk.received_at)
            )
        else:
            stored.append(each.at)
    found.counts.update(str(letter.reason) for letter in found.dead)
    dead_letters.keep(found.dead, found.chunk.received_at)
    Batch.objects.filter(no=found.chunk.no).update(
        done=True,
        rejected=len(found.dead),
        first_ts=instant(min(stored)) if stored else None,
        last_ts=instant(max(stored)) if stored else None,
    )
