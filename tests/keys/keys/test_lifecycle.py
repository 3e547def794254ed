from datetime import UTC, datetime

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apis.models import Outbox
from apis.publishing import publish
from keys.keys import lifecycle
from keys.keys.parameters import NO_GRANT, NO_RIGHTS, SessionError, no_such_policy
from keys.keys.session import Right
from keys.keys.token import cache_key, token_hash
from keys.models import Key, KeyPolicy, KeyRight
from keys.policies import lifecycle as policy_lifecycle
from orgs import scope
from orgs.models import AuditEntry
from tests.concurrency import second_of_two
from tests.keys import build
from tests.keys.build import actions, changes, inside
from tests.keys.policies import build as policies


def rights(made):
    with scope.org(made.org_id):
        return sorted(KeyRight.objects.filter(key=made).values_list("api__api_id", flat=True))


def test_a_new_key_leaves_its_row_an_audit_entry_and_a_message(cast):
    orders = build.api(cast.acme)
    made, text = build.key(cast.acme, orders, alias="Partner", rate=5, per=1)
    kept = build.again(made)
    assert (kept.alias, kept.rate, kept.per, kept.token_hash, kept.cache_key) == (
        "Partner",
        5,
        1,
        token_hash(text),
        cache_key(text),
    )
    assert (rights(made), actions(cast.acme), build.waiting(cast.acme)) == (
        [orders.api_id],
        [("key.created", made.id)],
        [("key", made.id)],
    )


def test_the_audit_entry_says_what_the_key_opens(cast):
    orders = build.api(cast.acme)
    build.key(cast.acme, orders, alias="Partner")
    assert changes(cast.acme, "key.created") == {
        "alias": [None, "Partner"],
        "apis": [None, {orders.api_id: []}],
        "policies": [None, []],
        "meta_data": [None, {}],
        "owner": [None, ""],
        "per": [None, 0],
        "quota_max": [None, -1],
        "quota_renewal_rate": [None, 0],
        "rate": [None, -1],
        "revoked": [None, False],
        "suspended": [None, False],
        "tags": [None, []],
    }


def test_row_audit_entry_and_message_come_and_go_together(cast):
    orders = build.api(cast.acme)
    with scope.org(cast.acme.id):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            lifecycle.create(
                cast.acme.id, lifecycle.KeySpec(rights=(Right(orders.api_id),)), created_by="test"
            )
            assert [Key.objects.count(), Outbox.objects.filter(kind="key").count()] == [1, 1]
            assert AuditEntry.objects.filter(kind="key").count() == 1
            1 / 0  # noqa: B018
        counts = [Key.objects.count(), KeyRight.objects.count(), Outbox.objects.filter(kind="key").count()]
    assert (counts, actions(cast.acme)) == ([0, 0, 0], [])


@pytest.mark.parametrize("named", ["globex", "nobody"])
def test_an_api_that_is_not_ones_own_is_refused_and_nothing_is_stored(cast, named):
    build.api(cast.acme)
    foreign = build.api(cast.globex).api_id if named == "globex" else "zzzz"
    with pytest.raises(SessionError) as caught:
        inside(
            cast.acme,
            lifecycle.create,
            cast.acme.id,
            lifecycle.KeySpec(rights=(Right(foreign),)),
            created_by="test",
        )
    assert caught.value.message == f"There is no API '{foreign}' in this organisation."
    with scope.every_org():
        assert (Key.objects.count(), KeyRight.objects.count()) == (0, 0)
    assert (actions(cast.acme), build.waiting(cast.acme)) == ([], [])


def test_a_super_user_in_every_organisation_cannot_cross_them_either(cast):
    foreign = build.api(cast.globex)
    with scope.every_org(), pytest.raises(SessionError), transaction.atomic():
        lifecycle.create(cast.acme.id, lifecycle.KeySpec(rights=(Right(foreign.api_id),)), created_by="test")
    with scope.every_org():
        assert Key.objects.count() == 0


def test_empty_rights_are_refused_even_past_the_form(cast):
    build.api(cast.acme)
    with pytest.raises(SessionError) as caught:
        inside(cast.acme, lifecycle.create, cast.acme.id, lifecycle.KeySpec(), created_by="test")
    assert caught.value.message == NO_RIGHTS


@pytest.mark.parametrize("as_everybody", [False, True])
def test_the_database_itself_refuses_a_right_on_a_strangers_api(cast, as_everybody):
    own, foreign = build.api(cast.acme), build.api(cast.globex)
    made, _ = build.key(cast.acme, own)
    entered = scope.every_org() if as_everybody else scope.org(cast.acme.id)
    insert = (
        "INSERT INTO keys_keyright (org_id, id, key_id, api_id, versions, members)"
        " VALUES (%s, %s, %s, %s, '[]', '{}')"
    )
    with (
        entered,
        pytest.raises(IntegrityError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(insert, [cast.acme.id, "f" * 24, made.id, foreign.id])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert isinstance(caught.value.__cause__, psycopg.errors.ForeignKeyViolation)
    assert rights(made) == [own.api_id]


def test_the_database_lets_nobody_delete_a_key(cast):
    made, _ = build.key(cast.acme)
    with scope.org(cast.acme.id), pytest.raises(Exception, match="permission denied"), transaction.atomic():
        Key.objects.filter(id=made.id).delete()
    assert build.again(made).id == made.id


def test_a_form_sent_twice_makes_one_key(cast):
    build.api(cast.acme)
    spec = lifecycle.KeySpec(all_apis=True)
    first, _ = inside(cast.acme, lifecycle.create, cast.acme.id, spec, created_by="test", form_token="a" * 32)
    with pytest.raises(lifecycle.AlreadyMade) as caught:
        inside(cast.acme, lifecycle.create, cast.acme.id, spec, created_by="test", form_token="a" * 32)
    assert caught.value.key.id == first.id
    with scope.org(cast.acme.id):
        assert Key.objects.count() == 1
    assert actions(cast.acme) == [("key.created", first.id)]


def test_the_same_form_token_in_two_organisations_makes_two_keys(cast):
    for org in (cast.acme, cast.globex):
        inside(
            org,
            lifecycle.create,
            org.id,
            lifecycle.KeySpec(all_apis=True),
            created_by="t",
            form_token="a" * 32,
        )
    with scope.every_org():
        assert Key.objects.count() == 2


def test_a_change_says_before_and_after(cast):
    orders, returns = build.api(cast.acme, "Orders"), build.api(cast.acme, "Returns")
    made, _ = build.key(cast.acme, orders, alias="old", rate=5, per=1)
    spec = lifecycle.KeySpec(alias="new", rights=(Right(returns.api_id, ("v1",)),), rate=5, per=1)
    inside(cast.acme, lifecycle.change, made, spec)
    assert changes(cast.acme, "key.changed") == {
        "alias": ["old", "new"],
        "apis": [{orders.api_id: []}, {returns.api_id: ["v1"]}],
    }
    assert (rights(made), build.waiting(cast.acme)) == ([returns.api_id], [("key", made.id)] * 2)


def test_metadata_that_changed_is_noted_without_its_values(cast):
    orders = build.api(cast.acme)
    made, _ = build.key(cast.acme, orders, meta_data={"password": "canary-1", "tier": "gold"})
    spec = lifecycle.KeySpec(
        rights=(Right(orders.api_id),), meta_data={"password": "canary-2", "tier": "gold"}
    )
    inside(cast.acme, lifecycle.change, made, spec)
    [[before, after]] = changes(cast.acme, "key.changed").values()
    assert (before.keys(), after.keys()) == ({"password", "tier"}, {"password", "tier"})
    assert (before["password"] != after["password"], before["tier"] == after["tier"]) == (True, True)
    with scope.org(cast.acme.id):
        noted = str(list(AuditEntry.objects.filter(kind="key").values_list("changes", flat=True)))
    assert ("canary" in str(build.again(made).meta_data), "canary" in noted) == (True, False)


def test_a_change_that_changes_nothing_leaves_no_trace(cast):
    orders = build.api(cast.acme)
    expiry = datetime(2030, 1, 1, tzinfo=UTC)
    made, _ = build.key(cast.acme, orders, alias="same", expires_at=expiry, tags=["a"], meta_data={"b": [1]})
    spec = lifecycle.KeySpec(
        alias="same", rights=(Right(orders.api_id),), expires_at=expiry, tags=["a"], meta_data={"b": [1]}
    )
    inside(cast.acme, lifecycle.change, made, spec)
    assert (actions(cast.acme), build.waiting(cast.acme), build.again(made).updated_at) == (
        [("key.created", made.id)],
        [("key", made.id)],
        made.updated_at,
    )


def test_a_refused_change_leaves_the_old_rights(cast):
    own, foreign = build.api(cast.acme), build.api(cast.globex)
    made, _ = build.key(cast.acme, own)
    with pytest.raises(SessionError):
        inside(
            cast.acme,
            lifecycle.change,
            made,
            lifecycle.KeySpec(rights=(Right(own.api_id), Right(foreign.api_id))),
        )
    assert (rights(made), actions(cast.acme)) == ([own.api_id], [("key.created", made.id)])


def test_suspending_resuming_and_revoking_are_told_and_noted(cast):
    made, _ = build.key(cast.acme)
    inside(cast.acme, lifecycle.set_suspended, made, True)
    inside(cast.acme, lifecycle.set_suspended, made, True)
    assert build.again(made).state() == "suspended"
    inside(cast.acme, lifecycle.set_suspended, made, False)
    assert build.again(made).state() == "active"
    inside(cast.acme, lifecycle.revoke, made)
    assert build.again(made).state() == "revoked"
    assert [action for action, _ in actions(cast.acme)] == [
        "key.created",
        "key.suspended",
        "key.resumed",
        "key.revoked",
    ]
    assert [kind for kind, _ in build.waiting(cast.acme)] == [
        "key",
        "key-suspended",
        "key",
        "key-removed",
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda made: lifecycle.set_suspended(made, False),
        lambda made: lifecycle.set_suspended(made, True),
        lifecycle.revoke,
        lambda made: lifecycle.change(made, lifecycle.KeySpec(all_apis=True, alias="back")),
    ],
)
def test_a_revoked_key_cannot_be_brought_back(cast, change):
    made, _ = build.key(cast.acme)
    inside(cast.acme, lifecycle.revoke, made)
    with pytest.raises(lifecycle.Revoked, match="A revoked key cannot be changed"):
        inside(cast.acme, change, made)
    assert build.again(made).state() == "revoked"


EDITS = {
    "change": lambda made, seen: lifecycle.change(
        made, lifecycle.KeySpec(all_apis=True, alias="mine"), expected=seen
    ),
    "reset of the quota": lambda made, seen: lifecycle.change(
        made, lifecycle.KeySpec(all_apis=True), reset_quota=True, expected=seen
    ),
    "suspension": lambda made, seen: lifecycle.set_suspended(made, True, expected=seen),
    "revocation": lambda made, seen: lifecycle.revoke(made, expected=seen),
}


@pytest.mark.parametrize("verb", EDITS)
def test_of_two_editors_of_one_key_at_the_same_moment_the_second_is_told(committed, cast, verb):
    made, _ = build.key(cast.acme)
    theirs = lifecycle.KeySpec(all_apis=True, alias="theirs")
    answer = second_of_two(
        cast.acme.id, lambda: lifecycle.change(made, theirs, expected=1), lambda: EDITS[verb](made, 1)
    )
    kept = build.again(made)
    assert (type(answer), answer.key.change_number) == (lifecycle.Stale, 2)
    assert (kept.alias, kept.state(), kept.change_number) == ("theirs", "active", 2)


@pytest.mark.parametrize("verb", EDITS)
@pytest.mark.parametrize("seen", [None, 1])
def test_who_has_seen_the_key_as_it_is_or_does_not_ask_changes_it(cast, verb, seen):
    made, _ = build.key(cast.acme)
    inside(cast.acme, EDITS[verb], made, seen)
    assert build.again(made).change_number == 2


def test_one_change_asked_for_twice_is_no_conflict(cast):
    made, _ = build.key(cast.acme)
    for _ in range(2):
        inside(cast.acme, EDITS["change"], made, 1)
    for _ in range(2):
        inside(cast.acme, EDITS["suspension"], made, 2)
    assert (build.again(made).state(), build.again(made).change_number) == ("suspended", 3)


def test_verbs_look_at_the_key_as_it_is_and_not_at_the_copy_they_are_handed(cast):
    made, _ = build.key(cast.acme)
    old = build.again(made)
    inside(cast.acme, lifecycle.set_suspended, made, True)
    inside(cast.acme, lifecycle.change, old, lifecycle.KeySpec(all_apis=True, alias="new"))
    kept = build.again(made)
    assert (kept.alias, kept.state()) == ("new", "suspended")


PAIRS = [(first, second) for first in EDITS for second in EDITS]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_of_any_two_edits_of_one_key_at_once_one_is_told_and_nothing_is_lost(committed, cast, first, second):
    made, _ = build.key(cast.acme)
    answer = second_of_two(cast.acme.id, lambda: EDITS[first](made, 1), lambda: EDITS[second](made, 1))
    ended = first == "revocation"
    nothing_to_do = first == second and first in ("change", "suspension")
    told = lifecycle.Revoked if ended else type(made) if nothing_to_do else lifecycle.Stale
    kept = build.again(made)
    assert (type(answer), kept.change_number) == (told, 2)
    assert (kept.alias, kept.state()) == (
        "mine" if first == "change" else "",
        {"suspension": "suspended", "revocation": "revoked"}.get(first, "active"),
    )
    assert len(actions(cast.acme)) == 2


def test_an_edit_and_the_deletion_of_an_api_at_once_leave_no_right_to_it(committed, cast):
    orders, returns = build.api(cast.acme, "Orders"), build.api(cast.acme, "Returns")
    made, _ = build.key(cast.acme, returns)
    spec = lifecycle.KeySpec(rights=(Right(orders.api_id), Right(returns.api_id)))
    answer = second_of_two(
        cast.acme.id,
        lambda: publish.delete(orders, author=None),
        lambda: lifecycle.change(made, spec, expected=1),
    )
    assert (type(answer), rights(made)) == (SessionError, [returns.api_id])
    other = build.api(cast.acme, "Other")
    spec = lifecycle.KeySpec(rights=(Right(other.api_id), Right(returns.api_id)))
    second_of_two(
        cast.acme.id,
        lambda: lifecycle.change(made, spec, expected=1),
        lambda: publish.delete(other, author=None),
    )
    assert (rights(made), build.again(made).change_number) == ([returns.api_id], 2)


# Locks, rows, the audit entry and the message: the same however many keys and APIs there are.
WRITES = {"creation": 11, "change": 14, "suspension": 9, "revocation": 9}


@pytest.mark.parametrize("verb", WRITES)
@pytest.mark.parametrize("more", [0, 3])
def test_a_write_costs_the_same_statements_however_many_keys_and_apis_there_are(cast, verb, more):
    apis = [build.api(cast.acme, f"API {number}") for number in range(1 + more)]
    made, _ = build.key(cast.acme, *apis)
    for _ in range(more):
        build.key(cast.acme, *apis)
    spec = lifecycle.KeySpec(alias="new name", rights=tuple(Right(api.api_id) for api in apis))
    work = {
        "creation": lambda: lifecycle.create(cast.acme.id, spec, created_by="test"),
        "change": lambda: lifecycle.change(made, spec),
        "suspension": lambda: lifecycle.set_suspended(made, True),
        "revocation": lambda: lifecycle.revoke(made),
    }[verb]
    with scope.org(cast.acme.id), CaptureQueriesContext(connection) as queries:
        work()
    assert len([each for each in queries if not each["sql"].startswith("SAVEPOINT")]) == WRITES[verb]


def has(made):
    """The names of a key's policies, in order."""
    with scope.org(made.org_id):
        return list(
            KeyPolicy.objects.filter(key=made).order_by("position").values_list("policy__name", flat=True)
        )


def by_policies(*given, **members):
    return lifecycle.KeySpec(policies=tuple(each.id for each in given), **members)


def test_a_key_has_policies_in_their_order_and_the_log_names_them(cast):
    orders = build.api(cast.acme)
    gold, slow = policies.policy(cast.acme, orders, id="gold"), policies.policy(cast.acme, name="Slow")
    made, _ = inside(cast.acme, lifecycle.create, cast.acme.id, by_policies(slow, gold), created_by="test")
    assert (has(made), rights(made), made.all_apis) == (["Slow", "Gold"], [], False)
    assert changes(cast.acme, "key.created")["policies"] == [None, [slow.id, "gold"]]
    spec = by_policies(gold, rights=(Right(orders.api_id),))
    assert inside(cast.acme, lifecycle.differences, made, spec) == {
        "apis": [{}, {orders.api_id: []}],
        "policies": [[slow.id, "gold"], ["gold"]],
    }
    inside(cast.acme, lifecycle.change, made, spec)
    assert (has(made), rights(made)) == (["Gold"], [orders.api_id])
    inside(cast.acme, lifecycle.change, made, lifecycle.KeySpec(all_apis=True))
    assert (has(made), rights(made)) == ([], [])


def test_another_order_of_the_same_policies_is_a_change_and_the_same_order_is_none(cast):
    orders = build.api(cast.acme)
    gold, slow = policies.policy(cast.acme, orders), policies.policy(cast.acme, name="Slow")
    made, _ = inside(cast.acme, lifecycle.create, cast.acme.id, by_policies(gold, slow), created_by="test")
    assert inside(cast.acme, lifecycle.change, made, by_policies(gold, slow)).change_number == 1
    assert inside(cast.acme, lifecycle.change, made, by_policies(slow, gold)).change_number == 2
    assert has(made) == ["Slow", "Gold"]


def test_a_strangers_policy_is_refused_as_one_that_is_not_there_and_nothing_is_stored(cast, redis):
    orders, theirs = build.api(cast.acme), build.api(cast.globex)
    gold, foreign = policies.policy(cast.acme, orders), policies.policy(cast.globex, theirs, id="foreign")
    made, _ = inside(cast.acme, lifecycle.create, cast.acme.id, by_policies(gold), created_by="test")
    build.deliver(redis)
    before = build.stored(redis, made)
    for names in (
        [foreign.id],
        [gold.id, foreign.id],
        ["foreign"],
        ["f" * 24],
        ["F" * 24],
        [gold.id.upper() + "x"],
    ):
        spec = lifecycle.KeySpec(policies=tuple(names), rights=(Right(orders.api_id),))
        words = no_such_policy(next(name for name in names if name != gold.id))
        for call in (
            lambda spec=spec: lifecycle.create(cast.acme.id, spec, created_by="test"),
            lambda spec=spec: lifecycle.change(build.again(made), spec),
        ):
            with scope.org(cast.acme.id), transaction.atomic(), pytest.raises(SessionError) as refused:
                call()
            assert (refused.value.field, refused.value.message) == ("apply_policies", words)
            # A super-user sees every organisation, and crosses none.
            with scope.every_org(), transaction.atomic(), pytest.raises(SessionError):
                call()
    build.deliver(redis)
    build.sweep(redis)
    with scope.every_org():
        assert (Key.objects.count(), KeyPolicy.objects.count()) == (1, 1)
    assert (redis.keys("apikey-*"), build.stored(redis, made)) == (
        [f"apikey-{made.token_hash}".encode()],
        before,
    )


@pytest.mark.parametrize("as_everybody", [False, True])
def test_the_database_itself_refuses_a_strangers_policy(cast, as_everybody):
    made, _ = build.key(cast.acme, build.api(cast.acme))
    foreign = policies.policy(cast.globex, build.api(cast.globex))
    entered = scope.every_org() if as_everybody else scope.org(cast.acme.id)
    insert = "INSERT INTO keys_keypolicy (org_id, id, key_id, policy_id, position) VALUES (%s, %s, %s, %s, 0)"
    with (
        entered,
        pytest.raises(IntegrityError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(insert, [cast.acme.id, "f" * 24, made.id, foreign.id])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert isinstance(caught.value.__cause__, psycopg.errors.ForeignKeyViolation)
    assert has(made) == []


def test_of_the_policies_of_a_key_one_must_open_something(cast):
    orders = build.api(cast.acme)
    slow = policies.policy(cast.acme, name="Slow")
    quota = policies.policy(cast.acme, orders, name="Quota", partitions={"quota": True})
    for spec in (by_policies(slow), by_policies(slow, quota, rights=(Right(orders.api_id),))):
        with scope.org(cast.acme.id), transaction.atomic(), pytest.raises(SessionError) as refused:
            lifecycle.create(cast.acme.id, spec, created_by="test")
        assert refused.value.message == NO_GRANT
    assert inside(cast.acme, Key.objects.count) == 0


@pytest.mark.parametrize(
    ("seconds", "ends_after"),
    [([0], None), ([3600], 3600), ([0, 7200, 60], 60), ([2**62], None), ([-1, 5], 5)],
)
def test_a_new_key_without_an_expiry_ends_when_the_first_of_its_policies_says(cast, seconds, ends_after):
    orders = build.api(cast.acme)
    given = [
        policies.policy(cast.acme, orders, name=f"P{number}", key_expires_in=each)
        for number, each in enumerate(seconds)
    ]
    made, _ = inside(cast.acme, lifecycle.create, cast.acme.id, by_policies(*given), created_by="test")
    left = made.expires_at and (made.expires_at - made.created_at).total_seconds()
    assert left == ends_after
    own = datetime(2100, 1, 1, tzinfo=UTC)
    spec = by_policies(*given, expires_at=own)
    assert inside(cast.acme, lifecycle.create, cast.acme.id, spec, created_by="test")[0].expires_at == own


def test_a_key_made_with_a_policy_that_is_being_deleted_does_not_have_it(committed, cast):
    """Whoever is later waits, and is told."""
    orders = build.api(cast.acme)
    gold = policies.policy(cast.acme, orders)

    def deletion():
        policy_lifecycle.delete(gold, author=None)

    def creation():
        lifecycle.create(cast.acme.id, by_policies(gold), created_by="test")

    waited = second_of_two(cast.acme.id, deletion, creation)
    assert isinstance(waited, SessionError)
    with scope.org(cast.acme.id):
        assert (Key.objects.count(), KeyPolicy.objects.count()) == (0, 0)
