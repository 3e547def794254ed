"""What keys may open at this moment, read for many keys at once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet

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


def rights_of(keys: list[Key]) -> dict[str, list[Right] | None]:
    """The rights of each key by its id; None stands for all APIs of its organisation."""
    found: dict[str, list[Right] | None] = {key.id: None if key.all_apis else [] for key in keys}
    rows = _rights(keys).values_list("key_id", "api__api_id", "versions")
    for key_id, api_id, versions in rows:
        found[key_id].append(Right(api_id, tuple(versions)))
    return found


def sessions_of(keys: list[Key]) -> dict[str, dict[str, Any] | None]:
    """The session that the gateways' Redis should hold for each key, by key id; None: it should hold none,
    because the key is revoked or opens nothing."""
    return {
        key.id: None if key.revoked_at is not None else session(apis=apis, rights=rights, **_facts(key))
        for key, apis, rights in _opened(keys)
    }


def described_of(keys: list[Key]) -> dict[str, dict[str, Any]]:
    """Each key in the form of a session object, for reading, by key id; revoked ones and those without
    rights too."""
    return {key.id: described(apis=apis, rights=rights, **_facts(key)) for key, apis, rights in _opened(keys)}


def _opened(keys: list[Key]) -> Iterator[tuple[Key, list[Api], list[Right] | None]]:
    """Each key with the APIs that it opens and its rights, in two queries. Only for keys that open all of them are all
    APIs of an organisation read."""
    all_of = apis_of({key.org_id for key in keys if key.all_apis})
    named: dict[str, list[tuple[Api, Right]]] = defaultdict(list)
    rows = _rights(keys).values_list("key_id", "api__api_id", "api__name", "api__versions", "versions")
    for key_id, api_id, name, all_versions, versions in rows:
        named[key_id].append((Api(api_id, name, tuple(all_versions)), Right(api_id, tuple(versions))))
    for key in keys:
        if key.all_apis:
            yield key, all_of.get(key.org_id, []), None
        else:
            yield key, [api for api, _ in named[key.id]], [right for _, right in named[key.id]]


def _rights(keys: Iterable[Key]) -> QuerySet:
    """The rows of the rights of keys, by the names of the APIs. The tables are keyed by organisation first."""
    listed = [key for key in keys if not key.all_apis]
    orgs, ids = {key.org_id for key in listed}, [key.id for key in listed]
    return KeyRight.objects.filter(org_id__in=orgs, key_id__in=ids).order_by("api__name", "api__api_id")


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
