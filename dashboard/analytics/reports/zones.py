"""In which zone the figures that pages read are cut, and what a change of it means for them (ingest/cuts.py)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dashboard.analytics.dimensions import DIMENSION_SET, held
from dashboard.analytics.models import RollupCut
from dashboard.analytics.reports.traffic import Owners
from orgs.db import reading
from orgs.models import Organisation

State = RollupCut.State


@dataclass(frozen=True)
class Shown:
    """What pages read. `exact_from`: from when on days are those of `zone`; None for always. `next_zone` and `done`: a
    zone which figures are being counted anew for, and how much of it is, in per cent; "" for none. `held`: the first
    moment kept of the grains of which the organisation keeps less than the installation. `dimensions_from`: from
    when on they are counted by `dimension_set`, and before by an earlier one; None for always."""

    zone: ZoneInfo
    base: int = 0
    exact_from: datetime | None = None
    next_zone: str = ""
    done: int = 0
    held: Mapping[str, datetime] = field(default_factory=dict)
    dimension_set: int = DIMENSION_SET
    dimensions_from: datetime | None = None
    # Up to which hour days count an organisation's traffic; None for all of it.
    days_until: datetime | None = field(default=None, compare=False)

    def owners(self, *org_ids: str) -> Owners:
        """Organisations whose rows are cut, and kept, like this."""
        of_one = self.days_until if len(org_ids) == 1 else None
        return Owners(
            *(org_ids, self.zone, self.base, self.held, self.dimension_set, self.dimensions_from),
            days_until=of_one,
            open_hours=self.open_hours,
        )

    @property
    def open_hours(self) -> bool:
        """Whether some hours count in no day yet."""
        return self.days_until is not None


def of(org: Organisation, now: datetime) -> Shown:
    """The cut that an organisation's pages read. An organisation without any traffic has none yet."""
    cuts = RollupCut.objects.using(reading.source().alias)
    found = {cut.state: cut for cut in cuts.filter(org_id=org.pk)}
    kept = held(org.retention, now)
    if State.ACTIVE not in found:
        return Shown(org.zone, held=kept)
    active, building = found[State.ACTIVE], found.get(State.BUILDING)
    next_zone = "" if active.zone == org.time_zone else org.time_zone
    done = 0
    if building and building.zone == org.time_zone and building.exact_from < now:
        done = int(
            100 * max(timedelta(0), building.until - building.exact_from) / (now - building.exact_from)
        )
    return replace(_shown(active, kept), next_zone=next_zone, done=min(done, 99))


def of_everybody(now: datetime) -> dict[str, Shown]:
    """The active cuts of the organisations in sight; those without any traffic have none."""
    return {
        cut.org_id: _shown(cut, held(cut.org.retention, now))
        for cut in RollupCut.objects.using(reading.source().alias)
        .filter(state=State.ACTIVE)
        .select_related("org")
    }


def _shown(active: RollupCut, kept: Mapping[str, datetime]) -> Shown:
    return Shown(
        ZoneInfo(active.zone),
        active.base,
        active.exact_from,
        held=kept,
        dimension_set=active.dimension_set,
        dimensions_from=active.dimensions_from,
        days_until=active.days_until,
    )
