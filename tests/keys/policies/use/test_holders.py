"""Which keys have a policy: those that live."""

import html
import json
import re

import pytest
from django.db import transaction

from dashboard.analytics.radius import reading
from keys.keys import lifecycle
from keys.policies.use import holders
from orgs import scope
from tests import make
from tests.analytics.screens import ago, push
from tests.keys import build as keys
from tests.keys.policies import build


def test_a_revoked_key_has_no_policy_any_more_in_any_number(cast):
    gold = build.policy(cast.acme, keys.api(cast.acme))
    spec = lifecycle.KeySpec(policies=(gold.id,))
    with scope.org(cast.acme.id), transaction.atomic():
        living, ended = (lifecycle.create(cast.acme.id, spec, created_by="test")[0] for _ in range(2))
        lifecycle.revoke(ended)
        assert holders.numbers_of([gold]) == {gold.id: holders.Counted(1)}
        found = holders.of(gold, named=True)
    assert (found.number, [key for key, _ in found.first]) == (1, [living])


def test_keys_are_counted_up_to_a_bound_and_the_first_of_them_named(cast, client_for):
    gold, unused = (
        build.policy(cast.acme, keys.api(cast.acme, name), name=name) for name in ("Gold", "Unused")
    )
    stranger = build.policy(cast.globex, keys.api(cast.globex))
    spec = lifecycle.KeySpec(policies=(gold.id,))
    with scope.org(cast.acme.id), transaction.atomic():
        made = [lifecycle.create(cast.acme.id, spec, created_by="test")[0] for _ in range(3)]
        numbers = [holders.numbers_of([gold, unused, stranger], most) for most in (2, 3)]
        assert [{id: str(number) for id, number in each.items()} for each in numbers] == [
            {gold.id: "more than 2", unused.id: "0", stranger.id: "0"},
            {gold.id: "3", unused.id: "0", stranger.id: "0"},
        ]
        assert holders.first_of(gold) == sorted(made, key=lambda key: (key.alias, key.id))
    page = client_for(cast.acme_admin).get(f"/o/acme/policies/{gold.id}/").content.decode()
    assert "3 keys have this policy" in page


# What pages say of traffic before a policy, or a key that has it, is changed or ended.


def words_of(page):
    """The words of a page's main part, as a reader sees them."""
    main = page.content.decode().partition("<main")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


@pytest.fixture
def gold(committed, cast, redis):
    """A policy of two keys, one of which called twice; a stranger and a key without it called, too."""
    api = keys.api(cast.acme)
    gold = build.policy(cast.acme, api)
    having = [keys.key(cast.acme, policies=(gold.id,))[0] for _ in range(2)]
    other, _ = keys.key(cast.acme, api)
    common = {"OrgID": cast.acme.id, "APIID": api.api_id, "TimeStamp": ago(minutes=20)}
    hashes = [having[0].token_hash] * 2 + [other.token_hash, "f" * 16]
    push(redis, *({**common, "APIKey": each} for each in hashes))
    return gold, having[0], api


def test_a_change_of_a_policy_is_told_whom_it_meets(cast, client_for, gold, monkeypatch):
    monkeypatch.setattr(reading, "PATIENCE", "10s")
    gold, key, api = gold
    address = f"/o/acme/policies/{gold.id}/"
    changed = {"text": json.dumps(build.document("Gold", api, rate=1)), "started_from": 1}
    ada = client_for(cast.acme_admin)
    blind = client_for(make.user("kim@acme.example", cast.acme, {"policies": "write", "keys": "write"}))
    pages = {
        "deletion": lambda who: who.get(f"{address}deletion/"),
        "review": lambda who: who.post(f"{address}edit/?as=json", changed),
        "revocation": lambda who: who.get(f"/o/acme/keys/{key.id}/revocation/"),
    }
    for page in pages.values():
        said = words_of(page(ada))
        assert "2 requests in the last 30 days" in said
        assert "Last 24 hours 2 50 %" in said
        assert "30 days" not in words_of(page(blind))
    assert "with 1 different key" in words_of(pages["deletion"](ada))

    def late(*_):
        raise reading.DatabaseError

    monkeypatch.setattr(reading, "_radius", late)
    for page in pages.values():
        said = words_of(page(ada))
        assert "is not known at the moment" in said
        assert "No request" not in said
        assert "not known" not in words_of(page(blind))
