"""What all sessions in the gateways' Redis open, ours too: whether each names nothing but its organisation's.

Gateways of 3.0 to 5.14 ask for no more than this (a session without rights opens everything), so this is what keeps
organisations apart on them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from redis import Redis

from apis.definitions.rules.targets import NOWHERE
from apis.gateways import names
from keys.adoption.discovery import CHUNK, is_of, judge, present, read, row_name
from keys.adoption.judging import Judgement, named_apis, named_policies
from keys.policies.document import ACTED_ON
from keys.rotation.places import kept
from orgs import scope

_PREFIX = names.session("")
_SHOWN = 16  # digits of a hash


def batches(redis: Redis) -> Iterator[dict[str, list[str]]]:
    """What is wrong with each session, by the beginning of its hash, in batches; once or more often. Raises
    redis.RedisError."""
    cursor, begun = 0, False
    while cursor or not begun:
        begun = True
        cursor, found = redis.scan(cursor, match=f"{_PREFIX}*", count=CHUNK)
        stored = {name.decode(errors="replace").removeprefix(_PREFIX) for name in found}
        with scope.every_org():
            yield _looked_at({row_name(name): name for name in stored}, redis)


def _looked_at(stored: Mapping[str, str], redis: Redis) -> dict[str, list[str]]:
    sessions = read(stored, redis)
    there, ours = present(sessions), kept(list(sessions))
    mine = {name: session for name, session in sessions.items() if is_of(session, there)}
    judgements = judge(mine, dict.fromkeys(mine, True))
    return {
        name[:_SHOWN]: faults(session, judgements[name], ours=name in ours)
        if name in mine
        else ["is of no organisation that there is, or cannot be read"]
        for name, session in sessions.items()
    }


def faults(session: Mapping[str, Any], judgement: Judgement, *, ours: bool) -> list[str]:
    """What a session of an organisation must not be, in words. ours: whether it is of a key here, whose tokens share an
    allowance by the counter that the session names (keys.rotation)."""
    found = []
    apis, policies = named_apis(session), named_policies(session)
    strangers = judgement.strangers - (NOWHERE in apis and NOWHERE not in judgement.own)
    if not apis and not policies:
        found.append("has no rights: it opens every API of every organisation")
    if strangers:
        found.append(f"names {strangers} APIs that are not of its organisation")
    if judgement.strange_policies:
        found.append(f"names {judgement.strange_policies} policies that are not of its organisation")
    meta_data = session.get("meta_data")
    acted_on = [name for name in ACTED_ON if not (ours and name == "rate_limit_pattern")]
    found += [
        f"has {name} in its metadata"
        for name in acted_on
        if isinstance(meta_data, dict) and name in meta_data
    ]
    return found
