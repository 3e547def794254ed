"""The use of APIs, keys and organisations in the last 24 hours, against a plain count of the recording."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from dashboard.analytics.dimensions import Dimension, Grain
from dashboard.analytics.ingest import caps
from dashboard.analytics.models import RollupCut
from dashboard.analytics.reports import usage
from orgs import scope
from orgs.models import User
from orgs.providers import usage as declared
from tests import make
from tests.analytics.arrivals import open_since
from tests.analytics.ingest.test_rollup import close
from tests.analytics.screens import ago, count_by, push


def failed_by(records: list[dict], name: str) -> Counter:
    return Counter(record[name] for record in records if record["ResponseCode"] >= 500)


def hits(found) -> dict[str, int]:
    return {name: use.hits for name, use in found.of.items()}


# Those that begin with an empty database come first: the recording is there for all that follow.


def pushed(redis, org, *statuses: int, at: list[int] | None = None, **members: object) -> None:
    """One request a status, a quarter of an hour ago."""
    common = {"OrgID": org.id, "APIID": "orders", "TimeStamp": at or ago(minutes=15), **members}
    push(redis, *({**common, "ResponseCode": status} for status in statuses))


def used(what: str, name: str, org, now: datetime | None = None):
    with scope.org(org.id):
        return usage.last_day(what, [name], org, now or timezone.now()).of[name]


def rows_go(*grains: Grain) -> None:
    """As their time is over."""
    with scope.every_org(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM rollup WHERE grain = ANY(%s)", [list(grains)])


@pytest.mark.usefixtures("committed")
def test_one_request_is_told_whole(redis, cast):
    at = ago(minutes=15)
    pushed(redis, cast.acme, 200, at=at)
    now = datetime.fromtimestamp(at[0], cast.acme.zone) + timedelta(minutes=15)
    found = used("api", "orders", cast.acme, now)
    called = datetime.fromtimestamp(at[0], cast.acme.zone)
    assert (found.hits, found.requests, found.exact) == (1, "1", "1 request")
    assert (found.failed, found.failing) == ("0 %", False)
    assert found.last == f"{called.day} {called:%b %H:%M}"


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize(
    ("statuses", "share", "failing"),
    [((3, 0), "0 %", False), ((199, 1), "0.5 %", False), ((99, 1), "1 %", True), ((0, 2), "100 %", True)],
)
def test_from_one_per_cent_on_a_thing_is_failing(redis, cast, statuses, share, failing):
    good, failed = statuses
    pushed(redis, cast.acme, *[200] * good, *[503] * failed)
    found = used("api", "orders", cast.acme)
    assert (found.hits, found.failed, found.failing) == (good + failed, share, failing)
    assert found.exact == f"{good + failed} requests"


@pytest.mark.usefixtures("committed")
def test_requests_that_callers_got_wrong_do_not_make_a_thing_failing(redis, cast):
    pushed(redis, cast.acme, 404, 429, 403)
    found = used("api", "orders", cast.acme)
    assert (found.hits, found.failed, found.failing) == (3, "0 %", False)


@pytest.mark.usefixtures("committed")
def test_the_time_of_the_last_call_is_as_exact_as_is_still_known(redis, cast):
    key, at = "a" * 16, ago(minutes=15)
    open_since([cast.acme.id], timezone.now() - timedelta(hours=2))
    pushed(redis, cast.acme, 200, at=at, APIKey=key)
    called, later = datetime.fromtimestamp(at[0], cast.acme.zone), timezone.now() + timedelta(days=5)
    day = f"{called.day} {called:%b}"
    assert used("api", "orders", cast.acme, later).last == f"{day} {called:%H:%M}"
    assert used("key", key, cast.acme, later).last == f"{day} {called:%H:%M}"
    rows_go(Grain.MINUTE)
    assert used("api", "orders", cast.acme, later).last == day
    close([cast.acme.id], later)
    rows_go(Grain.HOUR)
    assert used("api", "orders", cast.acme, later).last == day
    next_year = timezone.now() + timedelta(days=301)
    assert used("api", "orders", cast.acme, next_year).last == f"{day} {called:%Y}"
    assert used("key", key, cast.acme, next_year).last == f"{day} {called:%Y %H:%M}"


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_last_day_of_an_organisation_is_the_date_that_its_own_pages_give_it(redis, zone):
    org = make.organisation("Far", "far", time_zone=zone)
    at = ago(minutes=15)
    # Of an hour that no day counts yet.
    open_since([org.id], timezone.now() - timedelta(hours=2))
    pushed(redis, org, 200, at=at)
    with scope.every_org():
        later = timezone.now() + timedelta(days=2)
        found = usage.last_day("organisation", [org.id], None, later).of[org.id]
    called = datetime.fromtimestamp(at[0], org.zone)
    assert (found.hits, found.last) == (0, f"{called.day} {called:%b}")


@pytest.mark.usefixtures("committed")
def test_the_last_call_of_an_organisation_in_these_hours_is_told_to_the_minute(redis, cast):
    at = ago(minutes=15)
    pushed(redis, cast.acme, 200, at=at)
    with scope.every_org():
        found = usage.last_day("organisation", [cast.acme.id], None, timezone.now()).of
    called = datetime.fromtimestamp(at[0], cast.acme.zone)
    assert {org_id: (use.hits, use.last) for org_id, use in found.items()} == {
        cast.acme.id: (1, f"{called.day} {called:%b %H:%M}")
    }


@pytest.mark.usefixtures("committed")
def test_rows_of_a_cut_that_is_still_being_built_are_not_counted_beside_those_of_the_other(redis, cast):
    pushed(redis, cast.acme, 200, 200, 500)
    with scope.every_org(), transaction.atomic(), connection.cursor() as cursor:
        RollupCut.objects.create(org=cast.acme, base=100, zone="Asia/Tokyo", state=RollupCut.State.BUILDING)
        cursor.execute(
            """INSERT INTO rollup SELECT org_id, grain, dimension + 100, api_id, ts, value, hits, status_3xx,
                status_4xx, status_5xx, limited, timed, latency_sum, upstream_hits, upstream_sum, latency_max,
                latency_histogram FROM rollup WHERE org_id = %s AND dimension = ANY(%s)""",
            [cast.acme.id, [int(Dimension.TOTAL), int(Dimension.API)]],
        )
        assert cursor.rowcount > 0
    with scope.every_org():
        of = usage.last_day("organisation", [cast.acme.id], None, timezone.now()).of
    assert (of[cast.acme.id].hits, of[cast.acme.id].failed) == (3, "33.3 %")
    assert used("api", "orders", cast.acme).hits == 3


@pytest.mark.usefixtures("committed")
def test_calls_of_a_day_with_more_keys_than_are_counted_may_be_of_any_key(redis, cast, monkeypatch):
    monkeypatch.setattr(caps, "MOST", {**caps.MOST, Dimension.KEY_API: 1})
    keys = [letter * 16 for letter in "abc"]

    def told() -> tuple[dict, set, bool]:
        now = timezone.now()
        with scope.org(cast.acme.id):
            called = usage.callers(cast.acme, 2, now)
            return usage.called_apis(cast.acme, keys, 2, now), set(called.hashes), called.folded

    common = {"OrgID": cast.acme.id, "TimeStamp": ago(minutes=5), "APIID": "orders"}
    push(redis, {**common, "APIKey": keys[0]})
    assert told() == ({keys[0]: {"orders"}}, {keys[0]}, False)
    push(redis, {**common, "APIKey": keys[1]})
    assert told() == ({keys[0]: {"orders", ""}, keys[1]: {""}, keys[2]: {""}}, {keys[0]}, True)


@pytest.mark.usefixtures("committed")
def test_things_of_others_and_of_no_id_are_not_among_the_found(redis, cast):
    pushed(redis, cast.globex, 200, APIKey="b" * 16)
    pushed(redis, cast.acme, 200, APIKey="")
    with scope.org(cast.acme.id):
        for what, names in (("api", ["orders", "nowhere", ""]), ("key", ["b" * 16, ""])):
            found = usage.last_day(what, names, cast.acme, timezone.now())
            assert {name: use.hits for name, use in found.of.items()} == (
                {"orders": 1} if what == "api" else {}
            )
        assert usage.last_day("api", [], cast.acme, timezone.now()).of == {}


# Outside of a request each statement enters the role and the organisation for itself, which counts as two more.


def test_apis_and_keys_are_counted_to_the_minute_in_one_query_and_one_for_the_zone(
    played, django_assert_num_queries
):
    records = played.records[played.alpha.id]
    for what, member in (("api", "APIID"), ("key", "APIKey")):
        wanted = count_by(records, member)
        for ids in (sorted(wanted), sorted(wanted)[:1]):
            with scope.org(played.alpha.id), django_assert_num_queries(6):
                found = usage.last_day(what, ids, played.alpha, timezone.now())
            assert hits(found) == {name: wanted[name] for name in ids}
        failed = failed_by(records, member)
        assert found.zone == "Europe/Berlin"
        assert {name: use.failing for name, use in found.of.items()} == {
            name: failed[name] >= wanted[name] / 100 for name in ids
        }


def test_organisations_are_counted_together(played, django_assert_num_queries):
    ids = [played.alpha.id, played.beta.id]
    with scope.every_org(), django_assert_num_queries(5):
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
