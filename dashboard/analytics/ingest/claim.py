"""The gateways' lists: claimed by renaming, entered in the ledger, read, and deleted when all is stored.

    list --RENAME--> claim (kept in a set) --> ledger rows of 20,000 --> stored and done --> UNLINK

Nothing leaves its last durable home before the next one has committed, and each step can be repeated: a claim
in the set without ledger rows gets them, one whose rows are all done is deleted. Claimed lists never change.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

import redis
from django.db import connection

from dashboard.analytics.ingest.entries import decode, protobuf

LIST = "analytics-tyk-system-analytics"
PROTOBUF = "_protobuf"  # behind the name of a list of gateways from 4.2 on which are set to that serialiser
_LISTS = [LIST, *(f"{LIST}_{number}" for number in range(10))]
LISTS = [*_LISTS, *(f"{name}{PROTOBUF}" for name in _LISTS)]
CHUNK = 20_000
READ = 2_000  # entries at a time: more would keep gateways waiting

# Renamed, not moved: moving 20,000 entries keeps Redis busy for 300 ms, in which no gateway gets an answer.
_CLAIM = """
local entries = redis.call('LLEN', KEYS[1])
if entries > 0 then
    redis.call('RENAME', KEYS[1], KEYS[2])
    redis.call('PERSIST', KEYS[2])
    redis.call('SADD', KEYS[3], KEYS[2])
end
return entries
"""


@dataclass
class Claimed:
    """What one look at the lists found."""

    entries: int = 0
    expiring: bool = False  # a list had a time to live: after it the gateways' records are gone
    unreadable: list[str] = field(default_factory=list)  # names that hold something else than a list


@dataclass(frozen=True)
class Chunk:
    """A row of the ledger: `n` entries of a claimed list from `pos` on, claimed at `received_at`."""

    no: int
    claim: str
    pos: int
    n: int
    received_at: datetime


def claim_lists(client: redis.Redis) -> Claimed:
    """Claim every list that holds something. A claim's key shares its list's slot in a Redis cluster."""
    pipeline = client.pipeline(transaction=False)
    for name in LISTS:
        pipeline.persist(name)
        pipeline.eval(_CLAIM, 3, name, f"{{{name}}}:claim:{uuid4().hex}", _claims_of(name))
    answers = pipeline.execute(raise_on_error=False)
    found = Claimed()
    for name, persisted, entries in zip(LISTS, answers[::2], answers[1::2], strict=True):
        if isinstance(entries, redis.ResponseError) and "WRONGTYPE" in str(entries):
            found.unreadable.append(name)
            continue
        for answer in (persisted, entries):
            if isinstance(answer, Exception):
                raise answer
        found.entries += entries
        found.expiring |= bool(persisted)
    return found


def claim_one(client: redis.Redis, name: str) -> list[str]:
    """Claim another list, if it holds something; the names of its claims that are not dropped yet."""
    client.eval(_CLAIM, 3, name, f"{{{name}}}:claim:{uuid4().hex}", _claims_of(name))
    return sorted(member.decode() for member in client.smembers(_claims_of(name)))


def drop(client: redis.Redis, name: str, claimed: str) -> None:
    """Delete a claim of a list of which everything is stored and committed."""
    # In this order: once out of the set nobody would find the claim again.
    client.unlink(claimed)
    client.srem(_claims_of(name), claimed)


def anything(client: redis.Redis) -> bool:
    """Whether a list holds something, or a claim is left."""
    return bool(client.exists(*LISTS, *map(_claims_of, LISTS)))


def hold(client: redis.Redis) -> None:
    """Claim nothing, and let nothing that waits expire."""
    pipeline = client.pipeline(transaction=False)
    for name in LISTS:
        pipeline.persist(name)
    pipeline.execute()


def claims(client: redis.Redis) -> dict[str, str]:
    """The claims that are not deleted yet, each with the name of its list."""
    pipeline = client.pipeline(transaction=False)
    for name in LISTS:
        pipeline.smembers(_claims_of(name))
    return {
        member.decode(): name
        for name, members in zip(LISTS, pipeline.execute(), strict=True)
        for member in members
    }


def register(client: redis.Redis, held: dict[str, str], now: datetime) -> int:
    """Enter the claims that the ledger does not know; how many entries they hold.

    Two workers at once enter the same rows, so the second none.
    """
    if not held:
        return 0
    names, entered = list(held), 0
    pipeline = client.pipeline(transaction=False)
    for name in names:
        pipeline.llen(name)
    lengths = dict(zip(names, pipeline.execute(), strict=True))
    with connection.cursor() as cursor:
        # After LLEN: a claim that another worker finished in between is in the ledger by now.
        cursor.execute("SELECT DISTINCT claim FROM batch WHERE claim = ANY(%s)", [names])
        for name in set(names) - {known for (known,) in cursor.fetchall()}:
            if not lengths[name]:
                client.srem(_claims_of(held[name]), name)
            for pos in range(0, lengths[name], CHUNK):
                n = min(CHUNK, lengths[name] - pos)
                cursor.execute(
                    "INSERT INTO batch (claim, pos, n, received_at) VALUES (%s, %s, %s, %s) "
                    "ON CONFLICT DO NOTHING",
                    [name, pos, n, now],
                )
                entered += n * cursor.rowcount
    return entered


def take(most: int, but: list[int]) -> list[Chunk]:
    """Lock up to `most` waiting chunks, oldest first, for this transaction; no more than half of those that wait, so
    that another transaction finds some too.

    Those numbered `but` are left alone.
    """
    return _locked("no <> ALL(%s) ORDER BY no LIMIT %s", [but, min(most, (waiting(but) + 1) // 2)])


def waiting(but: list[int]) -> int:
    """How many chunks wait, those included that others are storing, but not those numbered `but`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM batch WHERE NOT done AND no <> ALL(%s)", [but])
        return cursor.fetchone()[0]


def take_one(number: int) -> list[Chunk]:
    """Lock the chunk of that number for this transaction, if it is waiting."""
    return _locked("no = %s", [number])


def _locked(condition: str, parameters: list) -> list[Chunk]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT no, claim, pos, n, received_at FROM batch "  # noqa: S608  conditions of this module
            f"WHERE NOT done AND {condition} FOR UPDATE SKIP LOCKED",
            parameters,
        )
        return [Chunk(*row) for row in cursor.fetchall()]


def read(client: redis.Redis, chunk: Chunk) -> Iterator[bytes]:
    """The entries of a chunk in order; fewer than `chunk.n` if Redis lost them."""
    for start in range(chunk.pos, chunk.pos + chunk.n, READ):
        end = min(start + READ, chunk.pos + chunk.n)
        yield from client.lrange(chunk.claim, start, end - 1)


def decoder(name: str) -> Callable[[bytes], decode.GatewayRecord]:
    """What reads the entries of a list, or of a claim of it. It raises Undecodable."""
    return protobuf.decode if PROTOBUF in name else decode.decode


def decoder_of_messages(name: str) -> Callable[[bytes], decode.Messages | None]:
    """What reads of those entries, which are decoded, what went over the wire."""
    return protobuf.decode_messages if PROTOBUF in name else decode.decode_messages


def release(client: redis.Redis, held: dict[str, str]) -> None:
    """Delete the claims of which everything is stored and committed."""
    if not held:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT claim FROM batch WHERE claim = ANY(%s) GROUP BY claim HAVING bool_and(done)", [list(held)]
        )
        finished = [name for (name,) in cursor.fetchall()]
    for name in finished:
        drop(client, held[name], name)


def _claims_of(name: str) -> str:
    return f"{{{name}}}:claims"
