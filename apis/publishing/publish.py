"""Publishing: one transaction holds the API's row, its revision, the audit entry, the bytes for gateways, the
message.

Everybody who changes an API comes through here: pages, REST, commands. Locks are taken in the order of
orgs.organisations.locks.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from apis.definitions import kinds
from apis.definitions.listen_path import Address
from apis.definitions.pointer import Problem
from apis.models import ApiDefinition, Revision, ServedApi
from apis.publishing import conflicts, events, references, serving
from apis.publishing.columns import columns
from apis.publishing.refusals import SAME_ID, SAME_URL, Deleted, Invalid, Stale, Taken
from orgs.audit import log
from orgs.ids import new_id
from orgs.models import Organisation, User
from orgs.organisations import limits, locks

# What the audit log says of an API: never its definition, which may hold an upstream's credentials.
_FACTS = ("revision", "name", "api_id", "listen_path", "domain", "active")
_LEAVING = f"""
    SELECT id, name, jsonb_build_object({", ".join(f"'{name}', jsonb_build_array({name}, NULL)" for name in _FACTS)})
    FROM {ApiDefinition._meta.db_table} WHERE org_id = %(org)s"""  # noqa: S608  only names of ours


@transaction.atomic
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
    _refuse_faults(definition, author, org_id)
    organisation = locks.lock(org_id)
    _refuse_gone(definition, org_id)
    new = new_id()
    api = ApiDefinition(id=new, org_id=org_id, revision=0, active=False, created_at=at or timezone.now())
    api.wrapper = wrapper or {}
    _describe(api, definition, kinds.names(definition).api_id or new_id())
    _refuse_more(organisation, api)
    _refuse_taken(api)
    _store(api, author, message or "Created", at, action="api.created")
    _announce(api, "added")
    _serve(api, [api.id, api.api_id], claiming=True)
    return api


@transaction.atomic
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
    _refuse_faults(definition, author, api.org_id, present=api)
    return _change(
        api,
        definition,
        author=author,
        message=message,
        started_from=started_from,
        at=at,
        wrapper=wrapper,
    )


@transaction.atomic
def keep(api: ApiDefinition, wrapper: dict, *, author: User | None, started_from: int | None = None):
    """Change only what is kept beside the definition. Raises Stale, Deleted, Departed."""
    message = "Changed what is kept beside the definition"
    return _change(
        api, None, author=author, message=message, at=None, started_from=started_from, wrapper=wrapper
    )


@transaction.atomic
def set_active(
    api: ApiDefinition,
    active: bool,
    *,
    author: User | None,
    message: str = "",
    started_from: int | None = None,
    at: datetime | None = None,
) -> ApiDefinition:
    """Activate or deactivate an API: a revision like any other. Raises Taken, Stale, Deleted, Departed."""
    # Not validated anew: the definition was when it came, perhaps by somebody who may more than this author.
    message = message or ("Activated" if active else "Deactivated")
    return _change(api, None, active=active, author=author, message=message, started_from=started_from, at=at)


def as_stored(api: ApiDefinition, definition: dict) -> dict:
    """`definition` as publishing it for this API would store it."""
    api_id = kinds.names(definition).api_id or api.api_id
    return kinds.normal_form(definition, id=api.id, api_id=api_id, org_id=api.org_id)


def _change(api, definition, *, author, message, at, active=None, started_from=None, wrapper=None):
    organisation, api = _locked(api)
    _refuse_stale(api, started_from)
    before, before_text, before_claim = _facts(api), api.definition_text, _claim(api)
    before_auth = api.auth
    kept = {**api.wrapper, **(wrapper or {})}
    beside = sorted(name for name in kept if (kept[name] or None) != (api.wrapper.get(name) or None))
    api.wrapper = kept
    switched = definition is None
    if switched:
        definition = api.definition
    else:
        _refuse_gone(definition, api.org_id, api.definition)
    _describe(api, definition, kinds.names(definition).api_id or api.api_id, active)
    if api.definition_text == before_text and not beside:
        return api
    if not switched:
        _refuse_more(organisation, api, before_text)
    claiming = _claim(api) != before_claim
    if claiming:
        _refuse_taken(api)
    renamed = [before["api_id"], api.api_id] if before["api_id"] != api.api_id else []
    if renamed:
        _announce(api, "removed", before["api_id"])
    _store(api, author, message, at, action="api.published", before=before, beside=beside)
    if renamed:
        _announce(api, "added")
    if api.auth != before_auth:
        events.authentication_changed.send(
            ApiDefinition, org_id=api.org_id, api_id=api.api_id, before=before_auth
        )
    _serve(api, renamed, claiming=claiming)
    return api


@transaction.atomic
def delete(api: ApiDefinition, *, author: User | None, started_from: int | None = None) -> None:
    """Delete an API; its revisions and audit entries stay. Raises Stale, Deleted, Departed."""
    _, api = _locked(api)
    _refuse_stale(api, started_from)
    log.record("api.deleted", "api", api.id, api.name, actor=author, org=api.org_id, before=_facts(api))
    _announce(api, "removed")
    api.active = False
    served, grown = serving.serve(api.org_id, [api])
    callers = serving.callers(api, [api.id, api.api_id])
    gone = api.api_id
    api.delete()
    served += serving.serve(api.org_id, callers)[0]
    if served:
        serving.renew(serving.lock_feed(), grown, org_id=api.org_id, subject=gone)


def depart(organisation: Organisation, **_: object) -> None:
    """The organisation is being deleted (orgs.organisations.events): gateways stop serving its APIs. All of them in a
    few statements, and one message."""
    events.apis_departing.send(ApiDefinition, organisation=organisation)
    log.record_selected("api.deleted", "api", _LEAVING, {"org": organisation.id}, org=organisation.id)
    served = ServedApi.objects.filter(org_id=organisation.id).delete()[0]
    ApiDefinition.objects.filter(org_id=organisation.id).only("id").delete()
    if served:
        serving.renew(serving.lock_feed(), -served, org_id=organisation.id, subject=organisation.id)


def _locked(api):
    """The organisation and the API as they are now; deleted meanwhile, it is missing like any other."""
    organisation = locks.lock(api.org_id)
    now = ApiDefinition.objects.select_for_update().filter(id=api.id).first()
    if now is None:
        raise Deleted
    return organisation, now


def _refuse_stale(api, started_from):
    if started_from is not None and started_from != api.revision:
        raise Stale(api)


def _describe(api, definition, api_id, active=None):
    """Put a definition in normal form into the row, and what the row repeats of it."""
    normal = kinds.normal_form(definition, id=api.id, api_id=api_id, org_id=api.org_id, active=active)
    api.definition = normal
    for name, value in columns(normal).items():
        setattr(api, name, value)
    api.categories = list(dict.fromkeys([*api.categories, *api.wrapper.get("categories", ())]))


def faults(definition, *, author, org_id, present=None) -> list[Problem]:
    """What keeps a definition from being published, as far as it says so itself, and by the certificates in it.

    present: the ApiDefinition that there is; its own id is kept, even if nobody could choose it today, and what it
    names.
    """
    may_use_references = author is None or author.is_superuser
    found = kinds.problems(definition, may_use_references=may_use_references, org_id=org_id)
    if present and isinstance(definition, dict) and kinds.names(definition).api_id == present.api_id:
        own = kinds.place(definition, "/api_id")
        found = [problem for problem in found if problem.pointer != own]
    if isinstance(definition, dict):
        stored = present.definition if present else None
        said = {problem.pointer for problem in found}
        strange = references.strange_certificates(definition, org_id, stored)
        found += [problem for problem in strange if problem.pointer not in said]
    return found


def _refuse_faults(definition, author, org_id, present=None):
    if found := faults(definition, author=author, org_id=org_id, present=present):
        raise Invalid(found, kinds.member(definition))


def _refuse_gone(definition, org_id, stored=None):
    """Once more under the organisation's lock, which deleting a certificate takes: on gateways of 3.0 one that is named
    and not there lets anybody in."""
    if found := references.strange_certificates(definition, org_id, stored):
        raise Invalid(found, kinds.member(definition))


def _refuse_more(organisation, api, before_text=""):
    """Refuse what grows over a limit. One that was lowered below what there is hinders nobody from having less."""
    size = _size(api.definition_text)
    if size <= _size(before_text):
        return
    others = ApiDefinition.objects.filter(org_id=api.org_id).exclude(id=api.id)
    there = others.aggregate(number=Count("id"), size=Coalesce(Sum("size"), 0))
    if not before_text:
        limits.refuse_more(organisation, "max_apis", there["number"] + 1)
    limits.refuse_more(organisation, "max_definition_bytes", size)
    limits.refuse_more(organisation, "max_definitions_bytes", there["size"] + size)


def _size(text):
    return len(text.encode())


def _claim(api):
    """What nobody else may have."""
    return api.api_id, Address(api.domain, api.listen_path, api.listen_port)


def _refuse_taken(api):
    """Ids and addresses are claims over all organisations; the answer says no more than that one exists."""
    api_id, address = _claim(api)
    if conflicts.api_id_is_taken(api_id, api.org_id, but=api.id):
        raise _taken(api, SAME_ID)
    if conflicts.address_is_taken(address, api.org_id, but=api.id):
        raise _taken(api, SAME_URL)


def _taken(api, problem):
    place = kinds.place(api.definition, problem.pointer)
    return Taken([problem._replace(pointer=place)], kinds.member(api.definition))


def _store(api, author, message, at, *, action, before=None, beside=()):
    api.revision += 1
    api.updated_at = at or timezone.now()
    api.save(force_insert=api.revision == 1)
    Revision.objects.create(
        org_id=api.org_id,
        definition_id=api.id,
        api_id=api.api_id,
        number=api.revision,
        definition_text=api.definition_text,
        author_id=author.id if author else "",
        author=author.email if author else "command line",
        message=message[:500],
        created_at=api.updated_at,
    )
    # Hooks may hold credentials, so that no more is said than which members are others.
    after = _facts(api) | dict.fromkeys(beside, "changed")
    log.record(
        action, "api", api.id, api.name, actor=author, org=api.org_id, before=before, after=after, at=at
    )


def _facts(api):
    return {name: getattr(api, name) for name in _FACTS}


def _serve(api, ids, *, claiming):
    """Serve an API, and those which call it by one of `ids`; what it claims is looked for again under the feed's lock,
    for others may have published since."""
    served, grown = serving.serve(api.org_id, [api])
    if ids:
        served += serving.serve(api.org_id, serving.callers(api, ids))[0]
    if not (served or claiming):
        return
    feed = serving.lock_feed()
    if claiming:
        _refuse_taken(api)
    if served:
        serving.renew(feed, grown, org_id=api.org_id, subject=api.api_id)


def _announce(api, what, api_id=None):
    events.api_set_changed.send(ApiDefinition, org_id=api.org_id, api_id=api_id or api.api_id, what=what)
