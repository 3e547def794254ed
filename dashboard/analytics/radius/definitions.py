"""Which requests changes of definitions would have refused (orgs.providers.turned_away)."""

# ruff: noqa: S608 - only names and conditions of these modules are put into SQL, every value is a parameter

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection

from apis.definitions import kinds
from dashboard.analytics.clock import DAY, day_start
from dashboard.analytics.dimensions import Dimension, days_of
from dashboard.analytics.explaining import of_api
from dashboard.analytics.explaining.facts import Request, World
from dashboard.analytics.explaining.reading import GENERATIONS
from dashboard.analytics.radius import reading
from dashboard.analytics.reports import zones
from dashboard.analytics.reports.traffic import Owners
from orgs.db.patience import at_most
from orgs.models import Organisation
from orgs.providers.turned_away import Change, TurnedAway

logger = logging.getLogger(__name__)

DAYS = 7
SECONDS = 2.0  # for all endpoints of all changes: each is held against each entry of long lists of paths
COUNTED = (Dimension.API, Dimension.KEY_API, Dimension.ENDPOINT)
# In the place of what figures fold: a number is what most patterns of parameters take.
PARAMETER, SAMPLE = "{id}", "1"


def turned_away(org: Organisation, changes: Sequence[Change], now: datetime) -> dict[str, TurnedAway] | None:
    """As orgs.providers.turned_away.of: of whole days, as figures by the day have them. None if that takes too long."""
    ids = [change.api_id for change in changes]
    try:
        with at_most(reading.PATIENCE):
            cut = zones.of(org, now)
            start = day_start(now.astimezone(cut.zone).date() - (DAYS - 1) * DAY, cut.zone)
            owners = cut.owners(org.pk)
            requests, keyed, endpoints = (_counted(owners, each, ids, start) for each in COUNTED)
    except DatabaseError as error:
        logger.warning("not said whom changes of APIs refuse: %s", type(error).__name__)
        return None
    until, found = time.monotonic() + SECONDS, {}
    for change in changes:
        lost = _lost(change, endpoints[change.api_id], now, until)
        if lost is None:
            logger.warning("not said whom changes of APIs refuse: their lists of paths are too long")
            return None
        total = requests[change.api_id].total()
        found[change.api_id] = TurnedAway(lost, total, max(0, total - keyed[change.api_id].total()))
    return found


def _counted(
    owners: Owners, dimension: Dimension, ids: Sequence[str], start: datetime
) -> dict[str, Counter[str]]:
    """Of each API the requests of each endpoint, or of all keys, or all of them."""
    value = "value" if dimension == Dimension.ENDPOINT else "''"
    found: dict[str, Counter[str]] = {api_id: Counter() for api_id in ids}
    days = days_of(dimension, open_hours=owners.open_hours)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT api_id, {value} AS name, bigint_sum(hits) FROM {days} AS rollup
                WHERE org_id = %s AND dimension = %s AND api_id = ANY(%s) AND ts >= %s GROUP BY 1, 2""",
            [*owners.org_ids, owners.base + dimension, list(ids), start],
        )
        for api_id, name, hits in cursor:
            found[api_id][name] = hits
    return found


def _lost(
    change: Change, endpoints: Counter[str], now: datetime, until: float
) -> tuple[tuple[str, int], ...] | None:
    """None if that takes longer than `until` (monotonic)."""
    before, after = (
        kinds.classic_for_gateways(dict(each), lambda _: None, {}) for each in (change.before, change.after)
    )
    lost = []
    for name, hits in endpoints.items():
        if time.monotonic() > until:
            return None
        if closes(before, after, name, now):
            lost.append((name, hits))
    return tuple(sorted(lost, key=lambda each: (-each[1], each[0])))


def closes(before: Mapping[str, Any], after: Mapping[str, Any], endpoint: str, now: datetime) -> bool:
    """Whether gateways of any generation let requests to an endpoint pass by one definition and refuse them by the
    other; not where that cannot be told. before, after: in the classic form; endpoint: "GET /items/{id}", as figures
    name it."""
    method, _, path = endpoint.partition(" ")
    if not path.startswith("/"):  # those that are counted together
        return False
    request = Request(
        ts=now,
        status=200,
        api_id="",
        version="",
        method=method,
        path=path.replace(PARAMETER, SAMPLE),
        address="",
        keyed=True,
        latency=0,
        upstream=0,
    )
    for generation in GENERATIONS:
        was, becomes = (
            of_api.paths(World(definition, generation, None, False, {}), request).refuses
            for definition in (before, after)
        )
        if was is False and becomes is True:
            return True
    return False
