"""One window: what a tile counts is what its link lists, what its tables and files sum up to, to the minute."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apis.publishing import publish
from dashboard.analytics import clock
from dashboard.analytics.models import IngestState
from dashboard.analytics.reports.charts import plots
from dashboard.analytics.reports.periods import asking
from dashboard.analytics.reports.periods.period import RANGES
from orgs import scope
from tests import make
from tests.analytics import screens
from tests.analytics.screens import ago, push, sheet
from tests.apis.examples import plain

OVERVIEW, LOGS = "/o/alpha/analytics/", "/o/alpha/logs/"
BERLIN = ZoneInfo("Europe/Berlin")
REPEATED = datetime(2027, 10, 31, 1, 30, tzinfo=UTC)  # 02:30 in Berlin, for the second time


@pytest.fixture
def alpha(committed, redis):
    return make.organisation("Alpha", "alpha", time_zone="Asia/Kathmandu")


@pytest.fixture
def client(alpha, client_for):
    return client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))


def listed(client, url: str) -> int:
    """How many records a link to the logs lists, page by page."""
    found = 0
    while url:
        page = client.get(url)
        assert page.status_code == 200
        found, older = found + len(page.context["records"]), page.context["page"].older
        url = older and page.request["PATH_INFO"] + older
    return found


def sums(client, **asked) -> dict[str, int]:
    files, asked = ("requests", "apis", "endpoints", "keys"), {**asked, "format": "csv"}
    return {
        table: sum(int(row["requests"]) for row in sheet(client.get(OVERVIEW, {**asked, "table": table})))
        for table in files
    }


@pytest.mark.parametrize(("name", "inside"), [("1h", 3), ("24h", 8), ("7d", 9), ("30d", 9)])
def test_tile_tables_files_and_the_linked_logs_count_the_same_requests(alpha, client, redis, name, inside):
    spans = [
        {"minutes": 1},
        {"minutes": 40},
        {"minutes": 58, "seconds": 30},
        {"minutes": 62},
        {"hours": 5},
        {"hours": 23, "minutes": 2},
        {"hours": 23, "minutes": 40},
        {"hours": 23, "minutes": 58, "seconds": 30},
        {"hours": 24, "minutes": 2},
    ]
    push(
        redis,
        *(
            {"OrgID": alpha.id, "TimeStamp": ago(**span), "APIKey": "a" * 16, "APIID": "one"}
            for span in spans
        ),
    )
    # Stamped by a clock that is ahead: in the hour that is running, beyond the window that ends with this minute.
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(seconds=-59), "APIKey": "a" * 16, "APIID": "one"})
    page = client.get(OVERVIEW, {"range": name})
    tiles = {tile.name: (tile.exact, url) for tile, url in page.context["tiles"]}
    counted = int(tiles["requests"][0])
    assert counted in ((inside, inside + 1) if name in ("1h", "24h") else (inside + 1,))
    assert listed(client, tiles["requests"][1]) == counted
    for key in ({}, {"key": "a" * 16}, {"api": "one"}):
        assert sums(client, range=name, **key) == dict.fromkeys(
            ("requests", "apis", "endpoints", "keys"), counted
        )
    for ranking in page.context["tables"]:
        [(line, _)] = ranking["lines"]
        assert int(line.hits) == counted
        assert "range=custom" in ranking["csv_url"]


@pytest.mark.parametrize("name", ["1h", "24h"])
def test_a_day_is_24_hours_and_an_hour_60_minutes(name):
    for now in (
        REPEATED,
        datetime(2027, 3, 28, 12, 0, 59, tzinfo=UTC),
        datetime(2028, 2, 29, 23, 59, 59, 999_999, UTC),
    ):
        period = asking.parse({"range": name}, BERLIN, now)
        assert period.end - period.start == RANGES[name]
        assert now < period.end <= now + clock.MINUTE


@given(
    st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana", "UTC"]).map(
        ZoneInfo
    ),
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(sorted(RANGES)),
)
def test_the_link_of_a_period_is_the_same_period_for_figures_and_records(zone, now, name):
    period = asking.parse({"range": name}, zone, now)
    link = {"from": clock.written(period.start, zone), "to": clock.written(period.end, zone)}
    again = asking.parse({"range": "custom", **link}, zone, now)
    assert (again.start, again.end, again.tier) == (period.start, period.end, period.tier)
    start, end = asking.instants({"range": "custom", **link}, zone, now)
    assert start == period.start
    # Nothing that exists lies between: what is stamped more than a minute ahead is stored as of now.
    assert end == period.end or now + 2 * clock.MINUTE < end < period.end
    assert asking.instants({"range": name}, zone, now) == (period.start, period.end)


def test_the_repeated_hour_is_named_with_its_offsets():
    period = asking.parse({"range": "1h"}, BERLIN, REPEATED)
    span = clock.said_span(period.start, period.seen_end, period.now, BERLIN)
    assert span == "31 Oct 02:31 +02:00 to 31 Oct 02:30 +01:00"
    link = {"from": clock.written(period.start, BERLIN), "to": clock.written(period.end, BERLIN)}
    assert link == {"from": "2027-10-31T02:31+02:00", "to": "2027-10-31T02:31+01:00"}
    assert asking.instants(link, BERLIN, REPEATED) == (period.start, period.end)
    labels = [plots.bucket_label(period, period.counts, index) for index in (0, 29, 59)]
    assert labels == ["31 Oct 02:31 +02:00", "31 Oct 02:00 +01:00", "31 Oct 02:30 +01:00"]


def test_of_a_time_that_comes_twice_a_range_begins_with_the_first_and_ends_with_the_second():
    asked = {"from": "2027-10-31T02:31", "to": "2027-10-31T02:30"}
    assert asking.instants(asked, BERLIN, REPEATED + clock.DAY) == (
        datetime(2027, 10, 31, 0, 31, tzinfo=UTC),
        datetime(2027, 10, 31, 1, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("zone", "local", "change"),
    [
        ("Europe/Berlin", datetime(2027, 3, 28, 2, 30), datetime(2027, 3, 28, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2027, 3, 28, 2, 0), datetime(2027, 3, 28, 1, tzinfo=UTC)),
        (
            "Australia/Lord_Howe",
            datetime(2026, 10, 4, 2, 10, 3, 7),
            datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
        ),
        ("Pacific/Apia", datetime(2011, 12, 30, 12), datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ],
)
def test_a_skipped_time_means_the_change_of_the_clock(zone, local, change):
    assert [clock.meant(local, ZoneInfo(zone), last=last) for last in (False, True)] == [change, change]


def test_a_range_across_years_says_the_year(client):
    year = datetime.now(UTC).year
    page = client.get(OVERVIEW, {"from": f"{year - 1}-12-20", "to": f"{year}-01-05"})
    assert page.context["span"] == f"20 Dec {year - 1} 00:00 to 6 Jan {year} 00:00"
    period = asking.parse(
        {"from": "2026-12-20", "to": "2027-01-05"}, BERLIN, datetime(2027, 2, 1, tzinfo=UTC)
    )
    assert plots.bucket_label(period, period.latency, 0).startswith("20 Dec 2026")


def test_logs_over_more_than_is_kept_say_since_when(client):
    oldest = clock.floor(datetime.now(UTC), clock.DAY) - 30 * clock.DAY
    said = clock.said(oldest, ZoneInfo("Asia/Kathmandu"), year=True)
    long_ago = {"from": f"{oldest - timedelta(days=9):%Y-%m-%d}", "to": f"{datetime.now(UTC):%Y-%m-%d}"}
    page = client.get(LOGS, long_ago)
    assert (page.context["kept_since"], page.content.decode().count(said)) == (said, 1)
    assert client.get(LOGS, {"range": "30d"}).context["kept_since"] == ""


@pytest.mark.parametrize("doubt", ["", "Its clock is an hour ahead."])
def test_only_a_super_user_is_told_how_many_records_of_all_organisations_wait(
    alpha, client, client_for, redis, doubt
):
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(minutes=5)})
    with scope.every_org():
        IngestState.objects.update(
            up_to=datetime.now(UTC) - timedelta(hours=1), waiting=172900729, doubt=doubt
        )
    told = ", 172900729 records waiting", ", records waiting"
    operator = client_for(make.user("root@example.com", None))
    for path in (OVERVIEW, LOGS, f"{OVERVIEW}keys/", "/o/alpha/errors/"):
        texts = [each.get(path).content.decode() for each in (operator, client)]
        found = [[said in text for said in told] for text in texts]
        assert (path, found, "172900729" in texts[1]) == (path, [[True, False], [False, True]], False)


def test_each_value_in_force_has_a_chip_that_takes_it_away_a_deleted_api_by_its_last_name(
    alpha, client, redis
):
    ann = make.user("max@alpha.example", alpha, screens.ADMINISTRATOR)
    with scope.org(alpha.id):
        api = publish.create(alpha.id, plain("/orders/", name="Orders"), author=ann)
        publish.delete(api, author=ann)
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(minutes=5), "APIID": api.api_id})
    for path in (OVERVIEW, LOGS):
        for chosen, name in ((api.api_id, "Orders (deleted)"), ("never-was", "never-was")):
            page = client.get(path, {"range": "1h", "api": [chosen, "other"], "tag": "a"})
            kept = f"{path}?range=1h&api="
            assert page.context["chips"] == [
                ("API", name, f"{kept}other&tag=a"),
                ("API", "other", f"{kept}{chosen}&tag=a"),
                ("Tag", "a", f"{kept}{chosen}&api=other"),
            ]
            assert f'aria-label="Remove the filter API {name}"' in page.content.decode()
    [row] = client.get(OVERVIEW, {"range": "1h"}).context["tables"][0]["lines"]
    assert row[0].name == "Orders (deleted)"
    link = parse_qs(urlsplit(row[1]).query)
    assert link["api"] == [api.api_id]
