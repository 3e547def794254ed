"""What happens to very many keys at once, because an API or their organisation comes or goes.

All of it in a number of statements that does not grow with the keys: publishing, which waits for the same locks, must
not stand still for as long as an organisation has keys.
"""

# ruff: noqa: S608 - only names of this module are put into SQL, every value is a parameter

from django.db.models import F, QuerySet
from django.utils import timezone

from apis.gateways import outbox
from apis.models import ApiDefinition
from keys.keys.delivery import AGAIN
from keys.models import Key, KeyRight
from orgs.audit import log
from orgs.models import Organisation

_LABEL = "coalesce(nullif(k.alias, ''), 'Key ' || left(k.token_hash, 8))"  # as str(key)
_REVOKED = f"""
    SELECT k.id, {_LABEL}, '{{"revoked": [false, true]}}'::jsonb
    FROM keys_key k WHERE k.org_id = %(org)s AND k.revoked_at IS NULL"""
_LOST = f"""
    SELECT k.id, {_LABEL},
           jsonb_build_object('apis', jsonb_build_array(opened.apis, opened.apis - %(api_id)s::text))
    FROM keys_key k CROSS JOIN LATERAL (
        SELECT jsonb_object_agg(a.api_id, r.versions) AS apis
        FROM keys_keyright r JOIN apis_apidefinition a ON a.org_id = r.org_id AND a.id = r.api_id
        WHERE r.org_id = k.org_id AND r.key_id = k.id
    ) opened
    WHERE k.org_id = %(org)s AND k.revoked_at IS NULL AND k.id IN (
        SELECT key_id FROM keys_keyright WHERE org_id = %(org)s AND api_id = %(definition)s)"""


def depart(organisation: Organisation, **_: object) -> None:
    """The organisation is being deleted (apis.publishing.events.apis_departing): its keys end with it."""
    living = Key.objects.filter(org_id=organisation.id, revoked_at=None)
    log.record_selected("key.revoked", "key", _REVOKED, {"org": organisation.id}, org=organisation.id)
    outbox.add_selected(AGAIN, living.values("id"), org_id=organisation.id)
    now = timezone.now()
    living.update(revoked_at=now, updated_at=now, change_number=F("change_number") + 1)
    # None of its APIs goes one by one, with a word to its keys.
    KeyRight.objects.filter(org_id=organisation.id).delete()


def follow(org_id: str, api_id: str, what: str, **_: object) -> None:
    """An API of the organisation was "added" or is about to be "removed" (apis.publishing.events.api_set_changed).
    Keys for all APIs follow; a removed API is taken out of the rights of every key, and one left with none opens
    nothing any more."""
    living = Key.objects.filter(org_id=org_id, revoked_at=None)
    _redeliver(org_id, living.filter(all_apis=True))
    if what == "removed":
        _take_away(living, ApiDefinition.objects.only("org_id", "api_id").get(org_id=org_id, api_id=api_id))


def _take_away(living: QuerySet, api: ApiDefinition) -> None:
    named = KeyRight.objects.filter(org_id=api.org_id, api_id=api.id)
    about = {"org": api.org_id, "definition": api.id, "api_id": api.api_id}
    log.record_selected("key.changed", "key", _LOST, about, org=api.org_id)
    _redeliver(api.org_id, living.filter(id__in=named.values("key_id")))
    named.delete()


def _redeliver(org_id: str, keys: QuerySet) -> None:
    outbox.add_selected(AGAIN, keys.values("id"), org_id=org_id)
    keys.update(change_number=F("change_number") + 1)
