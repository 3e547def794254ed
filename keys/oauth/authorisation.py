"""Authorisation codes: what a program that has asked its user gets for a client, which trades it at a gateway for a
token (RFC 6749, 4.1). Gateways make them by `/tyk/oauth/authorize-client/`, for whoever has their secret; here they are
made as gateways read them, for whoever may write the organisation's clients.

What a token opens, and how much, its client's policy says alone. What comes along as `key_rules` says only whose it is:
name, tags and metadata.
"""

import base64
import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from django.utils import timezone
from redis import Redis

from apis.gateways import names
from keys.keys.session import GATEWAY_MEMBERS, Limits, is_zero, session
from keys.models import OAuthClient
from keys.oauth import lifecycle
from keys.oauth.rules import LONGEST, ClientError, meta_data_from
from keys.oauth.tokens import AUTHORIZE
from orgs.http import strict_json

LASTS = 250  # seconds; as long as the codes of gateways
CODE = "code"
_TEXTS = {
    "response_type": 50,
    "client_id": LONGEST["client_id"],
    "redirect_uri": LONGEST["redirect_uri"],
    "state": 2_000,
    "scope": 1_000,
}
_LONGEST_RULES, _LONGEST_ALIAS = 20_000, 200


@dataclass(frozen=True)
class Asked:
    """What a request asks for. rules: members of the tokens' sessions, None for none."""

    client_id: str
    redirect_uri: str
    state: str
    scope: str
    rules: Mapping[str, Any] | None


def asked_from(body: Mapping[str, Any]) -> Asked:
    """The members of a request's body, each of its type. Raises ClientError."""
    texts = {name: _text(body, name, longest) for name, longest in _TEXTS.items()}
    if texts.pop("response_type") != CODE:
        raise ClientError("response_type", "Must be code: tokens are given by gateways alone.")
    return Asked(**texts, rules=_rules(body.get("key_rules")))


def _text(body: Mapping[str, Any], name: str, longest: int) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ClientError(name, "Must be a string.")
    if len(value) > longest:
        raise ClientError(name, f"Must not be longer than {longest:,} characters.")
    if "\0" in value:
        raise ClientError(name, "Must not hold a NUL character.")
    return value


def _rules(value: Any) -> dict[str, Any] | None:
    """Forms carry the session as text."""
    if isinstance(value, str) and value.strip():
        if len(value) > _LONGEST_RULES:
            raise ClientError("key_rules", f"Must not be longer than {_LONGEST_RULES:,} characters.")
        try:
            value = strict_json.loads(value)
        except strict_json.BadJson as error:
            raise ClientError("key_rules", f"Must be JSON: {error}.") from None
    if value in (None, "") or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, dict):
        raise ClientError("key_rules", "Must be an object.")
    return value


def authorise(client: OAuthClient, asked: Asked, types: Collection[str], redis: Redis) -> dict[str, str]:
    """A code for a client, as gateways answer with one. types: what its API's definition has as
    `allowed_authorize_types`. Raises ClientError, Deleted, Stale, redis.RedisError; then there is no code."""
    if CODE not in types:
        raise ClientError(
            "response_type", "This API gives no codes: its oauth_meta.allowed_authorize_types has no code."
        )
    if client.suspended:
        raise ClientError("client_id", "Is suspended: gateways do not know it.")
    uri = _own_uri(client, asked.redirect_uri)
    code = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    stored = _stored(client, asked, uri, code)
    place = names.oauth(client.served_api_id, AUTHORIZE + code)
    redis.set(place, json.dumps(stored, ensure_ascii=False), ex=LASTS)
    try:
        # After it is written: whoever has changed the client before has not seen the code to end it.
        lifecycle.note_authorised(client, uri)
    except BaseException:
        redis.delete(place)
        raise
    state = {"state": asked.state} if asked.state else {}
    return {"code": code, "redirect_to": _with(uri, {"code": code, **state}), **state}


def _own_uri(client: OAuthClient, text: str) -> str:
    """One that the client has, the first where none is named; gateways take one that was escaped twice."""
    own = client.redirect_uri.split(",")
    if not text:
        return own[0]
    for uri in (text, unquote_plus(text)):
        if uri in own:
            return uri
    raise ClientError("redirect_uri", "Is none of this client's.")


def _stored(client: OAuthClient, asked: Asked, uri: str, code: str) -> dict[str, Any]:
    """What gateways keep of a code. The client's secret, which they write besides, they do not read."""
    return {
        "Client": {
            "id": client.client_id,
            "secret": "",
            "redirecturi": client.redirect_uri,
            "policyid": client.policy_id,
        },
        "Code": code,
        "ExpiresIn": LASTS,
        "Scope": asked.scope,
        "RedirectUri": uri,
        "State": asked.state,
        "CreatedAt": timezone.now().isoformat().replace("+00:00", "Z"),
        # Gateways take the policy's where there is no session in it.
        "UserData": json.dumps(session_of(client, asked.rules)) if asked.rules else "",
    }


def session_of(client: OAuthClient, rules: Mapping[str, Any]) -> dict[str, Any]:
    """The session of tokens with these rules. Raises ClientError."""
    # Empty rights in a rule for an API are that API whole.
    said = {name: value for name, value in rules.items() if value and (name == RIGHTS or not is_zero(value))}
    _refuse_others(client, said)
    alias, now = said.get("alias", ""), timezone.now()
    if not isinstance(alias, str) or len(alias) > _LONGEST_ALIAS:
        raise ClientError("key_rules.alias", f"Must be a string of {_LONGEST_ALIAS} characters at most.")
    made = session(
        rights=(),
        apis=(),
        policies=[client.policy_id],
        org_id=client.org_id,
        limits=Limits(),
        alias=alias,
        tags=_tags(said.get("tags", [])),
        meta_data=meta_data_from(rules.get("meta_data"), "key_rules.meta_data"),
        created_at=now,
        updated_at=now,
    )
    # Gateways set it themselves; before that it says by whose policy the session is (keys.oauth.tokens.Given).
    return {**made, "oauth_client_id": client.client_id}


def _tags(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise ClientError("key_rules.tags", "Must be a list of strings.")
    if len(value) > 100 or any(len(tag) > 100 for tag in value):
        raise ClientError("key_rules.tags", "At most 100 tags of 100 characters.")
    return value


def _other_policy(value: Any) -> str:
    return f"Must be the client's policy, not {strict_json.printable(str(value))!r}."


def _refuse_others(client: OAuthClient, said: Mapping[str, Any]) -> None:
    """Refuse what would widen or narrow a token: gateways would take the one and pass over the other."""
    own_policy = (client.policy_id, client.policy.policy_id)
    for name, value in said.items():
        if name == "org_id" and value != client.org_id:
            raise ClientError("key_rules.org_id", "Must be the client's organisation.")
        if name in ("apply_policy_id", "apply_policies"):
            for each in value if isinstance(value, list) else [value]:
                if each not in own_policy:
                    raise ClientError(f"key_rules.{name}", _other_policy(each))
        if name not in _TAKEN | GATEWAY_MEMBERS:
            raise ClientError(f"key_rules.{strict_json.printable(name)}", "Comes from the client's policy.")


# When a token ends gateways say themselves.
_TAKEN = {"org_id", "alias", "tags", "meta_data", "apply_policy_id", "apply_policies", "expires"}
RIGHTS = "access_rights"


def _with(uri: str, more: Mapping[str, str]) -> str:
    """An address with further parameters, in the order in which gateways write them. Clients have addresses that
    Python's reader takes apart otherwise or not at all: nothing else of it is touched."""
    address, _, query = uri.partition("?")
    own = [item for item in parse_qsl(query, keep_blank_values=True) if item[0] not in more]
    return f"{address}?{urlencode(sorted([*own, *more.items()], key=itemgetter(0)))}"
