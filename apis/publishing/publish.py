"""Publishing: one transaction holds the API's row, its revision, the audit entry, the bytes for gateways, the
message.

Everybody who changes an API comes through here: pages, REST, commands.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce
from django.shortcuts import get_object_or_404
from django.utils import timezone

from apis.definitions import kinds
from apis.definitions.listen_path import Address
from apis.definitions.pointer import Problem, summary
from apis.gateways import outbox
from apis.models import CALLING, ApiDefinition, FeedVersion, Revision, ServedApi
from apis.publishing import conflicts, events
from apis.publishing.columns import columns
from apis.publishing.render import wrapper
from orgs import refusals
from orgs.audit import log
from orgs.ids import new_id
from orgs.models import Organisation, User
from orgs.organisations import limits, locks


class Refused(Exception):
    """Nothing was stored. status: what it means in HTTP; problems: list of Problem, in the author's words."""

    def __init__(self, status: int, problems: list[Problem]):
        super().__init__("; ".join(summary(problems, 5)))
        self.status = status
        self.problems = problems


class Stale(refusals.Stale):
    """Somebody else published since the revision that a change started from."""

    def __init__(self, api: ApiDefinition):
        super().__init__(f"revision {api.revision} was published meanwhile")
        self.api = api


SAME_ID = Problem("/api_id", "Found API with the same ID")
SAME_URL = Problem("/proxy/listen_path", "Found API with same url")


@transaction.atomic
def create(
    org_id: str,
    definition: object,
    *,
    author: User | None,
    message: str = "",
    at: datetime | None = None,
) -> ApiDefinition:
    """Publish a new API of an organisation and answer its ApiDefinition.

    author: the User, or None for the command line. at: the time of the revision, now by default. Raises
    Refused, Departed, LimitReached.
    """
    _refuse_faults(definition, author, org_id)
    organisation = locks.lock(org_id)
    feed = FeedVersion.objects.select_for_update().get()
    new = new_id()
    api = ApiDefinition(id=new, org_id=org_id, revision=0, active=False, created_at=at or timezone.now())
    _describe(api, definition, kinds.names(definition).api_id or new_id())
    _refuse_more(organisation, api)
    _refuse_taken(api)
    _store(api, feed, author, message or "Created", at, action="api.created")
    _serve_callers(api, feed, api.api_id)
    _announce(api, "added")
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
) -> ApiDefinition:
    """Publish a new revision and answer the ApiDefinition; without a difference nothing happens.

    started_from: the revision number the author saw; None overwrites whatever is there. An absent `api_id`
    keeps the present one, another gives the API a new identity. Raises Refused, Stale, Http404, Departed,
    LimitReached.
    """
    _refuse_faults(definition, author, api.org_id, present_id=api.api_id)
    return _change(api, definition, author=author, message=message, started_from=started_from, at=at)


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
    """Activate or deactivate an API: a revision like any other. Raises Refused, Stale, Http404, Departed."""
    # Not validated anew: the definition was when it came, perhaps by somebody who may more than this author.
    message = message or ("Activated" if active else "Deactivated")
    return _change(api, None, active=active, author=author, message=message, started_from=started_from, at=at)


def as_stored(api: ApiDefinition, definition: dict) -> dict:
    """`definition` as publishing it for this API would store it."""
    api_id = kinds.names(definition).api_id or api.api_id
    return kinds.normal_form(definition, id=api.id, api_id=api_id, org_id=api.org_id)


def _change(api, definition, *, author, message, at, active=None, started_from=None):
    organisation, feed, api = _locked(api)
    _refuse_stale(api, started_from)
    before, before_text, before_id = _facts(api), api.definition_text, api.api_id
    switched = definition is None
    if switched:
        definition = api.definition
    _describe(api, definition, kinds.names(definition).api_id or before_id, active)
    if api.definition_text == before_text:
        return api
    if not switched:
        _refuse_more(organisation, api, before_text)
    _refuse_taken(api)
    if api.api_id != before_id:
        _announce(api, "removed", before_id)
    _store(api, feed, author, message, at, action="api.published", before=before)
    if api.api_id != before_id:
        _serve_callers(api, feed, before_id, api.api_id)
        _announce(api, "added")
    return api


@transaction.atomic
def delete(api: ApiDefinition, *, author: User | None, started_from: int | None = None) -> None:
    """Delete an API; its revisions and audit entries stay. Raises Stale, Http404, Departed."""
    _, feed, api = _locked(api)
    _refuse_stale(api, started_from)
    log.record("api.deleted", "api", api.id, api.name, actor=author, org=api.org_id, before=_facts(api))
    _announce(api, "removed")
    api.active = False
    _serve(api, feed)
    gone = api.id, api.api_id
    api.delete()
    _serve_callers(api, feed, *gone)


def depart(organisation: Organisation, **_: object) -> None:
    """The organisation is being deleted (orgs.organisations.events): gateways stop serving its APIs."""
    events.apis_departing.send(ApiDefinition, organisation=organisation)
    for api in ApiDefinition.objects.filter(org_id=organisation.id).order_by("id"):
        delete(api, author=None)


def _locked(api):
    """The organisation, the feed and the API as they are now; deleted meanwhile, it is missing like any other."""
    organisation = locks.lock(api.org_id)
    feed = FeedVersion.objects.select_for_update().get()
    return organisation, feed, get_object_or_404(ApiDefinition.objects.select_for_update(), id=api.id)


def _refuse_stale(api, started_from):
    if started_from is not None and started_from != api.revision:
        raise Stale(api)


def _describe(api, definition, api_id, active=None):
    """Put a definition in normal form into the row, and what the row repeats of it."""
    api.definition = kinds.normal_form(definition, id=api.id, api_id=api_id, org_id=api.org_id, active=active)
    for name, value in columns(api.definition).items():
        setattr(api, name, value)


def faults(definition, *, author, org_id, present_id=None) -> list[Problem]:
    """What keeps a definition from being published, as far as it says so itself.

    present_id: an API's own id is kept, even if nobody could choose it today.
    """
    may_use_references = author is None or author.is_superuser
    found = kinds.problems(definition, may_use_references=may_use_references, org_id=org_id)
    if present_id and isinstance(definition, dict) and kinds.names(definition).api_id == present_id:
        found = [problem for problem in found if problem.pointer != "/api_id"]
    return found


def _refuse_faults(definition, author, org_id, present_id=None):
    if found := faults(definition, author=author, org_id=org_id, present_id=present_id):
        raise Refused(400, found)


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


def _refuse_taken(api):
    """Ids and addresses are claims over all organisations; the answer says no more than that one exists."""
    if conflicts.api_id_is_taken(api.api_id, api.org_id, but=api.id):
        raise Refused(409, [SAME_ID])
    if conflicts.address_is_taken(
        Address(api.domain, api.listen_path, api.listen_port), api.org_id, but=api.id
    ):
        raise Refused(409, [SAME_URL])


def missing_targets(api: ApiDefinition) -> list[str]:
    """The APIs that this one sends requests to and that its organisation does not have (yet): gateways answer 500
    there.
    """
    id_of = _ids(api)
    return [name for name in api.calls if not id_of(name)]


def _ids(api):
    """From an API id to the database id of an own API. What others have is like what is not there."""
    own = dict(ApiDefinition.objects.filter(org_id=api.org_id).values_list("api_id", "id"))
    return {**own, **{id: id for id in own.values()}, api.api_id: api.id}.get


def _store(api, feed, author, message, at, *, action, before=None):
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
    log.record(
        action, "api", api.id, api.name, actor=author, org=api.org_id, before=before, after=_facts(api), at=at
    )
    _serve(api, feed)


def _facts(api):
    """What the audit log says of an API: never its definition, which may hold an upstream's credentials."""
    return {
        "revision": api.revision,
        "name": api.name,
        "api_id": api.api_id,
        "listen_path": api.listen_path,
        "domain": api.domain,
        "active": api.active,
    }


def _serve(api, feed):
    """Bring the served bytes in line with the row; if that changes the feed, number it and say so."""
    before = ServedApi.objects.filter(org_id=api.org_id, api_id=api.id).first()
    if before is None and not api.active:
        return
    if api.active:
        served = before or ServedApi(org_id=api.org_id, api_id=api.id)
        served.body = _body(api)
        served.sort_key, served.revision = api.api_id, api.revision
        served.save(force_insert=before is None)
    else:
        before.delete()
    feed.apis += (api.active and before is None) - (before is not None and not api.active)
    feed.number += 1
    feed.stamp = new_id()
    feed.save(update_fields=["number", "stamp", "apis"])
    outbox.add("reload", api.api_id, feed.number, org_id=api.org_id)


def _body(api):
    return wrapper(api.definition, id=api.id, api_id=api.api_id, org_id=api.org_id, id_of=_ids(api))


def _serve_callers(api, feed, *api_ids):
    """Serve anew the own APIs that name this one by an id which came or went."""
    callers = ApiDefinition.objects.filter(CALLING, org_id=api.org_id, calls__has_any_keys=api_ids)
    for other in callers.filter(active=True).exclude(id=api.id):
        served = ServedApi.objects.filter(org_id=other.org_id, api_id=other.id).first()
        if served and bytes(served.body) != _body(other):
            _serve(other, feed)


@transaction.atomic
def serve_again() -> int:
    """Serve anew every API in scope of whose definition something else is made by now; answers how many."""
    feed = FeedVersion.objects.select_for_update().get()
    count = 0
    for served in ServedApi.objects.order_by("id").values("org_id", "api_id").iterator(chunk_size=500):
        api = ApiDefinition.objects.get(org_id=served["org_id"], id=served["api_id"])
        if bytes(ServedApi.objects.get(org_id=api.org_id, api_id=api.id).body) != _body(api):
            _serve(api, feed)
            count += 1
    return count


def _announce(api, what, api_id=None):
    events.api_set_changed.send(ApiDefinition, org_id=api.org_id, api_id=api_id or api.api_id, what=what)
