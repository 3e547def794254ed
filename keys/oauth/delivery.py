"""OAuth clients on their way to the gateways' Redis, and the end of their tokens.

What is written follows from the row at the moment of writing, as with keys (keys.keys.delivery): whoever has written
looks whether what he read is still so. A client lies in three places: under its id, where gateways look for it with
each token that is presented, within a second; in a list and in a set, from which they list clients.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping

from redis import Redis

from apis.gateways import names, outbox
from apis.models import Outbox
from keys.keyspace import delivered
from keys.models import OAuthClient
from keys.oauth import rules, tokens
from keys.oauth.tokens import Place
from orgs.sealing import NotOpened, unseal

# The kinds of message about a client; what somebody must not be able to do any more is urgent.
CHANGED, ENDED = "oauth-client", "oauth-client-ended"
# A gateway that was giving a token while the client or its policy went may have written it a moment later.
CHECK, CHECK_AFTER = "oauth-client-check", 15
# What the payload of a message says is to end besides: all tokens, those of these hashes, a refresh token by digest.
ALL, HASHES, REFRESH = "all", "hashes", "refresh"

_INDEXED = "oauth-clientid."
_ROUNDS = 3  # of writing, while the same client goes on being changed


def deliver(rows: list[Outbox], redis: Redis) -> dict[str, str]:
    """Bring clients to what they should be, and end tokens (a kinds.Handler). Raises redis.RedisError."""
    orgs = {row.subject: row.org_id for row in rows}
    moving = write(orgs, redis)
    clients = {client.id: client for client in delivered.rows(OAuthClient, orgs)}
    living = _living(clients.values())
    known = [row for row in rows if row.subject in clients]
    ending = [
        clients[row.subject]
        for row in known
        if ALL in (row.payload or {}) or _has_ended(clients[row.subject], living)
    ]
    tokens.end_all({place_of(client): None for client in ending}, redis)
    refreshing = defaultdict(set)
    for row in known:
        place, payload = place_of(clients[row.subject]), row.payload or {}
        found = tokens.end_some(place, payload.get(HASHES, ()), redis)
        if REFRESH in payload and not found:
            refreshing[place].add(payload[REFRESH])
        # One token that is known needs no search for what was given meanwhile.
        if row.kind == ENDED and not payload.keys() & {HASHES, REFRESH}:
            outbox.add(CHECK, row.subject, org_id=row.org_id)
    tokens.end_refresh(refreshing, redis)
    return {row.id: "the client is being changed" for row in rows if row.subject in moving}


def check(rows: list[Outbox], redis: Redis) -> None:
    """End what gateways have given by a policy that the client had, or to one that is deleted (a kinds.Handler)."""
    clients = list(delivered.rows(OAuthClient, {row.subject: row.org_id for row in rows}))
    living = _living(clients)
    # A deleted one has no policy.
    ending = [client for client in clients if client.deleted_at is None or _has_ended(client, living)]
    tokens.end_all({place_of(client): client.policy_id for client in ending}, redis)


def place_of(client: OAuthClient) -> Place:
    return Place(client.served_api_id, client.client_id)


def _has_ended(client: OAuthClient, living: Mapping[Place, OAuthClient]) -> bool:
    """Whether it is deleted, and no other has its place."""
    return client.deleted_at is not None and place_of(client) not in living


def write(orgs: Mapping[str, str], redis: Redis) -> set[str]:
    """Write or delete clients, in no transaction. orgs: the organisation of each, by the client's id. Answers those
    that were changed all the while, or whose secret does not open."""
    moved, closed = set(orgs), set()
    for _ in range(_ROUNDS):
        clients = list(delivered.rows(OAuthClient, {id: orgs[id] for id in moved}))
        if not clients:
            return closed
        wanted = wanted_of(clients)
        store(clients, wanted, redis)
        closed |= {client.id for client in clients if place_of(client) not in wanted}
        moved = delivered.note(OAuthClient, [client for client in clients if place_of(client) in wanted])
    return moved | closed


def store(clients: Iterable[OAuthClient], wanted: Mapping[Place, bytes | None], redis: Redis) -> None:
    """Write what gateways should find of these clients (`wanted_of`)."""
    orgs = {place_of(client): client.org_id for client in clients}
    members = {api_id: redis.smembers(_set(api_id)) for api_id in {place.api_id for place in wanted}}
    with redis.pipeline(transaction=True) as pipeline:
        for place, text in wanted.items():
            index = names.oauth(place.api_id, f"oauth-client-index.{orgs[place]}")
            old = [member for member in members[place.api_id] if rules.id_in(member) == place.client_id]
            if old:
                pipeline.srem(_set(place.api_id), *old)
            pipeline.lrem(index, 0, _INDEXED + place.client_id)
            if text is None:
                pipeline.delete(name_of(place))
            else:
                pipeline.set(name_of(place), text)
                pipeline.rpush(index, _INDEXED + place.client_id)
                pipeline.sadd(_set(place.api_id), text)
        pipeline.execute()


def name_of(place: Place) -> str:
    """Where the client lies in the gateways' Redis."""
    return names.oauth(place.api_id, _INDEXED + place.client_id)


def _set(api_id: str) -> str:
    return names.oauth(api_id, f"oauth-clientset.{_INDEXED}")


def wanted_of(clients: Iterable[OAuthClient]) -> dict[Place, bytes | None]:
    """What gateways should find where these clients lie; None: nothing. Without those whose secret does not open: they
    stay as they are."""
    living = _living(clients)
    wanted: dict[Place, bytes | None] = {}
    for place in map(place_of, clients):
        with contextlib.suppress(NotOpened):
            wanted[place] = served(living[place]) if place in living else None
    return wanted


def _living(clients: Iterable[OAuthClient]) -> dict[Place, OAuthClient]:
    """The clients that gateways should know, by their places: one that was deleted may have a successor there."""
    clients = list(clients)
    rows = OAuthClient.objects.filter(
        org_id__in={client.org_id for client in clients},
        client_id__in={client.client_id for client in clients},
        deleted_at=None,
        suspended=False,
    )
    places = set(map(place_of, clients))
    return {place_of(row): row for row in rows if place_of(row) in places}


def served(client: OAuthClient) -> bytes:
    """A client as gateways read it. Raises orgs.sealing.NotOpened."""
    return rules.served(
        client_id=client.client_id,
        secret=(unseal(client, "sealed_secret") or b"").decode(),
        redirect_uri=client.redirect_uri,
        policy=client.policy_id,
        description=client.description,
        meta_data=client.meta_data,
    )
