"""What happens to very many keys at once, because an API or their organisation comes or goes.

Publishing, which waits for the same locks, must not stand still for as long as an organisation has keys: a change of
its APIs takes rights away and leaves messages about many keys each, in a number of statements that does not grow with
them. All that has to be written of each key follows when those are delivered.
"""

# ruff: noqa: S608 - only names of this module are put into SQL, every value is a parameter

from collections import defaultdict
from collections.abc import Collection, Sequence

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, transaction
from django.db.models import F, JSONField, Q, QuerySet, Value
from django.utils import timezone
from redis import Redis, RedisError

from apis.gateways import outbox
from apis.models import ApiDefinition, Outbox
from keys.credentials import exposure
from keys.keys.delivery import AGAIN, CHANGED, write
from keys.keys.reader import rights_of
from keys.models import Key, KeyPolicy, KeyRight
from orgs.audit import log
from orgs.models import Organisation

_LABEL = "coalesce(nullif(k.alias, ''), 'Key ' || left(k.token_hash, 8))"  # as str(key)
_REVOKED = f"""
    SELECT k.id, {_LABEL}, '{{"revoked": [false, true]}}'::jsonb
    FROM keys_key k WHERE k.org_id = %(org)s AND k.revoked_at IS NULL"""


def depart(organisation: Organisation, **_: object) -> None:
    """The organisation is being deleted (apis.publishing.events.apis_departing): its keys end with it."""
    living = Key.objects.filter(org_id=organisation.id, revoked_at=None)
    log.record_selected("key.revoked", "key", _REVOKED, {"org": organisation.id}, org=organisation.id)
    outbox.add_chunks(AGAIN, _each(living), {}, org_id=organisation.id)
    now = timezone.now()
    living.update(revoked_at=now, updated_at=now, change_number=F("change_number") + 1)
    # None of its APIs goes one by one, with a word to its keys.
    KeyRight.objects.filter(org_id=organisation.id).delete()


def follow(org_id: str, api_ids: Sequence[str], what: str, **_: object) -> None:
    """APIs of the organisation were "added" or are about to be "removed" (apis.publishing.events.api_set_changed).
    Keys for all APIs follow; a removed API is taken out of the rights of every key, and one left with none opens
    nothing any more."""
    every = Key.objects.filter(org_id=org_id, revoked_at=None, all_apis=True)
    outbox.add_chunks(AGAIN, _each(every), {}, org_id=org_id)
    if what == "removed":
        for api in ApiDefinition.objects.only("org_id", "api_id").filter(org_id=org_id, api_id__in=api_ids):
            _take_away(api)


def follow_authentication(org_id: str, api_id: str, **_: object) -> None:
    """Callers of an API prove in another way now who they are (apis.publishing.events.authentication_changed): the
    sessions of users name it only where it asks for a password, those of client certificates only where it asks for one
    (keys.credentials.exposure)."""
    naming = KeyRight.objects.filter(org_id=org_id, api__org_id=org_id, api__api_id=api_id)
    named = Key.objects.filter(org_id=org_id, revoked_at=None, credential__in=exposure.ASKS)
    opening = named.filter(Q(all_apis=True) | Q(id__in=naming.values("key_id")))
    outbox.add_chunks(AGAIN, _each(opening), {}, org_id=org_id)


def _each(keys: QuerySet) -> QuerySet:
    return keys.values_list("id", Value(None, output_field=JSONField()))


def _take_away(api: ApiDefinition) -> None:
    named = KeyRight.objects.filter(org_id=api.org_id, api_id=api.id)
    lost = named.filter(key__revoked_at=None).values_list("key_id", "versions")
    facts = {"lost": api.api_id, "noted": log.noted("key.changed", "key")}
    outbox.add_chunks(AGAIN, lost, facts, org_id=api.org_id)
    named.delete()


def deliver(rows: list[Outbox], redis: Redis) -> None:
    """Deliver messages of kind AGAIN (a kinds.Handler): note in the log what their keys lost, and bring the sessions of
    those to what they should be. Raises redis.RedisError."""
    for row in rows:
        _record_losses(row)
        # There were messages about one key each, and some may wait since then.
        ids = list(row.payload["subjects"]) if row.payload else [row.subject]
        outbox.add_many(CHANGED, sorted(_failing(row.org_id, ids, redis)), org_id=row.org_id)


def _failing(org_id: str, ids: list[str], redis: Redis) -> Collection[str]:
    """Those of some keys that are to be delivered by messages of their own: because they are being changed just now, or
    because one of them may be to blame for an error, and the others must not suffer for it."""
    try:
        return write(dict.fromkeys(ids, org_id), redis)
    except (RedisError, DatabaseError, ImproperlyConfigured):
        raise
    except Exception:
        if len(ids) == 1:
            raise
        return ids


@transaction.atomic
def _record_losses(row: Outbox) -> None:
    """Write an audit entry for each key that lost an API or a policy, once: the message says no more of it then."""
    payload = Outbox.objects.select_for_update().get(org_id=row.org_id, id=row.id).payload or {}
    facts, api_id, policy_id = (payload.pop(name, None) for name in ("noted", "lost", "lost_policy"))
    if facts is None:
        return
    keys = list(Key.objects.filter(org_id=row.org_id, id__in=payload["subjects"]))
    lost = _policies_lost if api_id is None else _apis_lost
    changes = lost(keys, api_id or policy_id, payload["subjects"])
    log.record_noted(facts, ((key.id, str(key), changes[key.id]) for key in keys), org=row.org_id)
    Outbox.objects.filter(org_id=row.org_id, id=row.id).update(payload=payload)


def _apis_lost(keys: list[Key], api_id: str, versions: dict[str, list[str]]) -> dict[str, dict[str, list]]:
    """What the log says of each key that lost an API, by its id. versions: those that it opened."""
    opened = {
        id: {right.api_id: list(right.versions) for right in rights or ()}
        for id, rights in rights_of(keys).items()
    }
    return {id: {"apis": [apis | {api_id: versions[id]}, apis]} for id, apis in opened.items()}


def _policies_lost(keys: list[Key], policy_id: str, places: dict[str, int]) -> dict[str, dict[str, list]]:
    """The same of a policy. places: the position that it had."""
    left = defaultdict(list)
    rows = KeyPolicy.objects.filter(org_id__in={key.org_id for key in keys}, key_id__in=list(places))
    for id, place, name in rows.values_list("key_id", "position", "policy__policy_id").order_by("position"):
        left[id].append((place, name))
    return {
        key.id: {
            "policies": [
                [name for _, name in sorted([*left[key.id], (places[key.id], policy_id)])],
                [name for _, name in left[key.id]],
            ]
        }
        for key in keys
    }
