"""The last days' requests of keys played once more under a change (orgs.providers.dry_run), in bounded time."""

# ruff: noqa: S608 - only names and conditions of these modules are put into SQL, every value is a parameter

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import DatabaseError, connection

from apis.definitions import kinds
from apis.models import ApiDefinition
from dashboard.analytics.clock import day_start
from dashboard.analytics.dimensions import RECORDS, Dimension, days_of
from dashboard.analytics.explaining.facts import Request, World
from dashboard.analytics.radius.reading import complete
from dashboard.analytics.replay.playing import REFUSALS, Played, Reason, Replay
from dashboard.analytics.reports import reader, zones
from orgs.db.patience import at_most
from orgs.models import Organisation
from orgs.providers.dry_run import Caller, DryRun, Met, OfKey
from orgs.providers.holders import Called
from orgs.providers.holding import Holder
from orgs.providers.spans import Span

logger = logging.getLogger(__name__)

PATIENCE = "2s"  # for one statement
SECONDS = 4.0  # for all of it; a key that is begun by then has as long again
MOST_REQUESTS, MOST_OF_A_KEY = 100_000, 50_000
MOST_KEYS = 500
# Refused by the gateway then; an upstream's own took time.
REFUSED = (401, 403, 429)
NOTHING = Span()
_RECORDS = """
    SELECT ts, api_id, version, method, path, status, timed FROM unnest(%s::text[]) AS token CROSS JOIN LATERAL
        (SELECT * FROM record WHERE org_id = %s AND key = token AND key <> '' AND ts >= %s AND ts < %s
         ORDER BY ts DESC LIMIT %s) AS newest
    ORDER BY ts DESC LIMIT %s"""


@dataclass(frozen=True)
class _OfApi:
    """definition: in the classic form."""

    called: Called
    definition: Mapping[str, Any]


def dry_run(org: Organisation, callers: Sequence[Caller], days: int, now: datetime) -> DryRun | None:
    """As orgs.providers.dry_run.of: of whole days in the zone of the organisation's figures, today's until now."""
    cut = zones.of(org, now)
    start = day_start(now.astimezone(cut.zone).date() - timedelta(days=days - 1), cut.zone)
    try:
        with at_most(PATIENCE):
            fresh = reader.freshness(now)
            busy = _busiest(org, cut, callers, start)
            start = cut.owners(org.pk).from_when(start, RECORDS)
            run = DryRun(start, now, cut.zone.key, complete=complete(fresh, cut.zone))
            return _played(run, _Run(org, start, now), busy)
    except DatabaseError as error:
        logger.warning("not said what a change would have refused: %s", type(error).__name__)
        return None


def _busiest(
    org: Organisation, cut: zones.Shown, callers: Sequence[Caller], start: datetime
) -> list[tuple[Caller, int]]:
    """Those that called, with their requests, the busiest first."""
    of_hash = {hash: caller for caller in callers for hash in caller.hashes}
    requests: Counter[str] = Counter()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT value, bigint_sum(hits) FROM {days_of(Dimension.KEY, open_hours=cut.open_hours)} AS rollup
                WHERE org_id = %s AND dimension = %s AND value = ANY(%s) AND ts >= %s GROUP BY value""",
            [org.pk, cut.base + Dimension.KEY, list(of_hash), start],
        )
        for hash, hits in cursor:
            requests[of_hash[hash].id] += hits
    by_id = {caller.id: caller for caller in callers}
    return [(by_id[id], hits) for id, hits in requests.most_common()]


class _Apis(dict[str, _OfApi | None]):
    """By their ids, as they are now; None for one that is not there."""

    def __init__(self, org: Organisation):
        super().__init__()
        self._org = org

    def __missing__(self, api_id: str) -> _OfApi | None:
        row = ApiDefinition.objects.filter(org_id=self._org.pk, api_id=api_id, active=True).first()
        self[api_id] = found = _of_api(row.definition, api_id) if row else None
        return found


def _of_api(definition: dict[str, Any], api_id: str) -> _OfApi:
    called = Called(api_id, tuple(kinds.versions(definition)), kinds.auth(definition))
    return _OfApi(called, kinds.classic_for_gateways(definition, lambda _: None, {}))


class _Run:
    """What is left of what may be read, what was left out, and the sums of what came of it."""

    def __init__(self, org: Organisation, start: datetime, end: datetime):
        self.org, self.start, self.end = org, start, end
        self.apis = _Apis(org)
        self.left, self.until = MOST_REQUESTS, time.monotonic() + SECONDS
        self.refused = self.gone = 0
        self.now = self.then = NOTHING
        self.reasons: dict[Reason, tuple[Span, Span]] = {}

    @property
    def is_over(self) -> bool:
        return self.left <= 0 or time.monotonic() > self.until

    def of_key(self, caller: Caller) -> tuple[OfKey, int]:
        """What comes of a key, and how many of its requests were read."""
        world = self._world(caller)
        replays = [Replay(partial(world, which)) for which in (0, 1)]
        read = played = 0
        for row in self._records(caller):
            if time.monotonic() > self.until + SECONDS:
                break
            read += 1
            request = _request(row)
            if request.status in REFUSED and not row[-1]:
                self.refused += 1
            elif self.apis[request.api_id] is None:
                self.gone += 1
            else:
                played += 1
                for replay in replays:
                    replay.play(request)
        self.left -= read
        now, then = (replay.outcome for replay in replays)
        self.now, self.then = self.now + now.refused, self.then + then.refused
        for reason in REFUSALS:
            before = self.reasons.get(reason, (NOTHING, NOTHING))
            self.reasons[reason] = before[0] + now.reasons[reason], before[1] + then.reasons[reason]
        return _of_key(caller, played, now, then), read

    def _world(self, caller: Caller) -> Callable[[int, Request, str], World]:
        """What is in force for a request on gateways of a generation: as it is (0), and by the change (1)."""
        states: dict[str, tuple[Holder, Holder]] = {}
        made: dict[tuple[int, str, str], World] = {}

        def world(which: int, request: Request, generation: str) -> World:
            at = which, request.api_id, generation
            if at not in made:
                of_api = self.apis[request.api_id]
                assert of_api is not None  # noqa: S101  requests to others are not played
                if request.api_id not in states:
                    states[request.api_id] = caller.states(of_api.called)
                made[at] = World(of_api.definition, generation, states[request.api_id][which], False, {})
            return made[at]

        return world

    def _records(self, caller: Caller) -> Iterator[tuple]:
        """The newest, in the order of their time."""
        most = min(MOST_OF_A_KEY, self.left)
        params = [list(caller.hashes), self.org.pk, self.start, self.end, most, most]
        return reversed(reader.fetched(connection, _RECORDS, params, in_order=True))


def _request(row: tuple) -> Request:
    ts, api_id, version, method, path, status, _ = row
    return Request(
        ts=ts,
        status=status,
        api_id=api_id,
        version=version,
        method=method,
        path=path,
        address="",
        keyed=True,
        latency=0,
        upstream=0,
    )


def _of_key(caller: Caller, played: int, now: Played, then: Played) -> OfKey:
    return OfKey(
        id=caller.id,
        name=caller.name,
        requests=played,
        now=now.refused,
        then=then.refused,
        untold=then.reasons[Reason.UNTOLD].most,
        first=then.first,
        reasons=_met({reason: (now.reasons[reason], then.reasons[reason]) for reason in REFUSALS}),
    )


def _met(reasons: Mapping[Reason, tuple[Span, Span]]) -> tuple[Met, ...]:
    """Those that anything met."""
    return tuple(Met(reason, now, then) for reason, (now, then) in reasons.items() if now.most or then.most)


def _played(run: DryRun, playing: _Run, busy: list[tuple[Caller, int]]) -> DryRun:
    keys: list[OfKey] = []
    unplayed = unplayed_keys = 0
    for caller, hits in busy:
        if playing.is_over or len(keys) >= MOST_KEYS:
            unplayed, unplayed_keys = unplayed + hits, unplayed_keys + 1
            continue
        most = min(MOST_OF_A_KEY, playing.left)
        key, read = playing.of_key(caller)
        keys.append(key)
        # Where all were read, what is counted besides came meanwhile.
        unplayed += max(0, hits - read) if read >= most or playing.is_over else 0
    return replace(
        run,
        keys=tuple(
            sorted(keys, key=lambda key: (key.now.most - key.then.most, -key.then.most, key.name, key.id))
        ),
        requests=sum(key.requests for key in keys),
        now=playing.now,
        then=playing.then,
        reasons=_met(playing.reasons),
        unplayed=unplayed,
        unplayed_keys=unplayed_keys,
        refused=playing.refused,
        gone=playing.gone,
        untold=sum(key.untold for key in keys),
    )
