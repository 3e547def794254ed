"""What a person looks at before drafts are published."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from apis import guards
from apis.definitions import document, kinds
from apis.definitions.listen_path import Address
from apis.definitions.pointer import Problem, summary
from apis.drafts import effects
from apis.drafts import lifecycle as drafts
from apis.forms import MOST_SHOWN, plainly
from apis.guards import Loss
from apis.models import ApiDefinition, Draft, Revision
from apis.publishing import warnings
from apis.publishing.columns import columns
from apis.views import MOST_WARNINGS, shown
from orgs.models import Organisation, User
from orgs.providers import last_week, openers
from orgs.providers.last_week import Week


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


def reviews(drafted: Iterable[Draft], org: Organisation, reader: User) -> list[Review]:
    """Of drafts of one organisation with their APIs, as the reader could publish them now."""
    found = list(drafted)
    ids = [draft.api.api_id for draft in found]
    weeks = last_week.of(org, reader, ids, timezone.now()) or {}
    keys = openers.of(org, reader, ids) or {}
    return [
        _review(draft, reader, weeks.get(draft.api.api_id), keys.get(draft.api.api_id)) for draft in found
    ]


def loss(found: Iterable[Review], org: Organisation) -> Loss | None:
    """What publishing drafts of an organisation would take away of its routes."""
    before = guards.routes(org.id)
    after = before | {each.draft.api_id: each.route for each in found if not each.faults}
    return guards.loss(before, {id: place for id, place in after.items() if place})


def _review(draft: Draft, reader: User, week: Week | None, keys: int | None) -> Review:
    api = draft.api
    wanted, faults = drafts.judged(api, draft.definition, author=reader)
    route, told = None, []
    if not faults:
        row = ApiDefinition(id=api.id, org_id=api.org_id, **columns(wanted))
        route = Address(row.domain, row.listen_path, row.listen_port) if row.active else None
        told = effects.warnings(effects.facts(api.definition), effects.facts(wanted), week, keys)
        told += [*kinds.additions(wanted), *warnings.of(row)]
    return Review(
        draft,
        shown(api.definition, wanted),
        **_meanwhile(api, draft),
        faults=_said(draft, faults),
        warnings=summary(told, MOST_WARNINGS),
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
