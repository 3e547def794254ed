"""What the worker finds each minute, and what it leaves to be told: on real rollups, keys and certificates."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apis.gateways import names
from apis.publishing import publish
from dashboard.alerts import evaluation
from dashboard.alerts.looking import quotas, worst
from dashboard.alerts.models import Incident, Rule
from keys.certificates import lifecycle as certificate_lifecycle
from keys.keys import lifecycle as key_lifecycle
from keys.models import Generation
from keys.rotation import lifecycle as rotation
from orgs import scope
from orgs.models import AuditEntry, Organisation, User
from orgs.organisations import lifecycle as organisations
from tests.alerts.build import again, incidents, look, messages, requests, rule, stored_until, told, watched
from tests.analytics.screens import push
from tests.concurrency import together
from tests.keys import build as keys
from tests.keys.certificates import build as certificates

MINUTE = timedelta(minutes=1)


def state(made) -> tuple:
    row = again(made)
    return row.state, row.value, row.note


def test_a_share_of_failures_begins_goes_on_and_ends_and_each_is_told_once(committed, redis, cast):
    now = timezone.now()
    push(redis, *requests(cast.acme, now - 5 * MINUTE, 18), *requests(cast.acme, now - 5 * MINUTE, 2, 503))
    # Of others, and of another API.
    push(redis, *requests(cast.globex, now - 5 * MINUTE, 50, 503))
    all_apis = rule(
        cast.acme,
        least=20,
        mails=["ada@acme.example", "gone@acme.example"],
        webhook="https://hooks.example/x",
    )
    orders = rule(cast.acme, api=keys.api(cast.acme), name="Of an API without requests")
    strict = rule(cast.acme, threshold=10.1, name="Not reached")
    few = rule(cast.acme, least=21, name="Too few")
    off = rule(cast.acme, enabled=False, name="Off")
    for minute in range(3):
        look(cast.acme, now + minute * MINUTE)
    assert [state(made) for made in (all_apis, orders, strict, few, off)] == [
        ("firing", 10, "20 requests."),
        ("ok", None, "0 requests, which is too few to say anything."),
        ("ok", 10, "20 requests."),
        ("ok", 10, "20 requests, which is too few to say anything."),
        ("unknown", None, ""),
    ]
    [incident] = incidents(cast.acme)
    assert (incident.rule_id, incident.began_at, incident.first, incident.worst) == (all_apis.id, now, 10, 10)
    assert (incident.told_at, incident.ended_at) == (now, None)
    began = [("began", "mail", "ada@acme.example"), ("began", "webhook", "")]
    assert sorted(told(cast.acme)) == began
    push(redis, *requests(cast.acme, now - 4 * MINUTE, 20, 503))
    look(cast.acme, now + 3 * MINUTE)
    look(cast.acme, now + 30 * MINUTE)
    [incident] = [each for each in incidents(cast.acme) if each.rule_id == all_apis.id]
    assert (incident.worst, incident.ended_at) == (55, now + 30 * MINUTE)
    assert sorted(told(cast.acme)) == [
        *began,
        ("ended", "mail", "ada@acme.example"),
        ("ended", "webhook", ""),
    ]
    ended = next(row.facts for row in messages(cast.acme) if row.told == "ended")
    since = f"{now.day} {now:%b %Y %H:%M}"
    assert ended["text"].startswith(f"Over: Errors: at worst 55 % with 5xx, from {since} to ")
    assert ended["text"].endswith(", UTC.")
    assert (ended["alert"]["about"], ended["organisation"]["name"]) == ("all APIs", "Acme Retail")
    assert incidents(cast.globex) == []


def test_the_quiet_period_holds_a_repeat_and_tells_one_that_is_still_bad_when_it_is_over(
    committed, redis, cast
):
    now = timezone.now()
    Organisation.everyone.filter(pk=cast.acme.pk).update(time_zone="Asia/Kathmandu")
    made = rule(cast.acme, mails=["ada@acme.example"], quiet=30, window=5)
    push(redis, *requests(cast.acme, now - 3 * MINUTE, 20, 503))
    look(cast.acme, now)
    look(cast.acme, now + 10 * MINUTE)
    assert [row.told for row in messages(cast.acme)] == ["began", "ended"]

    def bad_again(at, until):
        """The requests of before stand for some of later: the ingest takes no stamps ahead of the clock."""
        with scope.org(cast.acme.id):
            Rule.objects.filter(id=made.id).update(window=until)
        look(cast.acme, at)

    bad_again(now + 12 * MINUTE, 60)
    held = incidents(cast.acme)[-1]
    assert (held.began_at, held.told_at) == (now + 12 * MINUTE, None)
    bad_again(now + 14 * MINUTE, 5)
    assert incidents(cast.acme)[-1].ended_at == now + 14 * MINUTE
    assert [row.told for row in messages(cast.acme)] == ["began", "ended"]
    bad_again(now + 20 * MINUTE, 60)
    bad_again(now + 29 * MINUTE, 60)
    assert len(messages(cast.acme)) == 2
    bad_again(now + 30 * MINUTE, 60)
    assert [row.told for row in messages(cast.acme)] == ["began", "ended", "began"]
    since = (now + 20 * MINUTE).astimezone(ZoneInfo("Asia/Kathmandu"))
    assert f"since {since:%-d %b %Y %H:%M}, Asia/Kathmandu" in messages(cast.acme)[-1].facts["text"]


def test_silence_is_told_of_traffic_that_was_there_and_never_where_it_is_not_known(committed, redis, cast):
    now = timezone.now()
    orders = keys.api(cast.acme)
    all_apis = rule(cast.acme, "silence", threshold=None)
    of_one = rule(cast.acme, "silence", threshold=None, api=orders, name="Of one")
    look(cast.acme, now)
    assert state(all_apis) == state(of_one) == ("unknown", None, "No request was ever seen.")
    push(
        redis,
        *requests(cast.acme, now - 5 * MINUTE, 1),
        *requests(cast.acme, now - 15 * MINUTE, 1, api=orders.api_id),
    )
    look(cast.acme, now)
    assert state(all_apis) == ("ok", None, "1 request in the last 10 minutes.")
    assert state(of_one)[0] == "firing"
    assert incidents(cast.acme)[0].first >= 14
    stored_until(now + 17 * MINUTE)
    look(cast.acme, now + 20 * MINUTE, complete=False)
    assert state(all_apis)[:2] == ("unknown", None)
    assert state(all_apis)[2].startswith("Traffic is stored up to ")
    assert (state(of_one)[0], len(incidents(cast.acme))) == ("firing", 1)
    stored_until(now + 20 * MINUTE, "It says 12:00.")
    look(cast.acme, now + 20 * MINUTE, complete=False)
    assert state(all_apis)[2] == "This server's clock is not believed, so no traffic is stored."
    look(cast.acme, now + 20 * MINUTE)
    assert (state(all_apis)[0], [each.ended_at for each in incidents(cast.acme)]) == ("firing", [None, None])


def test_a_gateway_whose_clock_is_behind_makes_no_silence_and_a_true_one_is_told_a_window_after_the_last_request(
    committed, redis, cast
):
    now = timezone.now()
    orders, quiet, slow = keys.api(cast.acme), keys.api(cast.acme, "Quiet"), keys.api(cast.acme, "Slow")
    silent = rule(cast.acme, "silence", threshold=None, api=orders, mails=["ada@acme.example"])
    other = rule(cast.acme, "silence", threshold=None, api=quiet, name="Other")
    # All called an hour ago, by clocks that were right; then one gateway's clock is half an hour behind, and that of
    # another API more than a day.
    push(redis, *requests(cast.acme, now - 60 * MINUTE, 1, api=quiet.api_id))
    push(redis, *requests(cast.acme, now - 60 * MINUTE, 1, api=orders.api_id))
    push(redis, *requests(cast.acme, now - 60 * MINUTE, 1, api=slow.api_id))
    far = rule(cast.acme, "silence", threshold=None, api=slow, name="Far")

    def at(minute, *, calls):
        if calls:
            push(redis, *requests(cast.acme, now + (minute - 30) * MINUTE, 2, api=orders.api_id))
            push(redis, *requests(cast.acme, now + (minute - 1_800) * MINUTE, 2, api=slow.api_id))
        look(cast.acme, now + minute * MINUTE, late=True)
        assert again(far).state == again(silent).state
        return again(silent).state, again(other).state

    young = "It was not watched for 10 minutes yet: only then it can be told whether requests come late, or a"
    assert [at(minute, calls=True) for minute in (0, 5, 9)] == [("unknown", "unknown")] * 3
    assert state(silent)[2] == f"{young} gateway's clock is behind."
    # Somebody else's silence is told meanwhile.
    assert [at(minute, calls=True) for minute in range(10, 22)] == [("ok", "firing")] * 12
    assert state(silent)[2] == (
        "20 more requests came with times of before these 10 minutes: late, or from a gateway whose clock is behind. "
        "They keep coming, so there is no silence."
    )
    assert [at(minute, calls=False)[0] for minute in range(22, 31)] == ["ok"] * 4 + ["unknown"] * 5
    assert state(silent)[2] == (
        "2 more requests came with times of before these 10 minutes: late, or from a gateway whose clock is behind. "
        "So there may be no silence."
    )
    assert [at(31, calls=False)[0], told(cast.acme)] == ["firing", [("began", "mail", "ada@acme.example")]]
    # Some that come late may be of before; it is over as soon as they keep coming.
    assert [at(minute, calls=True)[0] for minute in (32, 34, 37)] == ["firing", "firing", "ok"]
    assert told(cast.acme)[1:] == [("ended", "mail", "ada@acme.example")]


def test_what_comes_late_may_have_been_good_so_a_share_that_is_high_without_it_begins_nothing(
    committed, redis, cast
):
    now = timezone.now()
    failing = rule(cast.acme, threshold=20)
    sure = rule(cast.acme, threshold=10, name="Sure")
    slow = rule(cast.acme, "p95", threshold=900)
    few, fewer = (rule(cast.acme, threshold=20, least=least, name=f"{least}") for least in (40, 41))
    look(cast.acme, now - 11 * MINUTE, late=True)
    assert state(failing)[2].startswith("It was not watched") is False  # nothing was bad
    push(
        redis,
        *requests(cast.acme, now - 3 * MINUTE, 15),
        *requests(cast.acme, now - 3 * MINUTE, 5, 503, latency=1_000),
    )
    push(redis, *requests(cast.acme, now - 40 * MINUTE, 20))
    look(cast.acme, now, late=True)
    late = "20 more requests came with times of before these 10 minutes: late, or from a gateway whose clock is behind."
    assert state(failing) == (
        "unknown",
        25,
        f"20 requests. {late} It is not known how many of them were bad.",
    )
    assert state(sure) == ("firing", 25, f"20 requests. {late}")
    assert state(slow)[0] == "firing"
    # Where those that came late would be enough to say something, it is not calm.
    too_few = "20 requests, which is too few to say anything."
    assert state(few) == ("unknown", 25, f"{too_few} {late} It is not known how many of them were bad.")
    assert state(fewer) == ("ok", 25, too_few)
    push(redis, *requests(cast.acme, now - 40 * MINUTE, 65))
    look(cast.acme, now + MINUTE, late=True)
    assert [again(made).state for made in (failing, slow)] == ["unknown", "firing"]


def test_a_slow_percentile_is_found_among_the_requests_that_were_passed_on(committed, redis, cast):
    now = timezone.now()
    slow, fast = rule(cast.acme, "p95", threshold=900), rule(cast.acme, "p95", threshold=1_100, name="Fast")
    push(
        redis,
        *requests(cast.acme, now - 3 * MINUTE, 18),
        *requests(cast.acme, now - 3 * MINUTE, 2, latency=1_000),
    )
    look(cast.acme, now)
    assert [
        (made.state, made.value == pytest.approx(1_000, rel=1 / 64)) for made in map(again, (slow, fast))
    ] == [
        ("firing", True),
        ("ok", True),
    ]


def _opening_nothing(redis, cast, orders, limits) -> list[str]:
    """Tokens of keys with a full quota: of one that is revoked, and former ones, which ended or were ended by hand."""
    tokens = []
    for name in ("Revoked", "Ended", "Retired"):
        key, _ = keys.key(cast.acme, orders, alias=name, **limits)
        tokens.append(key.token_hash)
        if name == "Revoked":
            keys.inside(cast.acme, key_lifecycle.revoke, key)
        else:
            key, _ = keys.inside(cast.acme, rotation.rotate, key, 60 * MINUTE)
        redis.set(names.quota(key.counted_under, ""), b"99")
    with scope.org(cast.acme.id):
        former = Generation.objects.filter(token_hash=tokens[1])
        former.update(made_at=F("made_at") - 60 * MINUTE, ends_at=F("made_at") - MINUTE)
        Generation.objects.filter(token_hash=tokens[2]).update(retired_at=F("made_at"))
    return tokens


def test_a_key_that_nears_its_quota_is_found_by_its_name_and_another_by_its_own(
    committed, redis, cast, settings, monkeypatch
):
    now = timezone.now()
    made = rule(cast.acme, "quota", threshold=90, mails=["ada@acme.example"])
    orders = keys.api(cast.acme)
    limits = {"quota_max": 100, "quota_renewal_rate": 3_600}
    full, other, idle = (
        keys.key(cast.acme, orders, alias=name, **limits)[0] for name in ("Full", "Other", "Idle")
    )
    keys.key(cast.acme, orders, alias="Without a quota")
    # One that is called with its former token, too, is one key.
    former = other.token_hash
    other, _ = keys.inside(cast.acme, rotation.rotate, other, 60 * MINUTE)
    for key, used in ((full, b"90"), (other, b"89"), (idle, b"99")):
        redis.set(names.quota(key.counted_under, ""), used)
    push(
        redis,
        *requests(cast.acme, now, 2, APIKey=full.token_hash),
        *requests(cast.acme, now, 1, APIKey=former),
        *(
            each
            for token in _opening_nothing(redis, cast, orders, limits)
            for each in requests(cast.acme, now, 1, APIKey=token)
        ),
    )
    look(cast.acme, now)
    assert [(each.subject, each.label, each.worst) for each in incidents(cast.acme)] == [
        (full.id, "Full", 90)
    ]
    assert state(made) == ("firing", 90, "2 keys with a quota called in the last hour.")
    assert messages(cast.acme)[0].facts["text"].startswith("Alert: Quota (Full): 90 % used, since ")
    assert again(made).due_at > now + 3 * MINUTE
    # One that calls no more is as full as it was.
    look(cast.acme, now + 180 * MINUTE)
    assert state(made)[:2] == ("firing", 90)
    push(redis, *requests(cast.acme, now, 1, APIKey=other.token_hash))
    redis.set(names.quota(other.counted_under, ""), b"100")
    address, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:1/0"
    look(cast.acme, now + MINUTE)
    assert state(made) == ("firing", None, "The gateways' Redis does not answer.")
    settings.REDIS_URL = address
    redis.set(names.quota(full.counted_under, ""), b"3")
    look(cast.acme, now + 2 * MINUTE)
    assert [(each.label, each.ended_at is None) for each in incidents(cast.acme)] == [
        ("Full", False),
        ("Other", True),
    ]
    # Where more are full than are told of, others do not make it over.
    monkeypatch.setattr(worst, "MOST_NAMED", 1)
    monkeypatch.setattr(quotas, "AT_ONCE", 1)
    redis.set(names.quota(other.counted_under, ""), b"95")
    redis.set(names.quota(full.counted_under, ""), b"99")
    look(cast.acme, now + 2 * MINUTE)
    assert [each.ended_at is None for each in incidents(cast.acme)] == [False, True]
    assert (state(made), again(made).more) == (
        ("firing", 99, "2 keys with a quota called in the last hour."),
        1,
    )
    # How many others there are is not forgotten either.
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    look(cast.acme, now + 2 * MINUTE)
    assert again(made).more == 1
    settings.REDIS_URL = address
    with scope.org(cast.acme.id), transaction.atomic():
        key_lifecycle.revoke(again(other))
    redis.set(names.quota(full.counted_under, ""), b"3")
    look(cast.acme, now + 3 * MINUTE)
    assert [each.ended_at is None for each in incidents(cast.acme)] == [False, False]


def test_certificates_that_end_soon_are_found_and_those_deleted_are_over(cast, monkeypatch):
    now = timezone.now()
    made = rule(cast.acme, "certificate", threshold=14, webhook="https://hooks.example/x")
    soon = certificates.uploaded(cast.acme, certificates.made("soon", end=7).pem)
    certificates.uploaded(cast.acme, certificates.made("late", end=30).pem)
    certificates.uploaded(cast.globex, certificates.made("theirs", end=1).pem)
    look(cast.acme, now)
    [incident] = incidents(cast.acme)
    assert (incident.subject, incident.label, 6 < incident.worst < 7) == (soon.id, "soon", True)
    assert (state(made)[0], again(made).more) == ("firing", 0)
    # Those that end sooner are counted, and do not make it over.
    monkeypatch.setattr(worst, "MOST_NAMED", 1)
    sooner = [
        certificates.uploaded(cast.acme, certificates.made(f"sooner {day}", end=day).pem) for day in (1, 2)
    ]
    look(cast.acme, now)
    assert (len(incidents(cast.acme)), again(made).more) == (1, 2)
    with scope.org(cast.acme.id), transaction.atomic():
        for each in sooner:
            certificate_lifecycle.delete(certificates.now(each))
    with scope.org(cast.acme.id), transaction.atomic():
        certificate_lifecycle.delete(certificates.now(soon))
    look(cast.acme, now + MINUTE)
    assert [row.told for row in messages(cast.acme)] == ["began", "ended"]


def test_what_was_written_while_the_clock_was_ahead_holds_nothing_back(cast):
    now = timezone.now()
    made = rule(cast.acme, "certificate", threshold=14, mails=["ada@acme.example"])
    soon = certificates.uploaded(cast.acme, certificates.made("soon", end=7).pem)
    ahead = now + timedelta(days=1)
    with scope.org(cast.acme.id):
        Rule.objects.filter(id=made.id).update(due_at=ahead)
        times = {"began_at": ahead, "told_at": ahead, "ended_at": ahead}
        Incident.objects.create(rule=made, subject=soon.id, first=6, worst=6, **times)
    evaluation.step(None)
    assert state(made)[0] == "firing"
    assert told(cast.acme) == [("began", "mail", "ada@acme.example")]
    assert again(made).due_at < now + 11 * MINUTE
    evaluation.step(None)
    assert len(incidents(cast.acme)) == 2


def test_two_workers_at_once_write_once(committed, redis, cast):
    now = timezone.now()
    push(redis, *requests(cast.acme, now - 3 * MINUTE, 20, 503))
    for number in range(5):
        rule(cast.acme, name=f"Rule {number}", mails=["ada@acme.example"])
    watched(cast.acme, now)
    with scope.every_org():
        Rule.objects.update(due_at=now - MINUTE)
    together(lambda: evaluation.step(None))
    assert (len(incidents(cast.acme)), len(messages(cast.acme))) == (5, 5)


def test_one_organisation_whose_alerts_fail_keeps_no_other_waiting(cast, monkeypatch, caplog):
    made = []
    for org in (cast.acme, cast.globex):
        made.append(rule(org, "certificate", threshold=30))
        certificates.uploaded(org, certificates.made(org.slug, end=3).pem)
    real = evaluation.certificates.find

    def fails_for_acme(row, begun, now):
        if row.org_id == cast.acme.id:
            raise ValueError("broken")
        return real(row, begun, now)

    monkeypatch.setattr(evaluation.certificates, "find", fails_for_acme)
    before = timezone.now()
    evaluation.step(None)
    assert [len(incidents(org)) for org in (cast.acme, cast.globex)] == [0, 1]
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"alerts of organisation {cast.acme.id}: ValueError: broken (")
    assert [state(made)[0] for made in made] == ["unknown", "firing"]
    with scope.every_org():
        assert before < Rule.objects.get(org=cast.acme).due_at <= timezone.now() + MINUTE
        Rule.objects.filter(org=cast.globex).delete()
        Rule.objects.update(due_at=timezone.now())
    with pytest.raises(ValueError, match="broken"):
        evaluation.step(None)


def test_the_alerts_of_an_api_go_with_it_and_say_so(cast):
    orders = keys.api(cast.acme)
    made = rule(cast.acme, api=orders)
    other = rule(cast.acme, name="Of all")
    with scope.org(cast.acme.id), transaction.atomic():
        publish.delete(orders, author=cast.acme_admin)
    with scope.org(cast.acme.id):
        assert [row.id for row in Rule.objects.all()] == [other.id]
        [entry] = AuditEntry.objects.filter(kind="alert")
    assert (entry.action, entry.object_id, entry.changes["why"]) == (
        "alert.deleted",
        made.id,
        ["its API was deleted", None],
    )
    with scope.org(cast.acme.id), transaction.atomic():
        organisations.delete(cast.acme, actor=cast.super_user)
        assert list(Rule.objects.all()) == []


def test_what_ended_long_ago_is_forgotten(cast):
    made, now = rule(cast.acme), timezone.now()
    with scope.org(cast.acme.id):
        for days, open in ((401, False), (401, True), (399, False)):
            at = now - timedelta(days=days)
            Incident.objects.create(
                rule=made, began_at=at, ended_at=None if open else at, first=1, worst=1, subject=f"{days}"
            )
    evaluation.forget()
    assert [(each.subject, each.ended_at is None) for each in incidents(cast.acme)] == [
        ("401", True),
        ("399", False),
    ]


def test_people_who_left_and_strangers_are_not_told_unless_an_administrator_allowed_it(
    committed, redis, cast
):
    now = timezone.now()
    push(redis, *requests(cast.acme, now - 3 * MINUTE, 20, 503))
    left = {"permissions": {"analytics": "read"}, "is_active": False}
    User.everyone.filter(pk=cast.acme_member.pk).update(**left)
    mails = ["ada@acme.example", "max@acme.example", "gus@globex.example", "duty@partner.example"]
    rule(cast.acme, mails=mails, outside=["duty@partner.example", "max@acme.example"])
    look(cast.acme, now)
    assert sorted(row.address for row in messages(cast.acme)) == ["ada@acme.example", "duty@partner.example"]
