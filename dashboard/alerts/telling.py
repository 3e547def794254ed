"""The facts of messages, out of rows."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from dashboard.alerts import kinds
from dashboard.alerts.models import Incident, Rule
from dashboard.alerts.sending.words import facts
from orgs.models import Organisation


def incident(
    rule: Rule, org: Organisation, it: Incident, told: str, *, value: float, note: str = "", more: int = 0
) -> dict[str, Any]:
    """What is told of something that "began" or "ended". value: the one that was found last. more: things that are as
    bad, and are not named."""
    return facts(
        told,
        **_common(rule, org),
        label=it.label,
        subject=it.subject,
        value=value,
        value_said=kinds.said(rule.of, value),
        worst_said=kinds.said(rule.of, it.worst),
        note=note,
        more=more,
        began_at=it.began_at,
        ended_at=it.ended_at,
    )


def test(rule: Rule, org: Organisation) -> dict[str, Any]:
    return facts("test", **_common(rule, org))


def _common(rule: Rule, org: Organisation) -> dict[str, Any]:
    page = reverse("alert-detail", args=[org.slug, rule.id])
    return {
        "organisation": {"id": org.id, "name": org.owner_name},
        "alert": {
            "id": rule.id,
            "name": rule.name,
            "kind": rule.kind,
            "about": rule.about,
            "condition": rule.condition,
        },
        "zone": org.zone,
        "url": settings.PUBLIC_URL.rstrip("/") + page if settings.PUBLIC_URL else "",
    }
