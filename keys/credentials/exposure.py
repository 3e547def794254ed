"""What the name of a user opens without the password, and the fingerprint of a certificate without the certificate.

Gateways find the session of a user by his name, which is no secret, for APIs of every kind: one that asks for a token
takes the name for it, one that asks for a JWT takes one that names him and is signed with nothing (both seen). So the
session of a user names those APIs alone that ask for a password. The session of a client certificate they find by its
fingerprint, which everybody knows who has seen the certificate: so it names those alone that ask for one.
"""

from collections.abc import Callable, Iterable

from apis.definitions.authentication import asks_for_certificate, asks_for_password
from apis.models import ApiDefinition
from keys.keys.parameters import SessionError
from keys.keys.session import PolicyFacts
from keys.models import PolicyRight

# Kinds of keys whose names are no secrets: whether an API with such ways, in words, asks for what is one; and what is
# said of one that does not.
ASKS: dict[str, Callable[[str], bool]] = {"basic": asks_for_password, "certificate": asks_for_certificate}
_SAYS = {
    "basic": "does not ask for a user name and a password: whoever knows the name alone could call it. "
    "A user may open only APIs with basic authentication.",
    "certificate": "does not ask for a client certificate: whoever knows its fingerprint alone could call it. "
    "A key for a client certificate may open only APIs whose token it takes the place of (use_certificate).",
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
