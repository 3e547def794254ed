"""How all organisations fare, as super-users see it."""

from datetime import timedelta

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.analytics.ingest import rollup
from dashboard.analytics.models import RollupCut
from dashboard.analytics.reports.charts.figures import NONE
from dashboard.analytics.reports.everywhere import reader
from orgs import scope
from orgs.audit import log
from orgs.providers.alerts import Fullest
from tests import make
from tests.alerts.build import rule
from tests.alerts.test_attention import incident
from tests.analytics.screens import ago, push, sheet
from tests.analytics.uptime.test_page import looked

TRAFFIC = "/traffic/"


def names(page) -> list[str]:
    return [row["organisation"].slug for row in page.context["rows"]]


def watch(made: dict) -> None:
    """Looks at upstreams, and alerts about quotas."""
    looked(made["down"], "orders", "http://a/", (3, True, 10), (1, False, 0))
    looked(made["down"], "orders", "http://b/", (1, True, 10))
    looked(made["calm"], "orders", "http://c/", (60 * 100, False, 0), (1, True, 10))
    looked(made["calm"], "orders", "http://d/", (30, False, 0))
    # Of many that are full the worst are named, and the others counted.
    for threshold, partners, more in ((95, ("One",), 0), (80, ("One", "Two"), 7)):
        watched = rule(made["full"], "quota", threshold=threshold, value=97.5, more=more)
        for worst, partner in enumerate(partners, 96):
            incident(watched, timezone.now(), subject=partner.lower(), label=partner, worst=worst)
    watched = rule(made["calm"], "quota", value=12)
    over = {"subject": "three", "label": "Three", "ended_at": timezone.now()}
    incident(watched, timezone.now() - timedelta(hours=1), **over)
    rule(made["unused"], "quota", value=99, enabled=False)
    # Two of one alert are one, and those that are over none.
    for slug, seen in (("alerted", {}), ("seen", {"acknowledged_at": timezone.now()})):
        watched = rule(made[slug], "certificate")
        incident(watched, timezone.now(), subject="one", acknowledged_at=timezone.now())
        incident(watched, timezone.now(), subject="two", **seen)
        incident(rule(made[slug], "silence"), timezone.now(), ended_at=timezone.now())
    incident(rule(made["alerted"], "silence"), timezone.now(), acknowledged_at=timezone.now())


def test_organisations_stand_side_by_side_those_first_that_need_attention(committed, redis, client_for):
    zones = {
        "calm": "UTC",
        "failing": "Asia/Kolkata",
        "silent": "America/New_York",
        "limited": "UTC",
        "down": "UTC",
        "full": "UTC",
        "unused": "UTC",
        "alerted": "UTC",
        "seen": "UTC",
    }
    made = {slug: make.organisation(slug.title(), slug, time_zone=zone) for slug, zone in zones.items()}
    sue = make.user("sue@platform.example", None)

    def send(slug: str, count: int, when: dict, **facts) -> None:
        taken = {"OrgID": made[slug].id, "TimeStamp": ago(**when), "ResponseCode": 200, **facts}
        push(redis, *[taken] * count)

    now, week = {"hours": 3}, {"days": 7, "hours": 3}
    took = {"Latency": {"Total": 40, "Upstream": 39}}
    send("calm", 300, now, **took)
    send("calm", 300, week)
    send("failing", 100, now)
    send("failing", 40, now, ResponseCode=502)
    send("failing", 200, week)
    send("silent", 100, week)
    send("limited", 200, now)
    send("limited", 20, now, ResponseCode=429)
    with scope.org(made["calm"].id), log.dated(timezone.now() - timedelta(hours=1)):
        log.record("api.created", "api", "1", "Orders")
    with scope.org(made["calm"].id):
        log.record("user.signed-in", "user", "2", "ann@calm.example")
    watch(made)
    client = client_for(sue)
    page = client.get(TRAFFIC)
    assert names(page) == [
        *("failing", "alerted", "down", "limited", "full", "seen", "silent", "calm", "unused"),
    ]
    told = {
        row["organisation"].slug: (row["hits"], row["share"], row["took"], row["troubles"])
        for row in page.context["rows"]
    }
    assert told == {
        "failing": ("140", "28.6 %", "2 ms", ["fails more than a week before (0 %)"]),
        "limited": ("220", "0 %", "2 ms", ["9.09 % over a rate limit"]),
        "silent": ("0", NONE, NONE, ["silent, 100 requests a week before"]),
        "down": ("0", NONE, NONE, ["1 of 2 upstreams down"]),
        "full": ("0", NONE, NONE, ["9 keys at or near a quota"]),
        "alerted": ("0", NONE, NONE, ["2 alerts go on"]),
        "seen": ("0", NONE, NONE, ["1 alert goes on"]),
        "calm": ("300", "0 %", "40 ms", []),
        "unused": ("0", NONE, NONE, []),
    }
    assert [row["last"] and row["last"].action for row in page.context["rows"]][7:] == ["api.created", None]
    html = page.content.decode()
    assert "7 of 9 organisations need attention" in html
    assert {row["organisation"].slug: row["bad"] for row in page.context["rows"] if row["bad"]} == {
        "failing": 1,
        "down": 1,
        "alerted": 1,
    }
    assert html.count('<span class="status-5xx">') == 3
    assert "complete to" in html
    assert names(client.get(TRAFFIC, {"sort": "requests"}))[:3] == ["calm", "limited", "failing"]
    assert names(client.get(TRAFFIC, {"sort": "changed"}))[0] == "calm"
    assert names(client.get(TRAFFIC, {"sort": "uptime"}))[:2] == ["down", "calm"]
    assert names(client.get(TRAFFIC, {"sort": "quota"}))[:2] == ["full", "calm"]
    told = {
        row["organisation"].slug: (row["up"], row["upstreams"].down, row["fullest"], row["quota"])
        for row in page.context["rows"]
    }
    assert (told["down"], told["full"], told["calm"], told["unused"]) == (
        ("66.67 %", 1, "", None),
        ("", 0, "97.5 %", Fullest(97.5, 9, "Two")),
        ("50.00 %", 0, "12 %", Fullest(12)),
        ("", 0, "", None),
    )
    # What is being counted anew for another zone is no traffic besides.
    with scope.every_org(), transaction.atomic(), connection.cursor() as cursor:
        RollupCut.objects.create(
            org=made["calm"], base=100, zone="UTC", state="building", until=timezone.now()
        )
        columns = rollup.COLUMNS
        again = columns.replace("dimension", "dimension + 100")
        cursor.execute(
            f"INSERT INTO rollup ({columns}) SELECT {again} FROM rollup WHERE org_id = %s",
            [made["calm"].id],
        )
    rows = sheet(client.get(TRAFFIC, {"format": "csv"}))
    assert [row["requests"] for row in rows if row["slug"] == "calm"] == ["300"]
    assert [(row["slug"], row["requests"]) for row in rows][::2][:2] == [("failing", "140"), ("down", "0")]
    assert [list(row.values())[-7:] for row in rows if row["slug"] in ("down", "full", "calm")] == [
        ["2", "1", "3", "1", "", "", ""],
        ["0", "0", "0", "0", "97.5", "9", "Two"],
        ["2", "0", "2", "1", "12.0", "0", ""],
    ]


def test_it_takes_as_many_statements_for_any_number_of_organisations(committed, redis, client_for):
    client = client_for(make.user("sue@platform.example", None))

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(TRAFFIC).status_code == 200
        return len(captured)

    first = make.organisation("First", "first")
    push(redis, {"OrgID": first.id, "TimeStamp": ago(minutes=5)})
    client.get(TRAFFIC)
    alone = statements()
    more = [make.organisation(f"Org {number}", f"org-{number}") for number in range(5)]
    push(redis, *({"OrgID": each.id, "TimeStamp": ago(minutes=5)} for each in more))
    for each in more:
        looked(each, "orders", "http://a/", (1, False, 10))
        incident(rule(each, "quota", value=99), timezone.now(), subject="key")
        incident(rule(each, "silence"), timezone.now())
    assert (statements(), alone) == (alone, 14)


def test_it_is_for_super_users_alone(cast, client_for):
    assert client_for(cast.acme_admin).get(TRAFFIC).status_code == 404
    client = client_for(cast.super_user)
    for wrong in ({"sort": "name"}, {"p": "0"}, {"size": "7"}, {"format": "xml"}):
        assert (wrong, client.get(TRAFFIC, wrong).status_code) == (wrong, 400)
    assert client.get(TRAFFIC, {"p": "9"}).status_code == 404


def test_the_window_is_the_hour_that_runs_and_the_day_before_it():
    now = timezone.now().replace(hour=14, minute=35)
    window = reader.window(now)
    assert (now - window.since, window.until) == (
        timedelta(hours=24, minutes=35, seconds=now.second, microseconds=now.microsecond),
        now,
    )
    # The hour that runs is no part of the same a week before.
    hour = now.replace(minute=0, second=0, microsecond=0)
    assert (window.bounds["before"], window.bounds["before_until"]) == (
        hour - timedelta(days=8),
        hour - timedelta(days=7),
    )
