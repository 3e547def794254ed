"""What keys may open at this moment, read for many keys at once."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from apis.models import ApiDefinition
from keys.keys.session import Api, Right, described, session
from keys.models import Key, KeyRight


def apis_of(org_ids: Iterable[str]) -> dict[str, list[Api]]:
    """The APIs of each organisation, by organisation id, sorted by name."""
    found: dict[str, list[Api]] = defaultdict(list)
    rows = (
        ApiDefinition.objects.filter(org_id__in=set(org_ids))
        .order_by("name", "api_id")
        .values_list("org_id", "api_id", "name", "versions")
    )
    for org_id, api_id, name, versions in rows:
        found[org_id].append(Api(api_id, name, tuple(versions)))
    return found


def apis_of_one(org_id: str) -> list[Api]:
    """The APIs of one organisation, sorted by name."""
    return apis_of([org_id]).get(org_id, [])


def rights_of(keys: Iterable[Key]) -> dict[str, list[Right] | None]:
    """The rights of each key by its id; None stands for all APIs of its organisation."""
    found: dict[str, list[Right] | None] = {key.id: None if key.all_apis else [] for key in keys}
    listed = [key_id for key_id, rights in found.items() if rights is not None]
    rows = (
        KeyRight.objects.filter(key_id__in=listed)
        .order_by("api__name", "api__api_id")
        .values_list("key_id", "api__api_id", "versions")
    )
    for key_id, api_id, versions in rows:
        found[key_id].append(Right(api_id, tuple(versions)))
    return found


def sessions_of(keys: list[Key]) -> dict[str, dict[str, Any] | None]:
    """The session that the gateways' Redis should hold for each key, by key id; None: it should hold none,
    because the key is revoked or opens nothing."""
    apis = apis_of(key.org_id for key in keys)
    rights = rights_of(keys)
    return {key.id: session_of(key, apis.get(key.org_id, []), rights[key.id]) for key in keys}


def session_of(key: Key, apis: list[Api], rights: list[Right] | None) -> dict[str, Any] | None:
    """One of them, of a key whose organisation has `apis`."""
    return None if key.revoked_at is not None else session(apis=apis, rights=rights, **_facts(key))


def described_of(keys: list[Key]) -> dict[str, dict[str, Any]]:
    """Each key in the form of a session object, for reading, by key id; revoked ones and those without
    rights too."""
    apis = apis_of(key.org_id for key in keys)
    rights = rights_of(keys)
    return {
        key.id: described(apis=apis.get(key.org_id, []), rights=rights[key.id], **_facts(key)) for key in keys
    }


def _facts(key: Key) -> dict[str, Any]:
    return {
        "org_id": key.org_id,
        "limits": key.limits,
        "alias": key.alias,
        "expires_at": key.expires_at,
        "suspended": key.suspended,
        "tags": key.tags,
        "meta_data": key.meta_data,
        "created_at": key.created_at,
        "updated_at": key.updated_at,
    }
