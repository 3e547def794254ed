"""How policies are stored: the rows, their revisions, their rights, the audit entries, and their elements for gateways.

Everything here is called by keys.policies.lifecycle, under the organisation's lock, and asks the database as often for
many policies of an organisation as for one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, F, Sum, Value
from django.db.models.functions import Coalesce, Concat

from apis.definitions.pointer import Problem, child
from apis.models import ApiDefinition
from apis.publishing.serving import serve_naming
from keys.credentials import exposure
from keys.models import Policy, PolicyRevision, PolicyRight
from keys.policies import conflicts, document, serving
from keys.policies.refusals import Invalid, Taken
from orgs.audit import log
from orgs.models import Organisation, User
from orgs.organisations import limits

# What the audit log says of a policy: not its metadata, which may hold an upstream's credentials.
_FACTS = ("revision", "name", "policy_id", "state")
# What changes of a row that is there.
_CHANGING = (
    "document_text",
    "policy_id",
    "name",
    "state",
    "tags",
    "grants_rights",
    "key_expires_in",
    "revision",
    "size",
    "updated_at",
)
SAME_NAME = Problem("/name", "is the name of another policy of this organisation")


@dataclass(frozen=True)
class Draft:
    """A policy as it is to be stored. pointer: where it stands among several; before: what an audit entry says of it as
    it was, empty of a new one; size, granted: of it as it was."""

    policy: Policy
    pointer: str = ""
    before: dict[str, Any] = field(default_factory=dict)
    size: int = 0
    granted: bool = False

    @property
    def claims(self) -> bool:
        """Whether it has an id that it had not."""
        return not self.before or self.before["policy_id"] != self.policy.policy_id

    @property
    def names(self) -> set[str]:
        """All by which it is known now or was before."""
        return {self.policy.id, self.policy.policy_id, self.before.get("policy_id", self.policy.policy_id)}

    @property
    def is_renamed(self) -> bool:
        """Whether another may have to give way to it first: one that is there, with another name or id."""
        return bool(self.before) and (self.claims or self.before["name"] != self.policy.name)


@dataclass(frozen=True)
class Stored:
    """What was stored of one organisation; what gateways and others hear of it comes once for all (`announce`).
    changed: whether their elements are; grown: how many more there are; apis: whether those of APIs are, which name a
    policy that has come or gone."""

    org_id: str
    drafts: Sequence[Draft] = ()
    changed: bool = False
    grown: int = 0
    apis: bool = False

    @property
    def claiming(self) -> list[Draft]:
        return [draft for draft in self.drafts if draft.claims]


def draft(policy: Policy, given: Mapping[str, Any], pointer: str = "") -> Draft | None:
    """Put a document into the row; None if that is what it was."""
    if policy._state.adding:
        describe(policy, given)
        policy.created_at = policy.updated_at
        return Draft(policy, pointer)
    present, was = policy.document, Draft(policy, pointer, facts(policy), policy.size, policy.grants_rights)
    describe(policy, given, present)
    return None if document.same(policy.document, present) else was


def describe(policy: Policy, given: Mapping[str, Any], present: Mapping[str, Any] | None = None) -> None:
    """Put a document in its one form into the row, and what the row repeats of it."""
    now = log.moment()
    stored = document.normal_form(
        given, id=policy.id, org_id=policy.org_id, updated=int(now.timestamp()), present=present
    )
    policy.document = stored
    policy.updated_at = now
    policy.policy_id = document.resolves_as(stored)
    policy.name = stored["name"]
    policy.state = stored["state"]
    policy.tags = stored["tags"]
    policy.grants_rights = document.grants_rights(stored)
    policy.key_expires_in = stored["key_expires_in"]
    policy.size = len(policy.document_text.encode())


def store(
    organisation: Organisation,
    drafts: Sequence[Draft],
    apis: Mapping[str, ApiDefinition],
    author: User | None,
    message: str,
) -> Stored:
    """Store policies of this organisation. apis: those that they name, by API id. Raises Taken, Invalid,
    LimitReached."""
    if not drafts:
        return Stored(organisation.id)
    _refuse_more(organisation, drafts)
    if taken := conflicts.taken(organisation.id, drafts):
        raise Taken(taken)
    _refuse_same_names(organisation.id, drafts)
    _refuse_exposing(organisation.id, drafts, apis)
    write(organisation.id, drafts, author, message)
    _write_rights(organisation.id, drafts, apis)
    changed, grown = serving.serve(organisation.id, [draft.policy for draft in drafts])
    named = {name for draft in drafts if draft.claims for name in draft.names}
    return Stored(organisation.id, drafts, changed > 0, grown, serve_naming(organisation.id, named))


def announce(stored: Sequence[Stored]) -> None:
    """Number the list anew, once for each organisation that changed it. What is claimed is looked for again under the
    list's lock, for others may have stored one since."""
    if not any(each.changed or each.claiming for each in stored):
        return
    row = serving.lock()
    for each in stored:
        if taken := conflicts.claimed_by_strangers(each.org_id, each.claiming):
            raise Taken(taken)
        if each.changed:
            subject = each.drafts[0].policy.id
            serving.renew(row, each.grown, org_id=each.org_id, subject=subject, apis=each.apis)


def write(org_id: str, drafts: Sequence[Draft], author: User | None, message: str) -> None:
    """Write the rows, the next revision of each, and the audit entries."""
    policies = [draft.policy for draft in drafts]
    author_id, author_name = log.whoever(author)
    for policy in policies:
        policy.revision += 1
    _write_rows(org_id, drafts)
    PolicyRevision.objects.bulk_create(
        PolicyRevision(
            org_id=org_id,
            policy_row_id=policy.id,
            policy_id=policy.policy_id,
            number=policy.revision,
            document_text=policy.document_text,
            author_id=author_id,
            author=author_name,
            message=message[:500],
            created_at=policy.updated_at,
        )
        for policy in policies
    )
    for action, some in (
        ("policy.created", [draft for draft in drafts if not draft.before]),
        ("policy.changed", [draft for draft in drafts if draft.before]),
    ):
        entries = ((each.policy.id, each.policy.name, each.before, facts(each.policy)) for each in some)
        log.record_many(action, "policy", entries, actor=author, org=org_id)


def record_deleted(org_id: str, policies: Sequence[Policy], author: User | None = None) -> None:
    """Write the audit entries of policies that are about to go."""
    entries = ((policy.id, policy.name, facts(policy), {}) for policy in policies)
    log.record_many("policy.deleted", "policy", entries, actor=author, org=org_id)


def facts(policy: Policy) -> dict[str, Any]:
    """What an audit entry says of a policy."""
    return {name: getattr(policy, name) for name in _FACTS} | {"apis": document.opened_apis(policy.document)}


def _write_rows(org_id: str, drafts: Sequence[Draft]) -> None:
    if renamed := [draft.policy.id for draft in drafts if draft.is_renamed]:
        # Two may change names with each other: none has its old one while they are written.
        given_way = Policy.objects.filter(org_id=org_id, id__in=renamed)
        given_way.update(name=Concat(Value("\n"), F("id")), policy_id=Concat(Value("\n"), F("id")))
    Policy.objects.bulk_create(
        [draft.policy for draft in drafts],
        update_conflicts=True,
        unique_fields=["org", "id"],
        update_fields=_CHANGING,
    )


def _write_rights(org_id: str, drafts: Sequence[Draft], apis: Mapping[str, ApiDefinition]) -> None:
    wanted = {
        (draft.policy.id, apis[api_id].id)
        for draft in drafts
        for api_id in document.opened_apis(draft.policy.document)
    }
    rows = PolicyRight.objects.filter(org_id=org_id, policy_id__in=[draft.policy.id for draft in drafts])
    there = {(policy, api): id for id, policy, api in rows.values_list("id", "policy_id", "api_id")}
    if gone := [id for right, id in there.items() if right not in wanted]:
        PolicyRight.objects.filter(org_id=org_id, id__in=gone).delete()
    PolicyRight.objects.bulk_create(
        PolicyRight(org_id=org_id, policy_id=policy, api_id=api)
        for policy, api in sorted(wanted - there.keys())
    )


def _refuse_same_names(org_id: str, drafts: Sequence[Draft]) -> None:
    changing = [draft.policy.id for draft in drafts if draft.before]
    own = Policy.objects.filter(org_id=org_id, name__in=[draft.policy.name for draft in drafts])
    used = set(own.exclude(id__in=changing).values_list("name", flat=True))
    found = []
    for draft in drafts:
        if draft.policy.name in used:
            found.append(SAME_NAME._replace(pointer=draft.pointer + SAME_NAME.pointer))
        used.add(draft.policy.name)
    if found:
        raise Invalid(found)


def _refuse_exposing(org_id: str, drafts: Sequence[Draft], apis: Mapping[str, ApiDefinition]) -> None:
    opened = {
        draft.policy.id: document.granted_apis(draft.policy.document)
        - set(draft.before["apis"] if draft.granted else ())
        for draft in drafts
        if draft.before
    }
    exposed = exposure.by_policies(org_id, opened, {api_id: api.auth for api_id, api in apis.items()})
    found = [
        Problem(child(f"{draft.pointer}/access_rights", api_id), why)
        for draft in drafts
        for api_id, why in exposed.get(draft.policy.id, ())
    ]
    if found:
        raise Invalid(found)


def _refuse_more(organisation: Organisation, drafts: Iterable[Draft]) -> None:
    """Refuse what grows over a limit. One that was lowered below what there is hinders nobody from having less."""
    there = Policy.objects.filter(org_id=organisation.id).aggregate(
        number=Count("id"), size=Coalesce(Sum("size"), 0)
    )
    more = sum(not draft.before for draft in drafts)
    if more:
        limits.refuse_more(organisation, "max_policies", there["number"] + more)
    grown = sum(draft.policy.size - draft.size for draft in drafts)
    if grown > 0:
        limits.refuse_more(organisation, "max_policies_bytes", there["size"] + grown)
