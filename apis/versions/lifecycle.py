"""Versions of an API that are APIs of their own: the base says their names, and gateways send callers on by them."""

from typing import NamedTuple

from django.db import transaction

from apis.definitions import kinds
from apis.definitions.pointer import Problem
from apis.definitions.versions import NONE, SELF
from apis.models import ApiDefinition
from apis.publishing import publish
from apis.publishing.refusals import Deleted, Invalid
from orgs.models import User
from orgs.organisations import locks

SAME_NAME = "has a version of this name already"
IS_THE_BASE = f"must be another than {SELF}, which is what gateways call the base as the default"
OTHER_KIND = "must be of its base's kind: MCP proxies have versions that are MCP proxies, and no others have"
NOT_IN_3 = (
    "Gateways of 3.x know no versions that are APIs of their own: they answer all of its callers by the base."
)
LONGEST = 200  # characters of the name of one


class Listed(NamedTuple):
    """A version of a base. api: None where there is none of that ID. default: whether callers who name no version come
    to it."""

    name: str
    api_id: str
    api: ApiDefinition | None
    default: bool


def listed(base: ApiDefinition) -> list[Listed]:
    """All that a base names, itself first."""
    said = kinds.versioning(base.definition)
    there = (
        ApiDefinition.objects.filter(org_id=base.org_id, api_id__in=said.apis.values()) if said.apis else ()
    )
    by_id = {api.api_id: api for api in there}
    own = Listed(said.name, base.api_id, base, said.default in (SELF, said.name))
    return [own, *(Listed(name, id, by_id.get(id), said.default == name) for name, id in said.apis.items())]


@transaction.atomic
def create(
    base: ApiDefinition,
    definition: dict,
    *,
    name: str,
    base_name: str = "",
    default: bool = False,
    author: User,
    message: str = "",
    wrapper: dict | None = None,
) -> ApiDefinition:
    """Publish a new API of the base's organisation and answer it. The base has it as its version `name` from then on;
    both are published, or neither.

    base_name: what the base is called, "" for what it is. default: whether callers that name no version come to the new
    one. message: of the new API's revision. Raises what publishing does; Invalid, too, for a name that is taken.
    """
    locks.lock(base.org_id)
    # As it is now: others may have given it versions since the caller read it.
    base = ApiDefinition.objects.filter(org_id=base.org_id, id=base.id).first()
    if base is None:
        raise Deleted
    said = kinds.versioning(base.definition)
    if name == SELF:
        raise Invalid([Problem("", IS_THE_BASE)], "new_version_name")
    if name in (said.name, *said.apis, base_name):
        raise Invalid([Problem("", f"{base.name}: {SAME_NAME}: {name}")], "new_version_name")
    if base_name in said.apis:
        raise Invalid([Problem("", f"{base.name}: {SAME_NAME}: {base_name}")], "base_api_version_name")
    if (base.kind == "mcp") != (kinds.kind(definition) == "mcp"):
        raise Invalid([Problem("", OTHER_KIND)])
    api = publish.create(base.org_id, definition, author=author, message=message, wrapper=wrapper)
    said = said._replace(name=base_name or said.name).added(name, api.api_id, default=default)
    publish.change(
        base,
        kinds.with_versioning(base.definition, said),
        author=author,
        message=f"Version {name}: {api.name}",
    )
    return api


def copy(base: ApiDefinition) -> dict:
    """What a new version of an API starts from: what the base says, but for what no two APIs may share and for its
    versions."""
    return kinds.with_versioning(kinds.unnamed(base.definition), NONE)
