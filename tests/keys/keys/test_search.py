"""Finding keys: the same are found whether few or many have what is asked for."""

import dataclasses
import importlib
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from keys.keys import lifecycle, search
from keys.keys.session import Right
from keys.models import Key, KeyWord
from orgs import scope
from tests.keys import build
from tests.keys.policies import build as policies


@pytest.fixture
def keys(cast):
    """By what they are called."""
    orders, returns = build.api(cast.acme, "Orders"), build.api(cast.acme, "Returns")
    build.key(cast.globex, build.api(cast.globex), alias="Partner of Globex")
    made = {
        "mobile": build.key(cast.acme, orders, alias="Partner Mobile", owner="Ann Müller")[0],
        "web": build.key(cast.acme, orders, returns, alias="Partner Web", owner="billing@acme.example")[0],
        "all": build.key(cast.acme, alias="Everything", owner="Ann")[0],
        "late": build.key(cast.acme, returns, alias="Late 100%_sure")[0],
        "gone": build.key(cast.acme, orders, alias="Gone")[0],
        "gone all": build.key(cast.acme, alias="Former")[0],
        "paused": build.key(cast.acme, returns, alias="Paused", suspended=True)[0],
    }
    with scope.org(cast.acme.id):
        Key.objects.filter(id=made["late"].id).update(expires_at=timezone.now() - timedelta(days=1))
        lifecycle.revoke(made["gone"])
        lifecycle.revoke(made["gone all"])
    return made


@pytest.fixture(params=["few", "many"])
def few_or_many(request, monkeypatch):
    if request.param == "many":
        monkeypatch.setattr(search, "FEW", 0)
    return request.param


def names(keys, org, **asked):
    called = {key.id: name for name, key in keys.items()}
    with scope.org(org.id):
        return sorted(called[key.id] for key in search.found(**asked).keys)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("part", ["mobile", "web"]),
        ("PARTNER", ["mobile", "web"]),
        ("mobile part", ["mobile"]),
        ("partner  web", ["web"]),
        ("ann", ["all", "mobile"]),
        ("ann mob", ["mobile"]),
        ("müll", ["mobile"]),
        ("MÜLL", ["mobile"]),
        ("acme", ["web"]),
        ("billing@acme", ["web"]),
        ("100%", ["late"]),
        ("sure", ["late"]),
        # Words are found by how they begin.
        ("artner", []),
        ("%", []),
        ("_", []),
        ("partner nobody", []),
        ("globex", []),
    ],
)
def test_keys_are_found_by_the_words_of_name_and_owner(cast, keys, few_or_many, text, found):
    assert names(keys, cast.acme, text=text) == found


@pytest.mark.parametrize("length", [1, 8, 64])
def test_keys_are_found_by_the_start_of_their_hash(cast, keys, few_or_many, length):
    start = keys["web"].token_hash[:length]
    begin_so = sorted(name for name, key in keys.items() if key.token_hash.startswith(start))
    assert set(begin_so) <= set(names(keys, cast.acme, text=start.upper()))
    assert length == 1 or names(keys, cast.acme, text=start) == ["web"]


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("active", ["all", "mobile", "web"]),
        ("suspended", ["paused"]),
        ("expired", ["late"]),
        ("revoked", ["gone", "gone all"]),
    ],
)
def test_keys_are_found_by_their_state(cast, keys, few_or_many, state, found):
    assert names(keys, cast.acme, state=state) == found


def test_keys_are_found_by_what_they_open(cast, keys, few_or_many):
    with scope.org(cast.acme.id):
        opened = {api.name: api.api_id for api in build.apis_of(cast.acme)}
    assert names(keys, cast.acme, api_id=opened["Orders"]) == ["all", "gone", "gone all", "mobile", "web"]
    assert names(keys, cast.acme, api_id=opened["Returns"]) == ["all", "gone all", "late", "paused", "web"]
    assert names(keys, cast.acme, api_id=opened["Returns"], state="active", text="part") == ["web"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        # Blanks that PostgreSQL does not take for such, and the one letter which is two in lower case.
        *((f"Lorry{blank}fleet", "fleet") for blank in "\x85\xa0\u2007\u202f\u3000\x1c"),
        ("\u0130stanbul", "\u0130stan"),
        ("\u0130stanbul", "\u0130STANBUL"),
        ("x" * 100 + " rest", "x" * 90),
    ],
)
def test_a_key_is_found_by_its_own_name_however_that_is_spelt(cast, keys, few_or_many, name, text):
    made, _ = build.key(cast.acme, alias=name)
    assert names(keys | {"odd": made}, cast.acme, text=text) == ["odd"]


def test_what_many_have_is_not_counted(cast, keys, monkeypatch):
    with scope.org(cast.acme.id):
        countable = [search.found(**asked).countable for asked in ({}, {"text": "part"}, {"state": "active"})]
        monkeypatch.setattr(search, "FEW", 1)
        beyond = [search.found(**asked).countable for asked in ({}, {"text": "part"}, {"state": "active"})]
    assert (countable, beyond) == ([True, True, True], [True, False, True])


def test_how_many_keys_there_are_is_known_only_where_what_was_looked_up_is_all_that_is_asked(
    cast, keys, monkeypatch
):
    gold = policies.policy(cast.acme, build.api(cast.acme, "Third"))
    for alias in ("first", "second"):
        spec = lifecycle.KeySpec(alias=alias, owner="Ann", tags=["vip"], policies=(gold.id,))
        build.inside(cast.acme, lifecycle.create, cast.acme.id, spec, created_by="test")
    soon = timezone.now() + timedelta(days=1)
    with scope.org(cast.acme.id):
        Key.objects.filter(alias="second").update(expires_at=soon - timedelta(hours=1))
        kinds = {
            "owner": {"owner": "Ann"},
            "no owner": {"owner": ""},
            "tag": {"tag": "vip"},
            "policy": {"policy": gold.id},
            "ending": {"ends_by": soon},
            "nothing": {},
            "text": {"text": "part"},
            "API": {"api_id": "nosuch"},
            "state": {"state": "expired"},
            "two": {"owner": "Ann", "tag": "vip"},
            "within": {"owner": "Ann", "state": "active"},
        }
        told = {kind: search.found(**asked).total for kind, asked in kinds.items()}
        counted = {
            kind: search.found(**kinds[kind]).keys.count()
            for kind, total in told.items()
            if total is not None
        }
        monkeypatch.setattr(search, "FEW", 1)
        beyond = search.found(owner="Ann").total
    assert counted == {"owner": 3, "no owner": 4, "tag": 2, "policy": 2, "ending": 1}
    assert (told, beyond) == (dict.fromkeys(kinds) | counted, None)


def test_a_key_is_found_by_its_new_name_and_no_longer_by_the_old(cast, keys):
    with scope.org(cast.acme.id):
        lifecycle.change(keys["all"], lifecycle.KeySpec(alias="Renamed", owner="Bob", all_apis=True))
        words = sorted(KeyWord.objects.filter(key=keys["all"]).values_list("word", flat=True))
    assert words == ["bob", "renamed"]
    assert names(keys, cast.acme, text="renam") == ["all"]
    assert names(keys, cast.acme, text="everything") == []


def test_a_key_is_found_by_its_new_owner_too(cast, keys):
    with scope.org(cast.acme.id):
        lifecycle.change(keys["all"], lifecycle.KeySpec(alias="Everything", owner="Bob", all_apis=True))
    assert (names(keys, cast.acme, text="bob"), names(keys, cast.acme, text="ann")) == (["all"], ["mobile"])


def test_a_change_that_leaves_name_and_owner_leaves_the_words(cast, keys):
    with scope.org(cast.acme.id):
        before = set(KeyWord.objects.values_list("id", flat=True))
        lifecycle.change(
            keys["all"], lifecycle.KeySpec(alias="Everything", owner="Ann", all_apis=True, rate=5, per=1)
        )
        assert set(KeyWord.objects.values_list("id", flat=True)) == before


def test_words_are_looked_up_by_an_index_in_spite_of_row_level_security(cast, keys):
    """The operators must be known to leak nothing, or PostgreSQL asks the policy of every row first."""
    with scope.org(cast.acme.id), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        # In a small table another index of the organisation's rows would do as well, but it is not in this order.
        cursor.execute("SET LOCAL enable_sort = off")
        plan = search._with_word("part").order_by("word").explain()
    assert "(word >= 'part'" in plan.partition("Index Cond: ")[2].splitlines()[0]


def test_keys_are_found_by_what_their_policies_open_and_not_by_rights_that_have_no_effect(cast, few_or_many):
    orders, returns = build.api(cast.acme, "First"), build.api(cast.acme, "Second")
    gold = policies.policy(cast.acme, orders)
    limits = policies.policy(cast.acme, returns, name="Limits", partitions={"quota": True})
    for alias, given, rights, all_apis in (
        ("by policy", (gold,), (), False),
        ("both", (limits, gold), (Right(returns.api_id),), False),
        ("all and policy", (gold,), (), True),
        ("own", (), (Right(returns.api_id),), False),
        ("every", (), (), True),
    ):
        spec = lifecycle.KeySpec(
            alias=alias, policies=tuple(each.id for each in given), rights=rights, all_apis=all_apis
        )
        build.inside(cast.acme, lifecycle.create, cast.acme.id, spec, created_by="test")
    with scope.org(cast.acme.id):
        found = [
            sorted(key.alias for key in search.found(api_id=api.api_id).keys) for api in (orders, returns)
        ]
    assert found == [["all and policy", "both", "by policy", "every"], ["every", "own"]]


@pytest.fixture
def noted(cast):
    orders = build.api(cast.acme, "Orders")
    meta_data = {"Contract": {"number": 4711, "terms": ["net 30", "first\nsecond"]}, "plan": "Überall"}
    build.key(cast.globex, build.api(cast.globex), alias="foreign", tags=["vip"], meta_data=meta_data)
    return {
        "noted": build.key(cast.acme, orders, alias="n", tags=["VIP", "a b"], meta_data=meta_data)[0],
        "plain": build.key(cast.acme, orders, alias="plain")[0],
    }


@pytest.mark.parametrize(
    "text", ["vip", "contract", "471", "net", "second", "überall", "N contract", "plan überall vip", " {id} "]
)
def test_keys_are_found_by_tags_metadata_and_id(cast, noted, few_or_many, text):
    asked = text.format(id=noted["noted"].id.upper())
    assert names(noted, cast.acme, text=asked) == ["noted"]


@pytest.mark.parametrize(("tag", "found"), [("VIP", ["noted"]), ("a b", ["noted"]), ("vip", []), ("a", [])])
def test_keys_are_found_by_a_whole_tag(cast, noted, few_or_many, tag, found):
    assert names(noted, cast.acme, tag=tag) == found
    assert names(noted, cast.acme, text="#" + tag) == ["noted"]


@pytest.mark.parametrize(("owner", "found"), [("", ["noted", "plain"]), ("nobody", [])])
def test_keys_are_found_by_their_owner(cast, noted, few_or_many, owner, found):
    assert names(noted, cast.acme, owner=owner) == found


def test_a_key_is_found_by_its_new_tags_and_no_longer_by_the_old(cast, noted):
    with scope.org(cast.acme.id):
        spec = dataclasses.replace(lifecycle.spec_of(noted["noted"]), tags=["gold"], meta_data={})
        lifecycle.change(noted["noted"], spec)
    assert (names(noted, cast.acme, text="gold"), names(noted, cast.acme, text="contract")) == (["noted"], [])


def test_words_of_keys_made_before_are_added_batch_by_batch_however_often(cast, noted, monkeypatch):
    migration = importlib.import_module("keys.migrations.0020_more_words")
    monkeypatch.setattr(migration, "AT_ONCE", 1)
    with scope.every_org():
        wanted = set(KeyWord.objects.values_list("key_id", "word"))
        KeyWord.objects.exclude(word__in=["n", "plain", "foreign", "contract"]).delete()
        for _ in range(2):
            migration.fill(apps, SimpleNamespace(connection=connection))
            assert set(KeyWord.objects.values_list("key_id", "word")) == wanted
