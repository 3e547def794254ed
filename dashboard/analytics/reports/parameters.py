"""What the parameters of a page ask for. All of a page's state is in its URL; what cannot be meant names its field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote_plus, urlencode

from django import forms
from django.core.exceptions import PermissionDenied
from django.core.validators import RegexValidator
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from apis.models import ApiDefinition
from dashboard.analytics.dimensions import RECORDS, Grain
from dashboard.analytics.reports import zones
from dashboard.analytics.reports.periods import asking
from dashboard.analytics.reports.periods.written import PeriodError
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
COMPARE = ("compare", "compare_to")
# Each of these may be there several times: the filters, by what traffic.Filters calls their values.
FILTERS = {
    "api": "apis",
    "key": "keys",
    "endpoint": "endpoints",
    "oauth": "clients",
    "version": "versions",
    "country": "countries",
    "tag": "tags",
    "status": "statuses",
    "primitive": "primitives",
}
# And what single records are filtered by besides (search.Wanted).
OF_RECORDS = {"user_agent": "user_agents", "address": "addresses"}
KEPT = (*RANGE, *COMPARE, *FILTERS, "measure", "sort")
KEPT_OF_LOGS = (*RANGE, *FILTERS, *OF_RECORDS, "method", "path", "least_ms")
MOST_VALUES = 20  # of one filter
NO_KEY = "none"  # in the place of a key: requests without one
Params = Mapping[str, str | Sequence[str]]
Kept = Mapping[str, str | tuple[str, ...]]
SORTS = ("requests", "errors", "p95")


class Several(forms.Field):
    """Up to MOST_VALUES values that each may be one of another field; blank ones, and one a second time, are left out.
    Cleaned to a tuple."""

    widget = forms.MultipleHiddenInput

    def __init__(self, one: forms.Field):
        super().__init__(required=False, label=one.label)
        self.one = one
        one.required = False

    def clean(self, value: str | Sequence[str] | None) -> tuple[str, ...]:
        values = dict.fromkeys(filter(str.strip, [value] if isinstance(value, str) else value or ()))
        if len(values) > MOST_VALUES:
            raise forms.ValidationError(f"At most {MOST_VALUES} values, not {len(values)}.")
        return tuple(dict.fromkeys(filter(None, map(self.one.clean, values))))


class FilterForm(forms.Form):
    api = Several(forms.CharField(max_length=200, label="API"))
    key = Several(forms.CharField(max_length=128, label="Key"))
    endpoint = Several(forms.CharField(max_length=200, strip=False, label="Endpoint"))
    oauth = Several(forms.CharField(max_length=200, strip=False, label="OAuth client"))
    version = Several(forms.CharField(max_length=100, strip=False, label="Version"))
    country = Several(
        forms.CharField(
            validators=[RegexValidator(r"\A[A-Z]{2}\Z", "Two capital letters such as CH.")], label="Country"
        )
    )
    tag = Several(forms.CharField(max_length=100, strip=False, label="Tag"))
    status = Several(
        forms.CharField(
            validators=[RegexValidator(STATUS, "A code such as 404 or a class such as 5xx.")], label="Status"
        )
    )
    primitive = Several(forms.CharField(max_length=300, strip=False, label="Primitive"))

    def filters(self) -> Filters:
        return Filters(**{FILTERS[name]: self.cleaned_data[name] for name in FILTERS})


class LogForm(FilterForm):
    method = forms.CharField(
        required=False, validators=[RegexValidator(r"\A[A-Za-z]{1,20}\Z", "A method such as GET.")]
    )
    path = forms.CharField(required=False, max_length=500, strip=False, label="Path begins with")
    user_agent = Several(forms.CharField(max_length=300, strip=False, label="User agent"))
    address = Several(forms.GenericIPAddressField(label="Address"))
    least_ms = forms.IntegerField(
        required=False, min_value=0, max_value=2**31 - 1, label="At least this many milliseconds"
    )
    before, after = (
        forms.CharField(required=False, validators=[RegexValidator(CURSOR, "A place in the list.")])
        for _ in range(2)
    )

    def filters(self) -> Filters:
        named = super().filters()
        return replace(named, keys=tuple("" if key == NO_KEY else key for key in named.keys))

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
    kept: Kept
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


def page_parameters(params: Params, org: Organisation, now: datetime, user: User | None = None) -> Parameters:
    """The question that an analytics page's parameters put: of nothing but what `user` may see, if one is given.

    Raises Refused, and PermissionDenied for an API of which he may not.
    """
    params = _apart(params)
    form = FilterForm(params)
    if not form.is_valid():
        raise Refused(problems_of(form))
    filters = form.filters()
    if params.get("measure") not in (None, "", "share"):
        raise Refused([("measure", "measure must be share or left out.")])
    sort = params.get("sort") or SORTS[0]
    if sort not in SORTS:
        raise Refused([("sort", f"sort must be one of {', '.join(SORTS)}.")])
    try:
        cut = zones.of(org, now)
        counted = dimension_of("total", filters, cut.dimension_set)
        period = asking.parse(
            params,
            cut.zone,
            now,
            counted=counted,
            histograms=counted is None or counted.has_histogram(cut.dimension_set),
            exact_from=cut.exact_from,
            held=cut.held,
        )
    except PeriodError as error:
        raise Refused([(error.field, str(error))]) from None
    owned, owners = owned_apis(user) if user else None, cut.owners(org.id)
    if owned is not None:
        if not set(owned).issuperset(filters.apis):
            raise PermissionDenied
        filters = replace(filters, apis=filters.apis or owned)
        # No APIs would be those of any.
        owners = owners if owned else replace(owners, org_ids=())
    question = Question(owners, period, filters)
    return Parameters(question, state(params), cut, sort, owned)


@dataclass(frozen=True)
class LogParameters:
    wanted: Wanted
    place: Place | None
    size: int  # of a page
    kept: Kept
    owners: Owners
    asked_from: datetime  # whether or not so much is kept


def log_parameters(params: Params, org: Organisation, now: datetime) -> LogParameters:
    """The records that the log browser's parameters ask for. Raises Refused."""
    params = _apart(params)
    form = LogForm(params)
    if not form.is_valid():
        raise Refused(problems_of(form))
    values = dict(form.cleaned_data)
    before, after = values["before"], values["after"]
    try:
        cut = zones.of(org, now)
        start, end = asking.instants(params, cut.zone, now)
        size = paging.size_of(params)
        place = Place.parse(before) if before else None
        begins_after = _after(after)
    except PeriodError as error:
        raise Refused([(error.field, str(error))]) from None
    except paging.BadPlace as error:
        raise _no_place(error) from None
    except ValueError as error:
        raise Refused([("before", str(error))]) from None
    kept = state(params, KEPT_OF_LOGS)
    owners = cut.owners(org.id)
    asked_from, start = start, owners.from_when(start, RECORDS)
    if begins_after:
        start = max(start, begins_after.ts - LATE)
    wanted = Wanted(
        min(start, end),
        end,
        form.filters(),
        **{OF_RECORDS[name]: values[name] for name in OF_RECORDS},
        **{name: values[name] for name in ("method", "path", "least_ms")},
        after=begins_after,
        days_from=owners.since(Grain.DAY, now),
    )
    return LogParameters(wanted, place, size, kept, owners, asked_from)


def _after(text: str) -> Place | None:
    """Raises Refused."""
    try:
        return Place.parse(text) if text else None
    except ValueError as error:
        raise Refused([("after", str(error))]) from None


def page_number(params: Params) -> numbered.Asked:
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


def state(params: Params, names: tuple[str, ...] = KEPT) -> dict[str, str | tuple[str, ...]]:
    """The parameters of a URL that are state of the page, in a fixed order, empty ones left out."""
    found = {
        name: several(params, name) if name in FILTERS or name in OF_RECORDS else params.get(name)
        for name in names
    }
    return {name: value for name, value in found.items() if value}


def _apart(params: Params) -> Params:
    """The parameters with the API and the endpoint of each `endpoint_of` as filters of their own. Raises Refused."""
    chosen = several(params, "endpoint_of")
    if not chosen or not isinstance(params, QueryDict):
        return params
    pairs = [each.partition(" ") for each in chosen]
    if not all(api and endpoint for api, _, endpoint in pairs):
        raise Refused([("endpoint_of", "The ID of an API, a space, and an endpoint of it.")])
    told = without(params, "endpoint_of")
    for api, _, endpoint in pairs:
        told.appendlist("api", api)
        told.appendlist("endpoint", endpoint)
    return told


def without(params: QueryDict, *names: str) -> QueryDict:
    """The parameters less those that are only for another page."""
    left = params.copy()
    for name in names:
        left.pop(name, None)
    return left


def several(params: Params, name: str) -> tuple[str, ...]:
    """The values of a parameter, each once, those left out that are empty or blank."""
    given = params.getlist(name) if isinstance(params, MultiValueDict) else params.get(name) or ()
    return tuple(dict.fromkeys(filter(str.strip, [given] if isinstance(given, str) else given)))


# A page leads to each of its hundred buckets several times.
_quoted = lru_cache(maxsize=1_000)(quote_plus)


def link(path: str, kept: Kept, /, **changes: str | tuple[str, ...]) -> str:
    """`path` with the kept parameters; a change to "" takes one away. `from_` stands for `from`."""
    wanted = {**kept, **{name.rstrip("_"): value for name, value in changes.items()}}
    query = urlencode({name: value for name, value in wanted.items() if value}, doseq=True, quote_via=_quoted)
    return f"{path}?{query}" if query else path


def narrowed(kept: Kept, line: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The filters that a line of a table adds to those in force. line: a value of each. One that is in force already,
    beside others, stays alone."""
    return {
        name: (value,) if value in (there := kept.get(name, ())) else (*there, value)
        for name, value in line.items()
    }


def range_link(path: str, kept: Kept, name: str) -> str:
    """The same page for one of the named ranges."""
    rest = {name: value for name, value in kept.items() if name not in RANGE}
    return link(path, {"range": name}, **rest)
