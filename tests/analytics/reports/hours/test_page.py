"""The heat map of hours on its page and as a file."""

import re
from datetime import timedelta

from django.utils import timezone

from dashboard.analytics.models import RollupCut
from dashboard.analytics.reports.charts.figures import NONE
from orgs import scope
from tests import make
from tests.analytics import screens
from tests.analytics.screens import ago, push, sheet

HOURS = "/o/alpha/analytics/hours/"


def cells_of(page) -> list[tuple[str, str]]:
    """(address, text) of each cell with a figure."""
    found = re.findall(
        r'<td class="heat-\d"><a href="([^"]+)" title="[^"]+">([^<]+)</a>', page.content.decode()
    )
    return [(url.replace("&amp;", "&"), text) for url, text in found]


def test_every_request_is_in_the_cell_of_its_hour_which_leads_there(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha", time_zone="Asia/Kolkata")
    beta = make.organisation("Beta", "beta")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    stamps = [ago(minutes=10), ago(hours=5), ago(hours=5), ago(days=4), ago(days=40)]
    one = {
        "OrgID": alpha.id,
        "APIID": "one",
        "ResponseCode": 500,
        "RequestTime": 7,
        "Latency": {"Total": 7, "Upstream": 6},
    }
    push(redis, *({**one, "TimeStamp": stamp} for stamp in stamps))
    push(redis, {**one, "OrgID": beta.id, "TimeStamp": ago(minutes=10)})
    push(redis, {**one, "APIID": "two", "ResponseCode": 200, "TimeStamp": ago(minutes=10)})
    page = client.get(HOURS)
    figures = [text for _, text in cells_of(page) if text != "0"]
    assert sorted(figures) == ["1", "2", "2"]
    assert page.context["sentence"].startswith("5 requests. Requests an hour: highest on ")
    # A cell of these days leads to its hour on the page, an older one to its records.
    for url, text in cells_of(page):
        if text == "2":
            assert url.startswith("/o/alpha/analytics/?")
            assert client.get(url).context["tiles"][0][0].exact == "2"
    [old] = [url for url, text in cells_of(page) if text == "1"]
    assert old.startswith("/o/alpha/logs/?")
    assert len(client.get(old).context["records"]) == 1
    blind = client_for(make.user("bea@alpha.example", alpha, {"analytics": "read"})).get(HOURS)
    assert {url.partition("?")[0] for url, _ in cells_of(blind)} == {"/o/alpha/analytics/"}
    rows = sheet(client.get(HOURS, {"format": "csv"}))
    assert (sum(int(row["requests"]) for row in rows), sum(int(row["5xx"]) for row in rows)) == (5, 4)
    of_one = client.get(HOURS, {"api": "one", "show": "errors"})
    assert {text for _, text in cells_of(of_one) if text != NONE} == {"100"}
    by_weekday = client.get(HOURS, {"range": "30d", "show": "p95", "by": "weekday"})
    assert {text for _, text in cells_of(by_weekday)} == {NONE, "7"}


def test_hours_that_are_no_longer_kept_are_said_to_be_missing_and_so_is_a_filter_without_any(
    committed, redis, client_for
):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(minutes=10), "APIKey": "a" * 16})
    year = {"from": f"{timezone.now() - timedelta(days=200):%Y-%m-%d}", "to": f"{timezone.now():%Y-%m-%d}"}
    page = client.get(HOURS, year)
    assert page.context["by_day"] is False
    assert any(note.startswith("Single hours are no longer kept of all") for note in page.context["notes"])
    filters = {
        "key": "a" * 16,
        "endpoint": "GET /",
        "oauth": "shop",
        "version": "v1",
        "country": "NL",
        "status": "5xx",
        "tag": "a",
    }
    of_key = client.get(HOURS, {**filters, "range": "30d"})
    assert (of_key.status_code, of_key.context["unkept"]) == (200, True)
    assert of_key.context["unfiltered_url"] == f"{HOURS}?range=30d"
    assert sheet(client.get(HOURS, {**filters, "format": "csv"})) == []


def test_hours_are_shown_of_each_filter_and_of_several_values_as_long_as_they_are_kept(
    committed, redis, client_for
):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    for number, word in enumerate(("green", "blue", "red")):
        record = {
            "OrgID": alpha.id,
            "APIID": word,
            "APIKey": word,
            "OauthID": word,
            "APIVersion": word,
            "Geo": {"Country": {"ISOCode": ("CH", "DE", "FR")[number]}},
            "Tags": [word],
            "ResponseCode": (404, 429, 200)[number],
            "TimeStamp": ago(minutes=10),
        }
        push(redis, record, record, {**record, "TimeStamp": ago(days=20)})
    keys = dict(client.get(HOURS).context["keys"])
    both = {name: ["green", "blue"] for name in ("api", "oauth", "version")}
    for name, values in (
        both | {"country": ["CH", "DE"], "status": ["404", "429"], "key": list(keys)[:2]}
    ).items():
        for params in ({name: values}, {"api": ["green", "blue", "red"], name: values}):
            rows = sheet(client.get(HOURS, {**params, "range": "30d", "format": "csv"}))
            found = [sum(int(row[column]) for row in rows) for column in ("requests", "4xx", "429")]
            older = 2 if set(params) == {"api"} else 0
            assert name == "key" or found[:2] == [4 + older] * 2
            assert found[0] == 4 + older
        page = client.get(HOURS, {name: values, "range": "30d", "show": "refused"})
        clipped = [note for note in page.context["notes"] if "no longer kept" in note]
        assert (len(clipped), page.context["unkept"]) == (int(name != "api"), False)
    tagged = {text for _, text in cells_of(client.get(HOURS, {"tag": "green", "show": "requests"}))}
    assert tagged == {"0", "2"}
    assert client.get(HOURS, {"tag": ["green", "blue"]}).context["unkept"] is True
    shares = {text for _, text in cells_of(client.get(HOURS, {"show": "refused"})) if text != NONE}
    assert shares == {"66.7"}
    # Before a dimension was counted its hours are not known to be without requests.
    counted_from = timezone.now() - timedelta(days=2)
    with scope.every_org():
        assert RollupCut.objects.update(dimensions_from=counted_from) == 1
    days = [
        {row["from"][:10] for row in sheet(client.get(HOURS, {**asked, "format": "csv"}))}
        for asked in ({"tag": "green"}, {"key": next(iter(keys))})
    ]
    day_after = counted_from.astimezone(alpha.zone).date() + timedelta(days=1)
    assert (min(days[0]), min(days[1]) < min(days[0])) == (day_after.isoformat(), True)


def test_what_cannot_be_shown_is_refused_and_strangers_see_none(committed, client_for):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    yesterday, today = (f"{timezone.now() - timedelta(days=days):%Y-%m-%d}" for days in (1, 0))
    until_midnight = {"from": f"{yesterday}T10:00", "to": f"{today}T00:00", "format": "csv"}
    assert {row["from"][:10] for row in sheet(client.get(HOURS, until_midnight))} == {yesterday}
    for name, value in (("by", "month"), ("show", "mean"), ("format", "xml"), ("range", "1y"), ("api", "\0")):
        assert (name, client.get(HOURS, {name: value}).status_code) == (name, 400)
    assert client_for(make.user("max@alpha.example", alpha, {"log": "read"})).get(HOURS).status_code == 403
