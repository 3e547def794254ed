"""Drafts: what is meant to be published of APIs, until it is published or discarded, or the API goes.

Whoever saves, publishes or discards one says which state of it he saw, by its stamp; "" is that there was none. The
organisation's lock lines them up.
"""

from collections.abc import Sequence
from typing import NamedTuple

from django.db import transaction
from django.db.models import Func, IntegerField, Sum
from django.db.models.functions import Coalesce

from apis.allowances import changes
from apis.definitions import document, kinds
from apis.definitions.pointer import Problem
from apis.models import ApiDefinition, Draft
from apis.publishing import bulk
from apis.publishing.publish import as_stored
from apis.publishing.refusals import Deleted, DraftMoved, Invalid, Stale
from apis.publishing.staging import Change, faults
from orgs.audit import log
from orgs.ids import new_id
from orgs.models import Organisation, User
from orgs.organisations import limits, locks

_BYTES = Func("text", function="octet_length", output_field=IntegerField())


class Reviewed(NamedTuple):
    """What somebody looked at before he published it: the draft of an API (its database id) by its stamp, and the
    revision that it was compared with."""

    id: str
    stamp: str
    revision: int


def of(api: ApiDefinition) -> Draft | None:
    """The draft of an API."""
    return Draft.objects.filter(org_id=api.org_id, api_id=api.id).first()


@transaction.atomic
def save(
    api: ApiDefinition, text: str, *, author: User, seen: str, started_from: int, message: str = ""
) -> Draft:
    """Store the whole text of a definition as the draft of an API, in the place of the one that there is.

    Any JSON object will do. started_from: the number of the revision that the author saw. Raises Invalid, Stale if
    another was published since, DraftMoved, Deleted, Departed, LimitReached.
    """
    organisation = locks.lock(api.org_id)
    if document.object_in(text) is None:
        raise Invalid([Problem("", "must be an object")])
    now, draft = _now(api)
    if (draft.stamp if draft else "") != seen:
        raise DraftMoved(now, draft)
    if started_from != now.revision:
        raise Stale(now)
    before = _facts(draft) if draft else None
    draft = draft or Draft(org_id=api.org_id, api=now)
    draft.text, draft.message, draft.started_from = text, message[:500], started_from
    draft.author_id, draft.author = author.id, author.email
    draft.saved_at, draft.stamp = log.moment(), new_id()
    _refuse_more(organisation, draft)
    draft.save()
    log.record("api.draft-saved", "api", api.id, now.name, actor=author, before=before, after=_facts(draft))
    return draft


@transaction.atomic
def discard(api: ApiDefinition, *, author: User, seen: str) -> None:
    """End the draft of an API. Raises DraftMoved, Deleted, Departed."""
    locks.lock(api.org_id)
    now, draft = _now(api)
    if draft is None or draft.stamp != seen:
        raise DraftMoved(now, draft)
    draft.delete()
    log.record("api.draft-discarded", "api", api.id, now.name, actor=author, before=_facts(draft))


@transaction.atomic
def publish(
    org_id: str, reviewed: Sequence[Reviewed], *, author: User, message: str = ""
) -> list[ApiDefinition]:
    """Publish drafts of different APIs of an organisation, all of them or none, and end them; answers their APIs as
    they are then, in the same order. message: of each revision; "" for what was said of each draft, of several.

    Raises what apis.publishing.bulk.publish does, DraftMoved, Deleted.
    """
    changes, says_its_own = [], len(reviewed) > 1 and not message
    for each in reviewed:
        api, draft = _now(ApiDefinition(id=each.id, org_id=org_id))
        if draft is None or draft.stamp != each.stamp:
            raise DraftMoved(api, draft)
        said = draft.message if says_its_own else ""
        changes.append(Change(api, draft.definition, started_from=each.revision, message=said))
    changed = bulk.publish(org_id, changes, author=author, message=message)
    # Once more under the lock that publishing takes.
    for each, api in zip(reviewed, changed, strict=True):
        if not Draft.objects.filter(org_id=org_id, api_id=each.id, stamp=each.stamp).delete()[0]:
            raise DraftMoved(api, of(api))
    return changed


def judged(api: ApiDefinition, definition: dict, *, author: User) -> tuple[dict, list[Problem]]:
    """A definition as publishing would store it for an API, and what keeps it from that: it is as it was given then."""
    found = faults(definition, author=author, org_id=api.org_id, present=api)
    return definition if found else as_stored(api, definition), found


def privileged(api: ApiDefinition, definition: dict) -> list[Problem]:
    """What a definition has, and the published one has not, that nobody but a super-user may publish: whoever wrote it
    may be somebody else."""

    def refused(of: dict) -> list[Problem]:
        allowed = changes.among(api.org_id, kinds.references(of))
        return kinds.problems(of, may_use_references=False, org_id=api.org_id, allowed=allowed)

    before = set(refused(api.definition))
    return [problem for problem in refused(definition) if problem not in before]


def _now(api: ApiDefinition) -> tuple[ApiDefinition, Draft | None]:
    found = ApiDefinition.objects.filter(org_id=api.org_id, id=api.id).first()
    if found is None:
        raise Deleted
    return found, of(found)


def _facts(draft: Draft) -> dict:
    """What the audit log says of one: never its text, which may hold an upstream's credentials."""
    return {
        "author": draft.author,
        "started_from": draft.started_from,
        "bytes": len(draft.text.encode()),
    }


def _refuse_more(organisation: Organisation, draft: Draft) -> None:
    """The limits of definitions hold for drafts too, which are counted by themselves."""
    size = len(draft.text.encode())
    others = Draft.objects.filter(org_id=draft.org_id).exclude(id=draft.id)
    there = others.aggregate(size=Coalesce(Sum(_BYTES), 0))["size"]
    limits.refuse_more(organisation, "max_definition_bytes", size)
    limits.refuse_more(organisation, "max_definitions_bytes", there + size)
