"""Taking over what a gateway without a dashboard has in its files: APIs first, then the policies that name them.

Each comes through the verb by which anybody makes or changes one (apis.publishing.publish, keys.policies.lifecycle), so
that a file holds nothing which could not be published otherwise. IDs of APIs and policies stay, since keys in the
gateways' Redis name them; the organisation is whoever takes them over.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q

from apis.definitions import kinds
from apis.definitions.pointer import Problem
from apis.files import definitions
from apis.files.reading import File
from apis.models import ApiDefinition
from apis.publishing import publish, warnings
from apis.publishing.refusals import Refused
from keys.files import policies
from keys.models import Policy
from keys.policies import lifecycle, serving
from keys.policies.refusals import Invalid
from orgs.models import User
from orgs.organisations import limits, locks
from orgs.refusals import Refusal

# What becomes of each: made; another revision of what is there; there and the same; there, another, and left so; none.
NEW, REPLACED, SAME, LEFT, REFUSED = "new", "replaced", "same", "left", "refused"
API, POLICY = "API", "policy"
_MESSAGE = "From the files of a gateway"


class Wanted(NamedTuple):
    """What was read. others: the files that are neither, and say why."""

    apis: list[definitions.Found]
    policies: list[policies.Found]
    others: list[File]


@dataclass(frozen=True)
class Result:
    """What becomes, or became, of one. kind: API or POLICY. pointer: where in its file it stands. id: API ID, or the
    policy's. outcome: as above. problems: why it is refused, their pointers within its file. notes: what its author
    should know, in sentences."""

    kind: str
    file: str
    pointer: str
    id: str
    name: str
    outcome: str
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """stored: whether it was done, and not only looked at or refused as a whole."""

    results: list[Result]
    others: list[File]
    stored: bool
    org_ids: dict[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> Counter[str]:
        return Counter(result.outcome for result in self.results)

    @property
    def made(self) -> int:
        """How many are new, or another revision."""
        return self.counts[NEW] + self.counts[REPLACED]


def digest(report: Report) -> str:
    """What somebody saw, in 32 hex digits."""
    shown = [report.results, report.others, report.org_ids]
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:32]


@transaction.atomic
def adopt(
    org_id: str,
    wanted: Wanted,
    *,
    author: User | None,
    replace: bool = False,
    skip_refused: bool = False,
    review: bool = False,
) -> Report:
    """Store what was read as APIs and policies of an organisation, all or nothing, and answer what became of each.

    replace: what is there and differs gets another revision; else it stays. skip_refused: what is refused does not keep
    the rest from being stored. review: nothing is stored in any case; the answer is what would become. Raises Departed,
    and LimitReached where not all can be there at once: trying them would keep everybody else from publishing.
    """
    organisation = locks.lock(org_id)
    limits.refuse_more(organisation, "max_apis", len(wanted.apis))
    limits.refuse_more(organisation, "max_policies", len(wanted.policies))
    # The order of locks (orgs.organisations.locks): each API comes to the feed's, which is after this one.
    serving.lock()
    results = [_api(org_id, each, author, replace) for each in wanted.apis]
    results += [_policy(org_id, each, author, replace) for each in wanted.policies]
    refused = any(result.outcome == REFUSED for result in results)
    stored = not review and (skip_refused or not refused)
    if not stored:
        transaction.set_rollback(True)
    named = [kinds.names(each.definition).org_id for each in wanted.apis if each.definition]
    named += [str(each.document.get("org_id") or "") for each in wanted.policies if each.document]
    return Report(results, wanted.others, stored, definitions.org_ids(named))


def _api(org_id: str, found: definitions.Found, author: User | None, replace: bool) -> Result:
    def store(notes: list[str]) -> str:
        present = _present_api(org_id, found)
        notes += kinds.additions(found.definition)
        if present is None:
            api = publish.create(org_id, found.definition, author=author, message=_MESSAGE)
            outcome = NEW
        else:
            api = publish.change(present, found.definition, author=author, message=_MESSAGE)
            outcome = SAME if api.revision == present.revision else REPLACED
        notes += warnings.of(api)
        return outcome

    outcome, problems, notes = _outcome(store, found.problems, found.notes, replace)
    id, name = definitions.api_id(found.definition), kinds.names(found.definition).name
    return Result(API, found.file, "", id, name, outcome, problems, notes)


def _present_api(org_id: str, found: definitions.Found) -> ApiDefinition | None:
    api_id = definitions.api_id(found.definition)
    return ApiDefinition.objects.filter(org_id=org_id, api_id=api_id).first() if api_id else None


def _policy(org_id: str, found: policies.Found, author: User | None, replace: bool) -> Result:
    def store(notes: list[str]) -> str:
        own = Policy.objects.filter(Q(policy_id=found.id) | Q(id=found.id), org_id=org_id)
        present = None if "\0" in found.id else own.first()
        if present is None:
            lifecycle.create(org_id, found.document, author=author, message=_MESSAGE)
            return NEW
        policy = lifecycle.change(present, found.document, author=author, message=_MESSAGE)
        return SAME if policy.revision == present.revision else REPLACED

    outcome, problems, notes = _outcome(store, found.problems, found.notes, replace)
    problems = tuple(each._replace(pointer=_in_file(found, each.pointer)) for each in problems)
    name = str(found.document.get("name") or "")
    return Result(POLICY, found.file, found.pointer, found.id, name, outcome, problems, notes)


def _in_file(found: policies.Found, pointer: str) -> str:
    """In a file with all policies the ID of one is the name of its member."""
    return found.pointer if found.pointer and pointer in ("/id", "/_id") else found.pointer + pointer


def _outcome(
    store: Callable[[list[str]], str], faults: tuple[Problem, ...], notes: tuple[str, ...], replace: bool
) -> tuple[str, tuple[Problem, ...], tuple[str, ...]]:
    """What became of one, why it was refused, and what there is to know of it."""
    if faults:
        return REFUSED, faults, ()
    said = list(notes)
    try:
        with transaction.atomic():
            outcome = store(said)
            if outcome == REPLACED and not replace:
                outcome = LEFT
                transaction.set_rollback(True)
    except (Refused, Invalid) as error:
        return REFUSED, tuple(error.problems), ()
    except locks.Departed:
        raise
    except Refusal as error:
        return REFUSED, (Problem("", str(error)),), ()
    return outcome, (), () if outcome == LEFT else tuple(said)
