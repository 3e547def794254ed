"""Making and changing OAuth clients: one transaction holds the row, the audit entry and the message.

Everybody who changes a client comes through here, in an entered scope. That API and policy are the organisation's own
is asked under locks, in the order of orgs.organisations.locks, and again by composite foreign keys.
"""

import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from apis.definitions.authentication import uses_oauth
from apis.gateways import outbox
from apis.models import ApiDefinition
from keys.keys.parameters import no_such_api, no_such_policy
from keys.models import OAuthClient, Policy
from keys.oauth.delivery import ALL, CHANGED, ENDED, HASHES, REFRESH
from keys.oauth.refusals import AlreadyMade, Deleted, Stale, Taken
from keys.oauth.rules import RESERVED, ClientError
from orgs.audit import log
from orgs.models import Organisation
from orgs.organisations import locks
from orgs.refusals import LimitReached
from orgs.sealing import seal, unseal

MOST_CLIENTS = 10_000  # of one organisation
_TEXTS = ("redirect_uri", "description", "meta_data")


@transaction.atomic
def create(
    org_id: str,
    api_id: str,
    values: Mapping[str, Any],
    *,
    created_by: str,
    form_token: str | None = None,
) -> tuple[OAuthClient, str]:
    """A new client of an API, and its secret. api_id: the id by which gateways know the API; values:
    keys.oauth.rules.values_from, whose id and secret are kept if there are any. Raises ClientError, Taken, AlreadyMade,
    Departed, LimitReached."""
    organisation = locks.lock(org_id)
    made = OAuthClient.objects.filter(org_id=org_id, form_token=form_token).first() if form_token else None
    if made is not None:
        raise AlreadyMade(made)
    api = _own_api(org_id, api_id)
    policy = _own_policy(org_id, values.get("policy_id", ""))
    if not values.get("redirect_uri"):
        raise ClientError("redirect_uri", "Is needed: gateways give no token to a client without.")
    living = OAuthClient.objects.filter(org_id=org_id, deleted_at=None)
    _refuse_more(organisation, living.count())
    client_id = values.get("client_id") or uuid.uuid4().hex
    if living.filter(served_api_id=api.api_id, client_id=client_id).exists():
        raise Taken
    secret = values.get("secret") or secrets.token_urlsafe(32)
    client = OAuthClient(
        org_id=org_id,
        api=api,
        policy=policy,
        served_api_id=api.api_id,
        client_id=client_id,
        created_by=created_by,
        form_token=form_token,
        **{name: values[name] for name in _TEXTS if name in values},
    )
    seal(client, "sealed_secret", secret.encode())
    client.save(force_insert=True)
    _announce(client, "oauth-client.created", before={})
    return client, secret


@transaction.atomic
def change(client: OAuthClient, values: Mapping[str, Any], *, expected: int | None = None) -> OAuthClient:
    """Make a client what `values` say; what they do not say stays. Another policy ends the tokens that were given by
    the one before. expected, here and below: the change number that whoever asks for it has seen; None changes whatever
    is there. Raises ClientError, Stale, Deleted, Departed."""
    locks.lock(client.org_id)
    policy = _own_policy(client.org_id, values["policy_id"]) if values.get("policy_id") else None
    client = _locked(client, expected)
    if values.get("client_id") not in (None, "", client.client_id):
        raise ClientError("client_id", "Stays as it is: make another client for another ID.")
    before, former, secret = _facts(client), client.policy_id, secret_of(client)
    for name in _TEXTS:
        if name in values:
            setattr(client, name, values[name])
    if not client.redirect_uri:
        raise ClientError("redirect_uri", "Is needed: gateways give no token to a client without.")
    client.policy = policy or client.policy
    wanted = values.get("secret") or secret
    if _facts(client) == before and wanted == secret:
        return client
    seal(client, "sealed_secret", wanted.encode())
    _save(client)
    changed = client.policy_id != former
    noted = {"secret": "another"} if wanted != secret else {}
    _announce(client, "oauth-client.changed", before=before, more=noted, tokens=ALL if changed else None)
    return client


@transaction.atomic
def renew_secret(client: OAuthClient, *, expected: int | None = None) -> tuple[OAuthClient, str]:
    """Give a client another secret. Raises Stale, Deleted, Departed."""
    secret = secrets.token_urlsafe(32)
    return change(client, {"secret": secret}, expected=expected), secret


@transaction.atomic
def set_suspended(client: OAuthClient, suspended: bool, *, expected: int | None = None) -> OAuthClient:
    """Have gateways refuse a client and its tokens, or know it again; a no-op when it already is so. Raises Stale,
    Deleted, Departed."""
    locks.lock(client.org_id)
    client = _locked(client, None)
    if client.suspended == suspended:
        return client
    _refuse_stale(client, expected)
    before = _facts(client)
    client.suspended = suspended
    _save(client)
    action = "oauth-client.suspended" if suspended else "oauth-client.resumed"
    _announce(client, action, before=before, urgent=suspended)
    return client


@transaction.atomic
def delete(client: OAuthClient, *, expected: int | None = None) -> OAuthClient:
    """End a client and its tokens for good; its row stays, without the secret. Raises Stale, Deleted, Departed."""
    locks.lock(client.org_id)
    client = _locked(client, expected)
    _end(client)
    return client


@transaction.atomic
def end_tokens(client: OAuthClient, *, hashes: Sequence[str] = (), refresh: str = "") -> None:
    """End all tokens of a client, or those of these hashes and the refresh token of this digest
    (keys.oauth.tokens.digest). Raises Deleted, Departed."""
    locks.lock(client.org_id)
    client = _locked(client, None)
    some = {HASHES: list(hashes)} if hashes else {}
    some |= {REFRESH: refresh} if refresh else {}
    log.record(
        "oauth-client.tokens-revoked",
        "oauth-client",
        client.id,
        str(client),
        org=client.org_id,
        after={"tokens": "one" if some else "all"},
    )
    outbox.add(ENDED, client.id, some or {ALL: True}, org_id=client.org_id)


@transaction.atomic
def note_authorised(client: OAuthClient, redirect_uri: str) -> None:
    """Note that somebody has a code for a client as it is here. Raises Stale, Deleted."""
    client = _locked(client, client.change_number)
    log.record(
        "oauth-client.authorised",
        "oauth-client",
        client.id,
        str(client),
        org=client.org_id,
        after={"redirect_uri": redirect_uri},
    )


def secret_of(client: OAuthClient) -> str:
    """Of a client that is not deleted. Raises orgs.sealing.NotOpened."""
    return (unseal(client, "sealed_secret") or b"").decode()


def follow(org_id: str, api_ids: Sequence[str], what: str, **_: object) -> None:
    """APIs are about to be "removed" (apis.publishing.events.api_set_changed), or will have other ids: their clients
    end."""
    if what == "removed":
        _end_each(OAuthClient.objects.filter(org_id=org_id, served_api_id__in=api_ids))


def depart(organisation: Organisation, **_: object) -> None:
    """The organisation is being deleted (apis.publishing.events.apis_departing): its clients end before its
    policies."""
    _end_each(OAuthClient.objects.filter(org_id=organisation.id))


def _end_each(clients) -> None:
    for client in clients.filter(deleted_at=None).order_by("id").select_for_update(no_key=True, of=("self",)):
        _end(client)


def _end(client: OAuthClient) -> None:
    before = _facts(client)
    client.api = client.policy = None
    seal(client, "sealed_secret", None)
    client.deleted_at = timezone.now()
    _save(client)
    _announce(client, "oauth-client.deleted", before=before, tokens=ALL)


def _own_api(org_id: str, api_id: str) -> ApiDefinition:
    """Locked, so that it does not go meanwhile."""
    own = ApiDefinition.objects.select_for_update(no_key=True, of=("self",))
    api = own.filter(org_id=org_id, api_id=api_id).first()
    if api is None:
        raise ClientError("api_id", no_such_api(api_id))
    if not uses_oauth(api.auth):
        raise ClientError("api_id", f"The API {api_id!r} does not use OAuth 2.0.")
    if f".{RESERVED}" in api.api_id:
        raise ClientError("api_id", f"An API with .{RESERVED} in its ID cannot have clients.")
    return api


def _own_policy(org_id: str, name: str) -> Policy:
    """By either id, locked so that it does not go meanwhile."""
    if not name:
        raise ClientError("policy_id", "Is needed: it says what the tokens open.")
    rows = Policy.objects.select_for_update(no_key=True, of=("self",)).filter(org_id=org_id)
    policy = rows.filter(Q(id=name) | Q(policy_id=name)).first()
    if policy is None:
        raise ClientError("policy_id", no_such_policy(name))
    if not policy.grants_rights:
        raise ClientError(
            "policy_id", "This policy opens no API: it only limits, so no token would open one."
        )
    return policy


def _locked(client: OAuthClient, expected: int | None) -> OAuthClient:
    rows = OAuthClient.objects.select_for_update(of=("self",)).filter(org_id=client.org_id, id=client.id)
    now = rows.filter(deleted_at=None).first()
    if now is None:
        raise Deleted
    _refuse_stale(now, expected)
    return now


def _refuse_stale(client: OAuthClient, expected: int | None) -> None:
    if expected not in (None, client.change_number):
        raise Stale(client)


def _refuse_more(organisation: Organisation, there: int) -> None:
    if there >= MOST_CLIENTS:
        raise LimitReached(f"This organisation may have {MOST_CLIENTS:,} OAuth clients at most.")


def _save(client: OAuthClient) -> None:
    client.updated_at = timezone.now()
    client.change_number += 1
    client.save()


def _announce(
    client: OAuthClient,
    action: str,
    *,
    before: dict[str, Any],
    more: dict[str, Any] | None = None,
    tokens: str | None = None,
    urgent: bool = False,
) -> None:
    after = _facts(client) | (more or {})
    log.record(action, "oauth-client", client.id, str(client), org=client.org_id, before=before, after=after)
    kind = ENDED if urgent or tokens else CHANGED
    outbox.add(kind, client.id, {tokens: True} if tokens else None, org_id=client.org_id)


def _facts(client: OAuthClient) -> dict[str, Any]:
    """What a change may alter. Metadata may hold an upstream's credentials: a keyed digest tells that they changed."""
    digest = salted_hmac("keys.oauth.meta_data", json.dumps(client.meta_data)).hexdigest()[:8]
    return {
        "client_id": client.client_id,
        "api": client.served_api_id,
        "policy": client.policy.policy_id if client.policy else None,
        "redirect_uri": client.redirect_uri,
        "description": client.description,
        "meta_data": digest if client.meta_data else None,
        "suspended": client.suspended,
        "deleted": client.deleted_at is not None,
    }
