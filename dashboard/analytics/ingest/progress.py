"""How far the ingest is and what a person should know of it: the one row of `ingest_state`."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import redis
from django.db import connection, transaction

from dashboard.analytics.clock import EPOCH
from dashboard.analytics.dimensions import RECORDS, oldest
from dashboard.analytics.ingest import claim
from dashboard.analytics.ingest.entries import decode
from dashboard.analytics.models import DeadLetter, IngestState

FLUSH = timedelta(seconds=1)  # gateways hold records back for so long at most
BACKLOG = 500_000
TAKEN = "taken"  # among the counters: records taken from the lists, stored or not
REMEMBERED = timedelta(minutes=10)  # how long an alarm stays after it was last seen


def count(added: Counter, now: datetime) -> None:
    """Add to the counters of what was taken, or not stored. In the transaction that wrote down, or did not store it."""
    if +added:
        state = _locked_state()
        state.counters = dict(Counter(state.counters) + added)
        state.alarms = _alarms(state.alarms, _seen_in(added, state.counters), now)
        state.save(update_fields=["counters", "alarms"])


def _seen_in(added: Counter, counters: Mapping[str, int]) -> dict[str, str]:
    """The alarms of what was not stored, by name. counters: of all that ever was not."""
    seen = {}
    if added["lost"]:
        seen["lost"] = f"So far Redis has lost {counters['lost']} records which gateways had pushed."
    if added[DeadLetter.Reason.TOO_OLD]:
        seen["too_old"] = (
            "Requests came whose stamps are older than what is kept, so they are counted nowhere: "
            "a gateway's clock may be wrong."
        )
    return seen


def note(
    client: redis.Redis,
    claimed: claim.Claimed,
    now: datetime,
    *,
    stuck: Mapping[int, str],
    aside: Mapping[int, str],
) -> bool:
    """Write down how far the ingest is after one look at the lists; stuck, aside: why batches wait, by number.

    Whether records are waiting that can be stored.
    """
    lists = _lists(client)
    chunks = _chunks()
    heads = [(name, 0) for name in lists] + [(name, pos) for name, pos, _ in chunks]
    waiting = sum(lists.values()) + sum(n for _, _, n in chunks)
    with transaction.atomic():
        state = _locked_state()
        state.checked_at = now
        state.waiting = waiting
        if claimed.entries:
            state.received_at = now
        # Late records do not take back what was said; a clock that was ahead and is right again does.
        stamps = filter(None, (_stamp(client, *head) for head in heads))
        complete = min([now - FLUSH, *(stamp for stamp in stamps if stamp >= oldest(RECORDS, now))])
        said = state.up_to if state.up_to and state.up_to <= now else complete
        state.up_to = max(complete, said)
        state.alarms = _alarms(state.alarms, _seen(client, claimed, stuck, waiting) | _of_aside(aside), now)
        state.save()
    return bool(chunks) or sum(lists.values()) > claim.CHUNK


def note_held(client: redis.Redis) -> None:
    """Write down how much waits while nothing may be stored."""
    IngestState.objects.update(waiting=sum(_lists(client).values()) + sum(n for _, _, n in _chunks()))


def _locked_state() -> IngestState:
    return IngestState.objects.select_for_update().get()


def _lists(client: redis.Redis) -> dict[str, int]:
    """The lists that hold something again, with how much."""
    pipeline = client.pipeline(transaction=False)
    for name in claim.LISTS:
        pipeline.llen(name)
    answers = pipeline.execute(raise_on_error=False)
    return {name: n for name, n in zip(claim.LISTS, answers, strict=True) if isinstance(n, int) and n}


def _chunks() -> list[tuple[str, int, int]]:
    """Claim, first position and number of entries of what waits in each claim."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT claim, min(pos), sum(n)::bigint FROM batch WHERE NOT done GROUP BY claim")
        return cursor.fetchall()


def _stamp(client: redis.Redis, name: str, pos: int) -> datetime | None:
    """When an entry of a list or a claim was sent; None for what has no sensible time."""
    entry = client.lindex(name, pos)
    if entry is None:
        return None
    try:
        seconds, _ = claim.decoder(name)(entry).time_stamp
        return EPOCH + timedelta(seconds=seconds)
    except (decode.Undecodable, OverflowError):
        return None


def _seen(
    client: redis.Redis, claimed: claim.Claimed, stuck: Mapping[int, str], waiting: int
) -> dict[str, str]:
    """The alarms of this look, by name. Every page may show them: nothing of a single organisation."""
    seen = {}
    if claimed.expiring:
        seen["expiry"] = (
            "Gateways let waiting traffic expire: it would be lost if this server were away for a minute. "
            'Set "analytics_config": {"storage_expiration_time": -1} in tyk.conf.'
        )
    if claimed.unreadable:
        seen["unreadable"] = f"Redis holds something else than a list under {', '.join(claimed.unreadable)}."
    if stuck:
        seen["stuck"] = (
            f"{len(stuck)} batches hold too many records that cannot be stored; nothing of them is given up. "
            "See manage.py analytics status."
        )
    if waiting >= BACKLOG:
        seen["backlog"] = f"{waiting} records wait to be stored."
    if _memory_is_short(client):
        seen["memory"] = "The gateways' Redis uses more than half of the memory it may use."
    return seen


def _of_aside(aside: Mapping[int, str]) -> dict[str, str]:
    if not aside:
        return {}
    number, reason = min(aside.items())
    return {
        "aside": f"{len(aside)} batches cannot be stored for now and are tried again; the others go on. "
        f"Batch {number}: {reason}"
    }


def _memory_is_short(client: redis.Redis) -> bool:
    try:
        memory = client.info("memory")
    except redis.ResponseError:  # some hosts forbid INFO
        return False
    return 0 < memory.get("maxmemory", 0) < 2 * memory["used_memory"]


def _alarms(before: dict, seen: dict[str, str], now: datetime) -> dict:
    kept = {
        name: alarm
        for name, alarm in before.items()
        if datetime.fromisoformat(alarm["seen"]) > now - REMEMBERED
    }
    return kept | {name: {"text": text, "seen": now.isoformat()} for name, text in seen.items()}
