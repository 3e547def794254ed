"""The use of APIs, keys and organisations in the last 24 hours, against a plain count of the recording."""

from collections import Counter
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from dashboard.analytics.reports import usage
from orgs import scope
from orgs.models import User
from orgs.providers import usage as declared
from tests import make
from tests.analytics.screens import count_by


def failed_by(records: list[dict], name: str) -> Counter:
    return Counter(record[name] for record in records if record["ResponseCode"] >= 500)


def hits(found) -> dict[str, int]:
    return {name: use.hits for name, use in found.of.items()}


# Outside of a request each statement enters the role and the organisation for itself, which counts as two more.


def test_apis_and_keys_are_counted_to_the_minute_in_one_query_and_one_for_the_zone(
    played, django_assert_num_queries
):
    records = played.records[played.alpha.id]
    for what, member in (("api", "APIID"), ("key", "APIKey")):
        wanted = count_by(records, member)
        for ids in (sorted(wanted), sorted(wanted)[:1]):
            with scope.org(played.alpha.id), django_assert_num_queries(5):
                found = usage.last_day(what, ids, played.alpha, timezone.now())
            assert hits(found) == {name: wanted[name] for name in ids}
        failed = failed_by(records, member)
        assert found.zone == "Europe/Berlin"
        assert {name: use.failing for name, use in found.of.items()} == {
            name: failed[name] >= wanted[name] / 100 for name in ids
        }


def test_organisations_are_counted_together(played, django_assert_num_queries):
    ids = [played.alpha.id, played.beta.id]
    with scope.every_org(), django_assert_num_queries(4):
        found = usage.last_day("organisation", ids, None, timezone.now())
    assert hits(found) == {org_id: len(played.records[org_id]) for org_id in ids}
    assert found.zone == "UTC"


def test_what_was_called_before_these_hours_has_no_requests_but_a_last_time(played):
    later = timezone.now() + timedelta(days=2)
    records = played.records[played.alpha.id]
    [api], [key] = (count_by(records, member).most_common(1)[:1] for member in ("APIID", "APIKey"))
    with scope.org(played.alpha.id):
        of_api = usage.last_day("api", [api[0]], played.alpha, later).of[api[0]]
        of_key = usage.last_day("key", [key[0]], played.alpha, later).of[key[0]]
        assert usage.last_day("key", ["f" * 64], played.alpha, later).of == {}
    assert (of_api.hits, of_api.spark, of_key.hits, of_key.spark) == (0, None, 0, None)
    for member, (name, _), use in (("APIID", api, of_api), ("APIKey", key, of_key)):
        newest = max(record["TimeStamp"][0] for record in records if record[member] == name)
        at = datetime.fromtimestamp(newest, played.alpha.zone)
        assert use.last == f"{at.day} {at:%b %H:%M}"


def test_who_may_not_see_traffic_is_given_no_figures(played):
    person = make.user("nat@alpha.example", played.alpha, {"apis": "write", "keys": "write"})
    with scope.org(played.alpha.id):
        asked = ("api", ["aaaa0000000000000000000000000002"], played.alpha)
        assert declared.last_day(*asked, person, timezone.now()) is None
        assert len(declared.last_day(*asked, played.ann, timezone.now()).of) == 1


def test_a_list_of_things_is_shown_though_their_figures_take_too_long(played, monkeypatch):
    slow = "SELECT ts, exact FROM (SELECT now() AS ts, true AS exact, pg_sleep(0.3), %s::text) AS slow"
    monkeypatch.setitem(usage.NEWEST, "key", slow)
    monkeypatch.setattr(usage.reader, "TIMEOUT", "50ms")
    with scope.org(played.alpha.id), transaction.atomic():
        assert usage.last_day("key", ["f" * 64], played.alpha, timezone.now()) is None
        # What the page asks after that is answered.
        assert User.objects.get(pk=played.ann.pk) == played.ann
