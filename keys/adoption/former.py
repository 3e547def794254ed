"""Sessions that name an organisation by what it was called before: gateways on files take any text for its id.

Gateways of 5.x look for the policies of a session in the organisation that it names, and those of every version look
for a user with basic authentication under a name made of the API's organisation (measured on 3.0.12 and 5.14.0). So
sessions are written anew with the organisation's id, and those of users moved.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from redis import Redis, WatchError

from apis.gateways import names
from keys.adoption.discovery import CHUNK, judge, read
from keys.adoption.judging import named_apis, named_policies
from keys.keys import token as tokens
from keys.keys.token import is_any_hash

_PREFIX = names.session("")
_ROUNDS = 10  # of writing a session, while gateways go on writing it too


def rename(
    redis: Redis, former: str, org_id: str, *, users: Collection[str] = (), function: str = "sha256"
) -> int:
    """Have sessions of an organisation that gateways called `former` name it as it is called now: those alone which
    open something of it, since others may have been called the same. Answers how many. The caller has entered the
    scope of the organisation.

    users: names of users with basic authentication, whose sessions are moved to where gateways with this
    `hash_key_function` look for them. Raises redis.RedisError.
    """
    moved, cursor, begun = _places(former, org_id, users, function), 0, False
    count = 0
    while cursor or not begun:
        begun = True
        cursor, found = redis.scan(cursor, match=f"{_PREFIX}*", count=CHUNK)
        stored = {name.decode(errors="replace").removeprefix(_PREFIX) for name in found}
        sessions = read({name: name for name in stored if is_any_hash(name)}, redis)
        theirs = {
            name: {**session, "org_id": org_id}
            for name, session in sessions.items()
            if session.get("org_id") == former
        }
        judgements = judge(theirs, dict.fromkeys(theirs, True)) if theirs else {}
        for name, session in theirs.items():
            if _is_ours(session, judgements[name]):
                count += _written(redis, name, moved.get(name, name), former, org_id)
    return count


def _places(former: str, org_id: str, users: Collection[str], function: str) -> dict[str, str]:
    """Where the session of each user may lie, and where it is to."""
    found = {}
    for user in users:
        token = tokens.token_of(org_id, user, function)
        for before in tokens.FUNCTIONS:
            old = tokens.token_of(former, user, before)
            found[tokens.hashed(old, before)] = tokens.hashed(token, function)
    return found


def _is_ours(session: Mapping[str, Any], judgement: Any) -> bool:
    """Whether it opens something of the organisation; without rights it opens everything."""
    named = len(named_policies(session)) > judgement.strange_policies
    return bool(judgement.own) or named or not (named_apis(session) or named_policies(session))


def _written(redis: Redis, name: str, place: str, former: str, org_id: str) -> bool:
    """Write one session, as it is at that moment, with the organisation's id; False where it has become another's."""
    with redis.pipeline() as pipe:
        for _ in range(_ROUNDS):
            try:
                pipe.watch(_PREFIX + name, _PREFIX + place)
                session = read({name: name}, pipe).get(name) or {}
                if session.get("org_id") != former or (place != name and pipe.exists(_PREFIX + place)):
                    return False
                left = pipe.pttl(_PREFIX + name)
                pipe.multi()
                text = json.dumps({**session, "org_id": org_id}, ensure_ascii=False, separators=(",", ":"))
                pipe.set(_PREFIX + place, text, px=left if left > 0 else None)
                if place != name:
                    pipe.delete(_PREFIX + name)
                pipe.execute()
            except WatchError:  # a gateway has counted a request meanwhile
                continue
            return True
    return False
