"""Kept responses lie under `cache-`, the API's id twice, who asked and a checksum: so 3.0.12 and 5.14.0 write them."""

import hashlib

from apis.gateways import responses
from apis.models import Outbox
from orgs import scope
from tests.keys import build

CHECKSUM = hashlib.md5(b"GET-/orders/").hexdigest()  # noqa: S324  as gateways do


def kept(redis, *api_ids):
    names = [f"cache-{api_id}{api_id}127.0.0.1{CHECKSUM}" for api_id in api_ids]
    redis.mset(dict.fromkeys(names, "a response"))
    return names


def deliver(redis, cast):
    with scope.org(cast.acme.id):
        Outbox.objects.filter(kind=responses.KIND).update(due_at="2026-01-01T00:00:00Z")
    build.deliver(redis)


def test_what_is_kept_of_one_api_is_dropped_and_of_no_other(cast, redis, rest, client_for):
    ours, more = build.api(cast.acme, "Orders"), build.api(cast.acme, "More")
    other = build.api(cast.globex, "Other")
    # Ids that begin like ours are other APIs'.
    [_, *stay] = kept(redis, ours.api_id, more.api_id, other.api_id, ours.api_id + "0", ours.api_id[:-1])
    ada = rest(cast.acme_admin)
    answers = [ada.delete(f"/api/cache/{api.api_id}") for api in (ours, ours, other)]
    assert [answer.status_code for answer in answers] == [200, 200, 404]
    assert answers[0].json() == {"Status": "OK", "Message": "cache invalidated", "Meta": None}
    with scope.every_org():
        assert list(Outbox.objects.filter(kind=responses.KIND).values_list("subject")) == [(ours.api_id,)]
    deliver(redis, cast)
    assert sorted(name.decode() for name in redis.keys("cache-*")) == sorted(stay)
    [again] = kept(redis, more.api_id)
    page = client_for(cast.acme_admin).post(f"/o/acme/apis/{more.id}/cache/", follow=True)
    assert (
        page.content.decode().count("Gateways drop the responses that they keep of More, within seconds.")
        == 1
    )
    deliver(redis, cast)
    assert redis.exists(again) == 0
    assert client_for(cast.acme_member).post(f"/o/acme/apis/{ours.id}/cache/").status_code == 403
