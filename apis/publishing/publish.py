"""Publishing one change: the API's row, its revision, the audit entry, the bytes for gateways and the message, in one
transaction. Many changes are published together by apis.publishing.bulk, through which these go, too.
"""

from datetime import datetime

from apis.definitions import kinds
from apis.definitions.document import compact
from apis.models import ApiDefinition, Domain, ServedApi
from apis.publishing import bulk, events, serving
from apis.publishing.refusals import ManyRefused
from apis.publishing.staging import FACTS, Change
from orgs.audit import log
from orgs.models import Organisation, User

_LEAVING = f"""
    SELECT id, name, jsonb_build_object({", ".join(f"'{name}', jsonb_build_array({name}, NULL)" for name in FACTS)})
    FROM {ApiDefinition._meta.db_table} WHERE org_id = %(org)s"""  # noqa: S608  only names of ours


def create(
    org_id: str,
    definition: object,
    *,
    author: User | None,
    message: str = "",
    at: datetime | None = None,
    wrapper: dict | None = None,
) -> ApiDefinition:
    """Publish a new API of an organisation and answer its ApiDefinition.

    author: the User, or None for the command line. at: the time of the revision, now by default. wrapper: what is kept
    beside the definition (apis.wrapper). Raises
    Invalid, Taken, Departed, LimitReached.
    """
    change = Change(definition=definition, wrapper=wrapper)
    return _one(org_id, change, author=author, message=message or "Created", at=at)


def change(
    api: ApiDefinition,
    definition: object,
    *,
    author: User | None,
    message: str = "",
    started_from: int | None = None,
    at: datetime | None = None,
    wrapper: dict | None = None,
) -> ApiDefinition:
    """Publish a new revision and answer the ApiDefinition; without a difference nothing happens.

    started_from: the revision number the author saw; None overwrites whatever is there. An absent `api_id`
    keeps the present one, another gives the API a new identity. wrapper: what of apis.wrapper is to be
    another; the rest stays. Raises Invalid, Taken, Stale, Deleted, Departed, LimitReached.
    """
    wanted = Change(api, definition, started_from=started_from, wrapper=wrapper)
    return _one(api.org_id, wanted, author=author, message=message, at=at)


def keep(
    api: ApiDefinition, wrapper: dict, *, author: User | None, started_from: int | None = None
) -> ApiDefinition:
    """Change only what is kept beside the definition. Raises Stale, Deleted, Departed."""
    message = "Changed what is kept beside the definition"
    wanted = Change(api, started_from=started_from, wrapper=wrapper)
    return _one(api.org_id, wanted, author=author, message=message)


def set_active(
    api: ApiDefinition,
    active: bool,
    *,
    author: User | None,
    message: str = "",
    started_from: int | None = None,
    at: datetime | None = None,
) -> ApiDefinition:
    """Activate or deactivate an API: a revision like any other. Raises Stale, Deleted, Departed."""
    message = message or ("Activated" if active else "Deactivated")
    wanted = Change(api, active=active, started_from=started_from)
    return _one(api.org_id, wanted, author=author, message=message, at=at)


def delete(api: ApiDefinition, *, author: User | None, started_from: int | None = None) -> None:
    """Delete an API; its revisions and audit entries stay. Raises Stale, Deleted, Departed."""
    _one(api.org_id, Change(api, deleted=True, started_from=started_from), author=author)


def as_stored(api: ApiDefinition, definition: dict) -> dict:
    """`definition` as publishing it for this API would store it."""
    api_id = kinds.names(definition).api_id or api.api_id
    return kinds.normal_form(definition, id=api.id, api_id=api_id, org_id=api.org_id)


def is_stored(api: ApiDefinition, definition: dict) -> bool:
    """Whether publishing a valid `definition` for this API would make no revision."""
    return compact(as_stored(api, definition)) == api.definition_text


def depart(organisation: Organisation, **_: object) -> None:
    """The organisation is being deleted (orgs.organisations.events): gateways stop serving its APIs. All of them in a
    few statements, and one message."""
    events.apis_departing.send(ApiDefinition, organisation=organisation)
    log.record_selected("api.deleted", "api", _LEAVING, {"org": organisation.id}, org=organisation.id)
    served = ServedApi.objects.filter(org_id=organisation.id).delete()[0]
    ApiDefinition.objects.filter(org_id=organisation.id).only("id").delete()
    Domain.objects.filter(org_id=organisation.id).delete()
    if served:
        serving.renew(serving.lock_feed(), -served, org_id=organisation.id, subject=organisation.id)


def _one(org_id, change, **said):
    """What became of one change; what is refused of it is not said to be one of many."""
    try:
        [api] = bulk.publish(org_id, [change], **said)
    except ManyRefused as refused:
        raise refused.by_place[0] from None
    return api
