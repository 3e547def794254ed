"""`/admin/org/keys` on the wire, and what gateways find of it in their Redis."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apis.models import Outbox
from keys.keys import token
from keys.models import OrganisationKey
from keys.organisations import delivery
from orgs import scope
from orgs.models import AuditEntry
from orgs.organisations import lifecycle as organisations
from tests.keys import build

PATH = "/admin/org/keys"
LIMITS = {"rate": 5, "per": 60, "quota_max": 100, "quota_renewal_rate": 3600}
UPDATED = (200, {"Status": "OK", "Message": "Key updated", "Meta": None})


def put(admin_client, org, body, query="", **headers):
    return admin_client.put(f"{PATH}/{org.id}{query}", body, "application/json", headers=headers)


def said(answer):
    return answer.status_code, answer.json()


def in_redis(redis, org):
    return json.loads(redis.get(f"orgkey.{org.id}") or "null")


def all_that_is_stored():
    with scope.every_org():
        return (
            list(OrganisationKey.objects.values_list("org_id", "members", "change_number", "ended_at")),
            Outbox.objects.count(),
            AuditEntry.objects.count(),
        )


def test_an_organisations_key_is_written_read_listed_and_ended(cast, admin_client, redis):
    assert said(put(admin_client, cast.acme, LIMITS | {"unknown": 1})) == UPDATED
    read = admin_client.get(f"{PATH}/{cast.acme.id}").json()
    assert (read["key_id"], {name: read["data"][name] for name in (*LIMITS, "access_rights")}) == (
        cast.acme.id,
        LIMITS | {"access_rights": {}},
    )
    assert admin_client.get(PATH).json() == {"data": {"keys": [cast.acme.id]}, "pages": 1}
    build.deliver(redis)
    session = in_redis(redis, cast.acme)
    assert {name: session[name] for name in (*LIMITS, "org_id", "quota_remaining")} == LIMITS | {
        "org_id": cast.acme.id,
        "quota_remaining": 100,
    }
    assert in_redis(redis, cast.globex) is None
    ended = admin_client.delete(f"{PATH}/{cast.acme.id}")
    assert said(ended) == (200, {"Status": "OK", "Message": "Key deleted successfully", "Meta": None})
    assert (
        admin_client.get(f"{PATH}/{cast.acme.id}").status_code,
        admin_client.get(PATH).json()["data"],
    ) == (
        404,
        {"keys": []},
    )
    build.deliver(redis)
    # Not deleted: gateways that found none would look for the next one only with the next change of an API.
    session = in_redis(redis, cast.acme)
    assert (session["rate"], session["quota_max"], session["is_inactive"]) == (0, -1, False)


def test_the_first_one_has_gateways_load_again_and_a_later_one_does_not(cast, admin_client, redis):
    def signals():
        with scope.every_org():
            return Outbox.objects.filter(kind="reload", subject=cast.acme.id).count()

    put(admin_client, cast.acme, LIMITS)
    build.deliver(redis)
    first = signals()
    put(admin_client, cast.acme, LIMITS | {"rate": 6})
    build.deliver(redis)
    assert (first, signals()) == (1, 1)


def test_every_change_is_in_the_log_and_an_equal_one_is_none(cast, admin_client):
    for body in (LIMITS, LIMITS, {"is_inactive": True}):
        assert said(put(admin_client, cast.acme, body)) == UPDATED
    with scope.every_org():
        entries = list(AuditEntry.objects.filter(kind="organisation").order_by("at", "id"))
    changes = [entry.changes for entry in entries]
    assert [entry.action for entry in entries] == ["organisation.key_changed"] * 2
    assert changes[0]["rate"] == [None, 5]
    assert (changes[1]["rate"], changes[1]["is_inactive"]) == ([5, None], [None, True])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"rate": "5"}, "rate: must be a number."),
        ({"rate": 5}, "per: A rate needs the seconds that it is counted in."),
        ({"quota_max": 5}, "quota_renewal_rate: A quota_max needs the seconds that it is counted in."),
        ({"quota_max": -2}, "quota_max: Must be a number from 0 up, or -1 for unlimited."),
        ({"is_inactive": "yes"}, "is_inactive: must be true or false."),
        ({"monitor": {"trigger_limits": "x"}}, "monitor.trigger_limits: must be a list."),
        (
            {"access_rights": {"x": {}}},
            "access_rights: An organisation's key opens nothing; leave it out or empty.",
        ),
        (
            {"apply_policies": ["x"]},
            "apply_policies: An organisation's key opens nothing; leave it out or empty.",
        ),
        ({"org_id": "a" * 24}, "org_id: must be the organisation of the path"),
        ([], None),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_stored(cast, admin_client, body, message):
    before = all_that_is_stored()
    answer = put(admin_client, cast.acme, body)
    assert answer.status_code == 400
    assert message is None or answer.json()["Message"] == message
    assert all_that_is_stored() == before


@pytest.mark.parametrize("id", ["a" * 24, "A" * 24, "x"])
def test_there_is_none_of_an_organisation_that_is_not_there(cast, admin_client, id):
    path = f"{PATH}/{id}"
    answers = (
        admin_client.get(path),
        admin_client.put(path, {}, "application/json"),
        admin_client.delete(path),
    )
    assert [said(answer) for answer in answers] == [
        (404, {"Status": "Error", "Message": "Org not found", "Meta": None})
    ] * 3
    assert admin_client.post(PATH, {"org_id": id}, "application/json").status_code == 400


def test_a_change_made_from_what_is_no_more_is_refused(cast, admin_client):
    tag = put(admin_client, cast.acme, LIMITS).headers["ETag"]
    assert put(admin_client, cast.acme, LIMITS | {"rate": 6}, **{"If-Match": tag}).status_code == 200
    assert put(admin_client, cast.acme, LIMITS | {"rate": 7}, **{"If-Match": tag}).status_code == 412
    assert admin_client.delete(f"{PATH}/{cast.acme.id}", headers={"If-Match": tag}).status_code == 412
    assert admin_client.get(f"{PATH}/{cast.acme.id}").json()["data"]["rate"] == 6


def test_a_quota_goes_on_through_a_change_and_begins_anew_when_that_is_asked_for(cast, admin_client, redis):
    put(admin_client, cast.acme, LIMITS)
    build.deliver(redis)
    # As a gateway of 5.14 writes it back, zeros left out.
    begun = {"org_id": cast.acme.id, "quota_max": 100, "quota_renewal_rate": 3600, "rate": 5, "per": 60}
    renews = in_redis(redis, cast.acme)["quota_renews"] - 1000
    redis.set(f"orgkey.{cast.acme.id}", json.dumps(begun | {"quota_renews": renews, "quota_remaining": 40}))
    counter = f"quota-{token.hashed(cast.acme.id, 'legacy')}"
    redis.set(counter, 60)
    put(admin_client, cast.acme, LIMITS | {"rate": 6})
    build.deliver(redis)
    session = in_redis(redis, cast.acme)
    assert (session["quota_renews"], session["quota_remaining"], redis.get(counter)) == (renews, 40, b"60")
    put(admin_client, cast.acme, LIMITS | {"rate": 6}, "?reset_quota=1")
    build.deliver(redis)
    session = in_redis(redis, cast.acme)
    assert (session["quota_renews"] > renews, session["quota_remaining"], redis.get(counter)) == (
        True,
        100,
        None,
    )


def test_the_sweep_puts_right_what_redis_lost_and_what_somebody_wrote(cast, admin_client, redis):
    put(admin_client, cast.acme, LIMITS)
    build.deliver(redis)
    for text in (None, b"{}", json.dumps(in_redis(redis, cast.acme) | {"rate": 500}).encode()):
        redis.delete(f"orgkey.{cast.acme.id}")
        if text:
            redis.set(f"orgkey.{cast.acme.id}", text)
        delivery.sweep(redis)
        assert in_redis(redis, cast.acme)["rate"] == 5
    written = redis.get(f"orgkey.{cast.acme.id}")
    delivery.sweep(redis)
    assert redis.get(f"orgkey.{cast.acme.id}") == written


def test_the_sweep_asks_the_database_as_often_for_two_organisations_as_for_one(cast, admin_client, redis):
    asked = []
    for org in (cast.acme, cast.globex):
        put(admin_client, org, LIMITS)
        build.deliver(redis)
        with CaptureQueriesContext(connection) as queries:
            delivery.sweep(redis)
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_it_goes_with_its_organisation(cast, admin_client, redis):
    put(admin_client, cast.acme, LIMITS)
    put(admin_client, cast.globex, LIMITS)
    build.deliver(redis)
    organisations.delete(cast.acme)
    build.deliver(redis)
    assert (in_redis(redis, cast.acme), in_redis(redis, cast.globex)["rate"]) == (None, 5)
    assert admin_client.get(PATH).json()["data"]["keys"] == [cast.globex.id]


def test_gateways_are_told_to_forget_what_they_knew(cast, admin_client, redis):
    put(admin_client, cast.acme, LIMITS)
    with redis.pubsub() as heard:
        heard.subscribe("tyk.cluster.notifications")
        heard.get_message(timeout=60)
        build.deliver(redis)
        notice = json.loads(heard.get_message(timeout=60)["data"])
    assert (notice["command"], notice["payload"]) == ("KeySpaceUpdateNotification", cast.acme.id)


def test_nobody_but_the_admin_api_reads_or_writes_them(cast, rest, client):
    for caller in (client, rest(cast.acme_admin), rest(cast.super_user)):
        assert [caller.get(PATH).status_code, caller.get(f"{PATH}/{cast.acme.id}").status_code] == [401, 401]
        assert put(caller, cast.acme, LIMITS).status_code == 401
    assert all_that_is_stored()[0] == []
