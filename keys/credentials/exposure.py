"""What the name of a user opens without the password.

Gateways find the session of a user by his name, which is no secret, for APIs of every kind: one that asks for a token
takes the name for it, one that asks for a JWT takes one that names him and is signed with nothing (both seen). So the
session of a user names those APIs alone that ask for a password.
"""

from collections.abc import Iterable

from apis.definitions.authentication import asks_for_password
from apis.models import ApiDefinition
from keys.keys.parameters import SessionError
from keys.keys.session import PolicyFacts
from keys.models import PolicyRight


def refuse(org_id: str, apis: Iterable[ApiDefinition], policies: Iterable[PolicyFacts]) -> None:
    """Raise SessionError for rights and policies of a user that would open something to whoever knows the name."""
    for api in apis:
        if not asks_for_password(api.auth):
            raise SessionError("access_rights", _says(f"API {api.api_id!r}"))
    opened = opened_by_policies(org_id, [policy.id for policy in policies])
    if opened:
        raise SessionError("apply_policies", _says(f"API {opened[0].api_id!r}, which a policy opens,"))


def opened_by_policies(org_id: str, policies: Iterable[str]) -> list[ApiDefinition]:
    """The APIs that these policies open and that ask for no password, by name."""
    rights = PolicyRight.objects.filter(
        org_id=org_id, policy_id__in=list(policies), policy__grants_rights=True
    )
    apis = ApiDefinition.objects.filter(org_id=org_id, id__in=rights.values("api_id"))
    named = apis.only("id", "org_id", "api_id", "name", "auth").order_by("name", "id")
    return [api for api in named if not asks_for_password(api.auth)]


def _says(what: str) -> str:
    return (
        f"{what} does not ask for a user name and a password: whoever knows the name alone could call it. "
        "A user may open only APIs with basic authentication."
    )
