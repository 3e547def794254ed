"""Days that somebody asks on a page to be counted anew: by the worker, once, and it is said how far it is."""

from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone

from dashboard.analytics import locks
from dashboard.analytics.ingest import partitions
from dashboard.analytics.ingest.upkeep import rebuilding, recounting
from dashboard.analytics.models import Recount
from orgs import scope
from orgs.models import AuditEntry, Organisation
from tests import make
from tests.analytics.ingest.upkeep.test_rebuilding import DAYS, NOW, by_day, spoilt, three_days
from tests.analytics.screens import ADMINISTRATOR

__all__ = ["three_days"]
PAGE = "/o/alpha/retention/recount/"
ASKED = {"first": DAYS[0].isoformat(), "last": DAYS[-1].isoformat()}


@pytest.fixture
def alpha(three_days):
    spoilt()
    return Organisation.everyone.get(slug="alpha")


def recounts(slug: str) -> list[tuple]:
    with scope.every_org():
        rows = Recount.objects.filter(org__slug=slug).order_by("asked_at")
        return [(row.asked_by, row.days, row.left, row.hits, bool(row.ended_at)) for row in rows]


def test_what_is_asked_for_on_the_page_is_counted_by_the_worker_a_day_at_a_time(alpha, redis, client_for):
    ann = client_for(make.user("ann@alpha.example", alpha, ADMINISTRATOR))
    sue = client_for(make.user("sue@platform.example", None))
    assert ann.post(PAGE, ASKED).status_code == 302
    assert "waits" in ann.get(PAGE).content.decode()
    # Somebody else asks for the same, and for more: it is one.
    again = sue.post(PAGE, ASKED, follow=True)
    assert "being counted anew already" in again.content.decode()
    assert recounts("alpha") == [("ann@alpha.example", 0, None, 0, False)]
    # As long as another process makes figures again, this one does not.
    other = connections.create_connection(partitions.OWNER)
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [locks.REBUILD])
        assert (recounting.step(redis), recounts("alpha")[0][1]) == (False, 0)
        cursor.execute("SELECT pg_advisory_unlock(%s)", [locks.REBUILD])
    other.close()
    assert recounting.step(redis) is True
    assert (recounts("alpha"), by_day()["alpha"]) == ([("ann@alpha.example", 1, 2, 1, False)], [1, 100, 100])
    page = ann.get(PAGE)
    assert ("1 done, 2 left" in page.content.decode(), page.context["may_change"]) == (True, True)
    assert "Count anew</button>" not in page.content.decode()
    while recounting.step(redis):
        pass
    assert recounts("alpha") == [("ann@alpha.example", 3, 0, 6, True)]
    assert by_day() == {"alpha": [1, 2, 3], "beta": [100, 100, 100]}
    assert "3 days" in ann.get(PAGE).content.decode()
    assert sue.post(PAGE, ASKED).status_code == 302
    assert len(recounts("alpha")) == 2
    with scope.org(alpha.id):
        entries = (
            AuditEntry.objects.filter(kind="figures")
            .order_by("at")
            .values_list("action", "actor_email", "label")
        )
        label = f"{DAYS[0]} to {DAYS[-1]}"
        assert list(entries) == [
            ("figures.counted-anew", "ann@alpha.example", label),
            ("figures.counted-anew", "sue@platform.example", label),
        ]


def test_a_run_can_be_stopped_by_who_may_begin_one_and_keeps_what_is_done(alpha, redis, client_for):
    ann, beta = client_for(make.user("ann@alpha.example", alpha, ADMINISTRATOR)), make.organisation("C", "c")
    reader = client_for(make.user("r@alpha.example", alpha, {"analytics": "read"}))
    stranger = client_for(make.user("c@c.example", beta, ADMINISTRATOR))
    ann.post(PAGE, ASKED)
    recounting.step(redis)
    going_on = {"stop": ann.get(PAGE).context["going_on"].pk}
    assert "Stop counting" not in reader.get(PAGE).content.decode()
    assert reader.post(PAGE, going_on).status_code == 403
    assert stranger.post("/o/c/retention/recount/", going_on, follow=True).status_code == 200
    assert [ann.post(PAGE, {"stop": pk}).status_code for pk in ("\0", "nowhere")] == [400, 302]
    assert recounts("alpha") == [("ann@alpha.example", 1, 2, 1, False)]
    page = ann.post(PAGE, going_on, follow=True).content.decode()
    assert ("No more days are counted anew" in page, ">stopped<" in page, ">done<" in page) == (
        True,
        True,
        False,
    )
    assert "That has ended already" in ann.post(PAGE, going_on, follow=True).content.decode()
    assert (recounting.step(redis), by_day()["alpha"]) == (False, [1, 100, 100])
    with scope.org(alpha.id):
        entries = AuditEntry.objects.filter(kind="figures").order_by("at").values_list("action", flat=True)
        assert list(entries) == ["figures.counted-anew", "figures.counting-stopped"]
    assert ann.post(PAGE, ASKED).status_code == 302
    assert len(recounts("alpha")) == 2


def test_who_may_not_or_cannot_be_meant_starts_nothing(alpha, redis, client_for):
    reader = client_for(make.user("r@alpha.example", alpha, {"analytics": "read"}))
    shown = reader.get(PAGE)
    assert (shown.status_code, "Count anew</button>" in shown.content.decode()) == (200, False)
    assert reader.post(PAGE, ASKED).status_code == 403
    beta = Organisation.everyone.get(slug="beta")
    assert client_for(make.user("b@beta.example", beta, ADMINISTRATOR)).post(PAGE, ASKED).status_code == 404
    ann = client_for(make.user("ann@alpha.example", alpha, ADMINISTRATOR))
    for wrong in (
        {"first": "0001-01-01"},
        {"last": "9999-12-31"},
        {"first": "x"},
        {"first": ""},
        {"first": ASKED["last"], "last": ASKED["first"]},
        {"first": (NOW - timedelta(days=40)).date().isoformat()},
    ):
        assert (wrong, ann.post(PAGE, ASKED | wrong).status_code) == (wrong, 400)
    # What a clock that was ahead has noted as gone leaves no day.
    gone = {"records": (timezone.now() + timedelta(days=2)).date().isoformat()}
    Organisation.everyone.filter(pk=alpha.pk).update(gone_before=gone)
    shown = ann.get(PAGE)
    assert (shown.status_code, "Count anew</button>" in shown.content.decode()) == (200, False)
    assert ann.post(PAGE, ASKED).status_code == 400
    assert recounts("alpha") == []


def test_organisations_take_turns_and_one_that_fails_holds_up_no_other(alpha, redis, monkeypatch):
    beta = Organisation.everyone.get(slug="beta")
    user = make.user("sue@platform.example", None)
    for org, seconds in ((alpha, 0), (beta, 1)):
        with scope.org(org.id), transaction.atomic():
            at = NOW + timedelta(seconds=seconds)
            recounting.ask(org, DAYS[0], DAYS[-1], actor=user, now=at)
    made, rebuilt = [], rebuilding.rebuilt

    def failing(org_id, day, now):
        made.append(org_id)
        if org_id == alpha.id:
            raise ZeroDivisionError
        return rebuilt(org_id, day, now)

    monkeypatch.setattr(rebuilding, "rebuilt", failing)
    for _ in range(5):
        try:
            recounting.step(redis)
        except ZeroDivisionError:
            continue
    assert made == [alpha.id, beta.id, alpha.id, beta.id, alpha.id]
    assert recounts("beta") == [("sue@platform.example", 2, 1, 6, False)]
    monkeypatch.undo()
    with scope.every_org():
        Organisation.everyone.filter(pk=beta.id).update(deleted_at=NOW)
    while recounting.step(redis):
        pass
    assert [each[1:] for each in (*recounts("alpha"), *recounts("beta"))] == [
        (3, 0, 6, True),
        (2, 1, 6, True),
    ]
