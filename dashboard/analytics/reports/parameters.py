"""What the parameters of a page ask for. All of a page's state is in its URL; what cannot be meant names its field."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote_plus, urlencode

from django import forms
from django.core.exceptions import PermissionDenied
from django.core.validators import RegexValidator

from apis.models import ApiDefinition
from dashboard.analytics.dimensions import RECORDS
from dashboard.analytics.reports import periods, zones
from dashboard.analytics.reports.rows import dimension_of
from dashboard.analytics.reports.search import LATE, Place, Wanted
from dashboard.analytics.reports.traffic import Filters, Owners, Question
from dashboard.analytics.reports.zones import Shown
from orgs.http import numbered, paging
from orgs.models import Organisation, User

STATUS = r"\A[1-5](xx|[0-9]{2})\Z"
CURSOR = r"\A[0-9]{1,16}\.[0-9]{1,19}\Z"

# The parameters of a URL that are state of the page.
RANGE = ("range", "from", "to")
KEPT = (*RANGE, "compare", "api", "key", "endpoint", "oauth", "version", "country", "tag", "measure", "sort")
SORTS = ("requests", "errors", "p95")
LOG_FILTERS = (
    *("status", "endpoint", "oauth", "version", "country", "tag", "user_agent", "address"),
    *("method", "path", "least_ms"),
)


class FilterForm(forms.Form):
    api = forms.CharField(required=False, max_length=200, label="API")
    key = forms.CharField(required=False, max_length=128, label="Key")
    endpoint = forms.CharField(required=False, max_length=200, strip=False, label="Endpoint")
    oauth = forms.CharField(required=False, max_length=200, strip=False, label="OAuth client")
    version = forms.CharField(required=False, max_length=100, strip=False, label="Version")
    country = forms.CharField(
        required=False, validators=[RegexValidator(r"\A[A-Z]{2}\Z", "Two capital letters such as CH.")]
    )
    tag = forms.CharField(required=False, max_length=100, strip=False, label="Tag")


class LogForm(FilterForm):
    status = forms.CharField(
        required=False, validators=[RegexValidator(STATUS, "A code such as 404 or a class such as 5xx.")]
    )
    method = forms.CharField(
        required=False, validators=[RegexValidator(r"\A[A-Za-z]{1,20}\Z", "A method such as GET.")]
    )
    path = forms.CharField(required=False, max_length=500, strip=False, label="Path begins with")
    user_agent = forms.CharField(required=False, max_length=300, strip=False, label="User agent")
    address = forms.GenericIPAddressField(required=False, label="Address")
    least_ms = forms.IntegerField(
        required=False, min_value=0, max_value=2**31 - 1, label="At least this many milliseconds"
    )
    before, after = (
        forms.CharField(required=False, validators=[RegexValidator(CURSOR, "A place in the list.")])
        for _ in range(2)
    )

    def clean_method(self) -> str:
        return self.cleaned_data["method"].upper()


class RestLogForm(forms.Form):
    """The parameters of Tyk's log route."""

    start = forms.IntegerField(required=False, min_value=0, max_value=2**33)
    end = forms.IntegerField(required=False, min_value=0, max_value=2**33)
    api = forms.CharField(required=False, max_length=200)
    key = forms.CharField(required=False, max_length=128)
    code = forms.IntegerField(required=False, min_value=100, max_value=599)
    errors = forms.ChoiceField(required=False, choices=[(value, value) for value in ("", "0", "1")])

    def clean(self) -> dict:
        start, end = self.cleaned_data.get("start"), self.cleaned_data.get("end")
        if start is not None and end is not None and end < start:
            self.add_error("end", "Must not be earlier than start.")
        return self.cleaned_data


class RestUsageForm(forms.Form):
    """The parameters of Tyk's usage and activity routes."""

    res = forms.ChoiceField(
        required=False, choices=[(value, value) for value in ("", "hour", "day", "month")]
    )
    api_id = forms.CharField(required=False, max_length=200)
    api_version = forms.CharField(required=False, max_length=200, strip=False)
    by = forms.CharField(required=False, max_length=30)
    sort = forms.ChoiceField(required=False, choices=[(value, value) for value in ("", "1", "-1")])


class Refused(ValueError):
    """Parameters that cannot be meant: (field, message) of each."""

    def __init__(self, problems: list[tuple[str, str]]):
        super().__init__("; ".join(f"{field}: {message}" for field, message in problems))
        self.problems = problems


@dataclass(frozen=True)
class Parameters:
    question: Question
    kept: dict[str, str]
    cut: Shown
    sort: str  # what rankings begin with: one of SORTS
    owned: tuple[str, ...] | None = (
        None  # the IDs of the APIs that the person may see traffic of, None for all
    )


def owned_apis(user: User) -> tuple[str, ...] | None:
    """The IDs of the APIs that a person may see traffic of; None for all."""
    if user.may("analytics"):
        return None
    own = ApiDefinition.objects.filter(wrapper__user_owners__contains=[user.id])
    return tuple(own.values_list("api_id", flat=True))


def page_parameters(
    params: Mapping[str, str], org: Organisation, now: datetime, user: User | None = None
) -> Parameters:
    """The question that an analytics page's parameters put: of nothing but what `user` may see, if one is given.

    Raises Refused, and PermissionDenied for an API of which he may not.
    """
    form = FilterForm(params)
    if not form.is_valid():
        raise Refused(problems_of(form))
    values = dict(form.cleaned_data)
    tag = values.pop("tag")
    filters = Filters(**values, tags=(tag,) if tag else ())
    if params.get("measure") not in (None, "", "share"):
        raise Refused([("measure", "measure must be share or left out.")])
    sort = params.get("sort") or SORTS[0]
    if sort not in SORTS:
        raise Refused([("sort", f"sort must be one of {', '.join(SORTS)}.")])
    try:
        cut = zones.of(org, now)
        counted = dimension_of("total", filters, cut.dimension_set)
        period = periods.parse(
            params,
            cut.zone,
            now,
            counted=counted,
            histograms=counted is None or counted.has_histogram(cut.dimension_set),
            exact_from=cut.exact_from,
            held=cut.held,
        )
    except periods.PeriodError as error:
        raise Refused([(error.field, str(error))]) from None
    owned, owners = owned_apis(user) if user else None, cut.owners(org.id)
    if owned is not None:
        if filters.api and filters.api not in owned:
            raise PermissionDenied
        filters = filters if filters.api else replace(filters, apis=owned)
        # No APIs would be those of any.
        owners = owners if owned else replace(owners, org_ids=())
    question = Question(owners, period, filters)
    return Parameters(question, state(params), cut, sort, owned)


@dataclass(frozen=True)
class LogParameters:
    form: LogForm
    wanted: Wanted
    place: Place | None
    size: int  # of a page
    kept: dict[str, str]
    owners: Owners
    asked_from: datetime  # whether or not so much is kept


def log_parameters(params: Mapping[str, str], org: Organisation, now: datetime) -> LogParameters:
    """The records that the log browser's parameters ask for. Raises Refused."""
    form = LogForm(params)
    if not form.is_valid():
        raise Refused(problems_of(form))
    values = dict(form.cleaned_data)
    before, after = values.pop("before"), values.pop("after")
    try:
        cut = zones.of(org, now)
        start, end = periods.instants(params, cut.zone, now)
        size = paging.size_of(params)
        place = Place.parse(before) if before else None
        values["after"] = _after(after)
    except periods.PeriodError as error:
        raise Refused([(error.field, str(error))]) from None
    except paging.BadPlace as error:
        raise _no_place(error) from None
    except ValueError as error:
        raise Refused([("before", str(error))]) from None
    kept = state(params, (*RANGE, "api", "key", *LOG_FILTERS))
    owners = cut.owners(org.id)
    asked_from, start = start, owners.from_when(start, RECORDS)
    if values["after"]:
        start = max(start, values["after"].ts - LATE)
    return LogParameters(form, Wanted(min(start, end), end, **values), place, size, kept, owners, asked_from)


def _after(text: str) -> Place | None:
    """Raises Refused."""
    try:
        return Place.parse(text) if text else None
    except ValueError as error:
        raise Refused([("after", str(error))]) from None


def page_number(params: Mapping[str, str]) -> numbered.Asked:
    """The page of a ranking that is asked for. Raises Refused."""
    try:
        return numbered.asked(params)
    except paging.BadPlace as error:
        raise _no_place(error) from None


def _no_place(error: paging.BadPlace) -> Refused:
    field, _, message = str(error).partition(": ")
    return Refused([(field, message)])


def problems_of(form) -> list[tuple[str, str]]:
    return [(field, message) for field, messages in form.errors.items() for message in messages]


def state(params: Mapping[str, str], names: tuple[str, ...] = KEPT) -> dict[str, str]:
    """The parameters of a URL that are state of the page, in a fixed order, empty ones left out."""
    return {name: params[name] for name in names if params.get(name)}


# A page leads to each of its hundred buckets several times.
_quoted = lru_cache(maxsize=1_000)(quote_plus)


def link(path: str, kept: Mapping[str, str], /, **changes: str) -> str:
    """`path` with the kept parameters; a change to "" takes one away. `from_` stands for `from`."""
    wanted = {**kept, **{name.rstrip("_"): value for name, value in changes.items()}}
    query = urlencode({name: value for name, value in wanted.items() if value}, quote_via=_quoted)
    return f"{path}?{query}" if query else path


def range_link(path: str, kept: Mapping[str, str], name: str) -> str:
    """The same page for one of the named ranges."""
    rest = {name: value for name, value in kept.items() if name not in RANGE}
    return link(path, {"range": name}, **rest)
