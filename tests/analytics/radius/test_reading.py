"""Whom it meets if something is ended, against plain counts of the recording and of a few requests."""

from collections import Counter
from datetime import UTC, timedelta

import pytest
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from dashboard.analytics import clock
from dashboard.analytics.models import Record, RollupCut
from dashboard.analytics.radius import reading
from dashboard.analytics.reports import traffic
from dashboard.analytics.reports.charts import figures
from orgs import scope
from orgs.models import User
from orgs.providers import blast_radius
from orgs.providers.blast_radius import UNKNOWN, Called
from tests import make
from tests.analytics.screens import ago, count_by, push
from tests.keys import build as keys
from tests.keys.oauth import build as oauth
from tests.keys.policies import build as policies


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Machines that run tests are slower than those that show pages."""
    monkeypatch.setattr(reading, "PATIENCE", "10s")


def asked(org, called: Called):
    with scope.org(org.id), transaction.atomic():
        return reading.radius(org, called, timezone.now())


def numbers(found) -> list[tuple[int, str]]:
    return [(each.requests, each.share) for each in found.periods]


def lines(found) -> dict[str, list[tuple[str, str, int]]]:
    return {
        table.what: [(line.name, line.id, line.requests) for line in table.lines] for table in found.tables
    }


A, B, C = "a" * 16, "b" * 16, "c" * 16


@pytest.fixture
def called(committed, cast, redis):
    """Requests of three keys and of none on two APIs, over six weeks, and another organisation's."""
    sent = [("orders", A, 0), ("orders", A, 3), ("orders", A, 20), ("orders", B, 3), ("orders", "", 2)]
    sent += [("stock", A, 0), ("stock", C, 40)]
    push(
        redis,
        *(
            {
                "OrgID": cast.acme.id,
                "APIID": api,
                "APIKey": key,
                "Alias": f"key {key[:1]}",
                "TimeStamp": ago(days=days, minutes=20),
                "ResponseCode": 200,
            }
            for api, key, days in sent
        ),
        {"OrgID": cast.globex.id, "APIID": "orders", "APIKey": A, "TimeStamp": ago(minutes=20)},
    )


@pytest.mark.usefixtures("called")
def test_who_called_and_how_much_of_all_that_is_is_told_for_each_kind_of_thing(cast):
    api = asked(cast.acme, Called(api_id="orders"))
    assert numbers(api) == [(1, "50 %"), (4, "80 %"), (5, "83.3 %")]
    assert (api.callers, api.keyless, api.known, api.least) == (2, 1, True, False)
    found = lines(api)
    assert found["keys"] == [("key a", A, 3), ("key b", B, 1)]
    assert [requests for _, _, requests in found["endpoints"]] == [5]
    assert all(line.last for line in api.tables[0].lines)

    key = asked(cast.acme, Called(hashes=(A,)))
    assert numbers(key) == [(2, "100 %"), (3, "60 %"), (4, "66.7 %")]
    assert lines(key)["apis"] == [("orders", "orders", 3), ("stock", "stock", 1)]
    assert (key.callers, key.keyless, key.zone) == (1, None, "UTC")
    assert sum(requests for _, _, requests in lines(key)["endpoints"]) == 4
    assert {(line.api, line.id) for line in key.tables[1].lines} == {
        ("orders", "orders"),
        ("stock", "stock"),
    }

    keys = asked(cast.acme, Called(hashes=(A, B, C), several=True))
    assert numbers(keys) == [(2, "100 %"), (4, "80 %"), (5, "83.3 %")]
    assert lines(keys) == {
        "keys": [("key a", A, 4), ("key b", B, 1)],
        "apis": [("orders", "orders", 4), ("stock", "stock", 1)],
    }
    assert keys.last.startswith("after ")
    assert [table.of_keys for table in keys.tables] == [0, 0]

    both = asked(cast.acme, Called(apis=("orders", "stock")))
    assert (numbers(both), both.keyless) == ([(2, "100 %"), (5, "100 %"), (6, "100 %")], 1)
    assert lines(both)["apis"] == [("orders", "orders", 5), ("stock", "stock", 1)]

    endpoint = api.tables[1].lines[0].name
    assert numbers(asked(cast.acme, Called(api_id="orders", endpoint=endpoint))) == numbers(api)
    nothing = asked(cast.acme, Called(hashes=(C,)))
    assert (numbers(nothing), nothing.last, nothing.tables) == ([(0, "0 %")] * 3, "", ())


@pytest.mark.usefixtures("called")
def test_the_last_call_is_told_as_exactly_as_it_is_known(cast):
    # As stored: a minute may have passed since.
    with scope.org(cast.acme.id):
        at = Record.objects.latest("ts").ts
    now = at + timedelta(minutes=20)
    year = " %Y" if clock.years(now - timedelta(days=7), now, now, UTC) else ""
    minute = f"{at.day} {at:%b{year} %H:%M}"
    assert asked(cast.acme, Called(api_id="orders")).last == minute
    assert asked(cast.acme, Called(hashes=(A,))).last == minute
    day = at - timedelta(days=3)
    assert asked(cast.acme, Called(hashes=(B,), several=True)).last == f"{day.day} {day:%b{year}}"


@pytest.mark.usefixtures("called")
def test_of_a_busy_key_endpoints_are_those_of_its_newest_requests(cast, monkeypatch):
    monkeypatch.setattr(reading, "NEWEST", 2)
    of_both = asked(cast.acme, Called(hashes=(A, B)))
    assert (of_both.tables[1].counted, of_both.requests) == (3, 5)
    monkeypatch.setattr(reading, "NEWEST", 5)
    assert asked(cast.acme, Called(hashes=(A, B))).tables[1].counted == 0
    # Or those that are kept.
    cast.acme.kept_days = {"records": 10}
    assert asked(cast.acme, Called(hashes=(A, B))).tables[1].counted == 4


@pytest.mark.usefixtures("called")
def test_of_many_keys_apis_are_those_of_the_busiest(cast, monkeypatch):
    monkeypatch.setattr(reading, "BUSIEST", 1)
    both = asked(cast.acme, Called(hashes=(A, B, C), several=True))
    assert (both.callers, both.requests) == (2, 5)
    assert lines(both) == {"keys": [("key a", A, 4)], "apis": [("orders", "orders", 3)]}
    assert [(table.more, table.of_keys) for table in both.tables] == [(1, 0), (1, 1)]
    page = render_to_string("parts/blast_radius.html", {"radius": both, "request": {"org": cast.acme}})
    assert "And 1 more. These are the APIs of the 1 busiest keys." in page


@pytest.mark.usefixtures("called")
def test_what_is_left_out_is_said(cast, redis, monkeypatch):
    push(redis, {"OrgID": cast.acme.id, "APIID": "orders", "OauthID": "shop", "TimeStamp": ago(minutes=20)})
    client = Called(api_id="orders", client_id="shop")

    def cut(**changes: object):
        with scope.every_org():
            RollupCut.objects.update(**changes)
        found = asked(cast.acme, client)
        return found.requests, found.least

    assert cut() == (1, False)
    # Clients were not counted before, nor were they at all where no cut was made anew yet.
    assert cut(dimensions_from=timezone.now() - timedelta(days=5)) == (1, True)
    assert asked(cast.acme, Called(api_id="orders")).least is False
    assert cut(dimensions_from=None, dimension_set=1) == (1, False)
    monkeypatch.setattr(traffic, "MOST_RECORDS", 1)
    assert cut() == (1, True)
    assert [table.more for table in asked(cast.acme, Called(api_id="orders")).tables] == [0, 0]
    monkeypatch.setattr(reading, "SHOWN", 1)
    assert [table.more for table in asked(cast.acme, Called(api_id="orders")).tables] == [1, 0]


@pytest.mark.usefixtures("called")
def test_who_may_not_see_traffic_is_told_nothing_and_too_many_keys_are_not_known(cast, monkeypatch):
    person = make.user("nat@acme.example", cast.acme, {"apis": "write", "owned_analytics": "read"})
    many = Called(hashes=("f" * 16,) * (blast_radius.MOST_KEYS + 1))
    with scope.org(cast.acme.id), transaction.atomic():
        assert blast_radius.of(cast.acme, person, Called(api_id="orders")) is None
        assert blast_radius.of(cast.acme, cast.acme_admin, Called(api_id="orders")).requests == 5
        assert blast_radius.of(cast.acme, cast.acme_admin, many) == UNKNOWN


@pytest.mark.usefixtures("committed")
def test_machines_are_told_the_same_of_each_kind_of_thing(cast, redis, rest):
    api = oauth.api(cast.acme)
    gold = policies.policy(cast.acme, api)
    key, token = keys.key(cast.acme, policies=(gold.id,))
    oauth.client(cast.acme, api, gold, client_id="shop")
    theirs = keys.api(cast.globex)
    common = {"OrgID": cast.acme.id, "APIID": api.api_id, "TimeStamp": ago(minutes=20), "ResponseCode": 200}
    sent = {"APIKey": key.token_hash, "RawPath": "/items", "Method": "GET"}
    push(redis, {**common, **sent}, {**common, "RawPath": "/others", "OauthID": "shop"})
    push(redis, {**common, "OrgID": cast.globex.id, "APIID": theirs.api_id})

    def told(address: str, who: User = cast.acme_admin) -> tuple[int, dict]:
        answer = rest(who).get(f"/api/{address}")
        return answer.status_code, answer.json()

    same = {
        f"keys/{token}": 1,
        f"apis/{api.id}": 2,
        f"apis/{api.api_id}": 2,
        f"apis/oauth/{api.api_id}/shop": 1,
    }
    same |= {f"portal/policies/{gold.id}": 1, f"policies/{gold.id}": 1}
    for address, requests in same.items():
        status, found = told(f"{address}/blast_radius")
        assert (status, found["known"], found["zone"]) == (200, True, "UTC")
        assert [each["requests"] for each in found["periods"]] == [requests] * 3
    _, endpoint = told(f"apis/{api.id}/blast_radius?endpoint=GET%20/items")
    assert endpoint["periods"][0] == {"period": "24 hours", "requests": 1, "share": "50 %"}
    assert told(f"apis/{api.id}/blast_radius?endpoint=%00")[0] == 400
    assert told(f"apis/{api.id}/blast_radius?endpoint={'x' * 301}")[0] == 400
    assert told(f"apis/{theirs.id}/blast_radius")[0] == told("apis/nowhere/blast_radius")[0] == 404
    blind = make.user("kim@acme.example", cast.acme, {"apis": "write", "owned_analytics": "read"})
    assert told(f"apis/{api.id}/blast_radius", blind)[0] == 403
    assert told(f"apis/{theirs.id}/blast_radius", cast.super_user)[1]["periods"][0]["requests"] == 1


def test_the_recording_is_counted_as_it_was_sent(played, django_assert_num_queries):
    records = played.records[played.alpha.id]
    of_apis, of_keys = count_by(records, "APIID"), count_by(records, "APIKey")
    for api_id, number in of_apis.items():
        found = asked(played.alpha, Called(api_id=api_id))
        # A few of the recording may be of the day before.
        assert [each.requests for each in found.periods][1:] == [number, number]
        assert found.periods[2].share == figures.per_cent(100 * number / len(records))
        own = Counter(
            each["APIKey"]
            for each in records
            if each["APIID"] == api_id and each["APIKey"] not in ("", "00000000")
        )
        assert found.callers == len(own)
        assert found.keyless == number - own.total()
        assert [line[2] for line in lines(found)["keys"]] == sorted(own.values(), reverse=True)[:10]
    [(key, number)] = of_keys.most_common(1)
    with django_assert_num_queries(19):
        assert asked(played.alpha, Called(hashes=(key,))).requests == number
    theirs = count_by(played.records[played.beta.id], "APIKey")
    assert asked(played.beta, Called(hashes=(key,))).requests == theirs[key]


def test_what_takes_too_long_is_not_known_and_nobody_is_kept_from_anything(played, monkeypatch):
    monkeypatch.setattr(reading, "PATIENCE", "50ms")
    slow = reading.rows

    def rows(*arguments):
        source, params = slow(*arguments)
        return f"SELECT r.* FROM ({source}) AS r, pg_sleep(0.3)", params

    monkeypatch.setattr(reading, "rows", rows)
    with scope.org(played.alpha.id), transaction.atomic():
        assert reading.radius(played.alpha, Called(hashes=("f" * 64,)), timezone.now()) == UNKNOWN
        # What the page asks after that is answered.
        assert User.objects.get(pk=played.ann.pk) == played.ann
