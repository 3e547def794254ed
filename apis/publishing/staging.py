"""What is wrong with one change, and what it makes of an API, before anything of it is stored."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from apis.allowances import changes
from apis.definitions import kinds
from apis.definitions.listen_path import Address
from apis.definitions.pointer import Problem, summary
from apis.models import ApiDefinition, Domain
from apis.publishing import conflicts, references
from apis.publishing.columns import columns
from apis.publishing.conflicts import Claim
from apis.publishing.refusals import ANOTHERS_DOMAIN, NO_OWN_DOMAIN, Deleted, Invalid, Stale
from orgs.ids import new_id
from orgs.models import User

# What the audit log says of an API: never its definition, which may hold an upstream's credentials.
FACTS = ("revision", "name", "api_id", "listen_path", "domain", "active")

KEPT = object()
MOST_NAMED = 5  # domains of an organisation in a refusal


@dataclass(frozen=True)
class Change:
    """One change. api: as its author knows it; None makes a new one. definition: what it becomes; KEPT leaves it.
    active: whether gateways are given it; None: as its definition says. deleted: it goes. started_from: the revision
    number that the author saw; None overwrites whatever is there. wrapper: what of apis.wrapper is to be another; the
    rest stays. message: of its revision, "" for that of all changes that are made together.

    A definition without `api_id` keeps the present one, another gives the API a new identity.
    """

    api: ApiDefinition | None = None
    definition: object = KEPT
    active: bool | None = None
    deleted: bool = False
    started_from: int | None = None
    wrapper: Mapping[str, Any] | None = None
    message: str = ""

    @property
    def name(self) -> str:
        """What its author calls the API."""
        if self.api is not None:
            return self.api.name
        return kinds.names(self.definition).name if isinstance(self.definition, dict) else ""


@dataclass
class Staged:
    """An API as it is to be stored (deleted: as it was). place: of its change among several; before: what an audit
    entry says of it as it was, and the rest of what it was then, empty of a new one. beside: which members of its
    wrapper are others."""

    place: int
    change: Change
    api: ApiDefinition
    before: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    auth: str = ""
    claimed: Claim | None = None
    beside: list[str] = field(default_factory=list)

    @property
    def deleted(self) -> bool:
        return self.change.deleted

    @property
    def differs(self) -> bool:
        return self.deleted or self.api.definition_text != self.text or bool(self.beside)

    @property
    def claim(self) -> Claim:
        return claim(self.api)

    @property
    def claims(self) -> bool:
        """Whether it is to have an id or an address that it had not."""
        return not self.deleted and self.claim != self.claimed

    @property
    def renamed(self) -> bool:
        """Whether it is to have another API id than before."""
        return bool(self.before) and not self.deleted and self.before["api_id"] != self.api.api_id

    @property
    def ids(self) -> set[str]:
        """By which others may call it that comes, goes or has another name."""
        if not self.before or self.deleted:
            return {self.api.id, self.api.api_id}
        return {self.before["api_id"], self.api.api_id} if self.renamed else set()

    @property
    def size(self) -> int:
        """Bytes of the definition."""
        return len(self.api.definition_text.encode())

    @property
    def grown(self) -> int:
        """By how many bytes. Being switched on or off is no growth."""
        if self.deleted:
            return -self.size
        return 0 if self.change.definition is KEPT else self.size - len(self.text.encode())


def faults(
    definition: object, *, author: User | None, org_id: str, present: ApiDefinition | None = None
) -> list[Problem]:
    """What keeps a definition from being published, as far as it says so itself, and by the certificates and the domain
    in it: nothing of other APIs is asked, and nothing is locked. author: the User, or None for the command line.

    present: the ApiDefinition that there is; its own id is kept, even if nobody could choose it today, and what it
    names.
    """
    may_use_references = author is None or author.is_superuser
    texts = () if may_use_references else kinds.references(definition)
    allowed = changes.among(org_id, texts) if texts else ()
    found = kinds.problems(definition, may_use_references=may_use_references, org_id=org_id, allowed=allowed)
    if not isinstance(definition, dict):
        return found
    if present and kinds.names(definition).api_id == present.api_id:
        own = kinds.id_place(definition)
        found = [problem for problem in found if problem.pointer != own]
    if not found:
        found = _strange_domain(definition, org_id, present, may_use_any=may_use_references)
    said = {problem.pointer for problem in found}
    strange = references.strange_certificates(definition, org_id, present.definition if present else None)
    return found + [problem for problem in strange if problem.pointer not in said]


def _strange_domain(
    definition: dict, org_id: str, present: ApiDefinition | None, *, may_use_any: bool
) -> list[Problem]:
    """Whether a valid definition wants a domain that is not its organisation's. Where an API is, it may stay. Nobody is
    told whose another is but who may publish for everybody."""
    domain = kinds.address(definition).domain
    if not domain or (present and present.domain == domain):
        return []
    owner = conflicts.owners_of([domain]).get(domain)
    if owner == org_id or (may_use_any and owner is None):
        return []
    return [_not_own(definition, org_id, may_use_any=may_use_any)]


def domains_taken_away(org_id: str, staged: Collection[Staged], author: User | None) -> dict[int, Invalid]:
    """Why changes are refused, by their places, that move an API to a domain which was the organisation's when they
    were judged and is not any more: to be asked under its lock, which taking a domain away takes."""
    if author is None or author.is_superuser:
        return {}
    moved = [
        each
        for each in staged
        if not each.deleted and not (each.claimed and each.claimed.address.domain == each.api.domain)
    ]
    owners = conflicts.owners_of({each.api.domain for each in moved})
    return {
        each.place: Invalid(
            [_not_own(each.api.definition, org_id, may_use_any=False)], kinds.member(each.api.definition)
        )
        for each in moved
        if each.api.domain and owners.get(each.api.domain) != org_id
    }


def _not_own(definition: dict, org_id: str, *, may_use_any: bool) -> Problem:
    if may_use_any:
        problem = ANOTHERS_DOMAIN
    else:
        own = Domain.objects.filter(org_id=org_id).order_by("name").values_list("name", flat=True)
        said = ", ".join(summary(list(own), MOST_NAMED)) or "none"
        problem = NO_OWN_DOMAIN._replace(message=NO_OWN_DOMAIN.message.format(own=said))
    return problem._replace(pointer=kinds.place(definition, problem.pointer))


def stage(
    org_id: str, place: int, change: Change, rows: Mapping[str, ApiDefinition], at: datetime | None
) -> Staged:
    """rows: the APIs there are, locked, by database id. Raises Invalid, Stale, Deleted."""
    return _new(org_id, place, change, at) if change.api is None else _present(org_id, place, change, rows)


def claim(api: ApiDefinition) -> Claim:
    return Claim(api.id, api.api_id, Address(api.domain, api.listen_path, api.listen_port))


def facts(api: ApiDefinition) -> dict[str, Any]:
    """What an audit entry says of it."""
    return {name: getattr(api, name) for name in FACTS}


def _new(org_id, place, change, at):
    _refuse_gone(change.definition, org_id)
    api = ApiDefinition(id=new_id(), org_id=org_id, revision=0, active=False, created_at=at or timezone.now())
    api.wrapper = dict(change.wrapper or {})
    _describe(api, change.definition, kinds.names(change.definition).api_id or new_id(), change.active)
    return Staged(place, change, api)


def _present(org_id, place, change, rows):
    api = rows.get(change.api.id)
    if api is None:
        raise Deleted
    if change.started_from not in (None, api.revision):
        raise Stale(api)
    staged = Staged(place, change, api, facts(api), api.definition_text, api.auth, claim(api))
    if change.deleted:
        return staged
    kept = {**api.wrapper, **(change.wrapper or {})}
    staged.beside = sorted(name for name in kept if (kept[name] or None) != (api.wrapper.get(name) or None))
    definition = api.definition
    if change.definition is not KEPT:
        _refuse_gone(change.definition, org_id, definition)
        definition = change.definition
    api.wrapper = kept
    _describe(api, definition, kinds.names(definition).api_id or api.api_id, change.active)
    return staged


def _describe(api, definition, api_id, active):
    """Put a definition in normal form into the row, and what the row repeats of it."""
    normal = kinds.normal_form(definition, id=api.id, api_id=api_id, org_id=api.org_id, active=active)
    api.definition = normal
    for name, value in columns(normal).items():
        setattr(api, name, value)
    api.categories = list(dict.fromkeys([*api.categories, *api.wrapper.get("categories", ())]))


def _refuse_gone(definition: dict, org_id: str, stored: dict | None = None) -> None:
    """Raise Invalid for a certificate that is not there: once more under the organisation's lock, which deleting one
    takes. On gateways of 3.0 one that is named and not there lets anybody in."""
    if found := references.strange_certificates(definition, org_id, stored):
        raise Invalid(found, kinds.member(definition))
