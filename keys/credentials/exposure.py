"""What the name of a user opens without the password, and the fingerprint of a certificate without the certificate.

Gateways find the session of a user by his name, which is no secret, for APIs of every kind: one that asks for a token
takes the name for it, one that asks for a JWT takes one that names him and is signed with nothing (both seen). So the
session of a user names those APIs alone that ask for a password. The session of a client certificate they find by its
fingerprint, which everybody knows who has seen the certificate: so it names those alone that ask for one.
What policies open gateways decide. So a policy is refused that opens more than that to such a key which has it, and so
is a change of an API that would no longer ask; whoever writes one of these holds the organisation's lock.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from apis.definitions.authentication import asks_for_certificate, asks_for_password
from apis.definitions.pointer import Problem
from apis.models import ApiDefinition
from apis.publishing.refusals import Invalid
from keys.keys.parameters import SessionError
from keys.keys.session import PolicyFacts
from keys.models import KeyPolicy, PolicyRight

# Kinds of keys whose names are no secrets: whether an API with such ways, in words, asks for what is one; and what is
# said of one that does not.
ASKS: dict[str, Callable[[str], bool]] = {"basic": asks_for_password, "certificate": asks_for_certificate}
_SAYS = {
    "basic": "does not ask for a user name and a password: whoever knows the name alone could call it. "
    "A user may open only APIs with basic authentication.",
    "certificate": "does not ask for a client certificate: whoever knows its fingerprint alone could call it. "
    "A key for a client certificate may open only APIs whose token it takes the place of (use_certificate).",
}
# The same of a policy that such a key has, and of an API that one of those opens.
BY_POLICY = {
    "basic": "does not ask for a user name and a password, and users have this policy: whoever knows the name of one "
    "could call it. Give those users another policy first.",
    "certificate": "does not ask for a client certificate, and keys for client certificates have this policy: whoever "
    "knows the fingerprint of one could call it. Give those keys another policy first.",
}
_BEFORE = "could call it without. Take this API out of their policies, or give them others, first."
STAYS = {
    "basic": Problem(
        "/use_basic_auth",
        f"must stay on: users have a policy that opens this API, and whoever knows the name of one {_BEFORE}",
    ),
    "certificate": Problem(
        "",
        "must go on asking for a client certificate (use_certificate): keys for such have a policy that opens this "
        f"API, and whoever knows the fingerprint of one {_BEFORE}",
    ),
}


def is_open(credential: str, ways: str) -> bool:
    """Whether an API with these ways, in words, would let in whoever knows the name of a key of this kind."""
    return credential in ASKS and not ASKS[credential](ways)


def refuse(
    org_id: str, credential: str, apis: Iterable[ApiDefinition], policies: Iterable[PolicyFacts]
) -> None:
    """Raise SessionError for rights and policies of a key that would open something to whoever knows its name."""
    if credential not in ASKS:
        return
    for api in apis:
        if is_open(credential, api.auth):
            raise SessionError("access_rights", f"API {api.api_id!r} {_SAYS[credential]}")
    if opened := opened_by_policies(org_id, credential, [policy.id for policy in policies]):
        named = f"API {opened[0].api_id!r}, which a policy opens,"
        raise SessionError("apply_policies", f"{named} {_SAYS[credential]}")


def opened_by_policies(org_id: str, credential: str, policies: Iterable[str]) -> list[ApiDefinition]:
    """The APIs that these policies open and that do not ask for what a key of this kind must show, by name."""
    if credential not in ASKS:
        return []
    rights = PolicyRight.objects.filter(
        org_id=org_id, policy_id__in=list(policies), policy__grants_rights=True
    )
    apis = ApiDefinition.objects.filter(org_id=org_id, id__in=rights.values("api_id"))
    named = apis.only("id", "org_id", "api_id", "name", "auth").order_by("name", "id")
    return [api for api in named if is_open(credential, api.auth)]


def by_policies(
    org_id: str, opened: Mapping[str, Collection[str]], auths: Mapping[str, str]
) -> dict[str, list[tuple[str, str]]]:
    """{policy: [(API, why it may not be opened)]} of those which would open something anew to whoever knows the name of
    a key that has them. opened: APIs by policy. auths: how callers of each API prove who they are."""
    found = {
        (id, credential): api_ids
        for id, asked in opened.items()
        for credential in ASKS
        if (api_ids := [api_id for api_id in sorted(asked) if is_open(credential, auths[api_id])])
    }
    held = _held(org_id, {id for id, _ in found}) if found else ()
    refused = defaultdict(list)
    for id, credential in found.keys() & held:
        refused[id] += [(api_id, BY_POLICY[credential]) for api_id in found[id, credential]]
    return refused


def refuse_without(org_id: str, api_id: str, before: str, **_: object) -> None:
    """Callers of an API prove in another way than `before` who they are
    (apis.publishing.events.authentication_changed). Raise Invalid if it is now open to whoever knows the name of a key
    that has it by a policy."""
    api = ApiDefinition.objects.only("id", "org_id", "auth").get(org_id=org_id, api_id=api_id)
    opened = [kind for kind in ASKS if is_open(kind, api.auth) and not is_open(kind, before)]
    if not opened:
        return
    opening = PolicyRight.objects.filter(org_id=org_id, api_id=api.id, policy__grants_rights=True)
    held = {credential for _, credential in _held(org_id, opening.values_list("policy_id", flat=True))}
    if faults := [STAYS[kind] for kind in opened if kind in held]:
        raise Invalid(faults)


def _held(org_id: str, policies: Iterable[str]) -> set[tuple[str, str]]:
    """(policy, kind of key) of those of these policies that a living key has whose name is no secret."""
    having = KeyPolicy.objects.filter(
        org_id=org_id, policy_id__in=list(policies), key__revoked_at=None, key__credential__in=ASKS
    )
    return set(having.values_list("policy_id", "key__credential").distinct())
