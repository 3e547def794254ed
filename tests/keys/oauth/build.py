"""Builders of OAuth clients, and what gateways write into their Redis when they give a token."""

import json
import time

from keys.keys.token import hashed
from keys.models import OAuthClient
from keys.oauth import lifecycle
from orgs import scope
from tests.keys import build

URI = "https://app.example/back"


def api(org, name="Protected", **members):
    """An API that uses OAuth 2.0."""
    return build.api(org, name, use_oauth2=True, **members)


def client(org, api, policy, **values):
    """A client of `api`, and its secret."""
    with scope.org(org.id):
        values = {"redirect_uri": URI, "policy_id": policy.id, **values}
        return lifecycle.create(org.id, api.api_id, values, created_by="test")


def give(
    redis,
    client,
    named="one",
    refresh="refresh",
    *,
    policy="",
    expires=3_600,
    function="murmur64",
    user_data="",
):
    """What a gateway leaves of a token; answers its hash."""
    hash, prefix = hashed(named, function), f"oauth-data.{client.served_api_id}."
    facts = {
        "Client": {"id": client.client_id, "policyid": policy or client.policy_id},
        "AccessToken": named,
        "RefreshToken": refresh,
        "UserData": user_data,
    }
    redis.set(f"apikey-{hash}", json.dumps({"oauth_client_id": client.client_id}))
    redis.set(f"{prefix}oauth-access.{hash}", json.dumps(facts))
    redis.set(f"{prefix}oauth-refresh.{refresh}", json.dumps(facts))
    redis.zadd(f"{prefix}oauth-client-tokens.{client.client_id}", {hash: int(time.time()) + expires})
    return hash


def left(redis):
    """The names in Redis that speak of clients or tokens."""
    return sorted(name.decode() for name in redis.scan_iter() if name.startswith((b"oauth-", b"apikey-")))


def now(made):
    with scope.every_org():
        return OAuthClient.objects.filter(id=made.id).first()
