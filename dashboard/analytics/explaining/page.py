"""The way of a request through the gateway, as the page of its record shows it to one person."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from apis.models import ApiDefinition
from dashboard.analytics.explaining.facts import Step, Verdict
from dashboard.analytics.explaining.reading import Explained, explain
from dashboard.analytics.models import Record

BADGES = {
    Verdict.PASSED: "ok",
    Verdict.FAILED: "bad",
    Verdict.UNKNOWN: "warn",
    Verdict.NOT_REACHED: "neutral",
    Verdict.NOT_IT: "neutral",
}
# To somebody who may not see what a step speaks of.
HIDDEN = {
    "api": "What was found is for those who may see APIs.",
    "key": "What was found is for those who may see keys.",
}


@dataclass(frozen=True)
class Shown:
    """links: (text, URL)."""

    name: str
    verdict: str
    badge: str
    words: str
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Way:
    """steps: none where nothing can be said of them."""

    conclusion: str
    steps: tuple[Shown, ...] = ()


def way(request: HttpRequest, record: Record) -> Way:
    found = explain(request.org, record)
    if found.judgement is None:
        return Way(found.why_not)
    seen = {"": True, "api": request.user.may("apis"), "key": request.user.may("keys")}
    links = {"": (), "api": _to_api(request, found), "key": _to_key(request, found)}
    steps = tuple(_shown(step, seen[step.about], links[step.about]) for step in found.judgement.steps)
    return Way(found.judgement.conclusion, steps)


def _shown(step: Step, may_see: bool, links: tuple[tuple[str, str], ...]) -> Shown:
    """Links stand where somebody has to go: at what refused the request, or may have."""
    words = step.words if may_see or not step.words else HIDDEN[step.about]
    is_open = step.verdict in (Verdict.FAILED, Verdict.UNKNOWN) or step.name == "API"
    return Shown(step.name, step.verdict, BADGES[step.verdict], words, links if is_open and may_see else ())


def _to_api(request: HttpRequest, found: Explained) -> tuple[tuple[str, str], ...]:
    revision, slug, user = found.revision, request.org.slug, request.user
    if revision is None or not user.may("apis"):
        return ()
    if not ApiDefinition.objects.filter(org_id=request.org.id, id=revision.definition_id).exists():
        return ()
    seen = (
        f"Revision {revision.number}",
        reverse("api-revision", args=[slug, revision.definition_id, revision.number]),
    )
    change = ("Change the API", reverse("api-edit", args=[slug, revision.definition_id]))
    return (seen, change) if user.may("apis", "write") else (seen,)


def _to_key(request: HttpRequest, found: Explained) -> tuple[tuple[str, str], ...]:
    holder, slug, user = found.holder, request.org.slug, request.user
    if holder is None or not user.may("keys"):
        return ()
    links = [("The key", reverse("key-detail", args=[slug, holder.id]))]
    if user.may("policies"):
        links += [
            (
                f"{policy.name}, revision {policy.revision}",
                reverse("policy-revision", args=[slug, policy.id, policy.revision]),
            )
            for policy in holder.policies
            if policy.is_there
        ]
    return tuple(links)
