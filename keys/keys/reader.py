"""What keys may open at this moment, read for many keys at once."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields
from typing import Any

from django.db.models import Q, QuerySet

from apis.models import ApiDefinition
from keys.credentials import exposure, sealed
from keys.keys.session import Api, PolicyFacts, Right, described, session
from keys.models import Key, KeyPolicy, KeyRight, Policy, ServedPolicy

_POLICY_FACTS = tuple(field.name for field in fields(PolicyFacts))


def apis_of(org_ids: Iterable[str]) -> dict[str, list[Api]]:
    """The APIs of each organisation, by organisation id, sorted by name."""
    found: dict[str, list[Api]] = defaultdict(list)
    rows = (
        ApiDefinition.objects.filter(org_id__in=set(org_ids))
        .order_by("name", "api_id")
        .values_list("org_id", "api_id", "name", "versions", "auth")
    )
    for org_id, api_id, name, versions, auth in rows:
        found[org_id].append(Api(api_id, name, tuple(versions), auth))
    return found


def apis_of_one(org_id: str) -> list[Api]:
    """The APIs of one organisation, sorted by name."""
    return apis_of([org_id]).get(org_id, [])


def rights_of(keys: list[Key]) -> dict[str, list[Right] | None]:
    """The rights of each key by its id; None stands for all APIs of its organisation."""
    found: dict[str, list[Right] | None] = {key.id: None if key.all_apis else [] for key in keys}
    rows = _rights(keys).values_list("key_id", "api__api_id", "versions", "members")
    for key_id, api_id, versions, members in rows:
        found[key_id].append(Right(api_id, tuple(versions), members))
    return found


def quotas_of(keys: Collection[Key]) -> dict[str, dict[str, int]]:
    """{API id: requests} of the quotas that keys have on single APIs by rights of their own, by the key's id; of keys
    that have some."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    if not keys:
        return found
    limited = _rights(keys).filter(members__limit__quota_max__gt=0)
    for key_id, api_id, members in limited.values_list("key_id", "api__api_id", "members"):
        found[key_id][api_id] = members["limit"]["quota_max"]
    return found


def sessions_of(keys: list[Key]) -> dict[str, dict[str, Any] | None]:
    """The session that the gateways' Redis should hold for each key, by key id; None: it should hold none,
    because the key is revoked, opens nothing, or has secrets that cannot be read."""
    named: dict[str, list[str]] = defaultdict(list)
    for key_id, policy_id in _policies(keys).values_list("key_id", "policy_id"):
        named[key_id].append(policy_id)
    secrets = {key.id: sealed.members_of(key) for key in keys if key.revoked_at is None}
    return {
        key.id: session(
            apis=apis, rights=rights, policies=named[key.id], secrets=secrets[key.id], **facts_of(key)
        )
        if secrets.get(key.id) is not None
        else None
        for key, apis, rights in _opened(keys)
    }


def described_of(keys: list[Key]) -> dict[str, dict[str, Any]]:
    """Each key in the form of a session object, for reading, by key id; revoked ones and those without
    rights too. Its policies are named as clients do."""
    policies = policies_of(keys)
    made = {}
    for key, apis, rights in _opened(keys):
        named = [policy.policy_id for policy in policies[key.id]]
        made[key.id] = described(apis=apis, rights=rights, **facts_of(key)) | {
            "apply_policies": named,
            "apply_policy_id": named[0] if len(named) == 1 else "",
        }
    return made


def policies_of(keys: Collection[Key]) -> dict[str, list[PolicyFacts]]:
    """The policies of each key by its id, in their order."""
    found: dict[str, list[PolicyFacts]] = {key.id: [] for key in keys}
    for row in _policies(keys).values_list("key_id", *(f"policy__{name}" for name in _POLICY_FACTS)):
        found[row[0]].append(PolicyFacts(*row[1:]))
    return found


def policies_of_one(org_id: str, *, named: Collection[str] | None = None) -> list[PolicyFacts]:
    """The policies of an organisation by name, without their documents. named: ids of either kind; None means all."""
    rows = Policy.objects.filter(org_id=org_id).order_by("name", "id")
    if named is not None:
        ids = [id for id in named if "\0" not in id]
        rows = rows.filter(Q(id__in=ids) | Q(policy_id__in=ids))
    return policy_facts(rows)


def policy_facts(rows: QuerySet) -> list[PolicyFacts]:
    """Policies, without their documents."""
    return [PolicyFacts(*row) for row in rows.values_list(*_POLICY_FACTS)]


def served_to(keys: Collection[Key]) -> dict[str, list[dict[str, Any]]]:
    """What gateways get of the policies of each key that has some, by the key's id, in order. One policy of many keys
    is one object."""
    if not keys:
        return {}
    named = list(_policies(keys).values_list("key_id", "policy_id"))
    elements = served({key.org_id for key in keys}, {policy_id for _, policy_id in named})
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for key_id, policy_id in named:
        if policy_id in elements:
            found[key_id].append(elements[policy_id])
    return found


def served(org_ids: Collection[str], ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """The elements that gateways get under the row ids of policies."""
    rows = (
        ServedPolicy.objects.filter(org_id__in=org_ids, policy_id__in=ids)
        if ids
        else ServedPolicy.objects.none()
    )
    # The first of each is the one that is named by the row's id (keys.policies.render).
    return {id: json.loads(b"[%s]" % bytes(body))[0] for id, body in rows.values_list("policy_id", "body")}


def _policies(keys: Iterable[Key]) -> QuerySet:
    """The rows of the policies of keys, in their order. The tables are keyed by organisation first."""
    orgs, ids = {key.org_id for key in keys}, [key.id for key in keys]
    return KeyPolicy.objects.filter(org_id__in=orgs, key_id__among=ids).order_by("key_id", "position")


def _opened(keys: list[Key]) -> Iterator[tuple[Key, list[Api], list[Right] | None]]:
    """Each key with the APIs that it opens and its rights, in two queries. Only for keys that open all of them are all
    APIs of an organisation read. Of a key whose name is no secret those alone that ask for what is one
    (keys.credentials.exposure)."""
    all_of = apis_of({key.org_id for key in keys if key.all_apis})
    named: dict[str, list[tuple[Api, Right]]] = defaultdict(list)
    rows = _rights(keys).values_list(
        "key_id", "api__api_id", "api__name", "api__versions", "api__auth", "versions", "members"
    )
    for key_id, api_id, name, all_versions, auth, versions, members in rows:
        api = Api(api_id, name, tuple(all_versions), auth)
        named[key_id].append((api, Right(api_id, tuple(versions), members)))
    for key in keys:
        apis = all_of.get(key.org_id, []) if key.all_apis else [api for api, _ in named[key.id]]
        apis = [api for api in apis if not exposure.is_open(key.credential, api.auth)]
        yield key, apis, None if key.all_apis else [right for _, right in named[key.id]]


def _rights(keys: Iterable[Key]) -> QuerySet:
    """The rows of the rights of keys, by the names of the APIs. The tables are keyed by organisation first."""
    listed = [key for key in keys if not key.all_apis]
    orgs, ids = {key.org_id for key in listed}, [key.id for key in listed]
    return KeyRight.objects.filter(org_id__in=orgs, key_id__among=ids).order_by("api__name", "api__api_id")


def facts_of(key: Key) -> dict[str, Any]:
    """What a session says of a key, apart from what it opens."""
    return {
        "org_id": key.org_id,
        "limits": key.limits,
        "alias": key.alias,
        "expires_at": key.expires_at,
        "suspended": key.suspended,
        "tags": key.tags,
        "meta_data": key.meta_data,
        "extra": key.session_extra,
        "created_at": key.created_at,
        "updated_at": key.updated_at,
    }
