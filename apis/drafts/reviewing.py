"""What a person looks at before drafts are published."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from django.utils import timezone

from apis import guards
from apis.definitions import document, kinds
from apis.definitions.difference import shown
from apis.definitions.listen_path import Address
from apis.definitions.pointer import Problem, summary
from apis.drafts import effects
from apis.drafts import lifecycle as drafts
from apis.forms import MOST_SHOWN, plainly
from apis.guards import Loss
from apis.models import ApiDefinition, Draft, Revision
from apis.publishing import conflicts, staging, warnings
from apis.publishing.columns import columns
from apis.publishing.conflicts import Place
from apis.publishing.staging import claim
from orgs.ids import new_id
from orgs.models import Organisation, User
from orgs.providers import last_week, openers, turned_away
from orgs.providers.last_week import Week
from orgs.providers.turned_away import Change, TurnedAway

# Who wrote a draft may be somebody who has a super-user publish what he could not himself.
PRIVILEGED = "Nobody but a super-user may publish this"
MOST_PRIVILEGED = 5


@dataclass(frozen=True)
class Review:
    """Of one draft. difference: of what is published and the draft; meanwhile: the newest revision, if it was published
    since the draft was begun, and undone: what that changed. faults: what keeps the draft from being published;
    warnings: what whoever publishes it should know. route: where the API would listen then, None for nowhere."""

    draft: Draft
    difference: dict
    meanwhile: Revision | None
    undone: dict | None
    faults: list[str]
    warnings: list[str]
    route: Address | None

    @property
    def reviewed(self) -> str:
        """What apis.drafts.forms.reviewed_in reads."""
        return f"{self.draft.api_id}.{self.draft.stamp}.{self.draft.api.revision}"


@dataclass(frozen=True)
class Proposal:
    """Of an API that is not there yet. definition: as it would be stored; faults, warnings: as of a Review, the faults
    not yet in sentences."""

    definition: dict
    faults: list[Problem]
    warnings: list[str]

    @property
    def digest(self) -> str:
        """What was warned of, in 32 hex digits; "" for nothing."""
        told = "\n".join(self.warnings)
        return hashlib.sha256(told.encode()).hexdigest()[:32] if told else ""


@dataclass(frozen=True)
class Judged:
    """A definition as it would be published. wanted: as it would be stored, or as it was given where it has faults.
    row: of its API then, None with faults. moves: whether it is to have an id or an address that it had not, or to be
    served there again. privileged: what is new in it that nobody but a super-user may publish."""

    wanted: dict
    faults: list[Problem]
    row: ApiDefinition | None
    moves: bool = False
    privileged: list[Problem] = field(default_factory=list)


class Told(NamedTuple):
    """Of an API, what those say who count, each None where that cannot be said."""

    week: Week | None
    keys: int | None
    away: TurnedAway | None


@dataclass(frozen=True)
class Foreseen:
    """What stands in the way of APIs that are to be published together, by their database ids. taken: why they cannot
    have what they claim; near: which own APIs could take their requests, or have them taken."""

    taken: Mapping[str, Problem] = field(default_factory=dict)
    near: Mapping[str, list[Place]] = field(default_factory=dict)

    def faults(self, judged: Judged) -> list[Problem]:
        problem = self.taken.get(judged.row.id) if judged.row else None
        return [problem._replace(pointer=kinds.place(judged.wanted, problem.pointer))] if problem else []

    def warnings(self, judged: Judged) -> list[str]:
        row = judged.row
        return warnings.overlaps(conflicts.place(row), self.near.get(row.id, ())) if row else []


def foreseen(org_id: str, judged: Iterable[Judged]) -> Foreseen:
    moving = [each.row for each in judged if each.row and each.moves]
    return Foreseen(
        conflicts.taken(org_id, [claim(row) for row in moving]),
        conflicts.neighbours(org_id, [conflicts.place(row) for row in moving]),
    )


def proposal(definition: dict, *, org_id: str, author: User) -> Proposal:
    """Of a definition that is to be a new API."""
    if found := staging.faults(definition, author=author, org_id=org_id):
        return Proposal(definition, found, [])
    id = new_id()
    api_id = kinds.names(definition).api_id or new_id()
    wanted = kinds.normal_form(definition, id=id, api_id=api_id, org_id=org_id)
    row = ApiDefinition(id=id, org_id=org_id, **columns(wanted))
    judged = Judged(wanted, [], row, moves=True)
    ahead = foreseen(org_id, [judged])
    told = effects.warnings(effects.NOTHING, effects.facts(wanted), None, None)
    told += [*kinds.additions(wanted), *warnings.alone(row), *ahead.warnings(judged)]
    return Proposal(wanted, ahead.faults(judged), summary(told, warnings.MOST_SHOWN))


def activation(api: ApiDefinition) -> list[str]:
    """What whoever activates an API should know."""
    here = conflicts.place(api)._replace(active=True)
    after = effects.facts(api.definition)._replace(active=True)
    near = conflicts.neighbours(api.org_id, [here]).get(api.id, ())
    return [*effects.warnings(effects.NOTHING, after, None, None), *warnings.overlaps(here, near)]


def reviews(drafted: Iterable[Draft], org: Organisation, reader: User) -> list[Review]:
    """Of drafts of one organisation with their APIs, as the reader could publish them now, together."""
    found = [(draft, _judged(draft, reader)) for draft in drafted]
    ids = [draft.api.api_id for draft, _ in found]
    weeks = last_week.of(org, reader, ids, timezone.now()) or {}
    keys = openers.of(org, reader, ids) or {}
    changes = [
        Change(draft.api.api_id, draft.api.definition, judged.wanted) for draft, judged in found if judged.row
    ]
    away = turned_away.of(org, reader, changes, timezone.now()) or {}
    ahead = foreseen(org.id, [judged for _, judged in found])
    return [
        _review(
            draft,
            judged,
            ahead,
            Told(*(each.get(draft.api.api_id) for each in (weeks, keys, away))),
        )
        for draft, judged in found
    ]


def _judged(draft: Draft, reader: User) -> Judged:
    api = draft.api
    wanted, faults = drafts.judged(api, draft.definition, author=reader)
    if faults:
        return Judged(wanted, faults, None)
    row = ApiDefinition(id=api.id, org_id=api.org_id, **columns(wanted))
    privileged = drafts.privileged(api, wanted) if reader.is_superuser else []
    return Judged(wanted, [], row, claim(row) != claim(api) or row.active > api.active, privileged)


def loss(found: Iterable[Review], org: Organisation) -> Loss | None:
    """What publishing drafts of an organisation would take away of its routes."""
    before = guards.routes(org.id)
    after = before | {each.draft.api_id: each.route for each in found if not each.faults}
    return guards.loss(before, {id: place for id, place in after.items() if place})


def _review(draft: Draft, judged: Judged, ahead: Foreseen, known: Told) -> Review:
    api, row, told, route = draft.api, judged.row, [], None
    faults = [*judged.faults, *ahead.faults(judged)]
    if row:
        told = [f"{PRIVILEGED}: {each}" for each in summary(judged.privileged, MOST_PRIVILEGED)]
        told += effects.warnings(effects.facts(api.definition), effects.facts(judged.wanted), *known)
        told += [*kinds.additions(judged.wanted), *warnings.alone(row), *ahead.warnings(judged)]
        route = conflicts.place(row).address if row.active and not faults else None
    return Review(
        draft,
        shown(api.definition, judged.wanted),
        **_meanwhile(api, draft),
        faults=_said(draft, faults),
        warnings=summary(told, warnings.MOST_SHOWN),
        route=route,
    )


def _said(draft: Draft, faults: list[Problem]) -> list[str]:
    lines = document.lines(draft.text, [fault.pointer for fault in faults[:MOST_SHOWN]])
    return summary(
        [
            f"Line {lines[fault.pointer]}: {plainly(fault)}" if fault.pointer in lines else plainly(fault)
            for fault in faults
        ],
        MOST_SHOWN,
    )


def _meanwhile(api: ApiDefinition, draft: Draft) -> dict:
    if api.revision == draft.started_from:
        return {"meanwhile": None, "undone": None}
    numbers = (draft.started_from, api.revision)
    found = {each.number: each for each in Revision.objects.filter(definition_id=api.id, number__in=numbers)}
    begun, newest = found[draft.started_from], found[api.revision]
    return {"meanwhile": newest, "undone": shown(begun.definition, newest.definition)}
