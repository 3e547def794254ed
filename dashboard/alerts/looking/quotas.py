"""What alerts about quotas find: how full those of keys are, as gateways count them in their Redis."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from dashboard.alerts import kinds
from dashboard.alerts.looking.worst import named
from dashboard.alerts.models import Rule
from dashboard.alerts.states import Bad, Found
from dashboard.analytics.clock import HOUR, hour_start
from dashboard.analytics.dimensions import Grain
from dashboard.analytics.reports import reader, zones
from dashboard.analytics.reports.periods.period import Span
from keys.finding import quotas
from keys.keys.reader import policies_of
from keys.models import Generation, Key
from orgs.models import Organisation

MOST_KEYS = 50_000  # of one organisation, those with most requests of the last hour
AT_ONCE = 1_000  # keys that are read, and asked of Redis, in one go


@dataclass
class _Full:
    """Of one rule: the keys that have reached its threshold."""

    rule: Rule
    reached: dict[str, float] = field(default_factory=dict)


def find(
    org: Organisation, rules: Collection[Rule], begun: Mapping[str, Collection[str]], now: datetime
) -> Mapping[str, Found]:
    """What rules about quotas find, by their ids. Asks the gateways' Redis: to be called in no transaction that locks
    anything. begun: by rule, the ids of keys of which an alert goes on."""
    full, names, count, fullest = [_Full(rule) for rule in rules], {}, 0, None
    for keys in _calling(org, {id for subjects in begun.values() for id in subjects}, now):
        found = quotas.of(keys, policies_of(keys), [key.id for key in keys])
        if found.away:
            return {rule.id: Found(trouble=found.away) for rule in rules}
        shares = {id: 100 * quota.used / quota.most for id, quota in found.of.items()}
        count += len(shares)
        fullest = max([*shares.values(), *([] if fullest is None else [fullest])], default=None)
        for each in full:
            over = {id: share for id, share in shares.items() if _is_reached(each.rule, share)}
            each.reached |= over
            names |= {key.id: str(key) for key in keys if key.id in over}
    keys = "1 key" if count == 1 else f"{count:,} keys"
    note = f"{keys} with a quota called in the last hour."
    return {each.rule.id: _found(each, names, begun[each.rule.id], fullest, note) for each in full}


def _is_reached(rule: Rule, share: float) -> bool:
    return kinds.is_reached(rule.of, rule.threshold, share)


def _found(
    full: _Full, names: Mapping[str, str], begun: Collection[str], fullest: float | None, note: str
) -> Found:
    shown, more = named(sorted(full.reached, key=lambda id: (-full.reached[id], id)), begun)
    return Found({id: Bad(full.reached[id], names[id]) for id in shown}, fullest, note, more=more)


def _calling(org: Organisation, begun: Collection[str], now: datetime) -> Iterator[Sequence[Key]]:
    """The keys that called in the last hour, and those of which an alert goes on, some at a time and each once."""
    cut = zones.of(org, now)
    span = Span(hour_start(now - HOUR, cut.zone), now, Grain.HOUR_DETAIL)
    hashes = reader.busiest("key", cut.owners(org.pk), span, MOST_KEYS)
    own = Key.objects.filter(org_id=org.pk, revoked_at=None).order_by("id")
    former = Generation.objects.filter(org_id=org.pk, retired_at=None, ends_at__gt=now)
    seen: set[str] = set()
    for some in _parts(hashes):
        theirs = former.filter(token_hash__in=some).values_list("key_id", flat=True)
        found = own.filter(Q(token_hash__in=some) | Q(id__in=list(theirs)))
        keys = [key for key in found if key.id not in seen]
        seen |= {key.id for key in keys}
        yield keys
    for some in _parts(sorted(set(begun) - seen)):
        yield list(own.filter(id__in=some))


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[at : at + AT_ONCE] for at in range(0, len(names), AT_ONCE))
