"""The search for records over days."""

from datetime import UTC, datetime, timedelta

from django.db import transaction

from dashboard.analytics.ingest import cuts
from dashboard.analytics.reports import search
from dashboard.analytics.reports.search import Place, Wanted
from orgs import scope
from orgs.models import Organisation
from tests import make
from tests.analytics import screens
from tests.analytics.screens import ago, push

LOGS = "/o/alpha/logs/"


def test_a_rare_key_is_found_far_back_without_reading_the_days_between(committed, redis):
    alpha = make.organisation("Alpha", "alpha")
    push(redis, {"OrgID": alpha.id, "APIKey": "a" * 16, "TimeStamp": ago(days=20)})
    push(redis, *({"OrgID": alpha.id, "APIKey": "b" * 16, "TimeStamp": ago(days=day)} for day in range(19)))
    now = datetime.now(UTC)
    # The day's rollup row begins long before the span does.
    wanted = Wanted(now - timedelta(days=20, minutes=1), now, key="a" * 16)
    with scope.org(alpha.id):
        found = search.search([alpha.id], wanted)
    assert ([record.key for record in found.records], found.after) == (["a" * 16], None)


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


def test_nothing_found_is_said(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    page = client.get(LOGS, {"range": "30d", "path": "/nowhere"})
    assert (page.context["records"], page.context["older"], page.context["patient"]) == ([], "", False)
    assert "No records" in page.content.decode()


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
            found = search.search([alpha.id], Wanted(now - timedelta(days=25), now, **wanted))
        assert [record.api_id for record in found.records] == ["rare"]
