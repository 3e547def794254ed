"""Changes of keys and policies on the time axes of charts."""

from datetime import timedelta

from django.utils import timezone

from keys import marks
from keys.keys import lifecycle
from keys.keys.session import Right
from keys.models import Generation
from keys.policies import lifecycle as policies
from keys.rotation import lifecycle as rotation
from orgs import scope
from orgs.audit import log
from orgs.providers.marks import Axis
from tests import make
from tests.keys import build
from tests.keys.policies import build as policy_build

NOW = timezone.now().replace(microsecond=0)


def ago(minutes: int):
    return NOW - timedelta(minutes=minutes)


def hourly(hours: int = 24, **of) -> Axis:
    return Axis(tuple(ago(60 * (hours - number)) for number in range(hours + 1)), **of)


def said(org, person, axis: Axis) -> list[tuple[str, str]]:
    with scope.org(org.id):
        return [(mark.text, mark.url) for mark in marks.changes(org, person, axis)]


def texts(org, person, axis: Axis) -> list[str]:
    return [text for text, _ in said(org, person, axis)]


def test_changes_of_keys_and_policies_are_told_alone_or_with_their_number(cast):
    acme, ada = cast.acme, cast.acme_admin
    orders = build.api(acme)
    with log.dated(ago(150)):
        gold = policy_build.policy(acme, orders)
        lone, _ = build.key(acme, orders, alias="Lone")
    with log.dated(ago(90)):
        keys = [build.key(acme, orders, alias=f"Key {number}")[0] for number in range(3)]
        with scope.org(acme.id):
            lifecycle.revoke(keys[0])
    with log.dated(ago(30)), scope.org(acme.id):
        lifecycle.set_suspended(lone, suspended=True)
    stranger, _ = build.key(cast.globex, alias="Theirs")
    day = NOW.astimezone(acme.zone).date()
    first = ago(90).astimezone(acme.zone).date()
    assert said(acme, ada, hourly()) == [
        ("Key Lone suspended by command line", f"/o/acme/keys/{lone.id}/"),
        (
            "4 key changes: 3 issued, 1 revoked",
            f"/o/acme/audit/?kind=key&since={first}&until={first}",
        ),
        ("Key Lone issued by command line", f"/o/acme/keys/{lone.id}/"),
        ("Policy Gold made by command line", f"/o/acme/policies/{gold.id}/"),
    ]
    assert stranger.alias not in str(said(acme, ada, hourly()))
    assert texts(acme, ada, hourly(1)) == ["Key Lone suspended by command line"]
    assert day >= first


def test_a_change_that_lets_nobody_in_or_out_is_no_mark(cast):
    acme = cast.acme
    orders = build.api(acme)
    with log.dated(ago(150)):
        key, _ = build.key(acme, orders, alias="Lone")
    with scope.org(acme.id):
        named = lifecycle.KeySpec(alias="Renamed", rights=(Right(orders.api_id),))
        with log.dated(ago(90)):
            lifecycle.change(key, named)
        with log.dated(ago(30)):
            lifecycle.change(key, lifecycle.KeySpec(alias="Renamed", rights=named.rights, rate=5, per=1))
    assert texts(acme, cast.acme_admin, hourly(2)) == [
        "Key Renamed given other limits or rights by command line"
    ]


def test_who_may_not_see_keys_or_policies_is_told_of_none(cast):
    acme = cast.acme
    with log.dated(ago(30)):
        policy_build.policy(acme, build.api(acme))
        build.key(acme, alias="Lone")
        build.key(acme, alias="Other")
    seen = {}
    for right in ("keys", "policies", "analytics"):
        person = make.user(f"{right}@acme.example", acme, {right: "read", "analytics": "read"})
        seen[right] = said(acme, person, hourly())
    # Nor is the audit log linked for who may not read it.
    assert seen["keys"] == [("2 key changes: 2 issued", "")]
    assert [text for text, _ in seen["policies"]] == ["Policy Gold made by command line"]
    assert seen["analytics"] == []


def test_only_what_touches_the_api_or_key_that_is_shown_is_told(cast):
    acme, ada = cast.acme, cast.acme_admin
    orders, returns = build.api(acme), build.api(acme, "Returns")
    made = {}
    for number, (name, api) in enumerate((("Gold", orders), ("Silver", returns))):
        with log.dated(ago(600 + 60 * number)):
            made[name] = policy_build.policy(acme, api, name=name)
    for number, (alias, spec) in enumerate(
        (
            ("by rights", {"apis": [orders]}),
            ("by policy", {"apis": [], "policies": [made["Gold"].id]}),
            ("for all", {"apis": []}),
            ("elsewhere", {"apis": [returns]}),
        )
    ):
        with log.dated(ago(90 + 60 * number)):
            made[alias], _ = build.key(acme, *spec.pop("apis"), alias=alias, **spec)
    with log.dated(ago(30)), scope.org(acme.id):
        policies.delete(made["Silver"], author=None)
    with log.dated(ago(10)), scope.org(acme.id):
        rotation.rotate(made["by policy"], overlap=timedelta(hours=1))

    def names(**of: str) -> set[str]:
        words = " ".join(texts(acme, ada, hourly(**of)))
        return {name for name in made if f" {name} " in words}

    assert names() == set(made)
    # A policy that is deleted has no page any more.
    day = ago(30).astimezone(acme.zone).date()
    assert [url for text, url in said(acme, ada, hourly()) if "Silver" in text] == [
        f"/o/acme/audit/?kind=policy&since={each}&until={each}"
        for each in (day, ago(660).astimezone(acme.zone).date())
    ]
    assert names(apis=(orders.api_id,)) == {"Gold", "by rights", "by policy", "for all"}
    assert names(apis=(returns.api_id,)) == {"Silver", "for all", "elsewhere"}
    key = made["by policy"]
    with scope.org(acme.id):
        former = Generation.objects.get(key_id=key.id).token_hash
        key.refresh_from_db()
    assert names(keys=(key.token_hash,)) == names(keys=(former,)) == {"Gold", "by policy"}
    assert names(keys=(made["elsewhere"].token_hash,)) == {"elsewhere"}
    assert names(apis=("deleted",)) == {"for all"}  # it may have been opened by those
    assert names(keys=("0" * 64,)) == set()
    both = names(apis=(orders.api_id, returns.api_id))
    assert both == {"Gold", "by rights", "by policy", "for all", "Silver", "elsewhere"}
    assert names(keys=(former, made["elsewhere"].token_hash)) == {"Gold", "by policy", "elsewhere"}


def test_of_very_many_changes_the_newest_are_counted_and_said_to_be_some(cast, monkeypatch):
    monkeypatch.setattr(marks, "MOST_ENTRIES", 2)
    for number in range(4):
        with log.dated(ago(30 + number)):
            build.key(cast.acme, alias=f"Key {number}")
    assert texts(cast.acme, cast.acme_admin, hourly()) == ["2 or more key changes: 2 issued"]
