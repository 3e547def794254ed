"""The search for records over days."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from dashboard.analytics.dimensions import KEPT, OTHER, Dimension
from dashboard.analytics.ingest import cuts
from dashboard.analytics.models import Rollup, RollupCut
from dashboard.analytics.reports import search
from dashboard.analytics.reports.parameters import FILTERS
from dashboard.analytics.reports.search import Place, Wanted
from dashboard.analytics.reports.traffic import Filters
from orgs import scope
from orgs.models import Organisation
from tests import make
from tests.analytics import screens
from tests.analytics.arrivals import open_since
from tests.analytics.screens import ago, push

LOGS = "/o/alpha/logs/"


def of(method: str = "", least_ms: int | None = None, **asked: str) -> dict:
    """What is wanted of filters by their parameters."""
    filters = Filters(**{FILTERS[name]: (value,) for name, value in asked.items()})
    return {"filters": filters, "method": method, "least_ms": least_ms}


def test_what_is_rare_is_found_far_back_without_reading_the_days_between_and_what_is_absent_without_any(
    committed, redis
):
    alpha = make.organisation("Alpha", "alpha")
    rare = {"APIKey": "a" * 16, "APIID": "rare", "ResponseCode": 418, "Method": "PUT", "APIVersion": "v9"}
    rare |= {"OauthID": "app", "Tags": ["seldom"], "Geo": {"Country": {"ISOCode": "IS"}}}
    rare |= {"Latency": {"Total": 5_000, "Upstream": 4_000}}
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(days=20), **rare})
    common = {"OrgID": alpha.id, "APIKey": "b" * 16, "APIID": "common", "ResponseCode": 200, "Method": "GET"}
    push(redis, *({**common, "TimeStamp": ago(days=day)} for day in range(19)))
    now, read = datetime.now(UTC), []

    def remember(execute, sql, params, many, context):
        if "FROM record " in sql:
            read.append(sql)
        return execute(sql, params, many, context)

    def searched(**wanted: str) -> tuple[list[int], int]:
        """The status of each record found, and how many windows were read for them."""
        read.clear()
        # The day's rollup row begins long before the span does.
        span = now - timedelta(days=20, minutes=1), now
        with scope.org(alpha.id), connection.execute_wrapper(remember):
            found = search.search([alpha.id], Wanted(*span, **of(**wanted)), patience=60)
        assert found.after is None
        return [record.status for record in found.records], len(read)

    for wanted in (
        {"key": "a" * 16},
        {"api": "rare"},
        {"status": "418"},
        {"status": "4xx"},
        {"endpoint": "PUT /search"},
        {"endpoint": "PUT /search", "api": "rare"},
        {"status": "418", "api": "rare", "key": "a" * 16},
        {"version": "v9"},
        {"oauth": "app"},
        {"tag": "seldom"},
        {"tag": "seldom", "api": "rare"},
        {"country": "IS"},
        {"country": "IS", "api": "rare"},
        {"method": "PUT"},
        {"least_ms": 5_000},
        {"least_ms": 5_000, "api": "rare"},
    ):
        statuses, windows = searched(**wanted)
        assert (statuses, windows < 3) == ([418], True), wanted
    for absent in (
        {"key": "c" * 16},
        {"status": "504"},
        {"status": "5xx"},
        {"endpoint": "PUT /"},
        {"status": "418", "api": "common"},
        {"version": "v8"},
        {"oauth": "other"},
        {"tag": "never"},
        {"country": "AQ", "api": "rare"},
        {"method": "DELETE"},
        {"least_ms": 5_001},
        {"least_ms": 5_000, "api": "common"},
    ):
        assert searched(**absent) == ([], 0), absent
    assert len(searched(status="200")[0]) == 19
    # Of what was above the number that is counted by itself, rows do not tell what it was.
    with scope.every_org():
        named = Rollup.objects.exclude(dimension=Dimension.ERROR)
        assert named.filter(value__in=["a" * 16, "PUT /search", "IS"]).update(value=OTHER) == 5
    for wanted in ({"key": "a" * 16}, {"endpoint": "PUT /search"}, {"method": "PUT"}, {"country": "IS"}):
        assert searched(**wanted)[0] == [418], wanted
    assert searched(tag="never") == ([], 0)
    with scope.every_org():
        RollupCut.objects.filter(org_id=alpha.id).update(dimensions_from=now - timedelta(days=15))
    assert (searched(tag="never")[0], len(read) > 3) == ([], True)


def test_a_search_that_takes_long_says_how_far_it_came_and_goes_on_from_there(committed, redis):
    alpha = make.organisation("Alpha", "alpha")
    push(redis, *({"OrgID": alpha.id, "TimeStamp": ago(days=day, hours=1)} for day in range(10)))
    now = datetime.now(UTC)
    wanted = Wanted(now - timedelta(days=25), now, path="/search")
    with scope.org(alpha.id):
        first = search.search([alpha.id], wanted, patience=0)
        assert (len(first.records), first.searched_to) == (1, now - timedelta(hours=6))
        assert first.after == Place(first.searched_to, 0)
        found, place = list(first.records), first.after
        while place:
            more = search.search([alpha.id], wanted, place, patience=0)
            found, place = [*found, *more.records], more.after
    assert len(found) == len({record.id for record in found}) == 10


def test_records_of_one_instant_are_found_once_each_over_pages_of_any_size(committed, redis):
    alpha = make.organisation("Alpha", "alpha")
    push(redis, *[{"OrgID": alpha.id, "TimeStamp": ago(minutes=5)}] * 5)
    now = datetime.now(UTC)
    wanted, found, place = Wanted(now - timedelta(hours=1), now), [], None
    with scope.org(alpha.id):
        for _ in range(3):
            page = search.search([alpha.id], wanted, place, limit=2)
            found, place = [*found, *page.records], page.after
    assert (len({record.id for record in found}), len(found), place) == (5, 5, None)


def test_nothing_found_is_said_as_far_as_was_searched(committed, redis, client_for, monkeypatch):
    alpha = make.organisation("Alpha", "alpha")
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(hours=1)})
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    page = client.get(LOGS, {"range": "30d", "path": "/nowhere"})
    assert (page.context["records"], page.context["page"].older, page.context["patient"]) == ([], "", False)
    assert "No records" in page.content.decode()
    monkeypatch.setattr(search, "PATIENCE", 0)
    for path, said in (("/nowhere", ": nothing matches so far."), ("/search", ".")):
        page = client.get(LOGS, {"range": "30d", "path": path})  # to the end of the day
        text = f"Searched back to {page.context['searched_to']}{said}"
        assert (text in page.content.decode(), "No records" in page.content.decode()) == (True, False)
        assert page.context["page"].older != ""


def test_a_rare_api_is_found_far_back_after_a_change_of_zone(committed, redis):
    alpha = make.organisation("Alpha", "alpha")
    push(redis, {"OrgID": alpha.id, "APIID": "rare", "APIKey": "a" * 16, "TimeStamp": ago(days=20)})
    now = datetime.now(UTC)
    with scope.every_org(), transaction.atomic():
        Organisation.everyone.filter(pk=alpha.id).update(time_zone="Asia/Kathmandu")
    while cuts.work(now):
        pass
    for wanted in ({"api": "rare"}, {"key": "a" * 16}, {"api": "rare", "key": "a" * 16}):
        with scope.org(alpha.id):
            found = search.search([alpha.id], Wanted(now - timedelta(days=25), now, **of(**wanted)))
        assert [record.api_id for record in found.records] == ["rare"]


NOW = datetime(2026, 11, 25, 14, 35, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "sql", "values"),
    [
        ({}, "", []),
        ({"filters": Filters(apis=("a",))}, " AND api_id = %s", ["a"]),
        ({"filters": Filters(keys=("k",))}, " AND key = %s AND key <> ''", ["k"]),
        ({"filters": Filters(keys=("",))}, " AND key = %s", [""]),
        ({"filters": Filters(statuses=("200",))}, " AND status BETWEEN %s AND %s", [200, 200]),
        ({"filters": Filters(statuses=("3xx",))}, " AND status BETWEEN %s AND %s", [300, 399]),
        (
            {"filters": Filters(statuses=("400",))},
            " AND status BETWEEN %s AND %s AND status >= 400",
            [400, 400],
        ),
        (
            {"filters": Filters(statuses=("5xx",))},
            " AND status BETWEEN %s AND %s AND status >= 400",
            [500, 599],
        ),
        (
            {"filters": Filters(statuses=("404", "5xx"))},
            " AND status = ANY(%s) AND status >= 400",
            [[404, *range(500, 600)]],
        ),
        ({"filters": Filters(statuses=("200", "404"))}, " AND status = ANY(%s)", [[200, 404]]),
        ({"filters": Filters(keys=("k", "l"))}, " AND key = ANY(%s) AND key <> ''", [["k", "l"]]),
        ({"filters": Filters(keys=("k", ""))}, " AND key = ANY(%s)", [["k", ""]]),
        ({"addresses": ("::1", "::2")}, " AND ip = ANY(%s::inet[])", [["::1", "::2"]]),
        ({"user_agents": ("a", "b")}, " AND user_agent = ANY(%s)", [["a", "b"]]),
        ({"errors": True}, " AND status >= 400", []),
        ({"filters": Filters(endpoints=("GET /{id}",))}, " AND endpoint = %s", ["GET /{id}"]),
        ({"method": "GET"}, " AND method = %s", ["GET"]),
        ({"path": "/50%_\\x"}, " AND path LIKE %s", ["/50\\%\\_\\\\x%"]),
        ({"least_ms": 0}, "", []),
        ({"least_ms": 1}, " AND latency >= %s", [1]),
        ({"least_ms": 5, "filters": Filters(apis=("a",))}, " AND api_id = %s AND latency >= %s", ["a", 5]),
    ],
)
def test_what_is_wanted_becomes_conditions_with_their_values_in_order(asked, sql, values):
    assert search.terms(Wanted(NOW, NOW, **asked)) == (sql, values)


def test_a_place_is_written_and_read_to_the_microsecond():
    for instant in (NOW.replace(microsecond=1), search.EPOCH, datetime(9999, 12, 31, tzinfo=UTC)):
        place = Place(instant, 2**63 - 1)
        assert Place.parse(str(place)) == place
    assert str(Place(search.EPOCH + timedelta(microseconds=7), 0)) == "7.0"


@pytest.mark.parametrize("text", [f"1.{2**63}", f"{10**18}.1", "1", "1.2.3", "a.1", "1.b", ""])
def test_what_is_no_place_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        Place.parse(text)


def test_a_span_of_no_time_holds_nothing_and_is_searched_at_once(committed):
    alpha = make.organisation("Alpha", "alpha")
    with scope.org(alpha.id):
        assert search.search([alpha.id], Wanted(NOW, NOW)) == search.Found((), NOW, None)
        ahead = Place(NOW + timedelta(days=1), 1)
        assert search.search([alpha.id], Wanted(NOW, NOW), ahead) == search.Found((), NOW, None)


def test_statuses_of_many_days_are_counted_as_their_records_are_and_days_are_not_read(committed, redis):
    alpha = make.organisation("Alpha", "alpha", time_zone="Asia/Kolkata")
    open_since([alpha.id], datetime.now(UTC) - timedelta(hours=60))
    pushed = [
        {"OrgID": alpha.id, "TimeStamp": ago(hours=5 * at), "ResponseCode": code, "APIID": f"api{at % 2}"}
        for at in range(24)
        for code in (200, 404, 503)[: 1 + at % 3]
    ]
    push(redis, *pushed)
    now, read = datetime.now(UTC), []

    def remember(execute, sql, params, many, context):
        read.extend([params[1:3]] if "FROM record " in sql else [])
        return execute(sql, params, many, context)

    spans = [
        (now - timedelta(hours=hours), now - timedelta(hours=late)) for hours, late in ((112, 0), (75, 9))
    ]
    with scope.org(alpha.id), connection.execute_wrapper(remember):
        for start, end in spans:
            for asked in (
                {"filters": Filters(statuses=("404",))},
                {"filters": Filters(statuses=("4xx", "503"))},
                {"filters": Filters(statuses=("418",))},
                {"filters": Filters(statuses=("200", "404")), "errors": True},
                {"errors": True},
                {"errors": True, "filters": Filters(apis=("api1",))},
            ):
                wanted = Wanted(start, end, **asked)
                plainly = len(search.newest([alpha.id], wanted, limit=100))
                for most in (1, 100):
                    read.clear()
                    assert search.count([alpha.id], wanted, most=most) == min(plainly, most), asked
                    assert sum((span[1] - span[0] for span in read), timedelta()) < timedelta(hours=49)
            # Rollups do not tell these.
            slow = Wanted(start, end, Filters(statuses=("2xx",)), least_ms=1)
            held = Wanted(start, end, errors=True, past=(((alpha.id,), now - timedelta(hours=61)),))
            for wanted in (slow, held):
                plainly = len(search.newest([alpha.id], wanted, limit=100))
                assert search.count([alpha.id], wanted, most=100) == plainly


def test_records_are_found_and_counted_that_are_kept_for_longer_than_figures_by_the_day(
    committed, redis, client_for, rest
):
    alpha = make.organisation("Alpha", "alpha")
    open_since([alpha.id], datetime.now(UTC) - timedelta(days=2))
    rare = {"OrgID": alpha.id, "APIID": "rare", "ResponseCode": 503}
    push(redis, *({**rare, "TimeStamp": ago(days=day)} for day in (1, 12, 20)))
    now = datetime.now(UTC)
    gone = (now - timedelta(days=10)).date()
    with scope.every_org(), transaction.atomic():
        Organisation.everyone.filter(pk=alpha.id).update(gone_before={"days": f"{gone}"})
        by_day = [grain for grain, kept in KEPT.items() if kept.kind == "days"]
        Rollup.objects.filter(grain__in=by_day, ts__date__lt=gone).delete()
    ann = make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR)
    page = client_for(ann).get(LOGS, {"range": "30d", "api": "rare", "status": "5xx"})
    assert len(page.context["records"]) == 3
    asked = {"start": f"{now.timestamp() - 25 * 86_400:.0f}", "errors": "1", "p": "1"}
    assert len(rest(ann).get("/api/logs", asked).json()["data"]) == 3
