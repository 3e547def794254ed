"""What is so now of the things that alerts watch: requests from rollups, quotas as gateways count them, certificates.

The traffic of the last minutes is judged up to the last whole minute that is stored. Where the ingest is behind, or its
clock is not believed, nothing is known of it: then no request that could be seen is no silence.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q

from dashboard.alerts import kinds
from dashboard.alerts.models import Rule
from dashboard.alerts.states import Bad, Found
from dashboard.analytics.clock import DAY, HOUR, MINUTE, floor, hour_start, said
from dashboard.analytics.dimensions import Dimension, Grain
from dashboard.analytics.reports import reader, zones
from dashboard.analytics.reports.periods import Span
from dashboard.analytics.reports.traffic import Figures, Filters, Owners
from keys.finding import quotas
from keys.keys.reader import policies_of
from keys.models import Certificate, Generation, Key
from orgs.models import Organisation

LATE = timedelta(minutes=2)  # behind which the traffic of the last minutes is not known
REMEMBERED = 92 * DAY  # in which a request shows that there was traffic at all
MOST_KEYS = 1_000  # of one organisation, those with most requests of the last hour
MOST_NAMED = 200  # things of one alert that begin at once


@dataclass(frozen=True)
class Traffic:
    """Whose, and up to when it is known; trouble: why it is not, "" if it is."""

    owners: Owners
    until: datetime
    trouble: str = ""


def traffic_of(org: Organisation, now: datetime) -> Traffic:
    cut, fresh = zones.of(org, now), reader.freshness(now)
    owners, until = cut.owners(org.pk), floor(fresh.known_until, MINUTE)
    if fresh.doubt:
        return Traffic(owners, until, "This server's clock is not believed, so no traffic is stored.")
    if fresh.up_to is None:
        return Traffic(owners, until, "The gateways' traffic was never looked at.")
    if now - fresh.up_to > LATE:
        return Traffic(owners, until, f"Traffic is stored up to {said(fresh.up_to, cut.zone)} only.")
    return Traffic(owners, until)


def requests(rule: Rule, traffic: Traffic, known: dict) -> Found:
    """What a rule about traffic finds. known: sums that were read for others of this look, which it adds to."""
    if traffic.trouble:
        return Found(trouble=traffic.trouble)
    span = Span(traffic.until - timedelta(minutes=rule.window), traffic.until, Grain.HOUR_DETAIL)
    api = rule.api.api_id if rule.api else ""
    histograms = rule.kind == "p95"
    asked = (api, rule.window, histograms)
    if asked not in known:
        known[asked] = reader.totals(traffic.owners, span, Filters(api=api), histograms=histograms)
    figures: Figures = known[asked]
    if rule.kind == "silence":
        return _silence(figures, rule.window, api, traffic)
    hits = figures.hits if rule.kind == "errors" else figures.timed
    if rule.kind == "errors":
        value = 100 * figures.status_5xx / hits if hits else None
    else:
        [value] = figures.percentiles(0.95)
    if value is None or hits < rule.least:
        return Found(value=value, note=f"{hits:,} requests, which is too few to say anything.")
    bad = {"": Bad(value)} if kinds.is_reached(rule.of, rule.threshold, value) else {}
    return Found(bad, value, f"{hits:,} requests.")


def _silence(figures: Figures, window: int, api: str, traffic: Traffic) -> Found:
    if figures.hits:
        return Found(note=f"{figures.hits:,} requests in the last {window} minutes.")
    last = _last_hit(api, traffic)
    if last is None:
        return Found(trouble="No request was ever seen.")
    minutes = max(window, int((traffic.until - last) / MINUTE))
    return Found({"": Bad(minutes)}, minutes, f"The last request was at {said(last, traffic.owners.zone)}.")


def _last_hit(api: str, traffic: Traffic) -> datetime | None:
    """To the minute for three days, then to the hour."""
    owners = traffic.owners
    dimension = owners.base + (Dimension.API if api else Dimension.TOTAL)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT max(newest) FROM unnest(%s::"char"[]) AS grain CROSS JOIN LATERAL (
                SELECT ts FROM rollup AS r WHERE r.org_id = %s AND r.grain = grain AND dimension = %s AND api_id = %s
                    AND ts >= %s AND ts < %s ORDER BY ts DESC LIMIT 1) AS last (newest)""",
            [
                [Grain.MINUTE.value, Grain.HOUR.value],
                owners.org_ids[0],
                dimension,
                api,
                owners.from_when(traffic.until - REMEMBERED, Grain.HOUR),
                traffic.until,
            ],
        )
        return cursor.fetchone()[0]


def quotas_of(
    org: Organisation, rules: Collection[Rule], begun: Mapping[str, Collection[str]], now: datetime
) -> Mapping[str, Found]:
    """What rules about quotas find, by their ids. Asks the gateways' Redis: to be called in no transaction that locks
    anything. begun: by rule, the ids of keys of which an alert goes on."""
    keys = _calling(org, {id for subjects in begun.values() for id in subjects}, now)
    found = quotas.of(keys, policies_of(keys), [key.id for key in keys])
    if found.away:
        return {rule.id: Found(trouble=found.away) for rule in rules}
    names = {key.id: str(key) for key in keys}
    return {rule.id: _full(rule, found.of, names, begun[rule.id]) for rule in rules}


def _full(
    rule: Rule, used: Mapping[str, quotas.Quota], names: Mapping[str, str], begun: Collection[str]
) -> Found:
    shares = {id: 100 * quota.used / quota.most for id, quota in used.items()}
    reached = {id: share for id, share in shares.items() if kinds.is_reached(rule.of, rule.threshold, share)}
    # What goes on is not over because others are fuller.
    fullest = sorted(reached, key=lambda id: (id not in begun, -reached[id], id))[:MOST_NAMED]
    note = f"{len(shares):,} keys with a quota called in the last hour, the fullest first."
    return Found(
        {id: Bad(reached[id], names[id]) for id in fullest}, max(shares.values(), default=None), note
    )


def _calling(org: Organisation, begun: Collection[str], now: datetime) -> list[Key]:
    """The keys that called most in the last hour, and those of which an alert goes on."""
    cut = zones.of(org, now)
    span = Span(hour_start(now - HOUR, cut.zone), now, Grain.HOUR_DETAIL)
    hashes = reader.busiest_keys(cut.owners(org.pk), span, MOST_KEYS)
    former = Generation.objects.filter(org_id=org.pk, token_hash__in=hashes, retired_at=None, ends_at__gt=now)
    theirs = Q(token_hash__in=hashes) | Q(id__in=[*begun, *former.values_list("key_id", flat=True)])
    return list(Key.objects.filter(theirs, org_id=org.pk, revoked_at=None).order_by("id"))


def certificates(rule: Rule, now: datetime) -> Found:
    """What a rule about certificates finds: those that end soon or have ended, the first ones by name."""
    own = Certificate.objects.filter(org_id=rule.org_id, deleted_at=None, not_after__isnull=False)
    ending = own.filter(not_after__lte=now + timedelta(days=rule.threshold)).order_by("not_after", "id")
    left = {
        each.id: Bad((each.not_after - now) / DAY, str(each)) for each in ending.defer("pem")[:MOST_NAMED]
    }
    first = own.order_by("not_after").values_list("not_after", flat=True).first()
    value = None if first is None else (first - now) / DAY
    return Found(left, value, "" if first else "There is no certificate.")
