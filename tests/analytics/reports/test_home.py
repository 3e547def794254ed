"""The analytics page in states which the recorded traffic does not have."""

from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apis.models import Revision
from apis.publishing import publish
from dashboard.analytics import clock
from dashboard.analytics.models import IngestState
from dashboard.analytics.reports import logs, overview, rankings, reader, search
from orgs import scope
from orgs.audit import log
from tests import make
from tests.analytics import screens
from tests.analytics.screens import ago, push, sheet
from tests.apis.examples import plain
from tests.keys import build

OVERVIEW = "/o/alpha/analytics/"
LOGS = "/o/alpha/logs/"


NASTY = (
    "\0",
    "'; DROP TABLE rollup; --",
    "-1",
    "1e999",
    "9" * 400,
    "٣",
    "<script>alert(1)</script>",
    "\ud800".encode("utf-8", "surrogatepass"),
    "9999-12-31T23:59:59Z",
    "0001-01-01",
)


def test_the_number_of_queries_does_not_follow_the_number_of_rows(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    stamp = {"OrgID": alpha.id, "TimeStamp": ago(minutes=5)}

    def queries(path: str, params: dict) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path, params).status_code == 200
        return len(captured)

    literal = {
        (OVERVIEW, "1h"): 27,
        (OVERVIEW, "24h"): 30,
        (OVERVIEW, "30d"): 31,
        ("/o/alpha/analytics/keys/", "24h"): 15,
        ("/o/alpha/logs/", "24h"): 16,
        ("/o/alpha/", "24h"): 25,
    }
    push(redis, {**stamp, "APIKey": "a" * 16, "APIID": "one"})
    client.get("/o/alpha/")  # the first request of a process proves the isolation
    assert {asked: queries(asked[0], {"range": asked[1]}) for asked in literal} == literal
    push(redis, *({**stamp, "APIKey": letter * 16, "APIID": letter} for letter in "bc"))
    assert {asked: queries(asked[0], {"range": asked[1]}) for asked in literal} == literal


def test_no_parameter_makes_the_pages_fail(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(minutes=5)})
    parameters = {
        OVERVIEW: (
            "range",
            "from",
            "to",
            "compare",
            "api",
            "key",
            "endpoint",
            "measure",
            "sort",
            "format",
            "table",
        ),
        "/o/alpha/analytics/keys/": ("range", "key", "p"),
        "/o/alpha/logs/": (
            "from",
            "api",
            "key",
            "endpoint",
            "status",
            "method",
            "path",
            "least_ms",
            "tag",
            "user_agent",
            "address",
            "before",
            "live",
        ),
    }
    asked = [(path, name, value) for path in parameters for name in parameters[path] for value in NASTY]
    for path, name, value in asked:
        rest = {"from": "2026-11-20", "to": "2026-11-21"} if name in ("from", "to") else {}
        answer = client.get(path, {**rest, name: value})
        assert (path, name, value, answer.status_code in (200, 400)) == (path, name, value, True)


def test_an_organisation_without_traffic_is_told_how_it_begins(committed, client_for):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    page = client.get(OVERVIEW)
    assert (page.status_code, page.context["any_traffic"], page.context["fresh"].up_to) == (200, False, None)
    assert page.content.decode().count("<li><a href=") >= 3
    home = client.get("/o/alpha/")
    assert "changes against" not in home.content.decode()
    assert [step["title"] for step in home.context["steps"]] == [
        "Create an API",
        "Create a key",
        "Connect a gateway",
    ]
    build.key(alpha)  # for all APIs, though there is none
    done = [step["done"] for step in client.get("/o/alpha/").context["steps"]]
    build.api(alpha)
    now_done = [step["done"] for step in client.get("/o/alpha/").context["steps"]]
    assert (done, now_done) == ([False, True, False], [True, True, False])


def test_logs_without_any_traffic_say_how_it_begins(committed, client_for):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, {"log": "read", "apis": "write"}))
    page = client.get("/o/alpha/logs/").content.decode()
    steps = [step in page for step in ("No traffic yet", "/o/alpha/apis/new/", "/o/alpha/keys/new/")]
    assert steps == [True, True, False]


def test_a_period_without_traffic_is_told_from_an_organisation_without(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(days=3)})
    page = client.get(OVERVIEW, {"range": "24h"})
    assert (page.context["empty"], page.context["any_traffic"]) == (True, True)


def test_the_change_compares_with_as_much_of_the_period_before(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    stamps = [ago(minutes=30), ago(minutes=30), ago(minutes=30), ago(hours=24, minutes=40), ago(days=20)]
    push(redis, *({"OrgID": alpha.id, "TimeStamp": stamp} for stamp in stamps))
    changes = {}
    for name in ("24h", "30d"):
        tiles = client.get(OVERVIEW, {"range": name}).context["tiles"]
        changes[name] = [tile.change and tile.change.text for tile, _ in tiles]
    assert changes == {
        "24h": ["+200 %", "unchanged", "unchanged", "unchanged", "unchanged"],
        "30d": [None, None, None, None, None],
    }


def test_texts_from_traffic_cannot_become_formulas(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(minutes=5), "APIKey": "a" * 16, "Alias": "=1+1"})
    for name in ("1h", "24h"):
        [row] = sheet(client.get(OVERVIEW, {"range": name, "format": "csv", "table": "keys"}))
        assert row["alias"] == "'=1+1"


def test_published_revisions_are_marked_and_listed(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha")
    ann = make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR)
    definition = plain("/orders/", name="Orders")
    with scope.org(alpha.id):
        api = publish.create(alpha.id, definition, author=ann)
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(minutes=5), "APIID": api.api_id})
    page = client_for(ann).get(OVERVIEW, {"range": "1h", "api": api.api_id})
    [event] = page.context["events"]
    assert event.text == "Orders, revision 1, published by ann@alpha.example"
    assert event.url == f"/o/alpha/apis/{api.id}/history/1/"
    assert [len(plot.chart.marks) for plot, _ in page.context["plots"]] == [1, 1]
    other = client_for(ann).get(OVERVIEW, {"range": "1h", "api": "another"})
    assert other.context["events"] == []


def test_of_many_revisions_the_newest_ten_stand_open_and_the_rest_are_folded(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha")
    api = build.api(alpha, "Orders")
    now = timezone.now()
    with scope.org(alpha.id):
        Revision.objects.bulk_create(
            # Those of one hour would be told as one.
            Revision(definition_id=api.id, number=number, created_at=now - number * timedelta(hours=1))
            for number in range(2, 14)
        )
    failed = {"OrgID": alpha.id, "TimeStamp": ago(minutes=5), "APIID": api.api_id, "ResponseCode": 500}
    push(redis, failed)
    ann = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    page = ann.get(OVERVIEW)
    listed = page.content.decode().split("What changed in this period")[1]
    open_, folded = listed.split("Those before, 3")
    assert [part.count(", published by") for part in (open_, folded)] == [10, 3]
    # Beside errors there are fewer, and before them: what failed is below what was done.
    before, errors = ann.get("/o/alpha/errors/").content.decode().split('aria-label="Errors"')
    assert [part.count(", published by") for part in before.split("Those before, 8")] == [5, 8]
    assert ", published by" not in errors


def test_a_change_on_the_home_page_leads_to_what_was_changed(committed, client_for):
    alpha = make.organisation("Alpha", "alpha")
    api = build.api(alpha, "Orders")
    with scope.org(alpha.id):  # which would hide changes, though it changes nothing
        log.record("user.signed-in", "user", "1", "ann@alpha.example")
    page = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR)).get("/o/alpha/")
    assert [row["address"] for row in page.context["changes"]] == [f"/o/alpha/apis/{api.id}/"]
    reader = make.user("max@alpha.example", alpha, {"audit_logs": "read"})
    seen = client_for(reader).get("/o/alpha/").context["changes"]
    assert [row["address"] for row in seen] == [""]


def test_a_figure_says_zone_freshness_and_what_it_is_compared_with(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha", time_zone="Europe/Berlin")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(minutes=5)})
    page = client.get(OVERVIEW, {"range": "24h"})
    assert (page.context["zone"], page.context["compared_with"]) == ("Europe/Berlin", "the 24 hours before")
    assert page.context["fresh"].stale is False
    assert (
        timedelta(hours=24, minutes=-1) < page.context["end"] - page.context["start"] <= timedelta(hours=24)
    )
    text = page.content.decode()
    assert [tile.help for tile, _ in page.context["tiles"] if text.count(f"{tile.help} Here: ") != 1] == []


def test_the_times_of_a_page_are_those_of_the_organisation(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha", time_zone="Asia/Kathmandu")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(minutes=5)})
    page = client.get(OVERVIEW, {"range": "24h"})
    start, end, text = page.context["start"], page.context["end"], page.content.decode()
    begins = clock.said(start, alpha.zone, year=clock.years(start, end, timezone.now(), alpha.zone))
    assert text.count(f"{begins} to ") == 1
    [plot, _], _ = page.context["plots"]
    assert plot.rows[0][0] == begins


def test_time_of_which_nothing_is_known_is_shaded_and_not_drawn_as_zero(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(minutes=50)})
    with scope.every_org():
        IngestState.objects.update(up_to=datetime.now(UTC) - timedelta(minutes=20))
    page = client.get(OVERVIEW, {"range": "1h"})
    [plot, _], _ = page.context["plots"]
    start, width = (float(text.rstrip("%")) for text in plot.gap)
    assert (round(start / 100 * 60), round(width / 100 * 60)) in ((39, 20), (40, 20))
    assert len(plot.rows) in (40, 41)
    assert page.content.decode().count("complete only to") == 1


def test_a_statement_has_its_time_is_not_compiled_and_sorts_in_memory(db, monkeypatch):
    monkeypatch.setattr(reader, "TIMEOUT", "2s")
    with transaction.atomic(), connection.cursor() as cursor:
        reader.limit_time()
        cursor.execute(
            "SELECT current_setting(name) FROM unnest(%s::text[]) AS name",
            [["statement_timeout", "jit", "work_mem"]],
        )
        assert cursor.fetchall() == [("2s",), ("off",), ("16MB",)]


def test_the_page_compares_with_the_same_weekdays_and_its_file_too(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    stamps = [*[ago(minutes=130)] * 3, *[ago(minutes=130 + 7 * 24 * 60)] * 2]
    push(redis, *({"OrgID": alpha.id, "TimeStamp": stamp, "ResponseCode": 200} for stamp in stamps))
    plain = client.get(OVERVIEW, {"range": "24h"})
    assert [plot.chart.beside for plot, _ in plain.context["plots"]] == ["", ""]
    page = client.get(OVERVIEW, {"range": "24h", "compare": "week"})
    assert page.context["tiles"][0][0].change.text == "+50 %"
    assert all(plot.chart.beside for plot, _ in page.context["plots"])
    assert "the same weekdays a week before" in page.content.decode()
    rows = sheet(client.get(OVERVIEW, {"range": "24h", "compare": "week", "format": "csv"}))
    assert sum(float(row["compared"] or 0) for row in rows) == 2.0
    # With eight days, 2 requests of which are 0.25 a day; each bucket of a quarter of an hour, too.
    day = datetime.now(alpha.zone).date()
    days = {"compare": str(day - timedelta(days=9)), "compare_to": str(day - timedelta(days=2))}
    other = client.get(OVERVIEW, {"range": "24h", **days})
    changes = {tile.name: tile.change and tile.change.text for tile, _ in other.context["tiles"]}
    assert (changes["requests"][:5], changes["keys"]) == ("+1,10", None)
    assert "a longer time, by the mean of a day" in other.content.decode()
    quarters = {
        row["compared"]
        for row in sheet(client.get(OVERVIEW, {"range": "24h", **days, "format": "csv"}))[1:-1]
    }
    assert {round(float(each) * 96, 1) for each in quarters} <= {0.2, 0.3}
    assert all("compare_to=" in url for _, url, _ in other.context["ranges"])
    # A filter keeps it.
    assert all("compare=week" in url for _, url, _ in page.context["ranges"])


def test_newer_leads_to_what_came_since_however_late_and_under_the_same_filters(
    committed, redis, client_for, monkeypatch
):
    alpha, beta = (make.organisation(name, name.lower()) for name in ("Alpha", "Beta"))
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))

    def send(path: str, seconds: float, org=alpha, status: int = 200) -> None:
        stamp = ago(seconds=seconds)
        push(
            redis,
            {"OrgID": org.id, "TimeStamp": stamp, "RawPath": path, "Path": path, "ResponseCode": status},
        )

    def paths(answer) -> list[str]:
        return [line["record"].path for line in answer.context["records"]]

    send("/first", 20)
    page = client.get(LOGS, {"status": "2xx"})
    newer = page.context["page"].newer
    assert ("status=2xx" in newer, paths(page)) == (True, ["/first"])
    assert paths(client.get(LOGS + newer)) == []
    # What is stored later may be older; what is refused by the filter, or another's, does not come.
    send("/late", 40)
    send("/second", 10)
    send("/too-late", 90)
    send("/failed", 5, status=500)
    send("/foreign", 5, org=beta)
    shown = client.get(LOGS + newer)
    assert paths(shown) == ["/second", "/late"]
    assert paths(client.get(LOGS + shown.context["page"].newer)) == []
    # The same as rows, for a page that is open.
    tail = page.context["tail_url"]
    with CaptureQueriesContext(connection) as captured:
        rows = client.get(tail)
    assert (paths(rows), rows.context["all"]) == (["/second", "/late"], True)
    html = rows.content.decode()
    assert html.startswith(f'<table><tbody data-after="{rows.context["after"]}"><tr data-place="')
    assert "complete to" in html
    assert len(captured) == 10
    with monkeypatch.context() as few:
        few.setattr(logs, "MOST_AT_ONCE", 2)
        assert client.get(tail).context["all"] is False
    assert paths(client.get(LOGS, {"status": "2xx", "format": "rows", "after": rows.context["after"]})) == []
    # What came just now is found once more: others of lower numbers may be being stored beside it.
    monkeypatch.setattr(search, "SETTLED", timedelta(seconds=60))
    send("/young", 1)
    young = client.get(LOGS, {"status": "2xx", "format": "rows", "after": rows.context["after"]})
    assert (paths(young), young.context["after"].id) == (["/young"], rows.context["after"].id)
    again = {"status": "2xx", "format": "rows", "after": young.context["after"]}
    assert paths(client.get(LOGS, again)) == ["/young"]
    # Of a time that is over nothing is newer.
    day = datetime.now(UTC).date()
    over = client.get(LOGS, {"from": str(day - timedelta(days=3)), "to": str(day - timedelta(days=2))})
    assert (over.context["page"].newer, "Live</a>" in over.content.decode()) == ("", False)
    limited = client_for(make.user("max@alpha.example", alpha, {"analytics": "read"}))
    assert limited.get(tail).status_code == 403


def test_who_has_the_right_to_what_he_owns_sees_his_apis_alone_and_no_total(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha")
    admin = make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR)
    owner = make.user("olaf@alpha.example", alpha, {"owned_analytics": "read"})
    reader_too = make.user("otto@alpha.example", alpha, {"owned_analytics": "read", "log": "read"})
    owns_none = make.user("nina@alpha.example", alpha, {"owned_analytics": "read"})
    mine, theirs = build.api(alpha, "Minerals"), build.api(alpha, "Theirs-secret")
    with scope.org(alpha.id), transaction.atomic():
        publish.keep(mine, {"user_owners": [owner.id, reader_too.id]}, author=admin, started_from=1)
    keys = {mine.api_id: "a" * 16, theirs.api_id: "b" * 16}
    stamp = {"OrgID": alpha.id, "TimeStamp": ago(minutes=70), "ResponseCode": 500}
    for api, count in ((mine, 2), (theirs, 5)):
        path = f"/path-of-{api.name.lower()}"
        record = {
            **stamp,
            "APIID": api.api_id,
            "APIName": api.name,
            "APIKey": keys[api.api_id],
            "Alias": f"alias {api.name}",
        }
        push(redis, *[record | {"Path": path, "RawPath": path}] * count)
    client, everything = client_for(owner), client_for(admin)
    personal = ("agents", "addresses")
    paths = [
        OVERVIEW,
        "/o/alpha/errors/",
        f"{OVERVIEW}hours/",
        "/o/alpha/",
        *(f"{OVERVIEW}{table}/" for table in rankings.KINDS if table not in personal),
    ]
    files = [file for file in overview.FILES if file not in personal]
    asked = [
        (path, params)
        for path in paths
        for params in ({}, {"range": "1h"}, {"range": "24h"}, {"range": "30d"})
    ]
    asked += [("/o/alpha/errors/", {"by": "endpoint", "range": name}) for name in ("24h", "30d")]
    asked += [(OVERVIEW, {"range": "24h", "compare": "week"}), (OVERVIEW, {"key": keys[theirs.api_id]})]
    asked += [(path, {"range": "24h", "format": "csv"}) for path in ("/o/alpha/errors/", f"{OVERVIEW}hours/")]
    asked += [(OVERVIEW, {"range": "24h", "format": "csv", "table": table}) for table in files]
    foreign = ("theirs-secret", theirs.api_id, theirs.id, "alias theirs-secret")
    seen = {}
    for path, params in asked:
        answer = client.get(path, params)
        text = (answer.getvalue() if answer.streaming else answer.content).decode().lower()
        seen[path, *params.values()] = (answer.status_code, [word for word in foreign if word in text])
        if keys[theirs.api_id] not in params.values():
            assert (path, params, keys[theirs.api_id] in text) == (path, params, False)
    assert set(map(str, seen.values())) == {"(200, [])"}
    hits = {
        (person, path): who.get(path, {"range": "24h"}).context["tiles"][0][0].exact
        for person, who in (("owner", client), ("admin", everything))
        for path in (OVERVIEW, "/o/alpha/")
    }
    assert hits == {
        ("owner", OVERVIEW): "2",
        ("owner", "/o/alpha/"): "2",
        ("admin", OVERVIEW): "7",
        ("admin", "/o/alpha/"): "7",
    }
    home = client.get("/o/alpha/").content.decode()
    told = ("only the APIs that you own", "You have no rights here", "Nothing needs attention")
    assert [words in home for words in told] == [True, False, False]
    assert "only the APIs that you own" in client.get(OVERVIEW).content.decode()
    assert client.get(OVERVIEW, {"api": mine.api_id}).status_code == 200
    # Whether there is another is not said either.
    assert [client.get(OVERVIEW, {"api": api}).status_code for api in (theirs.api_id, "nowhere")] == [
        403,
        403,
    ]
    for table in personal:
        whose = {"range": "24h", "format": "csv", "table": table}
        assert client.get(OVERVIEW, whose).status_code == 403
        [line] = sheet(client_for(reader_too).get(OVERVIEW, whose))
        assert line["requests"] == "2"
    nothing = client_for(owns_none)
    for path in paths:
        page = nothing.get(path, {"range": "24h"})
        said = "You own no API here" in page.content.decode()
        assert (page.status_code, said) == (200, path in paths[:4])
        assert not any(word in page.content.decode().lower() for word in foreign)


def test_versions_clients_countries_and_tags_are_tables_that_filter_by_their_lines(
    committed, redis, client_for
):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    common = {"OrgID": alpha.id, "TimeStamp": ago(minutes=5), "ResponseCode": 404}
    swiss = {"Country": {"ISOCode": "CH"}}
    push(
        redis,
        {**common, "APIVersion": "v2", "OauthID": "shop", "Geo": swiss, "Tags": ["a", "<b>"]},
        {**common, "APIVersion": "v2", "Tags": ["a"]},
        {**common, "Tags": []},
    )
    for table, column, lines, name in (
        ("versions", "version", {"v2": 2}, "version"),
        ("clients", "oauth_client", {"shop": 1}, "oauth"),
        ("countries", "country", {"CH": 1}, "country"),
        ("tags", "tag", {"a": 2, "<b>": 1}, "tag"),
    ):
        for span in ("1h", "24h", "30d"):
            rows = sheet(client.get(OVERVIEW, {"range": span, "format": "csv", "table": table}))
            assert {row[column]: int(row["requests"]) for row in rows} == lines
        page = client.get(f"{OVERVIEW}{table}/", {"range": "30d"})
        assert {line.name: int(line.hits) for line, _ in page.context["lines"]} == lines
        assert page.context["table"].rest or table == "tags"
        for line, url in page.context["lines"]:
            filtered = client.get(url)
            assert filtered.context["chips"][-1][:2] == (page.context["table"].one, line.name)
            tiles = {tile.name: (tile.exact, there) for tile, there in filtered.context["tiles"]}
            assert int(tiles["requests"][0]) == lines[line.name]
            assert len(client.get(tiles["requests"][1]).context["records"]) == lines[line.name]
            failed = client.get("/o/alpha/errors/", {"range": "30d", name: line.name})
            assert (
                sum(int(each["requests"]) for each in sheet(client.get(failed.context["csv_url"])))
                == lines[line.name]
            )
    assert client.get(OVERVIEW, {"country": "ch"}).status_code == 400
