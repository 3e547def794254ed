import json

from keys.adoption import former
from keys.keys import token as tokens
from orgs import scope
from tests.keys import build
from tests.keys.adoption.build import NAME, write


def lie(redis):
    """{name in Redis: the organisation that the session names}"""
    return {
        name.decode().removeprefix("apikey-"): json.loads(redis.get(name))["org_id"]
        for name in redis.scan_iter("apikey-*")
    }


def test_sessions_under_a_former_id_name_the_organisation_and_users_lie_where_gateways_look(cast, redis):
    orders, users = build.api(cast.acme), build.api(cast.acme, "Users", use_basic_auth=True)
    theirs = build.api(cast.globex)
    alice = tokens.hashed("defaultalice", "legacy")
    bob = tokens.hashed(tokens.token_of("default", "bob", "murmur64"), "murmur64")
    write(redis, "default", orders)
    redis.pexpire(f"apikey-{NAME}", 60_000)
    write(redis, "default", users, name=alice)
    write(redis, "default", users, name=bob)
    write(redis, "default", theirs, name="1" * 64)
    write(redis, "other", orders, name="2" * 64)
    write(redis, cast.globex, orders, name="3" * 64)
    with scope.org(cast.acme.id):
        done = former.rename(redis, "default", cast.acme.id, users=["alice", "bob"], function="sha256")
        again = former.rename(redis, "default", cast.acme.id, users=["alice"], function="sha256")
    assert (done, again) == (3, 0)
    moved = {
        tokens.hashed(tokens.token_of(cast.acme.id, name, "sha256"), "sha256"): cast.acme.id
        for name in ("alice", "bob")
    }
    assert lie(redis) == moved | {
        NAME: cast.acme.id,
        "1" * 64: "default",
        "2" * 64: "other",
        "3" * 64: cast.globex.id,
    }
    assert 0 < redis.pttl(f"apikey-{NAME}") <= 60_000
