"""Traffic into the gateways' Redis, as gateways put it there: four weeks, then what is due each second.

How far it came is written in the same transaction as the records, so that a process ended anywhere goes on
where it was: nothing is pushed twice and nothing left out.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

import redis

from apis.gateways.redis_client import hasty_client
from dashboard.analytics.ingest.claim import LIST, claims
from dashboard.demonstration.traffic import HOUR, Traffic

STATE = "gatehouse:demonstration:progress"
CHUNK = 2_000
MOST_WAITING = 20_000
WEEKS = timedelta(weeks=4)


@dataclass
class State:
    """Of the four weeks before `end`, `pushed` records of `total`; of the time after, all up to `live_to`.

    Both moments are unix seconds; `end` is on the hour.
    """

    end: int
    total: int
    pushed: int = 0
    live_to: float = 0

    @property
    def complete(self) -> bool:
        return self.pushed >= self.total


def progress() -> dict[str, int] | None:
    """How much of the four weeks has been pushed, or None where that cannot be told at once (Redis is away)."""
    try:
        with hasty_client() as server:
            state = _load(server)
    except redis.RedisError:
        return None
    return state and {"pushed": state.pushed, "total": state.total}


def begin(server: redis.Redis, traffic: Traffic, end: datetime) -> State:
    """The kept state, or that of a beginning: four weeks until the last full hour before `end`."""
    state = _load(server)
    if state is None:
        last_hour = end.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        total = sum(map(traffic.volume, _hours(last_hour)))
        state = State(int(last_hour.timestamp()), total, live_to=last_hour.timestamp())
    return state


def push_history(server: redis.Redis, traffic: Traffic, state: State, wait: Callable[[], None]) -> None:
    """Push what is left of the four weeks, calling `wait` for as long as the worker is far behind."""
    records = _history(traffic, state)
    while chunk := list(islice(records, CHUNK)):
        while waiting(server) > MOST_WAITING:
            wait()
        _push(server, state, chunk, pushed=state.pushed + len(chunk))
    _push(server, state, [], pushed=state.total)


def push_present(
    server: redis.Redis, traffic: Traffic, state: State, now: datetime, wait: Callable[[], None]
) -> None:
    """Push what lies between the last record pushed and `now`: a second as a rule, days after a pause."""
    begun = max(state.live_to, (now - WEEKS).timestamp())
    hour = datetime.fromtimestamp(begun, UTC).replace(minute=0, second=0, microsecond=0)
    while hour <= now:
        until = min(now.timestamp(), (hour + HOUR).timestamp())
        due = [record for moment, record in traffic.hour(hour) if begun < moment <= until]
        while waiting(server) > MOST_WAITING:
            wait()
        _push(server, state, due, live_to=until)
        hour += HOUR


def waiting(server: redis.Redis) -> int:
    """Records which the worker has not stored yet."""
    return sum(server.llen(name) for name in [LIST, *claims(server)])


def _history(traffic: Traffic, state: State) -> Iterator[bytes]:
    """The records still to be pushed. Hours already done are counted, not made."""
    done = state.pushed
    for hour in _hours(datetime.fromtimestamp(state.end, UTC)):
        volume = traffic.volume(hour)
        if done >= volume:
            done -= volume
            continue
        for _, record in list(traffic.hour(hour))[done:]:
            yield record
        done = 0


def _hours(end: datetime) -> Iterator[datetime]:
    """The hours of four weeks. The latest day comes first, so that pages are soon worth looking at."""
    for day in range(1, WEEKS.days + 1):
        begin = end - timedelta(days=day)
        yield from (begin + HOUR * hour for hour in range(24))


def _load(server: redis.Redis) -> State | None:
    stored = server.get(STATE)
    return State(**json.loads(stored)) if stored else None


def _push(server: redis.Redis, state: State, records: list[bytes], **moved) -> None:
    """Push and note it, both or neither. `state` follows only what Redis has acknowledged."""
    reached = State(**asdict(state) | moved)
    with server.pipeline(transaction=True) as pipeline:
        if records:
            pipeline.rpush(LIST, *records)
        pipeline.set(STATE, json.dumps(asdict(reached)))
        pipeline.execute()
    vars(state).update(moved)
