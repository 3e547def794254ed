"""The tokens that gateways have given to OAuth clients, as they lie in their Redis.

A gateway keeps three things of each: its session under the hash of the token; beside the client what was given, with
token and refresh token in clear, as long as the token lasts; and for 14 days the same under the refresh token. A sorted
set names the hashes of a client's tokens with their expiries.
"""

import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from redis import Redis

from apis.gateways import names
from apis.gateways.telling import forget_sessions
from keys.keys.token import FUNCTIONS, cache_key, hashed

_ACCESS, _REFRESH, AUTHORIZE = "oauth-access.", "oauth-refresh.", "oauth-authorize."
_AT_ONCE = 500
PAGE = 100  # tokens, as gateways page them


@dataclass(frozen=True)
class Place:
    """Where gateways look for a client: the id by which they know its API, and its own."""

    api_id: str
    client_id: str

    @property
    def tokens(self) -> str:
        return names.oauth(self.api_id, f"oauth-client-tokens.{self.client_id}")


@dataclass(frozen=True)
class Given:
    """What a gateway has given to a client, by which policy (its row id)."""

    client_id: str
    policy: str
    token: str
    refresh: str


def listed(place: Place, redis: Redis) -> list[tuple[str, int]]:
    """(hash, expiry in unix seconds) of the tokens that have not expired, the next to expire first. Raises
    redis.RedisError."""
    found = redis.zrangebyscore(place.tokens, int(time.time()), "+inf", withscores=True)
    return _with_expiry(found)


def page(place: Place, number: int, redis: Redis) -> tuple[list[tuple[str, int]], int]:
    """Those of one page, counted from 1, and how many pages there are. Raises redis.RedisError."""
    now = int(time.time())
    with redis.pipeline(transaction=False) as pipeline:
        pipeline.zcount(place.tokens, now, "+inf")
        pipeline.zrangebyscore(
            place.tokens, now, "+inf", start=(number - 1) * PAGE, num=PAGE, withscores=True
        )
        count, found = pipeline.execute()
    return _with_expiry(found), -(-count // PAGE)


def _with_expiry(found: Iterable[tuple[bytes, float]]) -> list[tuple[str, int]]:
    return [(hash.decode("utf-8", "replace"), int(expires)) for hash, expires in found]


def forget_lapsed(places: list[Place], redis: Redis) -> None:
    """Take the tokens that have expired out of the sets. Raises redis.RedisError."""
    with redis.pipeline(transaction=False) as pipeline:
        for place in places:
            pipeline.zremrangebyscore(place.tokens, "-inf", f"({int(time.time())}")
        pipeline.execute()


def hashes(token: str) -> list[str]:
    """By which the session of this token may be known, whatever function the gateways hash names with."""
    return sorted({hashed(token, function) for function in FUNCTIONS})


def digest(refresh: str) -> str:
    """By which a refresh token is named where it must not stand in clear."""
    return hashlib.sha256(refresh.encode()).hexdigest()


def end_all(places: Mapping[Place, str | None], redis: Redis) -> None:
    """End the tokens of clients, with what they could be renewed by; those that were given by the policy of the row id
    beside a client go on. Raises redis.RedisError."""
    for place, kept in places.items():
        hashes = [hash.decode("utf-8", "replace") for hash in redis.zrange(place.tokens, 0, -1)]
        _end(place, redis, hashes, lambda given, kept=kept: kept is None or (given and given.policy != kept))
    # What outlives its token, and what is given in this moment, no set names. All of Redis is gone through for it, so
    # once for all clients of an API.
    for api_id in {place.api_id for place in places}:
        for name, given in _scanned(api_id, redis):
            place = Place(api_id, given.client_id)
            if place in places and (places[place] is None or given.policy != places[place]):
                _delete(place, redis, {_hash_in(name): given}, [name])


def end_some(place: Place, hashes: Iterable[str], redis: Redis) -> bool:
    """End those tokens of a client that have these hashes, and what they could be renewed by; any session has a hash,
    so others are left alone. Answers whether there were any. Raises redis.RedisError."""
    own = [hash for hash in hashes if redis.zscore(place.tokens, hash) is not None]
    _end(place, redis, own, lambda _: True)
    return bool(own)


def end_refresh(wanted: Mapping[Place, Collection[str]], redis: Redis) -> None:
    """End the refresh tokens of clients that have these digests; once for all of an API, as `end_all`. Raises
    redis.RedisError."""
    for api_id in {place.api_id for place in wanted}:
        for name, given in _scanned(api_id, redis):
            if digest(given.refresh) in wanted.get(Place(api_id, given.client_id), ()):
                redis.delete(name, names.oauth(api_id, _REFRESH + given.refresh))


def _end(place: Place, redis: Redis, hashes: list[str], ends: Callable[[Given | None], object]) -> None:
    for first in range(0, len(hashes), _AT_ONCE):
        some = hashes[first : first + _AT_ONCE]
        stored = redis.mget([names.oauth(place.api_id, _ACCESS + hash) for hash in some])
        found = {hash: _given(text) for hash, text in zip(some, stored, strict=True)}
        _delete(place, redis, {hash: given for hash, given in found.items() if ends(given)})


def _delete(place: Place, redis: Redis, ending: dict[str, Given | None], more: Collection[str] = ()) -> None:
    ending = {hash: given for hash, given in ending.items() if hash}
    going = [names.session(hash) for hash in ending]
    going += [names.oauth(place.api_id, _ACCESS + hash) for hash in ending]
    going += [
        names.oauth(place.api_id, _REFRESH + given.refresh)
        for given in ending.values()
        if given and given.refresh
    ]
    if not (going or more):
        return
    # Gateways cache a session under murmur64 of the token, whatever hash names it.
    cached = {*ending, *(cache_key(given.token) for given in ending.values() if given and given.token)}
    with redis.pipeline(transaction=True) as pipeline:
        pipeline.delete(*going, *more)
        if ending:
            pipeline.zrem(place.tokens, *ending)
            forget_sessions(pipeline, sorted(cached))
        pipeline.execute()


def _scanned(api_id: str, redis: Redis) -> Iterator[tuple[str, Given]]:
    """(name, what was given) of all that gateways have given to clients of an API."""
    for found in _chunks(redis.scan_iter(match=names.oauth(api_id, "oauth-*"), count=1_000)):
        kinds = tuple(names.oauth(api_id, kind).encode() for kind in (_ACCESS, _REFRESH, AUTHORIZE))
        if not (found := [name for name in found if name.startswith(kinds)]):
            continue
        for name, text in zip(found, redis.mget(found), strict=True):
            if (given := _given(text)) is not None:
                yield name.decode("utf-8", "replace"), given


def _chunks(found: Iterator[bytes]) -> Iterator[list[bytes]]:
    chunk = []
    for name in found:
        chunk.append(name)
        if len(chunk) == _AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _hash_in(name: str) -> str:
    """The hash of a token whose data lie under this name, "" under the name of another kind."""
    return name.partition(_ACCESS)[2]


def _own_policy(given: dict) -> str | None:
    """The policy of a session that came with an authorisation code (keys.oauth.authorisation): it stays, whichever the
    client has when the code is traded for a token. Sessions of users name no client. None for what is no such session:
    gateways take the policy of the client then."""
    try:
        session = json.loads(given.get("UserData") or "null")
        return session["apply_policies"][0] if session.get("oauth_client_id") else None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None


def _given(text: bytes | None) -> Given | None:
    """None for what no gateway has written."""
    try:
        found = json.loads(text or b"null")
        client = found["Client"]
        return Given(
            str(client["id"]),
            str(_own_policy(found) or client.get("policyid") or ""),
            str(found.get("AccessToken") or ""),
            str(found.get("RefreshToken") or ""),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
