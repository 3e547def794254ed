"""What becomes of a session that somebody else made when its organisation takes it over. Pure.

Gateways never ask whose APIs a session names, so what others wrote may open anything. Taken over, it names nothing but
the organisation's own; what cannot be kept and would restrict keeps it from being taken over at all, since a key must
never open more than the session did.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from keys.keys import token as tokens
from keys.keys.parameters import NO_RIGHTS, SessionError, rights_from, values_from
from keys.keys.session import GATEWAY_MEMBERS, LIFETIME
from keys.policies.document import ACTED_ON

# Who made it. What gateways make at run time of a client's token or of a JSON Web Token is no key.
KEY, OAUTH, JWT, PLAIN = "key", "oauth", "jwt", "plain"
# Members that hold what its holder proves himself with, besides the token, and their texts.
SECRETS = {"basic_auth_data": ("password", "hash_type"), "jwt_data": ("secret",), "hmac_string": ()}
# Whether it can be taken over: as it is, cut down, or not.
WHOLE, CUT, NOT = "whole", "cut", "not"

_JWT_SESSION = "TykJWTSessionID"
_WHY_NOT = {
    OAUTH: "A gateway made it for a token of an OAuth client. It belongs to that client and ends with it.",
    JWT: "A gateway made it for whoever presents JSON Web Tokens, and makes it again. It is no key.",
    PLAIN: "It lies under the token itself, since the gateway that made it hashes no keys. Tokens are not kept here.",
}


@dataclass(frozen=True)
class Judgement:
    """kind: KEY, OAUTH, JWT or PLAIN. verdict: WHOLE, CUT or NOT. own: ids of the organisation's APIs that it names.
    strangers, strange_policies: how many others it names. losses: what taking it over would cut off, in sentences;
    why_not: why it cannot be taken over. body: what a request to make the key would say."""

    kind: str
    own: tuple[str, ...] = ()
    strangers: int = 0
    strange_policies: int = 0
    losses: tuple[str, ...] = ()
    why_not: str = ""
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        return NOT if self.why_not else CUT if self.losses else WHOLE


def is_sound(text: str) -> bool:
    """Whether a database takes it: without NUL, and without halves of characters."""
    return "\0" not in text and text.encode("utf-8", "replace").decode() == text


def named_apis(session: Mapping[str, Any]) -> list[str]:
    """The ids under which it has rights."""
    rights = session.get("access_rights")
    return [api_id for api_id in rights if isinstance(api_id, str)] if isinstance(rights, dict) else []


def named_policies(session: Mapping[str, Any]) -> list[str]:
    """The ids of its policies: as gateways do, the one counts where there is no list."""
    named = session.get("apply_policies")
    listed = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    single = session.get("apply_policy_id")
    return listed or ([single] if isinstance(single, str) and single else [])


def named_certificates(session: Mapping[str, Any]) -> list[str]:
    """The IDs of its certificates."""
    listed = session.get("mtls_static_certificate_bindings")
    ids = [
        session.get("certificate"),
        session.get("rsa_certificate_id"),
        *(listed if isinstance(listed, list) else ()),
    ]
    return [id for id in ids if isinstance(id, str) and id]


def names_of_certificate(org_id: str, id: str) -> dict[str, str]:
    """{hash: token} of where gateways, whatever their hash function, look for the session of a client certificate."""
    found = {}
    for function in tokens.FUNCTIONS:
        try:
            token = tokens.token_of(org_id, id.removeprefix(org_id), function)
        except ValueError:  # no ID of a certificate
            continue
        found[tokens.hashed(token, function)] = token
    return found


def judged(
    session: Mapping[str, Any],
    own_apis: Collection[str],
    own_policies: Mapping[str, bool],
    own_certificates: Collection[str] = (),
    *,
    name: str = "",
    hashed: bool = True,
) -> Judgement:
    """own_apis: those of its organisation among `named_apis`. own_policies: those among `named_policies`, and whether
    each opens anything. own_certificates: those among `named_certificates`. name: the hash that it lies under; hashed:
    whether it lies under one."""
    apis, policies = named_apis(session), named_policies(session)
    own = tuple(api_id for api_id in apis if api_id in own_apis)
    strangers = len(apis) - len(own)
    kind = _kind(session, hashed)
    kept = [name for name in policies if name in own_policies]
    strange = len(policies) - len(kept)
    losses = _losses(session, strangers, strange)
    if kind in _WHY_NOT:
        return Judgement(kind, own, strangers, strange, losses, _WHY_NOT[kind])
    body = _body(session, own, kept, every=not apis and not policies)
    why_not = _not_certified(session, own_certificates, name) or _why_not(body, own, policies, own_policies)
    return Judgement(kind, own, strangers, strange, losses, why_not, body)


def _not_certified(session: Mapping[str, Any], own: Collection[str], name: str) -> str:
    """Why the certificates that it names keep it from being taken over."""
    if any(id not in own for id in named_certificates(session)):
        return "It names a certificate that this organisation has not here. Upload it, and look again."
    id = session.get("certificate")
    if isinstance(id, str) and id and name not in names_of_certificate(session["org_id"], id):
        return "It names a client certificate and lies elsewhere than gateways look for that: it opens by a token."
    return ""


def secrets_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The members of SECRETS that say something, as they are kept."""
    found = {}
    for name, parts in SECRETS.items():
        value = body.get(name)
        if value and _is_secret(name, value) and (value if not parts else value.get(parts[0])):
            found[name] = {part: value.get(part) or "" for part in parts} if parts else value
    return found


def _is_secret(name: str, value: Any) -> bool:
    if not SECRETS[name]:
        return isinstance(value, str)
    return isinstance(value, dict) and all(isinstance(value.get(part), str | None) for part in SECRETS[name])


def _kind(session: Mapping[str, Any], hashed: bool) -> str:
    if session.get("oauth_client_id"):
        return OAUTH
    meta_data = session.get("meta_data")
    if isinstance(meta_data, dict) and meta_data.get(_JWT_SESSION):
        return JWT
    return KEY if hashed else PLAIN


def _losses(session: Mapping[str, Any], strangers: int, policies: int) -> tuple[str, ...]:
    found = []
    if not named_apis(session) and not named_policies(session):
        found.append(
            "It has no access rights, so on gateways it opens every API of every organisation. The key will open"
            " all APIs of this organisation, also those to come, and none of others."
        )
    if strangers:
        are = "an API that is" if strangers == 1 else f"{strangers} APIs that are"
        found.append(f"It opens {are} not of this organisation. The key will not.")
    if policies:
        have = "a policy that is" if policies == 1 else f"{policies} policies that are"
        found.append(
            f"It names {have} not of this organisation. The key will be without, and without their limits."
        )
    meta_data = session.get("meta_data")
    for name in ACTED_ON if isinstance(meta_data, dict) else ():
        if name in meta_data:
            found.append(
                f"Its metadata has {name}, by which gateways reach across organisations. The key's will not."
            )
    return tuple(found)


def _body(
    session: Mapping[str, Any], own: Collection[str], policies: list[str], *, every: bool
) -> dict[str, Any]:
    body = {name: value for name, value in session.items() if name not in GATEWAY_MEMBERS}
    rights = session.get("access_rights")
    body["access_rights"] = {api_id: rights[api_id] for api_id in own} if isinstance(rights, dict) else {}
    body["apply_policies"], body["apply_policy_id"] = policies, ""
    meta_data = session.get("meta_data")
    if isinstance(meta_data, dict):
        body["meta_data"] = {name: value for name, value in meta_data.items() if name not in ACTED_ON}
    return body | {"all_apis": True} if every else body


def _why_not(
    body: Mapping[str, Any], own: Collection[str], policies: list[str], own_policies: Mapping[str, bool]
) -> str:
    if policies and not any(own_policies.get(name) for name in policies):
        # Without them its own rights would count, which gateways did not look at.
        return "None of its policies is one of this organisation that opens an API. Gateways refuse it."
    if not policies and not own and not body.get("all_apis"):
        return f"Of what it opens nothing is this organisation's. {NO_RIGHTS}"
    return _not_kept(body, own)


def _not_kept(body: Mapping[str, Any], own: Collection[str]) -> str:
    if any(not _is_secret(name, body[name]) for name in SECRETS if body.get(name) is not None):
        return "It holds a secret of its own that cannot be read."
    signs = body.get("hmac_enabled") or (
        body.get("enable_http_signature_validation") and not body.get("rsa_certificate_id")
    )
    if signs and not secrets_of(body):
        return "It is signed with a secret that it does not hold."
    if body.get(LIFETIME):
        return f"It has a lifetime ({LIFETIME}), after which gateways forget it. It is no key that stays."
    try:
        values_from(body)
        if own:
            rights_from(body["access_rights"], own)
    except SessionError as error:
        return f"{error.field}: {error.message}"
    except RecursionError:
        return "It cannot be read."
    return ""
