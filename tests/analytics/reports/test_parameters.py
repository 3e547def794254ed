"""What parameters may be asked with, and what is said of those that cannot be meant."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict

from dashboard.analytics.dimensions import Grain, oldest
from dashboard.analytics.reports import parameters
from dashboard.analytics.reports.parameters import Refused
from dashboard.analytics.reports.search import Place, Wanted
from dashboard.analytics.reports.traffic import Filters, Owners
from dashboard.analytics.reports.zones import Shown
from orgs import scope
from orgs.models import Organisation
from tests import make

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 14, 35, 20, tzinfo=UTC)
NOBODY = Organisation(id="a" * 24)  # refused before anything of it is read


@pytest.fixture
def alpha(db):
    alpha = make.organisation("Alpha", "alpha", time_zone="Europe/Berlin")
    with scope.org(alpha.id):
        yield alpha


def problems(read, asked: dict[str, str], org: Organisation = NOBODY) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as refused:
        read(asked, org, NOW)
    assert str(refused.value) == "; ".join(f"{field}: {message}" for field, message in refused.value.problems)
    return refused.value.problems


@pytest.mark.parametrize(
    ("asked", "field", "message"),
    [
        ({"api": "a" * 201}, "api", "Ensure this value has at most 200 characters (it has 201)."),
        ({"key": "k" * 129}, "key", "Ensure this value has at most 128 characters (it has 129)."),
        ({"endpoint": "e" * 201}, "endpoint", "Ensure this value has at most 200 characters (it has 201)."),
        ({"api": "a\0"}, "api", "Null characters are not allowed."),
        ({"country": ["CH", "ch"]}, "country", "Two capital letters such as CH."),
        ({"tag": [str(number) for number in range(21)]}, "tag", "At most 20 values, not 21."),
        ({"measure": "Share"}, "measure", "measure must be share or left out."),
        ({"sort": "P95"}, "sort", "sort must be one of requests, errors, p95."),
    ],
)
def test_a_page_names_the_parameter_that_it_refuses(asked, field, message):
    assert problems(parameters.page_parameters, asked) == [(field, message)]


@pytest.mark.parametrize(
    ("asked", "field", "message"),
    [
        ({"range": "2h"}, "range", "range must be one of 1h, 24h, 7d, 30d or custom."),
        ({"range": "custom"}, "from", "from is missing: a custom range needs from and to."),
        ({"from": "2026-11-25"}, "to", "to is missing: a custom range needs from and to."),
        ({"from": "2026-11-26", "to": "2026-11-27"}, "from", "from must lie in the past."),
        ({"from": "2026-11-25T10:00", "to": "2026-11-25T10:00"}, "to", "to must be later than from."),
        ({"from": "2026-11-25T10", "to": "x"}, "from", "from is no date and time like 2026-11-25T14:30."),
    ],
)
def test_a_range_that_cannot_be_meant_is_refused_by_pages_and_lists_of_records_alike(
    alpha, asked, field, message
):
    for read in (parameters.page_parameters, parameters.log_parameters):
        assert problems(read, asked, alpha) == [(field, message)]


def test_without_parameters_a_page_shows_the_last_24_hours_of_everything(alpha):
    asked = parameters.page_parameters({}, alpha, NOW)
    question = asked.question
    assert (question.owners, question.filters) == (Owners((alpha.id,), BERLIN, open_hours=False), Filters())
    assert (question.period.name, question.period.end) == ("24h", NOW.replace(minute=36, second=0))
    assert (asked.kept, asked.cut, asked.sort) == ({}, Shown(BERLIN), "requests")


def test_a_page_keeps_what_it_was_asked_in_a_fixed_order_and_nothing_else(alpha):
    asked = parameters.page_parameters(
        {
            "sort": "p95",
            "endpoint": " GET /a ",
            "p": "2",
            "api": "a",
            "range": "7d",
            "key": "",
            "measure": "share",
        },
        alpha,
        NOW,
    )
    assert list(asked.kept.items()) == [
        ("range", "7d"),
        ("api", ("a",)),
        ("endpoint", (" GET /a ",)),
        ("measure", "share"),
        ("sort", "p95"),
    ]
    assert (asked.question.filters, asked.sort) == (Filters(("a",), (), (" GET /a ",)), "p95")


@pytest.mark.parametrize(
    ("asked", "grain"), [({"api": "a"}, "m"), ({"key": "k"}, "x"), ({"key": "k", "endpoint": "GET /"}, "")]
)
def test_a_page_is_cut_as_finely_as_what_it_filters_by_is_kept(alpha, asked, grain):
    assert parameters.page_parameters(asked, alpha, NOW).question.period.counts.grain == grain


A_CODE = "A code such as 404 or a class such as 5xx."
A_METHOD = "A method such as GET."
A_PLACE = "A place in the list."
TOO_SMALL = "Ensure this value is greater than or equal to 0."


@pytest.mark.parametrize(
    ("asked", "field", "message"),
    [
        *(
            ({"status": status}, "status", A_CODE)
            for status in ("6xx", "99", "4XX", "4x4", "404\n5", "٤٠٤", "0xx")
        ),
        *(({"method": method}, "method", A_METHOD) for method in ("G3T", "A" * 21, "GÉT", "GET POST")),
        ({"least_ms": "-1"}, "least_ms", TOO_SMALL),
        ({"least_ms": str(2**31)}, "least_ms", f"Ensure this value is less than or equal to {2**31 - 1}."),
        ({"least_ms": "1.5"}, "least_ms", "Enter a whole number."),
        ({"path": "/" * 501}, "path", "Ensure this value has at most 500 characters (it has 501)."),
        *(
            ({"address": address}, "address", "Enter a valid IPv4 or IPv6 address.")
            for address in ("203.0.113", "203.0.113.0/24", "localhost")
        ),
        (
            {"user_agent": "a" * 301},
            "user_agent",
            "Ensure this value has at most 300 characters (it has 301).",
        ),
        *(
            ({"before": place}, "before", A_PLACE)
            for place in ("1", "1.", ".1", "1.1.1", "-1.1", f"{10**16}.1")
        ),
    ],
)
def test_a_list_of_records_names_the_parameter_that_it_refuses(asked, field, message):
    assert problems(parameters.log_parameters, asked) == [(field, message)]


def test_a_page_of_figures_names_the_status_that_it_refuses(alpha):
    for status in ("6xx", "99", "4XX", "404\n5", "0"):
        assert problems(parameters.page_parameters, {"status": status}, alpha) == [("status", A_CODE)]
    many = {"status": [str(code) for code in range(400, 421)]}
    assert problems(parameters.page_parameters, many, alpha) == [("status", "At most 20 values, not 21.")]
    given = parameters.page_parameters({"status": ["404", "5xx", "404", ""]}, alpha, NOW)
    assert given.question.filters == Filters(statuses=("404", "5xx"))


def test_a_place_with_a_number_that_no_record_has_is_refused(alpha):
    asked = {"before": f"1.{2**63}"}
    assert problems(parameters.log_parameters, asked, alpha) == [("before", "no such record number")]


def test_a_list_of_records_is_asked_with_all_that_it_may_be_asked_with(alpha):
    asked = parameters.log_parameters(
        {
            "from": "2026-11-25T10:00:30",
            "to": "2026-11-25T10:00:31",
            "api": ["a", "b", "a", ""],
            "key": ["k", "none"],
            "status": ["5xx", "404"],
            "method": "get",
            "path": "/a b ",
            "endpoint": "GET /{id}",
            "oauth": " shop ",
            "primitive": "tools/call tool  x ",
            "user_agent": "curl/8 ",
            "address": ["2001:DB8:0::1%eth0", "2001:db8::1"],
            "least_ms": str(2**31 - 1),
            "before": f"9999999999999999.{2**63 - 1}",
            "after": "1764064830500000.7",
            "sort": "p95",
        },
        alpha,
        NOW,
    )
    start = datetime(2026, 11, 25, 9, 0, 30, tzinfo=UTC)
    assert asdict(asked.wanted) == {
        "start": start,
        "end": start + timedelta(seconds=1),
        "filters": {
            "apis": ("a", "b"),
            "keys": ("k", ""),
            "endpoints": ("GET /{id}",),
            "clients": (" shop ",),
            "versions": (),
            "countries": (),
            "tags": (),
            "statuses": ("5xx", "404"),
            "primitives": ("tools/call tool  x ",),
        },
        "user_agents": ("curl/8 ",),
        "addresses": ("2001:db8::1",),
        "method": "GET",
        "path": "/a b ",
        "least_ms": 2**31 - 1,
        "errors": False,
        "after": {"ts": datetime(2025, 11, 25, 10, 0, 30, 500_000, tzinfo=UTC), "id": 7},
        "past": (),
        "days_from": oldest(Grain.DAY, NOW),
    }
    assert asked.place == Place(datetime(2286, 11, 20, 17, 46, 39, 999999, tzinfo=UTC), 2**63 - 1)
    assert list(asked.kept) == [
        "from",
        "to",
        "api",
        "key",
        "endpoint",
        "oauth",
        "status",
        "primitive",
        "user_agent",
        "address",
        "method",
        "path",
        "least_ms",
    ]
    assert asked.owners == Owners((alpha.id,), BERLIN, open_hours=False)


def test_a_list_of_records_asked_for_nothing_is_of_the_last_24_hours(alpha):
    asked = parameters.log_parameters({}, alpha, NOW)
    end = NOW.replace(minute=36, second=0)
    wanted = Wanted(end - timedelta(hours=24), end, days_from=oldest(Grain.DAY, NOW))
    assert (asked.wanted, asked.place, asked.kept) == (wanted, None, {})


def test_the_ends_of_a_log_route_may_be_equal_but_not_turned_round():
    assert parameters.RestLogForm({"start": "10", "end": "10"}).is_valid()
    form = parameters.RestLogForm({"start": "11", "end": "10"})
    assert parameters.problems_of(form) == [("end", "Must not be earlier than start.")]
    assert parameters.RestLogForm({"start": "11"}).is_valid()
    beyond = {"start": str(2**33 + 1), "code": "99"}
    assert [field for field, _ in parameters.problems_of(parameters.RestLogForm(beyond))] == ["start", "code"]
    assert parameters.RestLogForm({"start": str(2**33), "code": "599"}).is_valid()


def test_a_link_keeps_changes_and_takes_away():
    kept = {"range": "7d", "api": "a"}
    assert parameters.link("/x/", kept) == "/x/?range=7d&api=a"
    assert parameters.link("/x/", kept, api="", range="1h") == "/x/?range=1h"
    assert parameters.link("/x/", {}, api="") == "/x/"
    assert parameters.link("/x/", {}, from_="2026-11-25T10:00+01:00", path="/a&b=c é") == (
        "/x/?from=2026-11-25T10%3A00%2B01%3A00&path=%2Fa%26b%3Dc+%C3%A9"
    )


def test_a_line_of_a_table_adds_its_value_to_the_filters_and_one_of_several_in_force_stays_alone():
    kept = {"range": "7d", "api": ("a", "b")}
    assert parameters.link("/x/", kept) == "/x/?range=7d&api=a&api=b"
    narrowed = parameters.narrowed(kept, {"api": "b", "endpoint": "GET /"})
    assert narrowed == {"api": ("b",), "endpoint": ("GET /",)}
    assert parameters.narrowed({"tag": ("a",)}, {"tag": "b"}) == {"tag": ("a", "b")}
    assert parameters.link("/x/", kept, **narrowed) == "/x/?range=7d&api=b&endpoint=GET+%2F"


def test_a_blank_value_is_no_filter_and_none_is_shown_as_one(alpha):
    for name in parameters.FILTERS:
        given = QueryDict(f"{name}=+&{name}=")
        asked = parameters.page_parameters(given, alpha, NOW)
        assert (asked.question.filters, asked.kept) == (Filters(), {})
        asked = parameters.log_parameters(given, alpha, NOW)
        assert (asked.wanted.filters, asked.kept) == (Filters(), {})


def test_a_link_to_a_named_range_forgets_the_custom_one():
    kept = {"range": "custom", "from": "2026-11-01", "to": "2026-11-02", "api": "a", "path": "/p"}
    assert parameters.range_link("/x/", kept, "24h") == "/x/?range=24h&api=a&path=%2Fp"
