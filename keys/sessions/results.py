"""What results from a key and its policies on gateways, said for people: who sets which limit on which API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from apis.definitions.rules.targets import NOWHERE
from keys.keys.lifecycle import KeySpec, first_end
from keys.keys.reader import apis_of_one, facts_of, policies_of_one, served, served_to
from keys.keys.session import PolicyFacts, session
from keys.models import Key
from keys.policies.effect import words
from keys.policies.effect.applying import Refusal
from keys.policies.effect.effective import Outcome, effective
from keys.policies.effect.levels import Generation, Level, value
from keys.policies.effect.merging import ADDED_IN_3_0
from keys.sessions.rights import MEMBERS, worded

GENERATIONS: tuple[Generation, ...] = ("3.0", "5")
MOST_SAID = 8  # of the paths, methods and types of one API
# What a right says besides its limits, as far as the gateways know it.
_KNOWN: dict[str, set[str]] = {
    "3.0": MEMBERS.keys() & ADDED_IN_3_0.keys(),
    "5": MEMBERS.keys() - {"limit"},
}


@dataclass(frozen=True)
class Limit:
    """One limit as a person reads it, and the names of who set it."""

    text: str
    by: str


@dataclass(frozen=True)
class Line:
    """What holds on one API: `generation` is whose gateways are meant, "" all. `opens`: whether these open it. besides:
    what they let pass of it and what they limit by itself, (what, how it is), and how many `more` there are."""

    generation: str
    opens: bool
    rate: Limit | None = None
    quota: Limit | None = None
    depth: Limit | None = None
    granted_by: str = ""
    besides: tuple[tuple[str, str], ...] = ()
    more: int = 0


@dataclass(frozen=True)
class Results:
    """lines: by API id. refusals: (generation, why) where gateways refuse the key, whatever it calls."""

    lines: dict[str, list[Line]]
    refusals: list[tuple[str, str]]


def of_spec(org_id: str, spec: KeySpec, *, suspended: bool) -> dict[Generation, Outcome]:
    """What gateways would make of a key that is not made."""
    apis = apis_of_one(org_id)
    named = {policy.id: policy for policy in policies_of_one(org_id, named=spec.policies)}
    key = Key(org_id=org_id, **spec.columns())
    key.expires_at = first_end(key, named.values(), timezone.now())
    made = session(
        apis=apis,
        rights=None if spec.all_apis else spec.rights,
        policies=spec.policies,
        **facts_of(key),
    )
    outcomes = _outcomes(made, served({org_id}, spec.policies))
    for outcome in outcomes.values():
        if outcome.session is not None:
            outcome.session["is_inactive"] = suspended or outcome.session.get("is_inactive", False)
            # As clients name them.
            outcome.session["apply_policies"] = [named[id].policy_id for id in spec.policies if id in named]
    return outcomes


def of_key(key: Key, policies: Iterable[PolicyFacts]) -> Results:
    """What gateways make of a key with policies, whether or not it is suspended."""
    policies = list(policies)
    facts = facts_of(key) | {"suspended": False}
    made = session(apis=(), rights=(), policies=[policy.id for policy in policies], **facts)
    outcomes = _outcomes(made, {policy["_id"]: policy for policy in served_to([key]).get(key.id, [])})
    return said(outcomes, {policy.id: policy.name for policy in policies})


def _outcomes(
    made: Mapping[str, Any] | None, policies: Mapping[str, Mapping[str, Any]]
) -> dict[Generation, Outcome]:
    if made is None:
        return {generation: Outcome(refusal=Refusal.NO_RIGHTS) for generation in GENERATIONS}
    return {
        generation: effective(made, policies, generation, api_org=made["org_id"])
        for generation in GENERATIONS
    }


def said(outcomes: Mapping[Generation, Outcome], names: Mapping[str, str]) -> Results:
    """Outcomes for people. names: of the policies by row id."""
    refused = [(generation, why) for generation, made in outcomes.items() if (why := _refusal(made))]
    if len(refused) == len(outcomes) and len({why for _, why in refused}) == 1:
        refused = [("", refused[0][1])]
    opened = sorted({api_id for made in outcomes.values() for api_id in made.limits} - {NOWHERE})
    return Results({api_id: _lines(api_id, outcomes, names) for api_id in opened}, refused)


def _refusal(made: Outcome) -> str:
    if made.refusal:
        return str(made.refusal)
    return "one of its policies denies" if made.session and made.session.get("is_inactive") else ""


def _lines(api_id: str, outcomes: Mapping[Generation, Outcome], names: Mapping[str, str]) -> list[Line]:
    lines = [_line(generation, made, api_id, names) for generation, made in outcomes.items()]
    alike = {Line("", *list(vars(line).values())[1:]) for line in lines}
    return list(alike) if len(alike) == 1 else lines


def _line(generation: str, made: Outcome, api_id: str, names: Mapping[str, str]) -> Line:
    if api_id not in made.limits:
        return Line(generation, opens=False)
    limits = made.limits[api_id]
    granted = ", ".join(names.get(id, id) for id in made.granted_by.get(api_id, ()))
    besides = _besides(generation, made, api_id)
    return Line(
        generation,
        True,
        _rate(limits, names),
        _quota(limits, names),
        _depth(limits, names),
        granted,
        besides[:MOST_SAID],
        max(0, len(besides) - MOST_SAID),
    )


def _besides(generation: str, made: Outcome, api_id: str) -> tuple[tuple[str, str], ...]:
    entry = (made.session or {}).get("access_rights", {}).get(api_id, {})
    return tuple(worded({name: entry[name] for name in _KNOWN[generation] & entry.keys()}))


def _rate(limits: Level, names: Mapping[str, str]) -> Limit:
    rate, per = value(limits, "rate"), value(limits, "per")
    text = words.rate({"rate": rate, "per": per}) if rate > 0 and per > 0 else "unlimited"
    return Limit(text, _by(("rate", "per"), limits, names))


def _quota(limits: Level, names: Mapping[str, str]) -> Limit:
    quota, renewed = value(limits, "quota_max"), value(limits, "quota_renewal_rate")
    text = words.quota({"quota_max": quota, "quota_renewal_rate": renewed}) if quota > 0 else "unlimited"
    return Limit(text, _by(("quota_max", "quota_renewal_rate"), limits, names))


def _depth(limits: Level, names: Mapping[str, str]) -> Limit | None:
    depth = value(limits, "max_query_depth")
    return Limit(f"GraphQL depth {depth}", _by(("max_query_depth",), limits, names)) if depth > 0 else None


def _by(members: Iterable[str], limits: Level, names: Mapping[str, str]) -> str:
    setters = [limits[name].policy for name in members if name in limits]
    return ", ".join(dict.fromkeys("the key itself" if id is None else names.get(id, id) for id in setters))
