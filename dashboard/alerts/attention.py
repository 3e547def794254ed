"""What alerts say elsewhere: on the home page, on the time axes of charts, and of organisations side by side."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from dashboard.alerts import kinds
from dashboard.alerts.models import Incident, Message, Rule
from dashboard.alerts.views import readable
from dashboard.analytics.clock import said
from orgs.models import Organisation, User
from orgs.providers.alerts import Fullest, GoingOn
from orgs.providers.attention import Item
from orgs.providers.marks import MOST, Axis, Mark

MOST_NAMED = 5
RECENT = timedelta(hours=24)
_FULLEST = f"""SELECT rule.org_id, max(rule.value), count(DISTINCT incident.subject) + max(rule.more),
        (array_agg(incident.label ORDER BY incident.worst DESC, incident.id))[1]
    FROM {Rule._meta.db_table} AS rule LEFT JOIN {Incident._meta.db_table} AS incident
        ON incident.org_id = rule.org_id AND incident.rule_id = rule.id AND incident.ended_at IS NULL
    WHERE rule.org_id = ANY(%s) AND rule.kind = 'quota' AND rule.enabled GROUP BY rule.org_id"""  # noqa: S608
_GOING_ON = f"""SELECT rule.org_id, count(DISTINCT rule.id), bool_or(incident.acknowledged_at IS NULL)
    FROM {Rule._meta.db_table} AS rule JOIN {Incident._meta.db_table} AS incident
        ON incident.org_id = rule.org_id AND incident.rule_id = rule.id AND incident.ended_at IS NULL
    WHERE rule.org_id = ANY(%s) AND rule.kind <> 'quota' GROUP BY rule.org_id"""  # noqa: S608


def items(org: Organisation, user: User, now: datetime) -> Iterator[Item]:
    """What goes on, for those who may see alerts and the figures behind: a warning once somebody looks into it. And how
    many messages were given up, which nobody would hear of otherwise."""
    if not user.may("hooks"):
        return
    nobody_looks = F("acknowledged_at").asc(nulls_first=True)
    going_on = list(_of(org, user).filter(ended_at=None).order_by(nobody_looks, "began_at", "id"))
    for each in going_on[:MOST_NAMED]:
        looks = f" {each.acknowledged_by} looks into it." if each.acknowledged_by else ""
        text = (
            f"Alert {_named(each)}: {each.worst_said} at worst, since {said(each.began_at, org.zone)}.{looks}"
        )
        yield Item(text, _page(org, each), bad=not each.acknowledged_by)
    besides = sum({each.rule_id: each.rule.more for each in going_on}.values())
    if (rest := max(0, len(going_on) - MOST_NAMED) + besides) > 0:
        more = "1 more alert goes on" if rest == 1 else f"{rest:,} more alerts go on"
        yield Item(f"{more}.", reverse("alert-list", args=[org.slug]), bad=True)
    yield from _given_up(org, user, now)


def _given_up(org: Organisation, user: User, now: datetime) -> Iterator[Item]:
    lost = Message.objects.filter(
        org_id=org.id, given_up_at__gt=now - RECENT, rule__kind__in=readable(user)
    ).select_related("rule")
    for each in lost.order_by("-given_up_at")[:1]:
        text = f"A {each.channel} of alert {each.rule} could not be sent: {each.last_error}."
        yield Item(text, reverse("alert-detail", args=[org.slug, each.rule_id]))


def marks(org: Organisation, user: User, axis: Axis) -> Iterator[Mark]:
    """Where alerts about traffic went on: of all APIs, or of one and of those that are about all. For those who may see
    alerts and traffic; beside the traffic of one key they say nothing."""
    if not (user.may("hooks") and user.may("analytics")) or axis.keys:
        return
    traffic = [name for name, kind in kinds.KINDS.items() if kind.of_traffic]
    found = _of(org, user).filter(rule__kind__in=traffic, began_at__lt=axis.end)
    found = found.filter(Q(ended_at=None) | Q(ended_at__gt=axis.start))
    if axis.apis:
        found = found.filter(Q(rule__api=None) | Q(rule__api__api_id__in=axis.apis))
    for each in found.order_by("-began_at", "-id")[:MOST]:
        text = f"Alert {_named(each)}: {each.worst_said} at worst"
        yield Mark(each.began_at, text, _page(org, each), each.ended_at or timezone.now())


def fullest(ids: Sequence[str]) -> Mapping[str, Fullest]:
    """What alerts about quotas have last found in each of these organisations that has one, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_FULLEST, [list(ids)])
        return {org_id: Fullest(value, keys, label or "") for org_id, value, keys, label in cursor}


def going_on(ids: Sequence[str]) -> Mapping[str, GoingOn]:
    """How many alerts go on in each of these organisations that has one, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_GOING_ON, [list(ids)])
        return {org_id: GoingOn(alerts, unseen) for org_id, alerts, unseen in cursor}


def _of(org: Organisation, user: User):
    shown = Incident.objects.filter(org_id=org.id, rule__kind__in=readable(user))
    return shown.select_related("rule")


def _named(incident: Incident) -> str:
    return f"{incident.rule} ({incident.label})" if incident.label else str(incident.rule)


def _page(org: Organisation, incident: Incident) -> str:
    return reverse("alert-detail", args=[org.slug, incident.rule_id])
