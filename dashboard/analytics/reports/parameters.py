"""What the parameters of a page ask for; all of a page's state is in its URL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from dashboard.analytics.ingest import cuts
from dashboard.analytics.ingest.cuts import Shown
from dashboard.analytics.reports import links, periods
from dashboard.analytics.reports.forms import FilterForm, LogForm
from dashboard.analytics.reports.logs import Place, Wanted
from dashboard.analytics.reports.reader import Filters, Owners
from dashboard.analytics.reports.traffic import Question
from orgs.models import Organisation


class Refused(ValueError):
    """Parameters that cannot be meant: (field, message) of each."""

    def __init__(self, problems: list[tuple[str, str]]):
        super().__init__("; ".join(f"{field}: {message}" for field, message in problems))
        self.problems = problems


@dataclass(frozen=True)
class Asked:
    question: Question
    kept: dict[str, str]
    cut: Shown


def ask(params: Mapping[str, str], org: Organisation, now: datetime) -> Asked:
    """The question that an analytics page's parameters put. Raises Refused."""
    form = FilterForm(params)
    if not form.is_valid():
        raise Refused(problems_of(form))
    filters = Filters(**form.cleaned_data)
    if params.get("measure") not in (None, "", "share"):
        raise Refused([("measure", "measure must be share or left out.")])
    try:
        cut = cuts.of(org, now)
        period = periods.parse(params, cut.zone, now, by_key=bool(filters.key), exact_from=cut.exact_from)
    except periods.PeriodError as error:
        raise Refused([(error.field, str(error))]) from None
    return Asked(Question(Owners((org.id,), cut.zone, cut.base), period, filters), links.state(params), cut)


@dataclass(frozen=True)
class AskedLogs:
    form: LogForm
    wanted: Wanted
    place: Place | None
    kept: dict[str, str]
    zone: ZoneInfo


def ask_logs(params: Mapping[str, str], org: Organisation, now: datetime) -> AskedLogs:
    """The records that the log browser's parameters ask for. Raises Refused."""
    form = LogForm(params)
    if not form.is_valid():
        raise Refused(problems_of(form))
    values = dict(form.cleaned_data)
    before = values.pop("before")
    try:
        zone = cuts.of(org, now).zone
        start, end = periods.instants(params, zone, now)
        place = Place.parse(before) if before else None
    except periods.PeriodError as error:
        raise Refused([(error.field, str(error))]) from None
    except ValueError as error:
        raise Refused([("before", str(error))]) from None
    kept = links.state(params, (*links.RANGE, "api", "key", *links.LOG_FILTERS))
    return AskedLogs(form, Wanted(start, end, **values), place, kept, zone)


def problems_of(form) -> list[tuple[str, str]]:
    return [(field, message) for field, messages in form.errors.items() for message in messages]
