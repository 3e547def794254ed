"""What gateways that look at upstreams have found: of one organisation, and of many side by side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, Count, OuterRef, Q, QuerySet, Subquery, Sum, TextField, Value, When
from django.db.models.functions import Coalesce, NullIf

from apis.models import ApiDefinition
from dashboard.analytics.models import Uptime, UptimeHour

# Gateways look every 10 s unless told otherwise, and the worker asks as often.
FRESH = timedelta(minutes=10)
DAY, WEEK = timedelta(hours=24), timedelta(days=7)
STATES = ("down", "unknown", "up")  # what is worst first


@dataclass(frozen=True)
class Upstreams:
    """Of one organisation: how many were looked at in the last week, how many of them are down now, and how many looks
    there were in a time, of which so many failed."""

    watched: int = 0
    down: int = 0
    checks: int = 0
    failures: int = 0

    @property
    def failing(self) -> float:
        """The share of looks that failed."""
        return self.failures / self.checks if self.checks else 0.0


def begins(now: datetime, length: timedelta) -> datetime:
    """The beginning of the hour in which a span up to now begins: what is kept is whole hours."""
    return (now - length).replace(minute=0, second=0, microsecond=0)


def targets(now: datetime, owned: Sequence[str] | None) -> QuerySet[Uptime]:
    """The upstreams that the organisations in scope had looked at in the last week, what is down first. owned: the IDs
    of the APIs whose are wanted, None for all; place: the number of its state."""
    apis = ApiDefinition.objects.filter(org_id=OuterRef("org_id"), api_id=OuterRef("api_id")).values("name")
    place = Case(When(at__lt=now - FRESH, then=1), When(is_up=True, then=2), default=0)
    name = Coalesce(NullIf(Subquery(apis[:1]), Value("")), "api_id", output_field=TextField())
    found = Uptime.objects.filter(at__gte=begins(now, WEEK)).annotate(place=place, called=name)
    found = found if owned is None else found.filter(api_id__in=owned)
    return found.order_by("place", "called", "url", "id")


def rows_of(targets: Sequence[Uptime], now: datetime, *, whole: bool) -> Iterable[dict]:
    """A row of each of these upstreams, with what was found in the last day and week. whole: whether URLs have their
    queries, in which definitions may have an upstream's key."""
    sums = _sums(targets, begins(now, DAY), begins(now, WEEK))
    apis = ApiDefinition.objects.filter(api_id__in={target.api_id for target in targets})
    known = {
        (org_id, api_id): (id, name)
        for org_id, api_id, id, name in apis.values_list("org_id", "api_id", "id", "name")
    }
    for target in targets:
        found = sums.get((target.org_id, target.api_id, target.url), {})
        id, name = known.get((target.org_id, target.api_id), ("", ""))
        yield {
            "target": target,
            "url": target.url if whole else _without_query(target.url),
            "name": name,
            "id": id,
            "state": STATES[target.place],
            "sums": found,
            "day": share(found.get("day_checks"), found.get("day_failures")),
            "week": share(found.get("week_checks"), found.get("week_failures")),
            "latency": mean(found.get("day_latency"), found.get("day_answered")),
        }


def _without_query(url: str) -> str:
    address, mark, _ = url.partition("?")
    return f"{address}{mark}…" if mark else address


def _sums(targets: Sequence[Uptime], day: datetime, week: datetime) -> dict[tuple[str, str, str], dict]:
    in_day = Q(ts__gte=day)
    theirs = Q(
        org_id__in={each.org_id for each in targets},
        api_id__in={each.api_id for each in targets},
        url__in={each.url for each in targets},
    )
    hours = UptimeHour.objects.filter(theirs, ts__gte=week).order_by().values("org_id", "api_id", "url")
    sums = hours.annotate(
        week_checks=Sum("checks"),
        week_failures=Sum("failures"),
        day_checks=Sum("checks", filter=in_day),
        day_failures=Sum("failures", filter=in_day),
        day_answered=Sum("answered", filter=in_day),
        day_latency=Sum("latency_sum", filter=in_day),
    )
    return {(found["org_id"], found["api_id"], found["url"]): found for found in sums}


def share(checks: int | None, failures: int | None) -> str:
    """How many of the checks found it up, in per cent; never 100 if one did not, nor 0 if one did. "" for none."""
    if not checks:
        return ""
    good = checks - (failures or 0)
    rounded = round(100 * good / checks, 2)
    if good < checks:
        rounded = min(rounded, 99.99)
    if good:
        rounded = max(rounded, 0.01)
    return f"{rounded:.2f} %"


def mean(total: int | None, count: int | None) -> int | None:
    """Whole milliseconds; None where nothing was answered."""
    return round((total or 0) / count) if count else None


def upstreams(ids: Sequence[str], since: datetime, now: datetime) -> Mapping[str, Upstreams]:
    """Those of each of these organisations that has any; looks are those of the hours from `since` on (aware)."""
    down = Q(is_up=False, at__gte=now - FRESH)
    targets = Uptime.objects.filter(org_id__in=ids, at__gte=begins(now, WEEK)).order_by().values("org_id")
    hours = UptimeHour.objects.filter(org_id__in=ids, ts__gte=since).order_by().values("org_id")
    summed = hours.annotate(all=Sum("checks"), failed=Sum("failures"))
    looks = {org_id: found for org_id, *found in summed.values_list("org_id", "all", "failed")}
    counted = targets.annotate(watched=Count("id"), down=Count("id", filter=down))
    return {
        org_id: Upstreams(watched, down, *looks.get(org_id, (0, 0)))
        for org_id, watched, down in counted.values_list("org_id", "watched", "down")
    }
