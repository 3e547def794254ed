"""How what a node was last served is another than what is desired, API by API and policy by policy."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from apis.definitions import kinds
from apis.definitions.difference import shown
from apis.models import Revision, ServedApi
from dashboard.nodes.models import PulledFeed, PulledRevisions
from keys.models import PolicyRevision, ServedPolicy
from keys.policies.views import difference
from orgs.models import User

# Definitions are up to a megabyte, and this is a page.
MOST_SHOWN = 20


@dataclass(frozen=True)
class Change:
    """Of one API or policy: the revisions served and desired, None for none."""

    kind: str
    org_id: str
    id: str
    served: int | None
    desired: int | None


def changes(number: int, user: User) -> list[Change] | None:
    """Of the organisations in scope, of what the user may see, APIs first; None where nobody knows what was in that
    version of the feed."""
    if not PulledFeed.objects.filter(number=number).exists():
        return None
    pulled = list(PulledRevisions.objects.filter(number=number))
    found = []
    if user.may("apis"):
        desired = ServedApi.objects.order_by().values_list("org_id", "api_id", "revision")
        served = _by_place((row.org_id, row.apis) for row in pulled)
        found += _between("api", served, {(org, id): revision for org, id, revision in desired})
    if user.may("policies"):
        desired = ServedPolicy.objects.order_by().values_list("org_id", "policy_id", "policy__revision")
        served = _by_place((row.org_id, row.policies) for row in pulled)
        found += _between("policy", served, {(org, id): revision for org, id, revision in desired})
    return found


def _by_place(rows) -> dict[tuple[str, str], int]:
    return {(org_id, id): revision for org_id, revisions in rows for id, revision in revisions.items()}


def _between(
    kind: str, served: Mapping[tuple[str, str], int], desired: Mapping[tuple[str, str], int]
) -> list[Change]:
    places = sorted(place for place in {**served, **desired} if served.get(place) != desired.get(place))
    return [Change(kind, *place, served.get(place), desired.get(place)) for place in places]


def explained(changes: list[Change]) -> list[dict]:
    """The first of the changes with what is called so, and how it differs field by field: {"change", "name",
    "difference": None where one side has nothing}."""
    few = list(islice(changes, MOST_SHOWN))
    texts = _api_texts(few) | _policy_texts(few)
    return [_explained(change, texts) for change in few]


def _explained(change: Change, texts: Mapping[tuple, dict]) -> dict:
    before, after = (texts.get((change.id, number)) for number in (change.served, change.desired))
    known = after or before or {}
    name, compare = (
        (kinds.names(known).name, shown) if change.kind == "api" else (known.get("name"), difference)
    )
    return {
        "change": change,
        "name": name or change.id,
        "difference": compare(before, after) if before and after else None,
    }


def _api_texts(changes: list[Change]) -> dict[tuple[str, int], dict]:
    wanted = [change for change in changes if change.kind == "api"]
    rows = Revision.objects.filter(
        org_id__in={change.org_id for change in wanted},
        definition_id__in={change.id for change in wanted},
        number__in=_numbers(wanted),
    )
    return {(row.definition_id, row.number): row.definition for row in rows}


def _policy_texts(changes: list[Change]) -> dict[tuple[str, int], dict]:
    wanted = [change for change in changes if change.kind == "policy"]
    rows = PolicyRevision.objects.filter(
        org_id__in={change.org_id for change in wanted},
        policy_row_id__in={change.id for change in wanted},
        number__in=_numbers(wanted),
    )
    return {(row.policy_row_id, row.number): row.document for row in rows}


def _numbers(changes: list[Change]) -> set[int]:
    return {number for change in changes for number in (change.served, change.desired) if number}
