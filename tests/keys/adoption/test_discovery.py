import hashlib
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from keys.adoption import discovery, lifecycle
from keys.keyspace import events
from keys.models import FoundSession, Sweep
from orgs import scope
from orgs.organisations import lifecycle as organisations
from tests.keys import build
from tests.keys.adoption.build import NAME, find, rows, session, write


def test_a_session_that_no_key_wrote_is_shown_to_the_organisation_it_names_and_only_counted_of_others(
    cast, redis
):
    orders, strange = build.api(cast.acme), build.api(cast.globex)
    build.key(cast.globex, strange)
    build.deliver(redis)
    write(redis, cast.acme, orders, strange)
    assert find(redis) == {cast.acme.id: {NAME: ("key", "cut", 1, 1)}}
    with scope.org(cast.globex.id):
        assert FoundSession.objects.count() == 0
    with scope.org(cast.acme.id):
        row = FoundSession.objects.get()
    assert strange.api_id not in json.dumps([str(value) for value in vars(row).values()])
    assert strange.name not in row.why_not


@pytest.mark.parametrize("length", [8, 16, 32, 64])
def test_one_is_found_under_the_hash_of_every_function(cast, redis, length):
    write(redis, cast.acme, build.api(cast.acme), name="c" * length)
    assert find(redis) == {cast.acme.id: {"c" * length: ("key", "whole", 1, 0)}}


def test_one_under_a_token_is_shown_without_its_token_until_it_goes(cast, redis):
    token = f"{cast.acme.id}my-own-id"
    write(redis, cast.acme, build.api(cast.acme), name=token)
    name = hashlib.sha256(token.encode()).hexdigest()
    for _ in range(2):
        assert find(redis) == {cast.acme.id: {name: ("plain", "not", 1, 0)}}
    redis.flushall()
    assert find(redis) == {}


def test_rows_follow_their_sessions(cast, redis):
    orders = build.api(cast.acme)
    strange = build.api(cast.globex)
    write(redis, cast.acme, orders)
    assert find(redis) == {cast.acme.id: {NAME: ("key", "whole", 1, 0)}}
    write(redis, cast.acme, orders, strange)
    assert find(redis) == {cast.acme.id: {NAME: ("key", "cut", 1, 1)}}
    write(redis, cast.globex, strange)
    find(redis)
    assert find(redis) == {cast.globex.id: {NAME: ("key", "whole", 1, 0)}}
    redis.delete(f"apikey-{NAME}")
    assert find(redis) == {}


@pytest.mark.parametrize("org_id", ["", "f" * 24, None, 7, "é" * 24])
def test_one_of_no_organisation_that_there_is_is_counted_for_super_users(cast, redis, org_id, client_for):
    with scope.every_org():
        Sweep.objects.create(id=1)
    redis.set(f"apikey-{NAME}", json.dumps(session("x") | {"org_id": org_id}))
    redis.set(f"apikey-{'d' * 64}", b"no JSON")
    assert (find(redis), Sweep.objects.get().strays) == ({}, 2)
    assert "2 sessions" in client_for(cast.super_user).get("/nodes/").content.decode()


def test_none_is_so_odd_that_others_are_not_found(cast, redis):
    orders = build.api(cast.acme)
    odd = [
        {"org_id": {}},
        {"alias": "\ud800"},
        {"alias": "a\0b"},
        {"access_rights": {"\ud800": {}, "a\0b": None}},
        {"apply_policies": ["\ud800", "\0", 7, None]},
        {"rate": float("inf")},
        {"expires": 10**40},
        {"meta_data": "text"},
        {"jwt_data": 7, "basic_auth_data": []},
    ]
    for number, members in enumerate(odd):
        redis.set(f"apikey-{number:064x}", json.dumps(session(cast.acme, orders) | members))
    write(redis, cast.acme, orders)
    found = find(redis)[cast.acme.id]
    assert (len(found), found[NAME]) == (len(odd), ("key", "whole", 1, 0))


def test_sessions_of_a_deleted_organisation_are_nobodys(cast, redis):
    write(redis, cast.acme, build.api(cast.acme))
    find(redis)
    with scope.every_org():
        organisations.delete(cast.acme)
    assert find(redis) == {}


def test_redis_tells_of_a_new_one_and_of_its_end(cast, redis, monkeypatch):
    monkeypatch.setattr(events, "LONGEST", 0.05)
    monkeypatch.setattr(events, "REST", 0.0)
    watch = events.Watch()
    watch.step(redis)
    write(redis, cast.acme, build.api(cast.acme))
    for _ in range(2):
        watch.step(redis)
    assert rows() == {cast.acme.id: {NAME: ("key", "whole", 1, 0)}}
    redis.delete(f"apikey-{NAME}")
    for _ in range(2):
        watch.step(redis)
    assert rows() == {}
    watch.close()
    redis.config_set("notify-keyspace-events", "")


def test_a_round_takes_the_same_queries_for_one_and_for_many_and_never_more_than_its_rows(
    cast, redis, monkeypatch
):
    orders = build.api(cast.acme)
    counts = []
    for number in (1, 40):
        for each in range(number):
            write(redis, cast.acme, orders, name=f"{each:064x}")
        with CaptureQueriesContext(connection) as queries:
            find(redis)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    monkeypatch.setattr(discovery, "MOST", 50)
    for each in range(100, 120):
        write(redis, cast.acme, orders, name=f"{each:064x}")
    assert len(find(redis)[cast.acme.id]) == 50


def test_a_step_ends_and_says_when_the_next_is_due(cast, redis):
    write(redis, cast.acme, build.api(cast.acme))
    search, rests = discovery.Search(), []
    for _ in range(20):
        rests.append(search.step(redis))
        if rests[-1] > 20:
            break
    assert 20 < rests[-1] <= 30
    assert rows() == {cast.acme.id: {NAME: ("key", "whole", 1, 0)}}


def test_members_count_whatever_the_case_of_their_letters_as_they_do_on_gateways(cast, redis):
    orders, strange = build.api(cast.acme), build.api(cast.globex, "Strange")
    plain = session(cast.acme, orders)
    spelled = {
        "0" * 64: {**plain, "Apply_Policies": ["theirs"]},
        "1" * 64: {**plain, "Is_Inactive": True, "Expires": 4000000000},
        "2" * 64: {**plain, "Access_Rights": {strange.api_id: {}}},
        "3" * 64: {**plain, "access_rights": {orders.api_id: {"Limit": {"RATE": "fast"}}}},
        "4" * 64: {**plain, "access_rights": {orders.api_id: {"versions": ["a"], "Versions": ["b"]}}},
        "5" * 64: {**plain, "ORG_ID": cast.acme.id},
    }
    for name, facts in spelled.items():
        twice = {member.lower() for member in facts if member != member.lower()}
        once = {member: said for member, said in facts.items() if member not in twice}
        redis.set(f"apikey-{name}", json.dumps(once))
    found = find(redis)[cast.acme.id]
    assert {name[0]: row[1:] for name, row in found.items()} == {
        "0": ("not", 1, 0),
        "1": ("whole", 1, 0),
        "2": ("not", 0, 1),
        "3": ("not", 1, 0),
        "5": ("whole", 1, 0),
    }
    with scope.org(cast.acme.id):
        made = lifecycle.adopt(FoundSession.objects.get(name="1" * 64), redis, created_by="test")
    assert (made.suspended, int(made.expires_at.timestamp())) == (True, 4000000000)


def test_a_session_nested_deep_stops_neither_the_search_nor_the_sweep(cast, redis):
    orders = build.api(cast.acme)
    made, _ = build.key(cast.acme, orders)
    build.deliver(redis)
    deep = json.dumps(session(cast.acme, orders, meta_data={"x": 0}))
    deep = deep.replace('{"x": 0}', '{"x": ' + "[" * 500 + "]" * 500 + "}")
    redis.mset({f"apikey-{NAME}": deep, f"apikey-{made.token_hash}": deep})
    assert find(redis) == {}
    build.sweep(redis)
    assert build.stored(redis, made)["meta_data"] == {}
