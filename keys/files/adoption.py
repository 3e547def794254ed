"""Taking over what a gateway without a dashboard has in its files: APIs first, then the policies that name them.

They come through what anybody makes or changes many by (apis.publishing.bulk, keys.policies.lifecycle), so that a file
holds nothing which could not be published otherwise. IDs of APIs and policies stay, since keys in the
gateways' Redis name them; the organisation is whoever takes them over.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import transaction

from apis import guards
from apis.definitions import difference, kinds
from apis.definitions.pointer import Problem, summary
from apis.drafts import effects
from apis.files import definitions
from apis.files.reading import File
from apis.models import ApiDefinition
from apis.publishing import bulk, conflicts, warnings
from apis.publishing.bulk import Change
from apis.publishing.refusals import ManyRefused, Refused
from keys.files import policies
from keys.policies import lifecycle, storing
from keys.policies.refusals import Invalid, Taken
from orgs.http.strict_json import printable
from orgs.models import User
from orgs.organisations import limits, locks
from orgs.refusals import Refusal

# What becomes of each: made; another revision of what is there; there and the same; there, another, and left so; none.
NEW, REPLACED, SAME, LEFT, REFUSED = "new", "replaced", "same", "left", "refused"
API, POLICY = "API", "policy"
_MESSAGE = "From the files of a gateway"
_CHANGES = "Changes {}."
INACTIVE = "It is inactive and stays so: gateways are not given it before somebody activates it."
_MEMBERS = 10  # that are named of one definition


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
    """stored: whether it was done, and not only looked at or refused as a whole. loss: what it takes away of the routes
    that there are, as far as somebody is to be asked about that."""

    results: list[Result]
    others: list[File]
    stored: bool
    org_ids: dict[str, int] = field(default_factory=dict)
    loss: guards.Loss | None = None

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
    and LimitReached where not all can be there.
    """
    organisation = locks.lock(org_id)
    limits.refuse_more(organisation, "max_apis", len(wanted.apis))
    limits.refuse_more(organisation, "max_policies", len(wanted.policies))
    before = guards.routes(org_id)
    apis = _apis(org_id, wanted.apis, author, replace)
    loss = guards.loss(before, guards.routes(org_id))
    policies = _policies(org_id, wanted.policies, author, replace)
    meant = not review and (skip_refused or not (apis.refused or policies.refused))
    results = _results(wanted, apis, policies)
    stored = meant and _announced(apis, policies)
    if not stored:
        results = _results(wanted, apis, policies) if meant else results
        transaction.set_rollback(True)
    named = [kinds.names(each.definition).org_id for each in wanted.apis if each.definition]
    named += [str(each.document.get("org_id") or "") for each in wanted.policies if each.document]
    return Report(results, wanted.others, stored, definitions.org_ids(named), loss)


@dataclass
class _Tried:
    """What becomes of so many of one kind, by their places. made: those that are there now as they are wanted, each
    with whether it is NEW, REPLACED or the SAME; left: those that stay as they are; refused: why. stored: what is still
    to be announced."""

    count: int
    refused: dict[int, tuple[Problem, ...]]
    made: dict[int, tuple[Any, str]] = field(default_factory=dict)
    left: set[int] = field(default_factory=set)
    stored: Any = None

    @property
    def places(self) -> list[int]:
        """Of those that are neither refused nor left."""
        return [place for place in range(self.count) if place not in self.refused and place not in self.left]

    def settled(self, outcomes: Mapping[int, str], replace: bool) -> bool:
        """Whether these may stay: else those of what is there that differ are left, and the rest is tried again."""
        differing = {place for place, outcome in outcomes.items() if outcome == REPLACED}
        if replace or not differing:
            return True
        self.left |= differing
        return False

    def refuse(self, problems: Mapping[int, Sequence[Problem]]) -> None:
        for place, some in problems.items():
            self.refused[place] = tuple(some)
            self.made.pop(place, None)


def _announced(apis: _Tried, policies: _Tried) -> bool:
    """Whether what is stored could be announced: somebody else may have published meanwhile what an API claims. All
    publishing waits from here until the transaction ends."""
    try:
        storing.announce(policies.stored)
        bulk.announce(apis.stored)
    except ManyRefused as error:
        apis.refuse({apis.places[place]: _problems(refusal) for place, refusal in error.by_place.items()})
        return False
    except Taken as error:
        policies.refuse(_by_place(error.problems))
        return False
    return True


def _apis(org_id: str, wanted: Sequence[definitions.Found], author: User | None, replace: bool) -> _Tried:
    ids = {id for each in wanted if (id := definitions.api_id(each.definition))}
    present = {api.api_id: api for api in ApiDefinition.objects.filter(org_id=org_id, api_id__in=ids)}
    changes = [Change(present.get(definitions.api_id(each.definition)), each.definition) for each in wanted]
    tried = _tried(wanted)
    while True:
        places = tried.places
        try:
            with transaction.atomic():
                these = [changes[place] for place in places]
                tried.stored = bulk.store(org_id, these, author=author, message=_MESSAGE)
                outcomes = {places[each.place]: _outcome(each.before) for each in tried.stored.staged}
                if tried.settled(outcomes, replace):
                    break
                transaction.set_rollback(True)
        except ManyRefused as error:
            tried.refuse({places[place]: _problems(refusal) for place, refusal in error.by_place.items()})
    for place, api in zip(places, tried.stored.apis, strict=True):
        tried.made[place] = api, outcomes.get(place, SAME)
    return tried


def _policies(org_id: str, wanted: Sequence[policies.Found], author: User | None, replace: bool) -> _Tried:
    tried = _tried(wanted)
    while True:
        these = {f"/{place}": (org_id, wanted[place].document) for place in tried.places}
        try:
            with transaction.atomic():
                made, tried.stored = lifecycle.store(these, author=author, message=_MESSAGE)
                drafts = [draft for stored in tried.stored for draft in stored.drafts]
                outcomes = {int(draft.pointer[1:]): _outcome(draft.before) for draft in drafts}
                if tried.settled(outcomes, replace):
                    break
                transaction.set_rollback(True)
        except (Invalid, Taken) as error:
            tried.refuse(_by_place(error.problems))
    for pointer, policy in made.items():
        tried.made[int(pointer[1:])] = policy, outcomes.get(int(pointer[1:]), SAME)
    return tried


def _tried(wanted: Sequence[definitions.Found] | Sequence[policies.Found]) -> _Tried:
    faulty = {place: each.problems for place, each in enumerate(wanted) if each.problems}
    return _Tried(len(wanted), faulty)


def _outcome(before: Mapping[str, Any]) -> str:
    return REPLACED if before else NEW


def _problems(refusal: Refusal) -> list[Problem]:
    return refusal.problems if isinstance(refusal, Refused) else [Problem("", str(refusal))]


def _by_place(problems: Iterable[Problem]) -> dict[int, list[Problem]]:
    """The problems of documents that were given by pointers which are their places."""
    found: dict[int, list[Problem]] = defaultdict(list)
    for problem in problems:
        _, place, *rest = problem.pointer.split("/", 2)
        found[int(place)].append(problem._replace(pointer="".join(f"/{each}" for each in rest)))
    return found


def _results(wanted: Wanted, apis: _Tried, policies: _Tried) -> list[Result]:
    return [*_of_apis(wanted.apis, apis), *_of_policies(wanted.policies, policies)]


def _told(stored: bulk.Stored, places: Sequence[int]) -> dict[int, list[str]]:
    """What becomes another for callers, by the place of each API; nothing of traffic, which is another each time that
    somebody looks."""
    moved = [conflicts.place(each.api) for each in stored.staged if each.claims]
    near = conflicts.neighbours(stored.org_id, moved)
    told = {}
    for each in stored.staged:
        before, after = json.loads(each.text) if each.before else None, each.api.definition
        said = [_CHANGES.format(", ".join(_members(before, after)))] if before else []
        known = effects.facts(before) if before else effects.NOTHING
        said += effects.warnings(known, effects.facts(after), None, None)
        said += warnings.overlaps(conflicts.place(each.api), near.get(each.api.id, ()))
        told[places[each.place]] = said
    return told


def _members(before: dict, after: dict) -> list[str]:
    return summary([printable(row.pointer) for row in difference.rows(before, after)], _MEMBERS)


def _of_apis(wanted: Sequence[definitions.Found], tried: _Tried) -> Iterator[Result]:
    told = _told(tried.stored, tried.places) if tried.stored else {}
    for place, found in enumerate(wanted):
        api, outcome = tried.made.get(place, (None, LEFT if place in tried.left else REFUSED))
        notes = ()
        if api is not None:
            said = [*found.notes, *([] if api.active else [INACTIVE]), *told.get(place, ())]
            said += [*kinds.additions(found.definition), *warnings.of(api)]
            notes = tuple(dict.fromkeys(said))
        id, name = definitions.api_id(found.definition), kinds.names(found.definition).name
        refused = tried.refused.get(place, ())
        problems = tuple(each._replace(pointer=found.pointer + each.pointer) for each in refused)
        yield Result(API, found.file, found.pointer, id, name, outcome, problems, notes)


def _of_policies(wanted: Sequence[policies.Found], tried: _Tried) -> Iterator[Result]:
    for place, found in enumerate(wanted):
        policy, outcome = tried.made.get(place, (None, LEFT if place in tried.left else REFUSED))
        problems = tried.refused.get(place, ())
        if not found.problems:
            problems = tuple(each._replace(pointer=_in_file(found, each.pointer)) for each in problems)
        name, notes = str(found.document.get("name") or ""), found.notes if policy is not None else ()
        yield Result(POLICY, found.file, found.pointer, found.id, name, outcome, problems, notes)


def _in_file(found: policies.Found, pointer: str) -> str:
    """In a file with all policies the ID of one is the name of its member."""
    return found.pointer if found.pointer and pointer in ("/id", "/_id") else found.pointer + pointer
