"""A key as it was when a request came (orgs.providers.holders).

Of a key only its present is kept, but the audit log has each change of it from one state to the next, and policies have
revisions: so its past is its present, rewound.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError
from django.db.models import Q

from keys.credentials import exposure
from keys.history.rewinding import rewound
from keys.keys.session import Api, Limits, Right, session
from keys.models import Generation, Key, OrganisationKey, Policy, PolicyRevision
from keys.policies import render
from keys.policies.effect.effective import Outcome, effective
from keys.policies.effect.levels import Generation as GatewayGeneration
from keys.policies.effect.levels import values
from keys.rotation.generations import hashes_of
from keys.sessions import facts
from orgs.db.patience import at_most
from orgs.models import AuditEntry
from orgs.providers.holders import Called
from orgs.providers.holding import About, Allowed, Holder, PolicyThen, Then

PATIENCE = "500ms"
MOST_CHANGES = 200
MOST_STATES = 6
MADE = ("key.created", "key.adopted")
TICK = timedelta(microseconds=1)
GENERATIONS: tuple[GatewayGeneration, ...] = ("3.0", "5")
_OF_PATHS = "Single paths of its rights have limits; how much of those was used is not told."
_OF_ANY = "Gateways take it from any of several APIs, which one is not told."


def of(org_id: str, key_hash: str, called: Called, about: About) -> Then:
    """As orgs.providers.holders.of."""
    lasting = OrganisationKey.objects.filter(org_id=org_id, created_at__lte=about.until)
    limited = lasting.filter(Q(ended_at=None) | Q(ended_at__gt=about.since)).exists()
    key = _key(org_id, key_hash) if key_hash else None
    return Then(_holders(key, called, about) if key else (), limited)


def _key(org_id: str, key_hash: str) -> Key | None:
    key = Key.objects.filter(org_id=org_id, token_hash=key_hash).first()
    if key is None:
        former = Generation.objects.filter(org_id=org_id, token_hash=key_hash).select_related("key").first()
        key = former.key if former else None
    return key


@dataclass(frozen=True)
class _Known:
    """A key, what may be rewound of it by which changes (None: they are not known), the revisions that its policies may
    have had and which of them are there still, and what was called."""

    key: Key
    facts: Mapping[str, Any]
    changes: Sequence[AuditEntry] | None
    hashes: tuple[str, ...]
    called: Called
    revisions: Sequence[PolicyRevision] = ()
    there: Collection[str] = ()

    def then(self, at: datetime) -> tuple[dict[str, Any], bool]:
        """As keys.history.rewinding.rewound."""
        return rewound(self.facts, [entry.changes for entry in self.changes or () if entry.at > at])

    def policies(self, ids: Sequence[str], at: datetime) -> list[PolicyRevision]:
        """The revisions in force of the policies that clients call so, in their order."""
        found = {row.policy_id: row for row in self.revisions if row.created_at <= at}
        return [found[id] for id in ids if id in found]


def _holders(key: Key, called: Called, about: About) -> tuple[Holder, ...]:
    known = _Known(key, facts.of(key), _changes(key, about.since), tuple(hashes_of(key)), called)
    changed = [entry.at - TICK for entry in known.changes or () if entry.at <= about.until]
    moments = [about.at, about.until, about.since, *changed]
    ids = {id for moment in moments if key.created_at <= moment for id in known.then(moment)[0]["policies"]}
    revisions = _revisions(key.org_id, ids, about)
    rows = Policy.objects.filter(org_id=key.org_id, id__in={row.policy_row_id for row in revisions})
    known = replace(known, revisions=revisions, there=set(rows.values_list("id", flat=True)))
    moments += [row.created_at - TICK for row in revisions if row.created_at > about.since]
    # Before it was made no gateway knew it.
    lived = [moment for moment in dict.fromkeys(moments) if key.created_at <= moment] or [about.at]
    if len(lived) > MOST_STATES:
        return (replace(_holder(known, lived[0]), unkept="(It was changed too often about then.)"),)
    return tuple(dict.fromkeys(_holder(known, moment) for moment in lived))


def _revisions(org_id: str, ids: Collection[str], about: About) -> list[PolicyRevision]:
    """Those of policies that may have been in force, the oldest first."""
    rows = PolicyRevision.objects.filter(org_id=org_id, policy_id__in=ids)
    before = rows.filter(created_at__lte=about.since).order_by("policy_id", "-created_at", "-number")
    between = rows.filter(created_at__gt=about.since, created_at__lte=about.until)
    return [*before.distinct("policy_id"), *between.order_by("created_at", "number")]


def _changes(key: Key, since: datetime) -> list[AuditEntry] | None:
    """Those after `since` but that which made it, the newest first; None where they are too many, or cannot be read in
    time."""
    try:
        with at_most(PATIENCE):
            entries = AuditEntry.objects.filter(
                org_id=key.org_id, kind="key", object_id=key.id, at__gt=since
            ).order_by("-at", "-id")
            found = list(entries.exclude(action__in=MADE)[: MOST_CHANGES + 1])
    except DatabaseError:
        return None
    return found if len(found) <= MOST_CHANGES else None


def _holder(known: _Known, at: datetime) -> Holder:
    key = known.key
    if key.created_at > at:
        later = f"(It was made here later, on {_written(key.created_at)}.)"
        return Holder(key.id, str(key), known.hashes, unkept=later)
    then, whole = known.then(at)
    policies = known.policies(then["policies"], at)
    return Holder(
        id=key.id,
        name=str(key),
        hashes=known.hashes,
        suspended=bool(then["suspended"]),
        revoked=bool(then["revoked"]),
        expires_at=datetime.fromisoformat(then["expires"]) if then["expires"] else None,
        policies=tuple(_policy(row, row.policy_row_id in known.there) for row in policies),
        allowed=tuple(_allowed(key, then, policies, known.called, each) for each in GENERATIONS),
        unkept=_unkept(known, at, whole, lost=len(then["policies"]) - len(policies)),
    )


def _policy(row: PolicyRevision, is_there: bool) -> PolicyThen:
    document = row.document
    return PolicyThen(row.policy_row_id, document["name"], row.number, document["is_inactive"], is_there)


def _unkept(known: _Known, at: datetime, whole: bool, *, lost: int) -> str:
    """lost: how many policies have no revision from before."""
    if known.changes is None and known.key.updated_at > at:
        changed = _written(known.key.updated_at)
        return f"(The key as it is today; it was changed after this request, on {changed}.)"
    if lost:
        return "(Of one of its policies no revision is kept from before.)"
    return "" if whole else "(What it was then is not kept without gaps.)"


def _written(moment: datetime) -> str:
    return f"{moment:%-d %B %Y %H:%M} UTC"


def _allowed(
    key: Key,
    then: Mapping[str, Any],
    policies: Sequence[PolicyRevision],
    called: Called,
    generation: GatewayGeneration,
) -> Allowed:
    made = _session(key, then, policies, called)
    if made is None:
        return Allowed(generation, refusal="it opened nothing")
    served = {row.policy_row_id: _served(row.document) for row in policies}
    outcome = effective(made, served, generation, api_org=key.org_id)
    if outcome.session is None:
        return Allowed(generation, refusal=str(outcome.refusal))
    return _of_outcome(outcome, generation, called.api_id, everything=then["apis"] == "all" and not policies)


def _served(document: dict[str, Any]) -> dict[str, Any]:
    names = {api_id: api_id for api_id in document["access_rights"]}
    return json.loads(render.elements(document, names)[0])


def _session(
    key: Key, then: Mapping[str, Any], policies: Sequence[PolicyRevision], called: Called
) -> dict[str, Any] | None:
    """The session that gateways had of it."""
    opened = {called.api_id: []} if then["apis"] == "all" else then["apis"]
    hidden = exposure.is_open(key.credential, called.auth)
    apis = [
        Api(api_id, api_id, called.versions if api_id == called.api_id else ("Default",))
        for api_id in opened
        if not (hidden and api_id == called.api_id)
    ]
    return session(
        apis=apis,
        rights=[_right(api_id, said) for api_id, said in opened.items()],
        policies=[row.policy_row_id for row in policies],
        org_id=key.org_id,
        limits=Limits(then["rate"], then["per"], then["quota_max"], then["quota_renewal_rate"]),
        suspended=bool(then["suspended"]),
        created_at=key.created_at,
        updated_at=key.updated_at,
    )


def _right(api_id: str, said: list[str] | Mapping[str, Any]) -> Right:
    """As keys.keys.facts notes it."""
    if isinstance(said, list):
        return Right(api_id, tuple(said))
    members = {name: value for name, value in said.items() if name != "versions"}
    return Right(api_id, tuple(said["versions"]), members)


def _of_outcome(outcome: Outcome, generation: GatewayGeneration, api_id: str, *, everything: bool) -> Allowed:
    made = outcome.session or {}
    rights = made.get("access_rights") or {}
    right = rights.get(api_id)
    limits = values(outcome.limits.get(api_id, outcome.key_limits))
    scope = (right or {}).get("allowance_scope") or ""
    together = [each for each in rights if (rights[each].get("allowance_scope") or "") == scope]
    untold = "" if scope else _OF_ANY
    of_paths = _OF_PATHS if (right or {}).get("endpoints") and generation != "3.0" else ""
    return Allowed(
        generation,
        inactive=bool(made.get("is_inactive")),
        opens=right is not None,
        versions=tuple((right or {}).get("versions") or ()),
        paths=tuple(
            (path.get("url") or "", tuple(path.get("methods") or ()))
            for path in (right or {}).get("allowed_urls") or ()
        ),
        rate=limits.get("rate") or 0,
        per=limits.get("per") or 0,
        quota=limits.get("quota_max") or 0,
        renewal=limits.get("quota_renewal_rate") or 0,
        together=() if everything else tuple(sorted(together)),
        rate_untold=of_paths or (untold if "rate" in outcome.undetermined else ""),
        quota_untold=untold if "quota_max" in outcome.undetermined else "",
    )


def as_facts_say(
    key: Key, facts_of: Mapping[str, Any], policies: Sequence[PolicyRevision], called: Called
) -> Holder:
    """A key that were what these facts and policies say, in the order in which gateways apply them. facts_of: as
    keys.sessions.facts has them."""
    return Holder(
        id=key.id,
        name=str(key),
        hashes=(key.token_hash,),
        suspended=bool(facts_of["suspended"]),
        policies=tuple(_policy(row, is_there=True) for row in policies),
        allowed=tuple(_allowed(key, facts_of, policies, called, each) for each in GENERATIONS),
    )
