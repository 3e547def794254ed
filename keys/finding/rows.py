"""What the list says of each key of a page, as plain values: a page has up to 200 rows, and a template takes longer to
look a value up in an object than to write it."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from django.db.models import Count, Q

from keys.finding import quotas
from keys.keys.delivery import delivered_of
from keys.keys.reader import policies_of
from keys.keys.session import PolicyFacts
from keys.models import Key, KeyRight
from orgs.providers.usage import Use

NAMED = 2  # policies of a key


def rows(keys: Sequence[Key], used: Mapping[str, Use], place: str) -> list[dict[str, Any]]:
    """used: by the hashes of tokens; place: the address of the list, which those of its keys begin with."""
    delivered, policies = delivered_of(keys), policies_of(keys)
    rights = _rights(keys)
    limited = {id for id, (_, limited) in rights.items() if limited}
    quota = quotas.of(keys, policies, limited)
    return [
        {
            **_facts(key, place),
            **_opened(key, policies[key.id], rights.get(key.id, (0, 0))[0]),
            "delivered": key.id in delivered,
            "quota": quota.of.get(key.id),
            "away": quota.away,
            "use": used.get(key.token_hash),
        }
        for key in keys
    ]


def _facts(key: Key, place: str) -> dict[str, Any]:
    return {
        "key": key,
        "id": key.id,
        "name": str(key),
        "address": f"{place}{key.id}/",
        "hint": key.hint,
        "credential": "" if key.credential == "token" else key.get_credential_display().lower(),
        "owner": key.owner,
        "owner_quoted": quote(key.owner, safe=""),
        "expires_at": key.expires_at,
        "created_at": key.created_at,
    }


def _opened(key: Key, policies: Sequence[PolicyFacts], named: int) -> dict[str, Any]:
    own = "all APIs" if key.all_apis else f"{named} API{'' if named == 1 else 's'}"
    return {
        "state": key.state(policies),
        "denying": next((policy.name for policy in policies if policy.state == "deny"), ""),
        "policies": policies[:NAMED],
        "policies_in_all": len(policies) if len(policies) > NAMED else 0,
        "own": "" if policies else own,
    }


def _rights(keys: Sequence[Key]) -> dict[str, tuple[int, int]]:
    """How many APIs each key names itself, and on how many of them it has a quota, by its id; those that name none are
    left out."""
    rights = KeyRight.objects.filter(
        org_id__in={key.org_id for key in keys}, key_id__among=[key.id for key in keys]
    )
    limited = Count("id", filter=Q(members__limit__quota_max__gt=0))
    numbers = rights.values_list("key_id").annotate(named=Count("id"), limited=limited) if keys else ()
    return {id: (named, limited) for id, named, limited in numbers}
