"""Finding the sessions in the gateways' Redis that are not of our keys: made by gateways, or by another dashboard.

Round after round all names are gone through, and all rows of what was found before; a twentieth of one core is spent on
it at most. Where Redis tells of writes (keys.keyspace.events) a new session is found within seconds.
"""

import hashlib
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Q
from redis import Redis

from apis.gateways import names
from apis.models import ApiDefinition
from keys.adoption.judging import (
    PLAIN,
    Judgement,
    is_sound,
    judged,
    named_apis,
    named_certificates,
    named_policies,
)
from keys.certificates import uses
from keys.keys import repair
from keys.keys.session import as_gateways_read
from keys.keys.token import is_any_hash
from keys.models import FoundSession, Policy, Sweep
from keys.rotation.places import kept
from orgs import scope
from orgs.ids import is_id
from orgs.models import Organisation

ROUND = 30.0  # seconds from the beginning of one to the next, at least
CHUNK = 500
MOST = 20_000  # rows of one organisation; what gateways make for JSON Web Tokens may be any number
LARGEST = 1_000_000  # bytes of a session that is read
_PREFIX = names.session("")
_COMPARED = ("kind", "verdict", "why_not", "alias", "apis", "strangers", "policies", "opens_all")


class Search:
    """One round after the other, in steps."""

    def __init__(self) -> None:
        self._begin(time.monotonic())

    def _begin(self, at: float) -> None:
        self._begun, self._scanning, self._cursor = at, True, 0
        self._after = ("", "")
        self._strays = 0
        # Rows of sessions under tokens: the names of those are known only while they are gone through.
        self._plain: set[str] = set()

    def step(self, redis: Redis) -> float:
        """Look at the next names or rows, in no transaction; the answer is in how many seconds the next are due. Raises
        redis.RedisError: the same come next."""
        begun, worked = time.monotonic(), time.thread_time()
        with scope.every_org():
            more = self._scan(redis) if self._scanning else self._look_again(redis)
        rest = repair.pause(time.thread_time() - worked, time.monotonic() - begun)
        if not more:
            rest = max(rest, self._begun + ROUND - time.monotonic())
            self._begin(time.monotonic() + rest)
        return rest

    def _scan(self, redis: Redis) -> bool:
        cursor, found = redis.scan(self._cursor, match=f"{_PREFIX}*", count=CHUNK)
        session_names = [name.decode(errors="replace") for name in found]
        self._strays += look(session_names, redis, known=False)
        self._plain |= {
            row_name(name) for name in session_names if not is_any_hash(name.removeprefix(_PREFIX))
        }
        self._cursor, self._scanning = cursor, cursor != 0
        return True

    def _look_again(self, redis: Redis) -> bool:
        all_rows = FoundSession.objects.order_by("org_id", "id")
        rows = list(all_rows.filter(org_id=self._after[0], id__gt=self._after[1])[:CHUNK])
        rows += list(all_rows.filter(org_id__gt=self._after[0])[: CHUNK - len(rows)])
        refresh([row for row in rows if row.kind != PLAIN], redis)
        gone = [row.id for row in rows if row.kind == PLAIN and row.name not in self._plain]
        FoundSession.objects.filter(id__in=gone).delete()
        if len(rows) == CHUNK:
            self._after = (rows[-1].org_id, rows[-1].id)
            return True
        Sweep.objects.filter(id=repair.SWEEP).exclude(strays=self._strays).update(strays=self._strays)
        return False


def find_all(redis: Redis) -> None:
    """A whole round at once, without rests. Raises redis.RedisError."""
    search = Search()
    with scope.every_org():
        while search._scan(redis) and search._scanning:
            pass
        while search._look_again(redis):
            pass


def look(session_names: Collection[str], redis: Redis, *, known: bool = True) -> int:
    """Note which of these sessions are not of our keys, in the scope of every organisation; known: and look at those
    again that were noted before. Answers how many are of no organisation that there is. Raises redis.RedisError."""
    stored = {row_name(name): name.removeprefix(_PREFIX) for name in dict.fromkeys(session_names)}
    for hash in kept(list(stored)):
        stored.pop(hash, None)
    rows = list(FoundSession.objects.filter(name__in=list(stored)))
    if known:
        refresh([row for row in rows if row.kind != PLAIN], redis)
    for row in rows:
        stored.pop(row.name, None)
    seen, strays = _seen(stored, redis)
    FoundSession.objects.bulk_create(_with_room(seen), ignore_conflicts=True)
    return strays


def _with_room(rows: list[FoundSession]) -> list[FoundSession]:
    """Those of new rows that their organisations still have room for."""
    by_org: dict[str, list[FoundSession]] = defaultdict(list)
    for row in rows:
        by_org[row.org_id].append(row)
    return [
        row
        for org_id, new in by_org.items()
        for row in new[: max(MOST - FoundSession.objects.filter(org_id=org_id).count(), 0)]
    ]


def refresh(rows: list[FoundSession], redis: Redis) -> None:
    """Have rows of sessions under hashes say what Redis has now, and those go whose session has gone, or is of one of
    our keys by now."""
    stored = {row.name: row.name for row in rows}
    own = kept(list(stored))
    now = {(row.org_id, row.name): row for row in _seen(stored, redis)[0]}
    gone, changed = [], []
    for row in rows:
        new = now.get((row.org_id, row.name))
        if row.name in own or new is None:
            gone.append(row.id)
        elif any(getattr(row, name) != getattr(new, name) for name in _COMPARED):
            for name in _COMPARED:
                setattr(row, name, getattr(new, name))
            changed.append(row)
    if gone:
        FoundSession.objects.filter(id__in=gone).delete()
    if changed:
        FoundSession.objects.bulk_update(changed, _COMPARED)


def row_name(session_name: str) -> str:
    """What a row calls the session of this name in Redis: never by a token."""
    name = session_name.removeprefix(_PREFIX)
    return name if is_any_hash(name) else hashlib.sha256(name.encode()).hexdigest()


def _seen(stored: Mapping[str, str], redis: Redis) -> tuple[list[FoundSession], int]:
    """A row for each of these sessions that names an organisation, and how many name none. stored: their names in
    Redis, by those of rows."""
    sessions = read(stored, redis)
    there = present(sessions)
    mine = {name: session for name, session in sessions.items() if is_of(session, there)}
    judgements = judge(mine, {name: is_any_hash(stored[name]) for name in mine})
    rows = [_row(name, session, judgements[name]) for name, session in mine.items()]
    return rows, len(sessions) - len(mine)


def present(sessions: Mapping[str, dict[str, Any]]) -> set[str]:
    """The organisations that these sessions name and that there are."""
    claimed = {session["org_id"] for session in sessions.values() if is_id(session.get("org_id"))}
    return set(Organisation.everyone.present().filter(id__in=claimed).values_list("id", flat=True))


def is_of(session: Mapping[str, Any], org_ids: Collection[str]) -> bool:
    """Whether it names one of these organisations."""
    return is_id(session.get("org_id")) and session["org_id"] in org_ids


def read(stored: Mapping[str, str], redis: Redis) -> dict[str, dict[str, Any]]:
    """The sessions that lie under these names, by the name of the row; {} for one that no gateway can read either."""
    texts = redis.mget([_PREFIX + name for name in stored.values()]) if stored else []
    found = {name: text for name, text in zip(stored, texts, strict=True) if text is not None}
    return {
        name: (as_gateways_read(text) if len(text) <= LARGEST else None) or {} for name, text in found.items()
    }


def judge(sessions: Mapping[str, dict[str, Any]], hashed: Mapping[str, bool]) -> dict[str, Judgement]:
    """Judgements by name, of sessions whose organisations there are."""
    apis = {api_id for session in sessions.values() for api_id in named_apis(session) if is_sound(api_id)}
    policies = {id for session in sessions.values() for id in named_policies(session) if is_sound(id)}
    orgs = {session["org_id"] for session in sessions.values()}
    own_apis: dict[str, set[str]] = defaultdict(set)
    found = (
        ApiDefinition.objects.filter(org_id__in=orgs, api_id__in=apis)
        if apis
        else ApiDefinition.objects.none()
    )
    for org_id, api_id in found.values_list("org_id", "api_id"):
        own_apis[org_id].add(api_id)
    own_policies: dict[str, dict[str, bool]] = defaultdict(dict)
    named = Q(id__in=policies) | Q(policy_id__in=policies)
    rows = Policy.objects.filter(named, org_id__in=orgs) if policies else Policy.objects.none()
    for org_id, id, policy_id, grants in rows.values_list("org_id", "id", "policy_id", "grants_rights"):
        own_policies[org_id] |= {id: grants, policy_id: grants}
    certificates = _own_certificates(sessions)
    return {
        name: judged(
            session,
            own_apis[session["org_id"]],
            own_policies[session["org_id"]],
            certificates,
            name=name,
            hashed=hashed[name],
        )
        for name, session in sessions.items()
    }


def _own_certificates(sessions: Mapping[str, dict[str, Any]]) -> set[str]:
    """IDs of certificates that sessions name and their organisations have."""
    named: dict[str, set[str]] = defaultdict(set)
    for session in sessions.values():
        named[session["org_id"]] |= {id for id in named_certificates(session) if is_sound(id)}
    return {id for org_id, ids in named.items() if ids for id in uses.own(org_id, ids) if id in ids}


def _row(name: str, session: Mapping[str, Any], judgement: Judgement) -> FoundSession:
    alias = session.get("alias")
    return FoundSession(
        org_id=session["org_id"],
        name=name,
        kind=judgement.kind,
        verdict=judgement.verdict,
        why_not=judgement.why_not[:300],
        alias=alias[:200] if isinstance(alias, str) and is_sound(alias) else "",
        apis=len(judgement.own),
        strangers=judgement.strangers,
        policies=len(named_policies(session)),
        opens_all=not named_apis(session) and not named_policies(session),
    )
