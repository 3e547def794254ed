"""Publishing any number of changes of one organisation's APIs, all of them or none: one transaction holds the rows,
their revisions, the audit entries, the bytes for gateways, one message.

Everybody who changes an API comes through here, with one change or many. First each definition is judged by what it
says itself, with nothing locked; then, under the organisation's lock, by what there is, and everything is written and
made; the feed, for which all organisations wait, is locked last (`announce`), to look once more for what strangers may
have claimed meanwhile, and to number it. Locks are taken in the order of orgs.organisations.locks.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Count, F, Sum, Value
from django.db.models.functions import Coalesce, Concat
from django.utils import timezone

from apis.definitions import kinds
from apis.definitions.pointer import Problem
from apis.models import ApiDefinition, Revision
from apis.publishing import conflicts, events, serving
from apis.publishing.refusals import Invalid, ManyRefused, Taken
from apis.publishing.staging import KEPT, Change, Staged, domains_taken_away, facts, faults, stage
from orgs.audit import log
from orgs.models import Organisation, User
from orgs.organisations import limits, locks
from orgs.refusals import Refusal

# Rows that go to the database in one statement: each has a definition of a megabyte at most.
_AT_ONCE = 50
_CHANGING = [
    field.name
    for field in ApiDefinition._meta.concrete_fields
    if not field.generated and field.name not in ("org", "id", "created_at")
]


@dataclass
class Stored:
    """What was stored. apis: what became of each change, in its order; of one that goes, what it was. staged: those of
    which anything is another. served: whether gateways are given anything else; grown: how many APIs more. finishing:
    what receivers of events still have to do, under locks for which everybody waits."""

    org_id: str
    apis: list[ApiDefinition]
    staged: list[Staged] = field(default_factory=list)
    served: bool = False
    grown: int = 0
    finishing: list[Callable[[], object]] = field(default_factory=list)


@transaction.atomic
def publish(
    org_id: str,
    changes: Sequence[Change],
    *,
    author: User | None,
    message: str = "",
    at: datetime | None = None,
) -> list[ApiDefinition]:
    """Publish changes of different APIs of an organisation, and answer what became of each, in their order; one without
    a difference makes no revision.

    author: the User, or None for the command line. message: of each revision. at: its time, now by default. Raises
    ManyRefused, which says of each change why it was refused; Departed, LimitReached.
    """
    stored = store(org_id, changes, author=author, message=message, at=at)
    announce(stored)
    return stored.apis


def store(
    org_id: str,
    changes: Sequence[Change],
    *,
    author: User | None,
    message: str = "",
    at: datetime | None = None,
) -> Stored:
    """The same but for what is done under the feed's lock, `announce`, which has to follow in the same transaction; one
    in which this raises is to be taken back."""
    refused = _Refused(dict(enumerate(changes)))
    for place, change in enumerate(changes):
        with refused.noted(place):
            _refuse_faults(org_id, change, author)
    refused.end(at_least=len(changes))
    organisation = locks.lock(org_id)
    rows = _locked(org_id, changes)
    staged = []
    for place, change in enumerate(changes):
        if place not in refused.by_place:
            with refused.noted(place):
                staged.append(stage(org_id, place, change, rows, at))
    for place, refusal in domains_taken_away(org_id, staged, author).items():
        refused.by_place.setdefault(place, refusal)
    _refuse_more(organisation, staged, refused)
    claiming = [each for each in staged if each.claims]
    leaving = [each.api.id for each in staged if each.deleted]
    _note_taken(refused, claiming, conflicts.taken(org_id, [each.claim for each in claiming], leaving))
    refused.end()
    stored = Stored(org_id, [each.api for each in staged], [each for each in staged if each.differs])
    _write(stored, refused, author=author, message=message, at=at)
    _serve(stored)
    return stored


def announce(stored: Stored) -> None:
    """Number what gateways pull, and have them told, once; what is claimed is looked for again under the feed's lock,
    for others may have published since. Raises ManyRefused."""
    for finish in stored.finishing:
        finish()
    claiming = [each for each in stored.staged if each.claims]
    if not (stored.served or claiming):
        return
    feed = serving.lock_feed()
    refused = _Refused({each.place: each.change for each in claiming})
    _note_taken(refused, claiming, conflicts.by_strangers(stored.org_id, [each.claim for each in claiming]))
    refused.end()
    if stored.served:
        subject = stored.staged[0].api.api_id if len(stored.staged) == 1 else stored.org_id
        serving.renew(feed, stored.grown, org_id=stored.org_id, subject=subject)


class _Refused:
    """Why changes are refused, by their places."""

    def __init__(self, changes: Mapping[int, Change]):
        self._changes = changes
        self.by_place: dict[int, Refusal] = {}

    @contextmanager
    def noted(self, place: int) -> Iterator[None]:
        try:
            yield
        except Refusal as refusal:
            self.by_place.setdefault(place, refusal)

    def end(self, at_least: int = 1) -> None:
        """Raise ManyRefused if so many are refused, or more."""
        if self.by_place and len(self.by_place) >= at_least:
            names = {place: self._changes[place].name for place in self.by_place}
            raise ManyRefused(self.by_place, names)


def _refuse_faults(org_id: str, change: Change, author: User | None) -> None:
    """A change that only switches an API, or takes it away, is not judged anew: its definition was when it came,
    perhaps by somebody who may more than this author."""
    if change.api is not None and change.definition is KEPT:
        return
    if found := faults(change.definition, author=author, org_id=org_id, present=change.api):
        raise Invalid(found, kinds.member(change.definition))


def _locked(org_id: str, changes: Sequence[Change]) -> dict[str, ApiDefinition]:
    """The APIs as they are now, by database id; deleted meanwhile, one is missing like any other."""
    ids = [change.api.id for change in changes if change.api is not None]
    if len(set(ids)) < len(ids):
        raise ValueError("an API is changed twice at once")
    rows = ApiDefinition.objects.select_for_update().filter(org_id=org_id, id__in=ids)
    return {row.id: row for row in rows.order_by("id")} if ids else {}


def _refuse_more(organisation: Organisation, staged: Collection[Staged], refused: _Refused) -> None:
    """Refuse what grows over a limit. One that was lowered below what there is hinders nobody from having less."""
    for each in staged:
        if each.grown > 0:
            with refused.noted(each.place):
                limits.refuse_more(organisation, "max_definition_bytes", each.size)
    more = sum(not each.before for each in staged) - sum(each.deleted for each in staged)
    grown = sum(each.grown for each in staged)
    if more <= 0 and grown <= 0:
        return
    there = ApiDefinition.objects.filter(org_id=organisation.id).aggregate(
        number=Count("id"), size=Coalesce(Sum("size"), 0)
    )
    if more > 0:
        limits.refuse_more(organisation, "max_apis", there["number"] + more)
    if grown > 0:
        limits.refuse_more(organisation, "max_definitions_bytes", there["size"] + grown)


def _note_taken(refused: _Refused, claiming: Collection[Staged], taken: Mapping[str, Problem]) -> None:
    """Ids and addresses are claims over all organisations; the answer says no more than that one exists."""
    for each in claiming:
        if problem := taken.get(each.api.id):
            definition = each.api.definition
            place = kinds.place(definition, problem.pointer)
            with refused.noted(each.place):
                raise Taken([problem._replace(pointer=place)], kinds.member(definition))


def _write(
    stored: Stored, refused: _Refused, *, author: User | None, message: str, at: datetime | None
) -> None:
    """The rows, their revisions and the audit entries; what apps above are told before and after."""
    leaving = [each for each in stored.staged if each.deleted]
    staying = [each for each in stored.staged if not each.deleted]
    renamed = [each for each in staying if each.renamed]
    gone = [each.api.api_id for each in leaving] + [each.before["api_id"] for each in renamed]
    _announce(stored, "removed", gone)
    _delete(stored, leaving)
    _write_rows(stored.org_id, staying, renamed, at)
    _write_revisions(stored.org_id, staying, author, message)
    _record(stored.org_id, stored.staged, author, at)
    _announce(stored, "added", [each.api.api_id for each in staying if not each.before or each.renamed])
    for each in staying:
        if each.before and each.api.auth != each.auth:
            with refused.noted(each.place):
                events.authentication_changed.send(
                    ApiDefinition, org_id=stored.org_id, api_id=each.api.api_id, before=each.auth
                )
    refused.end()


def _announce(stored: Stored, what: str, api_ids: Sequence[str]) -> None:
    if api_ids:
        answers = events.api_set_changed.send(ApiDefinition, org_id=stored.org_id, api_ids=api_ids, what=what)
        stored.finishing += [finish for _, finish in answers if finish is not None]


def _delete(stored: Stored, leaving: Collection[Staged]) -> None:
    ids = [each.api.id for each in leaving]
    if not ids:
        return
    withdrawn = serving.withdraw(stored.org_id, ids)
    stored.served |= withdrawn > 0
    stored.grown -= withdrawn
    ApiDefinition.objects.filter(org_id=stored.org_id, id__in=ids).delete()


def _write_rows(
    org_id: str, staying: Collection[Staged], renamed: Collection[Staged], at: datetime | None
) -> None:
    now = at or timezone.now()
    if len(staying) > 1 and renamed:
        # Two may change ids with each other: none has its old one while they are written.
        ids = [each.api.id for each in renamed]
        ApiDefinition.objects.filter(org_id=org_id, id__in=ids).update(api_id=Concat(Value("\n"), F("id")))
    for each in staying:
        each.api.revision += 1
        each.api.updated_at = now
    # They are there, and locked: each comes into conflict with itself alone.
    ApiDefinition.objects.bulk_create(
        [each.api for each in staying if each.before],
        batch_size=_AT_ONCE,
        update_conflicts=True,
        unique_fields=["org", "id"],
        update_fields=_CHANGING,
    )
    ApiDefinition.objects.bulk_create([each.api for each in staying if not each.before], batch_size=_AT_ONCE)


def _write_revisions(org_id: str, staying: Collection[Staged], author: User | None, message: str) -> None:
    Revision.objects.bulk_create(
        (
            Revision(
                org_id=org_id,
                definition_id=each.api.id,
                api_id=each.api.api_id,
                number=each.api.revision,
                definition_text=each.api.definition_text,
                author_id=author.id if author else "",
                author=author.email if author else "command line",
                message=(each.change.message or message)[:500],
                created_at=each.api.updated_at,
            )
            for each in staying
        ),
        batch_size=_AT_ONCE,
    )


def _record(org_id: str, staged: Collection[Staged], author: User | None, at: datetime | None) -> None:
    """Hooks may hold credentials, so that no more is said of what is kept beside a definition than which members are
    others."""
    for action, some in (
        ("api.created", [each for each in staged if not each.before]),
        ("api.published", [each for each in staged if each.before and not each.deleted]),
        ("api.deleted", [each for each in staged if each.deleted]),
    ):
        entries = (
            (
                each.api.id,
                each.api.name,
                each.before,
                {} if each.deleted else facts(each.api) | dict.fromkeys(each.beside, "changed"),
            )
            for each in some
        )
        if some:
            log.record_many(action, "api", entries, actor=author, org=org_id, at=at)


def _serve(stored: Stored) -> None:
    """Serve what was written, and those which call an API that came, went or has another name."""
    apis = [each.api for each in stored.staged if not each.deleted]
    ids = {id for each in stored.staged for id in each.ids}
    callers = serving.callers(stored.org_id, ids, but=[api.id for api in apis]) if ids else []
    served, grown = serving.serve(stored.org_id, [*apis, *callers])
    stored.served |= served > 0
    stored.grown += grown
