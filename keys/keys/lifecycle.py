"""Making and changing keys: one transaction holds the rows, the audit entry and the outbox row of each
change.

The caller has entered a scope and opened the transaction. What it hands in has passed keys.keys.forms; that
every API and policy is the organisation's own is nevertheless asked of the database again, here and by its
composite foreign keys. Locks are taken in the order of orgs.organisations.locks.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from apis.gateways import outbox
from apis.models import ApiDefinition
from keys.certificates import named
from keys.credentials import exposure, naming, sealed
from keys.keys import search
from keys.keys.delivery import CHANGED, REVOKED, SUSPENDED
from keys.keys.parameters import NO_RIGHTS, SessionError, no_such_api, policies_from
from keys.keys.reader import policies_of, policies_of_one, policy_facts, rights_of
from keys.keys.session import LIFETIME, UNLIMITED, PolicyFacts, Right
from keys.models import Key, KeyPolicy, KeyRight, Policy
from keys.sessions import facts
from orgs import refusals
from orgs.audit import log
from orgs.models import Organisation
from orgs.organisations import limits, locks


@dataclass(frozen=True)
class KeySpec:
    """What a key shall be, apart from being suspended or revoked."""

    alias: str = ""
    owner: str = ""
    expires_at: datetime | None = None
    rate: float = UNLIMITED
    per: float = 0
    quota_max: int = UNLIMITED
    quota_renewal_rate: int = 0
    all_apis: bool = False
    rights: tuple[Right, ...] = ()
    # Row ids, in the order in which gateways apply them.
    policies: tuple[str, ...] = ()
    tags: list[str] = field(default_factory=list)
    meta_data: dict[str, Any] = field(default_factory=dict)
    session_extra: dict[str, Any] = field(default_factory=dict)
    # New ones in clear, by name (keys.credentials.sealed.changed).
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def columns(self) -> dict[str, Any]:
        """All of it that stands in the key's own row."""
        return {
            name: value for name, value in vars(self).items() if name not in ("rights", "policies", "secrets")
        }


def spec_of(key: Key) -> KeySpec:
    """What a key is, to be changed in part."""
    columns = {name: getattr(key, name) for name in KeySpec().columns()}
    policies = tuple(policy.id for policy in policies_of([key])[key.id])
    return KeySpec(**columns, rights=tuple(rights_of([key])[key.id] or ()), policies=policies)


MISSING = "Could not retrieve key detail"  # Tyk's words


class Revoked(refusals.Missing):
    """The key is revoked, and nothing of it changes any more."""

    def __init__(self):
        super().__init__("A revoked key cannot be changed.")

    def for_machines(self) -> str:
        return MISSING


class Stale(refusals.Stale):
    """Somebody else changed the key since it was looked at; `key` is what it is now."""

    def __init__(self, key: Key):
        super().__init__(f"{key.id} was changed meanwhile")
        self.key = key


class AlreadyMade(refusals.Taken):
    """The form was sent before; `key` is what it made."""

    def __init__(self, key: Key):
        super().__init__(key.id)
        self.key = key


def create(
    org_id: str,
    spec: KeySpec,
    *,
    created_by: str,
    suspended: bool = False,
    form_token: str | None = None,
    key_id: str = "",
) -> tuple[Key, str]:
    """A new key and its token, which is nowhere kept. key_id: an id that somebody chose, or the name of a user. Without
    an expiry of its own the key ends when the first of its policies says so. Raises SessionError for rights, policies,
    and ids that may not be given, IdTaken, CertificateTaken, AlreadyMade for a form token used before, Departed,
    LimitReached."""
    organisation = locks.lock(org_id)
    made = Key.objects.filter(org_id=org_id, form_token=form_token).first() if form_token else None
    if made is not None:
        raise AlreadyMade(made)
    living = Key.objects.filter(org_id=org_id, revoked_at=None)
    limits.refuse_more(organisation, "max_keys", living.count() + 1)
    secrets = sealed.changed({}, spec.secrets)
    credential = sealed.kind(secrets, spec.session_extra)
    names = _names(organisation, credential, key_id, spec)
    key = Key(
        org_id=org_id,
        created_by=created_by,
        suspended=suspended,
        form_token=form_token,
        token_hash=names.token_hash,
        cache_key=names.cache_key,
        short_cache_key=names.short_cache_key,
        credential=credential,
        **spec.columns(),
    )
    _insert(key, spec, secrets, chosen=bool(key_id) or credential == "certificate")
    return key, names.token


def adopt(
    org_id: str,
    spec: KeySpec,
    *,
    token_hash: str,
    secrets: Mapping[str, Any],
    created_by: str,
    suspended: bool = False,
    token: str = "",
) -> Key:
    """A key of a session that somebody else made (keys.adoption). token: of one that a certificate says; nobody here
    knows those of others. What it may and when it
    ends is what `spec` says, whatever its policies say of new keys. secrets: as keys.credentials.sealed.of gives them.
    Raises SessionError, Departed, LimitReached."""
    organisation = locks.lock(org_id)
    living = Key.objects.filter(org_id=org_id, revoked_at=None)
    limits.refuse_more(organisation, "max_keys", living.count() + 1)
    key = Key(
        org_id=org_id,
        created_by=created_by,
        suspended=suspended,
        token_hash=token_hash,
        # Gateways name sessions by murmur64 in their own memory, whatever they lie under.
        cache_key=token_hash if len(token_hash) == 16 else "",
        credential=sealed.kind(secrets, spec.session_extra),
        **spec.columns(),
    )
    if token:
        key.cache_key, key.short_cache_key = naming.cached(token)
    _insert(key, spec, secrets, "key.adopted")
    return key


def _insert(
    key: Key,
    spec: KeySpec,
    secrets: Mapping[str, Any],
    action: str = "key.created",
    *,
    chosen: bool = False,
) -> None:
    """chosen: whether somebody chose its id, which a revoked key may have had."""
    apis, policies = _own_apis(key.org_id, spec), _own_policies(key.org_id, spec)
    exposure.refuse(key.org_id, key.credential, apis.values(), policies)
    certificates = named.own(key.org_id, spec.session_extra, key.created_at)
    sealed.keep(key, secrets)
    if chosen:
        naming.let_go(key)
    if action == "key.created":
        key.expires_at = first_end(key, policies, key.created_at)
    key.expires_at = _first(key.expires_at, named.end_of(certificates))
    key.save(force_insert=True)
    search.index(key)
    _write_rights(key, spec, apis)
    _write_policies(key, policies)
    named.write(key, certificates)
    _announce(key, action, before={}, new_secrets=sealed.new({}, secrets))


def _names(organisation: Organisation, credential: str, key_id: str, spec: KeySpec) -> naming.Names:
    if credential == "certificate":
        if key_id or spec.secrets:
            raise SessionError(
                named.CLIENT, "A key for a certificate has neither an id of its own nor a secret."
            )
        named.own(organisation.id, spec.session_extra, timezone.now())
        return naming.of_certificate(organisation.id, spec.session_extra[named.CLIENT])
    of_user = credential == "basic"
    return naming.chosen(organisation, key_id, of_user=of_user) if key_id else naming.made(organisation.id)


def change(
    key: Key,
    spec: KeySpec,
    *,
    suspended: bool | None = None,
    reset_quota: bool = False,
    expected: int | None = None,
) -> Key:
    """Make a key what `spec` says. `suspended` None leaves that as it is; `reset_quota` begins its quota
    anew. `expected`, here and in the other verbs: the change number that whoever asks for it has seen; None changes
    whatever is there. Raises SessionError for rights and policies that may not be given, Revoked, Stale, Departed."""
    locks.lock(key.org_id)
    apis, policies = _own_apis(key.org_id, spec), _own_policies(key.org_id, spec)
    key = locked(key)
    before = facts.of(key)
    named.refuse_another(key, spec.session_extra)
    certificates = named.own(key.org_id, spec.session_extra, timezone.now(), before=key.session_extra)
    spec = _lasting(spec, key)
    spec = replace(spec, expires_at=_first(spec.expires_at, named.end_of(certificates)))
    specified = facts.specified(spec, policies, key.suspended if suspended is None else suspended)
    held = sealed.of(key)
    secrets = sealed.changed(held, spec.secrets)
    if before == specified and not reset_quota and secrets == held:
        return key
    refuse_stale(key, expected)
    if secrets != held:
        sealed.keep(key, secrets)
    key.credential = sealed.kind(secrets, spec.session_extra, key.credential)
    exposure.refuse(key.org_id, key.credential, apis.values(), policies)
    words, extra = search.indexed(key), key.session_extra
    for name, value in spec.columns().items():
        setattr(key, name, value)
    key.suspended = specified["suspended"]
    KeyRight.objects.filter(org_id=key.org_id, key=key).delete()
    _write_rights(key, spec, apis)
    if before["policies"] != specified["policies"]:
        KeyPolicy.objects.filter(org_id=key.org_id, key=key).delete()
        _write_policies(key, policies)
    named.write(key, certificates, before=extra)
    if words != search.indexed(key):
        search.index(key)
    save(key)
    kind = SUSPENDED if key.suspended else CHANGED
    new = sealed.new(held, secrets)
    _announce(key, "key.changed", before=before, kind=kind, reset_quota=reset_quota, new_secrets=new)
    return key


def change_secret(key: Key, secrets: Mapping[str, str], *, expected: int | None = None) -> Key:
    """Give a key other secrets, in clear by name (keys.credentials.sealed.changed); all else stays. Raises Revoked,
    Stale, Departed, Unreadable."""
    locks.lock(key.org_id)
    key = locked(key)
    refuse_stale(key, expected)
    before, held = facts.of(key), sealed.of(key)
    made = sealed.changed(held, secrets)
    sealed.keep(key, made)
    save(key)
    kind = SUSPENDED if key.suspended else CHANGED
    _announce(key, "key.changed", before=before, kind=kind, new_secrets=sealed.new(held, made))
    return key


def differences(key: Key, spec: KeySpec) -> dict[str, list]:
    """{member: [now, specified]} of what `change` would alter."""
    own = policies_of_one(key.org_id, named=spec.policies)
    policies = sorted(own, key=lambda policy: spec.policies.index(policy.id))
    return log.changes_between(facts.of(key), facts.specified(spec, policies, key.suspended))


def ends_by(policies: Iterable[PolicyFacts], made_at: datetime) -> datetime | None:
    """When a key made then ends by the shortest of what its policies say; None is never."""
    return _after(
        min((policy.key_expires_in for policy in policies if policy.key_expires_in > 0), default=0), made_at
    )


def first_end(key: Key | KeySpec, policies: Iterable[PolicyFacts], made_at: datetime) -> datetime | None:
    """When a key made then ends: by its expiry, or else by what its policies say, and no later than by its lifetime."""
    return _first(
        key.expires_at or ends_by(policies, made_at), _after(key.session_extra.get(LIFETIME, 0), made_at)
    )


def _first(*ends: datetime | None) -> datetime | None:
    """None is never."""
    return min((end for end in ends if end), default=None)


def _lasting(spec: KeySpec, key: Key) -> KeySpec:
    """What a key shall be, with the end that its lifetime gives it: that runs from when it was given."""
    if spec.session_extra.get(LIFETIME, 0) <= 0:
        return spec
    if spec.session_extra[LIFETIME] == key.session_extra.get(LIFETIME):
        return replace(spec, expires_at=spec.expires_at or key.expires_at)
    return replace(spec, expires_at=first_end(spec, (), timezone.now()))


def _after(seconds: int, made_at: datetime) -> datetime | None:
    try:
        return made_at + timedelta(seconds=seconds) if seconds > 0 else None
    except OverflowError:  # beyond the calendar
        return None


def set_suspended(key: Key, suspended: bool, *, expected: int | None = None) -> Key:
    """Suspend or resume a key; a no-op when it already is so. Raises Revoked, Stale, Departed."""
    locks.lock(key.org_id)
    key = locked(key)
    if key.suspended == suspended:
        return key
    refuse_stale(key, expected)
    before = facts.of(key)
    key.suspended = suspended
    save(key)
    if suspended:
        _announce(key, "key.suspended", before=before, kind=SUSPENDED)
    else:
        _announce(key, "key.resumed", before=before)
    return key


def revoke(key: Key, *, expected: int | None = None) -> Key:
    """End a key for good. Its row stays. Raises Revoked when it is that already, Stale, Departed."""
    locks.lock(key.org_id)
    key = locked(key)
    refuse_stale(key, expected)
    before = facts.of(key)
    key.revoked_at = timezone.now()
    save(key)
    _announce(key, "key.revoked", before=before, kind=REVOKED)
    return key


def locked(key: Key) -> Key:
    """The key as it is now, until the end of the transaction. Raises Revoked."""
    key = Key.objects.select_for_update().get(org_id=key.org_id, id=key.id)
    if key.revoked_at is not None:
        raise Revoked
    return key


def refuse_stale(key: Key, expected: int | None) -> None:
    """Raises Stale unless the key is what whoever changes it has seen; None has seen whatever is there."""
    if expected not in (None, key.change_number):
        raise Stale(key)


def _own_apis(org_id: str, spec: KeySpec) -> dict[str, ApiDefinition]:
    """The APIs that `spec` names, by API id, locked so that none is deleted before the rights are
    committed. They are locked before any key, as apis.publishing.publish does when an API goes."""
    if spec.all_apis:
        return {}
    wanted = {right.api_id for right in spec.rights}
    if not wanted and not spec.policies:
        raise SessionError("access_rights", NO_RIGHTS)
    own = ApiDefinition.objects.select_for_update(no_key=True, of=("self",)).filter(
        org_id=org_id, api_id__in=wanted
    )
    apis = {api.api_id: api for api in own.order_by("api_id")}
    if missing := sorted(wanted - apis.keys()):
        raise SessionError("access_rights", no_such_api(missing[0]))
    return apis


def _own_policies(org_id: str, spec: KeySpec) -> list[PolicyFacts]:
    """The policies that `spec` names, in order, locked so that none is deleted before the key has it."""
    if not spec.policies:
        return []
    rows = Policy.objects.filter(org_id=org_id, id__in=spec.policies).order_by("id")
    return policies_from(spec.policies, policy_facts(rows.select_for_update(no_key=True)))


def _write_policies(key: Key, policies: list[PolicyFacts]) -> None:
    KeyPolicy.objects.bulk_create(
        KeyPolicy(org_id=key.org_id, key=key, policy_id=policy.id, position=position)
        for position, policy in enumerate(policies)
    )


def _write_rights(key: Key, spec: KeySpec, apis: dict[str, ApiDefinition]) -> None:
    KeyRight.objects.bulk_create(
        KeyRight(
            org_id=key.org_id,
            key=key,
            api=apis[right.api_id],
            versions=list(right.versions),
            members=dict(right.members),
        )
        for right in (() if spec.all_apis else spec.rights)
    )


def save(key: Key) -> None:
    """Store a change that gateways must hear of."""
    key.updated_at = timezone.now()
    key.change_number += 1
    key.save()


def _announce(
    key: Key,
    action: str,
    *,
    before: dict,
    kind: str = CHANGED,
    reset_quota: bool = False,
    new_secrets: Collection[str] = (),
) -> None:
    _record(key, action, before, new_secrets)
    outbox.add(kind, key.id, {"reset_quota": True} if reset_quota else None, org_id=key.org_id)


def _record(key: Key, action: str, before: dict, new_secrets: Collection[str] = ()) -> None:
    """new_secrets: which they are; of what they are nothing is noted."""
    after = facts.of(key) | ({"new_secrets": list(new_secrets)} if new_secrets else {})
    log.record(
        action, "key", key.id, str(key), org=key.org_id, before=facts.noted(before), after=facts.noted(after)
    )
