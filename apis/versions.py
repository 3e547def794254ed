"""Versions of an API that are APIs of their own: the base says their names, and gateways send callers on by them."""

from django.db import transaction

from apis.definitions import kinds
from apis.definitions.pointer import Problem
from apis.definitions.versions import Version
from apis.models import ApiDefinition
from apis.publishing import publish
from apis.publishing.refusals import Deleted, Invalid
from orgs.models import User
from orgs.organisations import locks

SAME_NAME = "has a version of this name already"


@transaction.atomic
def create(
    base: ApiDefinition,
    definition: dict,
    *,
    name: str,
    base_name: str = "",
    default: bool = False,
    author: User,
    wrapper: dict | None = None,
) -> ApiDefinition:
    """Publish a new API of the base's organisation and answer it. The base has it as its version `name` from then on;
    both are published, or neither.

    base_name: what the base is called, "" for what it is. default: whether callers that name no version come to the new
    one. Raises what publishing does; Invalid, too, for a name that is taken.
    """
    locks.lock(base.org_id)
    # As it is now: others may have given it versions since the caller read it.
    base = ApiDefinition.objects.filter(org_id=base.org_id, id=base.id).first()
    if base is None:
        raise Deleted
    said = kinds.versioning(base.definition)
    if name in (said.name, *said.apis, base_name):
        raise Invalid([Problem("", f"{base.name}: {SAME_NAME}: {name}")], "new_version_name")
    api = publish.create(base.org_id, definition, author=author, wrapper=wrapper)
    version = Version(name, api.api_id, base_name or said.name, default)
    publish.change(
        base,
        kinds.with_version(base.definition, version),
        author=author,
        message=f"Version {name}: {api.name}",
    )
    return api
