"""Sessions as others write them."""

import json

from keys.adoption import discovery
from keys.models import FoundSession
from orgs import scope

NAME = "ab" * 32


def session(org, *apis, **members):
    """As a gateway of 3.0 writes the session of a new key."""
    rights = {
        api_id: {"api_id": api_id, "api_name": "", "versions": ["Default"], "allowed_urls": [], "limit": None}
        for api_id in (each if isinstance(each, str) else each.api_id for each in apis)
    }
    whole = {
        "last_check": 0,
        "allowance": 1000,
        "rate": 1000,
        "per": 60,
        "expires": 0,
        "quota_max": -1,
        "quota_renews": 1406121006,
        "quota_remaining": -1,
        "quota_renewal_rate": 60,
        "access_rights": rights,
        "org_id": org if isinstance(org, str) else org.id,
        "oauth_client_id": "",
        "basic_auth_data": {"password": "", "hash_type": ""},
        "jwt_data": {"secret": ""},
        "hmac_string": "",
        "is_inactive": False,
        "apply_policy_id": "",
        "apply_policies": None,
        "monitor": {"trigger_limits": None},
        "meta_data": None,
        "tags": [],
        "alias": "partner",
        "session_lifetime": 0,
    }
    return whole | members


def write(redis, org, *apis, name=NAME, **members):
    """Into Redis, as somebody else does."""
    redis.set(f"apikey-{name}", json.dumps(session(org, *apis, **members)))


def find(redis):
    """What a whole round finds: {organisation's id: {name: (kind, verdict, own APIs, others')}}."""
    discovery.find_all(redis)
    return rows()


def rows():
    with scope.every_org():
        found = {}
        for row in FoundSession.objects.all():
            found.setdefault(row.org_id, {})[row.name] = (row.kind, row.verdict, row.apis, row.strangers)
        return found


def found(org, name=NAME):
    with scope.org(org.id):
        return FoundSession.objects.get(name=name)
