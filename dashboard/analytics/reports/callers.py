"""Which keys of an organisation were called, and which APIs with each (orgs.providers.callers)."""

# ruff: noqa: S608 - only names and conditions of these modules are put into SQL, every value is a parameter

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import DatabaseError, connection, transaction

from dashboard.analytics.clock import day_start, row_bound
from dashboard.analytics.dimensions import OTHER, Dimension, Grain
from dashboard.analytics.reports import periods, reader, zones
from dashboard.analytics.reports.rows import rows
from dashboard.analytics.reports.traffic import NO_FILTERS, Owners
from orgs.models import Organisation
from orgs.providers.callers import Callers

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

_DAYS = """FROM rollup WHERE org_id = %s AND grain = %s AND dimension = %s AND ts >= %s"""


def since(org: Organisation, days: int, now: datetime) -> Callers | None:
    """As orgs.providers.callers.of. None if that takes too long."""
    return _in_time(lambda: _last_day(org, now) if days == 1 else _days(org, days, now))


def apis(
    org: Organisation, hashes: Collection[str], days: int, now: datetime
) -> Mapping[str, Collection[str]] | None:
    """As orgs.providers.callers.apis_of. None if that takes too long."""
    return _in_time(lambda: _apis(org, hashes, days, now))


def _in_time(read: Callable[[], Answer]) -> Answer | None:
    try:
        with transaction.atomic():
            reader.limit_time()
            return read()
    except DatabaseError as error:
        logger.warning("not said which keys were called: %s", type(error).__name__)
        return None


def _last_day(org: Organisation, now: datetime) -> Callers:
    cut = zones.of(org, now)
    period = periods.parse({}, cut.zone, now)
    source, params = rows("key", Owners((org.pk,), cut.zone, cut.base), period.tables, NO_FILTERS)
    return _callers(f"SELECT DISTINCT value FROM ({source}) AS r", params, period.start)


def _days(org: Organisation, days: int, now: datetime) -> Callers:
    start, params = _rows_of_days(org, Dimension.KEY, days, now)
    return _callers(f"SELECT DISTINCT value {_DAYS}", params, start)


def _callers(statement: str, params: list, start: datetime) -> Callers:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        found = {value for [value] in cursor}
    return Callers(frozenset(found - {OTHER}), start, folded=OTHER in found)


def _apis(org: Organisation, hashes: Collection[str], days: int, now: datetime) -> dict[str, set[str]]:
    _, params = _rows_of_days(org, Dimension.KEY_API, days, now)
    found: dict[str, set[str]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT value, api_id {_DAYS} AND value = ANY(%s)", [*params, [*hashes, OTHER]]
        )
        for value, api_id in cursor:
            found[value].add(api_id)
    # Calls without the name of their key may have been those of any.
    untold = found.pop(OTHER, None)
    return {name: found[name] | ({""} if untold else set()) for name in hashes if untold or name in found}


def _rows_of_days(org: Organisation, dimension: Dimension, days: int, now: datetime) -> tuple[datetime, list]:
    """Since when, and the parameters of _DAYS: whole days in the zone of the organisation's figures."""
    cut = zones.of(org, now)
    start = day_start(now.astimezone(cut.zone).date() - timedelta(days=days - 1), cut.zone)
    bound = row_bound(start, Grain.DAY_DETAIL, cut.zone)
    return start, [org.pk, str(Grain.DAY_DETAIL), cut.base + dimension, bound]
