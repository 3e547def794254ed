"""What a change that is not saved would have refused: of a policy and of a key, for people, in words and as a file."""

import csv
import html
import io
import json
import re
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from dashboard.analytics.replay import reading
from keys.models import Key, Policy
from keys.rotation import lifecycle as rotation
from orgs import scope
from orgs.models import AuditEntry
from tests import make
from tests.analytics.screens import ago, push
from tests.keys import build as keys
from tests.keys.policies import build


def words_of(page):
    main = page.content.decode().partition("<main")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def calls(org, api, key, *minutes: float, path: str = "/items", **members):
    common = {"OrgID": org.id, "APIID": api.api_id, "APIKey": key.token_hash, "APIVersion": "Non Versioned"}
    common |= {"ResponseCode": 200, "Method": "GET", "Path": path, "RawPath": path, **members}
    return [{**common, "TimeStamp": ago(minutes=each)} for each in minutes]


@pytest.fixture
def traffic(committed, cast, redis):
    """A policy of two APIs with two keys, one of them busy, a third key without it, and somebody else's."""
    api, other = keys.api(cast.acme), keys.api(cast.acme, "Other")
    gold = build.policy(cast.acme, api, other, rate=100, per=60)
    busy, quiet = (keys.key(cast.acme, policies=(gold.id,), alias=name)[0] for name in ("busy", "quiet"))
    alone, _ = keys.key(cast.acme, api, other, alias="alone")
    push(
        redis,
        *calls(cast.acme, api, busy, 40.2, 40.1, 40, 30),
        *calls(cast.acme, other, busy, 20, 10),
        *calls(cast.acme, api, quiet, 40),
        *calls(
            cast.acme, api, quiet, 39, ResponseCode=429, RequestTime=0, Latency={"Total": 0, "Upstream": 0}
        ),
        *calls(cast.acme, api, alone, 40, 35, path="/items"),
        *calls(cast.acme, other, alone, 30, path="/secret"),
        *calls(cast.globex, api, busy, 40, 30, 20),
    )
    return gold, (api, other), alone


def counts(run):
    return {key.name: (key.requests, str(key.now), str(key.then)) for key in run.keys}


def stored(org):
    with scope.org(org.id):
        return (
            list(Policy.objects.values_list("id", "revision", "document_text")),
            list(Key.objects.values_list("id", "change_number")),
            AuditEntry.objects.count(),
        )


def test_a_change_of_a_policy_is_played_on_what_its_keys_called(cast, client_for, traffic):
    gold, (api, other), _ = traffic
    ada, address = client_for(cast.acme_admin), f"/o/acme/policies/{gold.id}/dry-run/?as=json"
    before = stored(cast.acme)

    def asked(document: dict, **more: object):
        sent = {"text": json.dumps(document), "started_from": 1, "message": "", **more}
        return ada.post(address, sent)

    with CaptureQueriesContext(connection) as statements:
        tight = asked(build.document("Gold", api, other, rate=2, per=60))
    # The rights of each key are read once, however many APIs it called.
    rights = [each for each in statements if 'FROM "keys_keyright" ' in each["sql"]]
    assert len(rights) == 2
    run = tight.context["run"]
    assert counts(run) == {"busy": (6, "0", "1"), "quiet": (1, "0", "0")}
    assert [(met.reason, str(met.now), str(met.then)) for met in run.reasons] == [("over the rate", "0", "1")]
    assert (run.requests, run.refused, run.losing, run.unplayed, run.gone) == (7, 1, 1, 0, 0)
    assert run.first == run.keys[0].first
    said = words_of(tight)
    assert "1 of 7 requests would have been refused by the change; by what is in force now, 0." in said
    assert "1 request that gateways refused (401, 403, 429), not played" in said

    taken = asked(build.document("Gold", api, rate=100, per=60)).context["run"]
    assert counts(taken) == {"busy": (6, "0", "2"), "quiet": (1, "0", "0")}
    assert [met.reason for met in taken.reasons] == ["no right to the API or its version"]
    used_up = build.document("Gold", api, other, quota_max=3, quota_renewal_rate=86_400)
    assert counts(asked(used_up).context["run"])["busy"] == (6, "0", "3")
    denied = build.document("Gold", api, other, rate=100, per=60, is_inactive=True, state="deny")
    assert counts(asked(denied).context["run"]) == {"busy": (6, "0", "6"), "quiet": (1, "0", "1")}
    assert (
        counts(asked(build.document("Gold", api, other, rate=100, per=60)).context["run"])["busy"][2] == "0"
    )

    file = asked(build.document("Gold", api, other, rate=2, per=60), dry_format="csv", dry_days=1)
    rows = list(csv.DictReader(io.StringIO(file.getvalue().decode("utf-8-sig"))))
    assert [rows[0][name] for name in ("key", "requests", "refused_then_least")] == ["busy", "6", "1"]

    assert stored(cast.acme) == before

    for wrong in ("0", "31", "x"):
        assert asked(build.document("Gold", api, other), dry_days=wrong).status_code == 400
    faulty = ada.post(address, {"text": '{"rate": "many"}', "started_from": 1})
    assert (faulty.status_code, "run" in faulty.context) == (400, False)
    assert ada.post(address.replace(gold.id, "0" * 24), {}).status_code == 404
    assert ada.get(address).status_code == 405
    searched = ada.post(address.removesuffix("?as=json"), {"find": "x", "name": "Gold"})
    assert (searched.status_code, searched.context.get("run")) == (200, None)


def test_a_change_of_a_key_is_played_on_its_own_requests(cast, client_for, traffic):
    _, (api, other), alone = traffic
    ada, address = client_for(cast.acme_admin), f"/o/acme/keys/{alone.id}/dry-run/"
    before = stored(cast.acme)
    sent = {"alias": "alone", "access_rights": [api.api_id, other.api_id], "rate": "", "per": "", "seen": 1}

    def asked(**changes: object):
        return ada.post(address, sent | changes).context["run"]

    assert counts(asked()) == {"alone": (3, "0", "0")}
    assert counts(asked(rate="1", per="420")) == {"alone": (3, "0", "1 to 2")}
    assert counts(asked(access_rights=[api.api_id])) == {"alone": (3, "0", "1")}
    assert counts(asked(quota_max="1", quota_renewal_rate="86400")) == {"alone": (3, "0", "2")}
    page = ada.post(address, sent | {"rate": "1", "per": "420"})
    assert words_of(page).count("1 to 2 of 3 requests") == 1
    # What was typed comes along, back to the form.
    assert ("rate", "1") in page.context["sent"]
    back = ada.post(page.context["back"], sent | {"rate": "1", "per": "420", "find": ""})
    assert back.context["form"]["rate"].value() == "1"
    # And so does which state of the key the page showed when the typing began, whatever is wrong with the form.
    faulty = ada.post(address, sent | {"rate": "-5", "seen": 0})
    assert (faulty.status_code, faulty.context["seen"]) == (400, 0)
    assert ada.post(address, sent | {"seen": "x"}).status_code == 400
    assert stored(cast.acme) == before


def test_what_was_played_are_requests_that_gateways_passed_on_with_any_token_of_a_key(
    committed, cast, redis, client_for
):
    api, gone = keys.api(cast.acme), keys.api(cast.acme, "Gone", active=False)
    gold = build.policy(cast.acme, api, gone)
    before, _ = keys.key(cast.acme, policies=(gold.id,), alias="turned")
    with scope.org(cast.acme.id), transaction.atomic():
        now, _ = rotation.rotate(before, overlap=timedelta(hours=1))
    own = {"RequestTime": 5, "Latency": {"Total": 5, "Upstream": 5}}
    refused = {"RequestTime": 0, "Latency": {"Total": 0, "Upstream": 0}}
    push(
        redis,
        *calls(cast.acme, api, before, 50, 40),
        *calls(cast.acme, api, now, 30),
        *calls(cast.acme, gone, now, 25),
        *(
            call
            for code in (401, 403, 429)
            for call in calls(cast.acme, api, now, 20, ResponseCode=code, **own)
        ),
        *calls(cast.acme, api, now, 10, ResponseCode=403, **refused),
    )
    sent = {"text": json.dumps(build.document("Gold", api, gone)), "started_from": 1}
    run = (
        client_for(cast.acme_admin).post(f"/o/acme/policies/{gold.id}/dry-run/?as=json", sent).context["run"]
    )
    assert (run.requests, run.gone, run.refused, run.unplayed) == (6, 1, 1, 0)


def test_who_may_not_see_traffic_is_not_offered_it_nor_answered(cast, client_for, traffic):
    gold, (api, _), alone = traffic
    kim = client_for(make.user("kim@acme.example", cast.acme, {"policies": "write", "keys": "write"}))
    lea = client_for(make.user("lea@acme.example", cast.acme, {"analytics": "read"}))
    ada, gil = client_for(cast.acme_admin), client_for(cast.globex_admin)
    pages = {f"/o/acme/policies/{gold.id}/": "edit/?as=json", f"/o/acme/keys/{alone.id}/": "edit/"}
    for address, edit in pages.items():
        assert "What would this have refused?" in words_of(ada.get(address + edit))
        assert "What would this have refused?" not in words_of(kim.get(address + edit))
        for person in (kim, lea):
            assert person.post(f"{address}dry-run/", {}).status_code == 403
        assert gil.post(f"{address}dry-run/", {}).status_code == 404
    named = client_for(make.user("ros@acme.example", cast.acme, {"policies": "read", "analytics": "read"}))
    sent = {"text": json.dumps(build.document("Gold", api)), "started_from": 1}
    run = named.post(f"/o/acme/policies/{gold.id}/dry-run/?as=json", sent).context["run"]
    assert all(re.fullmatch("[0-9a-f]{8}", key.name) for key in run.keys)


def test_what_was_left_out_is_said_and_what_takes_too_long_is_not_known(
    cast, client_for, traffic, monkeypatch
):
    gold, apis, _ = traffic
    ada, address = client_for(cast.acme_admin), f"/o/acme/policies/{gold.id}/dry-run/?as=json"
    sent = {"text": json.dumps(build.document("Gold", *apis, rate=2, per=60)), "started_from": 1}
    monkeypatch.setattr(reading, "MOST_REQUESTS", 4)
    cut = ada.post(address, sent)
    run = cut.context["run"]
    assert (run.requests, run.unplayed, run.unplayed_keys) == (4, 4, 1)
    assert "4 requests not played , all those of 1 key among them" in words_of(cut)
    monkeypatch.setattr(reading, "SECONDS", -1)
    assert ada.post(address, sent).context["run"].unplayed_keys == 2

    def late(*_):
        raise reading.DatabaseError

    monkeypatch.setattr(reading, "_busiest", late)
    unknown = ada.post(address, sent)
    assert (unknown.status_code, unknown.context["run"]) == (503, None)
    assert "Not known" in words_of(unknown)


def test_enter_in_a_field_saves_and_plays_nothing(cast, client_for):
    key, _ = keys.key(cast.acme, keys.api(cast.acme))
    form = (
        client_for(cast.acme_admin).get(f"/o/acme/keys/{key.id}/edit/").content.decode().partition("<main")[2]
    )
    first = next(each for each in re.findall(r"<button[^>]*>[^<]*", form) if 'type="button"' not in each)
    assert first.endswith(">Save")
