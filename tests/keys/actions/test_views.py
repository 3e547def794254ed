"""Something is done to many keys: it is said before what, and done by the worker."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from apis.models import Outbox
from keys.actions import chunks
from keys.keys import lifecycle
from keys.keys.reader import policies_of_one
from keys.models import BulkAction, Key, KeyPolicy
from keys.policies import lifecycle as policy_lifecycle
from orgs import scope
from orgs.models import AuditEntry
from tests import make
from tests.keys import build
from tests.keys.certificates import build as certificates
from tests.keys.policies import build as policies

PLACE = "/o/acme/keys/actions/"


@pytest.fixture
def acme(cast, client_for):
    return client_for(cast.acme_admin)


@pytest.fixture
def orders(cast):
    return build.api(cast.acme, "Orders")


@pytest.fixture
def made(cast, orders):
    """Keys of acme by alias: of `three` some are what an action would make of them."""
    foreign, _ = build.key(cast.globex, build.api(cast.globex), alias="foreign")
    soon = timezone.now() + timedelta(days=3)
    keys = {
        "one": build.key(cast.acme, orders, alias="one", expires_at=soon)[0],
        "two": build.key(cast.acme, orders, alias="two", tags=["vip"], suspended=True)[0],
        "gone": build.key(cast.acme, orders, alias="gone")[0],
    }
    build.inside(cast.acme, lifecycle.revoke, keys["gone"])
    return keys | {"foreign": foreign}


def sent_on(page):
    """What the button that confirms sends."""
    text = page.content.decode().partition("<main")[2]
    pairs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', text)
    fields = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return {name: values for name, values in fields.items() if name != "csrfmiddlewaretoken"}


def do(client, redis, **asked):
    """Ask, confirm, have the worker do it: what the page said, and the page of its progress."""
    asked = {f"do-{name}": value for name, value in {"which": "filter", **asked}.items() if name != "key"} | {
        "key": asked.get("key", [])
    }
    page = client.post(PLACE, asked)
    assert page.status_code == 200, page.content.decode()
    answer = client.post(PLACE, sent_on(page))
    build.deliver(redis)
    return page.context["counts"], client.get(answer["Location"])


def facts(made):
    again = {alias: build.again(key) for alias, key in made.items()}
    return {
        alias: ("suspended" if key.suspended else "", "revoked" if key.revoked_at else "", key.tags)
        for alias, key in again.items()
    }


BEFORE = {
    "one": ("", "", []),
    "two": ("suspended", "", ["vip"]),
    "gone": ("", "revoked", []),
    "foreign": ("", "", []),
}


@pytest.mark.parametrize(
    ("asked", "counts", "changed", "audited"),
    [
        ({"action": "suspend"}, (3, 1, 1, 1), {"one": ("suspended", "", [])}, "key.suspended"),
        ({"action": "resume"}, (3, 1, 1, 1), {"two": ("", "", ["vip"])}, "key.resumed"),
        (
            {"action": "revoke"},
            (3, 1, 2, 0),
            {"one": ("", "revoked", []), "two": ("suspended", "revoked", ["vip"])},
            "key.revoked",
        ),
        ({"action": "tag", "tag": "vip"}, (3, 1, 1, 1), {"one": ("", "", ["vip"])}, "key.changed"),
        ({"action": "untag", "tag": "vip"}, (3, 1, 1, 1), {"two": ("suspended", "", [])}, "key.changed"),
    ],
)
def test_it_is_said_what_an_action_touches_and_then_done_to_these_alone(  # noqa: PLR0917
    acme, cast, made, redis, asked, counts, changed, audited
):
    build.deliver(redis)
    said, progress = do(acme, redis, **asked)
    assert (said["all"], said["revoked"], said["touched"], said["otherwise"]) == counts
    assert facts(made) == BEFORE | changed
    begun = progress.context["begun"]
    assert (begun.total, begun.changed, begun.left, begun.remaining) == (counts[2], counts[2], 0, 0)
    assert ("data-every" in progress.content.decode(), "http-equiv" in progress.content.decode()) == (
        False,
        False,
    )
    with scope.org(cast.acme.id):
        entries = AuditEntry.objects.filter(kind="key", object_id__in=[made[alias].id for alias in changed])
        last = {entry.object_id: entry for entry in entries.order_by("at")}
        assert {(entry.action, entry.actor_email) for entry in last.values()} == {
            (audited, "ada@acme.example")
        }
        assert not Outbox.objects.filter(kind=chunks.DO, done_at=None).exists()
    assert build.waiting(cast.acme) == []
    for alias in changed:
        session, key = build.stored(redis, made[alias]), build.again(made[alias])
        assert (session is None) == (key.revoked_at is not None)
        assert session is None or (session["is_inactive"], session["tags"]) == (key.suspended, key.tags)


def test_an_expiry_is_extended_of_those_that_have_one(acme, made, redis):
    before = made["one"].expires_at
    said, _ = do(acme, redis, action="extend", days=10)
    assert (said["touched"], said["otherwise"]) == (1, 1)
    assert build.again(made["one"]).expires_at == before + timedelta(days=10)


def test_no_key_is_extended_beyond_its_certificate(cast, acme, made, redis):
    alice = certificates.uploaded(cast.acme, certificates.made("alice").pem)
    api = build.api(cast.acme, "Guarded", auth={"use_certificate": True})
    key, _ = build.key(cast.acme, api, session_extra={"certificate": alice.served_id})
    said, _ = do(acme, redis, action="extend", days=400)
    assert (said["touched"], said["otherwise"], build.again(key).expires_at) == (1, 2, alice.not_after)


def test_an_expiry_is_extended_to_the_end_of_the_calendar_at_most(cast, acme, orders, redis):
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    keys = [build.key(cast.acme, orders, expires_at=last - timedelta(days=days))[0] for days in (0, 1, 40)]
    do(acme, redis, action="extend", days=3650)
    assert [build.again(key).expires_at for key in keys] == [last, last, last]


def test_a_tag_is_added_to_keys_that_have_room_for_one(cast, acme, orders, redis):
    full, room = (
        build.key(cast.acme, orders, tags=[f"t{n}" for n in range(number)])[0] for number in (100, 99)
    )
    _, progress = do(acme, redis, action="tag", tag="new")
    assert [len(build.again(key).tags) for key in (full, room)] == [100, 100]
    begun = progress.context["begun"]
    assert (begun.total, begun.changed, begun.left, begun.reason) == (2, 1, 1, "At most 100 tags.")


@pytest.mark.parametrize(("action", "names"), [("policy", ["Old", "New"]), ("only-policy", ["New"])])
def test_a_policy_is_added_or_replaces_the_others(  # noqa: PLR0917
    cast, acme, orders, made, redis, action, names
):
    old, new = (policies.policy(cast.acme, orders, name=name) for name in ("Old", "New"))
    spec = lifecycle.KeySpec(alias="by", policies=(old.id,))
    key, _ = build.inside(cast.acme, lifecycle.create, cast.acme.id, spec, created_by="test")
    said, _ = do(acme, redis, action=action, policy=new.id, which="ticked", key=[key.id, made["gone"].id])
    with scope.org(cast.acme.id):
        has = KeyPolicy.objects.filter(key=key).order_by("position")
        assert list(has.values_list("policy__name", flat=True)) == names
    assert (said["all"], said["revoked"], said["touched"]) == (2, 1, 1)
    assert build.stored(redis, key)["apply_policies"] == [
        {"Old": old.id, "New": new.id}[name] for name in names
    ]


def test_a_policy_that_goes_meanwhile_is_given_to_nobody_and_the_page_says_so(
    cast, acme, orders, made, redis
):
    new = policies.policy(cast.acme, orders, name="New")
    page = acme.post(PLACE, {"do-action": "policy", "do-which": "filter", "do-policy": new.id})
    place = acme.post(PLACE, sent_on(page))["Location"]
    build.inside(cast.acme, policy_lifecycle.delete, new, author=None)
    build.deliver(redis)
    shown = acme.get(place)
    assert (shown.context["begun"].changed, shown.context["begun"].left) == (0, 2)
    assert chunks.GONE in shown.content.decode()


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "action"),
        ({"do-action": "delete"}, "action"),
        ({"do-action": "tag"}, "tag"),
        ({"do-action": "tag", "do-tag": "a,b"}, "tag"),
        ({"do-action": "tag", "do-tag": "x" * 101}, "tag"),
        ({"do-action": "extend", "do-days": "0"}, "days"),
        ({"do-action": "extend", "do-days": "9" * 30}, "days"),
        ({"do-action": "policy", "do-policy": "0" * 24}, "policy"),
        ({"do-action": "suspend", "do-which": "all"}, "which"),
        ({"do-action": "suspend", "do-which": "ticked"}, "key"),
        ({"do-action": "suspend", "do-which": "ticked", "key": "%"}, "key"),
        ({"do-action": "suspend", "api": "zzzz"}, "api"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_named_and_nothing_is_begun(acme, made, sent, field):
    answer = acme.post(PLACE, {"do-which": "filter", "do-confirmed": "yes", "do-seen": 2, **sent})
    assert (answer.status_code, f"{field}: " in answer.content.decode()) == (400, True)
    with scope.every_org():
        assert BulkAction.objects.count() == 0


def test_a_strangers_key_policy_and_action_are_nobodys(cast, acme, client_for, made, redis):
    stranger = policies.policy(cast.globex, build.apis_of(cast.globex)[0])
    asked = {"do-action": "suspend", "do-which": "ticked", "key": [made["foreign"].id]}
    assert acme.post(PLACE, asked).context["counts"]["all"] == 0
    named = {"do-action": "policy", "do-which": "filter", "do-policy": stranger.id}
    assert acme.post(PLACE, named).status_code == 400
    do(acme, redis, action="suspend")
    with scope.org(cast.acme.id):
        [begun] = BulkAction.objects.all()
    assert client_for(cast.globex_admin).get(f"/o/globex/keys/actions/{begun.id}/").status_code == 404
    assert facts(made)["foreign"] == BEFORE["foreign"]


def test_if_the_keys_changed_since_they_were_counted_it_is_asked_again(cast, acme, orders, made):
    page = acme.post(PLACE, {"do-action": "suspend", "do-which": "filter"})
    build.key(cast.acme, orders, alias="new")
    again = acme.post(PLACE, sent_on(page))
    assert (again.status_code, again.context["counts"]["touched"]) == (409, 2)
    # As many as were seen, but others.
    with scope.org(cast.acme.id):
        Key.objects.filter(alias="new").update(revoked_at=timezone.now())
    build.key(cast.acme, orders, alias="newer")
    changed = acme.post(PLACE, sent_on(again))
    assert (changed.status_code, changed.context["counts"]["touched"]) == (409, 2)
    with scope.org(cast.acme.id):
        assert not BulkAction.objects.exists()
    assert acme.post(PLACE, sent_on(changed)).status_code == 302


def test_keys_are_done_in_chunks_each_whole_or_not_at_all_and_none_twice(  # noqa: PLR0917
    cast, acme, orders, made, redis, monkeypatch
):
    monkeypatch.setattr("apis.gateways.outbox.CHUNK", 2)
    for number in range(4):
        build.key(cast.acme, orders, alias=f"more {number}")
    page = acme.post(PLACE, {"do-action": "tag", "do-which": "filter", "do-tag": "new"})
    place = acme.post(PLACE, sent_on(page))["Location"]
    with scope.org(cast.acme.id):
        messages = list(Outbox.objects.filter(kind=chunks.DO).order_by("id"))
    assert [len(message.payload["subjects"]) for message in messages] == [2, 2, 2]
    assert "data-every" in acme.get(place).content.decode()
    # It dies after the keys are changed and before the end of the transaction.
    with monkeypatch.context() as broken, scope.org(cast.acme.id), pytest.raises(DatabaseError):
        broken.setattr(chunks.log, "record_noted", _die)
        with transaction.atomic():
            chunks.deliver(messages[:1], redis)
    assert tagged(cast.acme) == 0
    # It dies after that, and before the message is said to be done.
    with scope.org(cast.acme.id):
        chunks.deliver(messages[:1], redis)
        chunks.deliver(messages[:1], redis)
    assert tagged(cast.acme) == 2
    build.deliver(redis)
    begun = acme.get(place).context["begun"]
    assert (tagged(cast.acme), begun.changed, begun.remaining) == (6, 6, 0)
    assert build.actions(cast.acme).count(("key.changed", made["one"].id)) == 1


def _die(*arguments, **named):
    raise DatabaseError("the worker is gone")


def tagged(org):
    with scope.org(org.id):
        return Key.objects.filter(tags=["new"]).count() + Key.objects.filter(tags=["vip", "new"]).count()


def test_whoever_may_only_read_keys_is_offered_nothing_and_may_do_nothing(cast, client_for, made):
    reader = client_for(make.user("kay@acme.example", cast.acme, {"keys": "read"}))
    assert 'form="bulk"' not in reader.get("/o/acme/keys/").content.decode()
    assert reader.post(PLACE, {"do-action": "revoke", "do-which": "filter"}).status_code == 403


def test_no_key_is_given_a_policy_that_opens_what_does_not_ask_for_what_it_must_show(cast, orders):
    policies.policy(cast.acme, orders)
    with scope.org(cast.acme.id):
        [open_to_all] = policies_of_one(cast.acme.id)
        keys = [Key(credential=kind) for kind in ("token", "basic", "certificate", "hmac")]
        found = chunks._refused(cast.acme.id, open_to_all, keys)
    assert [(kind, says.partition(" which a policy opens, ")[2][:40]) for kind, says in found.items()] == [
        ("basic", "does not ask for a user name and a passw"),
        ("certificate", "does not ask for a client certificate: w"),
    ]
