import socket
import time

import pytest

from apis.gateways import redis_client
from keys.models import FoundSession, Key
from orgs import scope
from tests.keys import build
from tests.keys.adoption.build import NAME, find, found, write


@pytest.fixture
def pages(cast, client_for):
    return client_for(cast.acme_admin), f"/o/{cast.acme.slug}/keys/"


def page(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_what_was_made_elsewhere_is_linked_listed_and_taken_over_with_one_click(cast, redis, pages):
    client, keys = pages
    orders, strange = build.api(cast.acme), build.api(cast.globex, "Strange")
    assert "elsewhere" not in page(client, keys)
    write(redis, cast.acme, orders)
    write(redis, cast.acme, orders, strange, name="d" * 64, alias="too much")
    find(redis)
    assert "2 sessions made elsewhere" in page(client, keys)
    listed = page(client, keys + "elsewhere/")
    assert ("partner" in listed, "1 not yours" in listed, "Strange" in listed) == (True, True, False)
    assert client.post(keys + "elsewhere/adoption/").status_code == 302
    with scope.org(cast.acme.id):
        assert [key.token_hash for key in Key.objects.all()] == [NAME]
        assert [row.name for row in FoundSession.objects.all()] == ["d" * 64]


def test_what_is_cut_off_is_said_before_and_has_to_be_confirmed(cast, redis, pages):
    client, keys = pages
    orders, strange = build.api(cast.acme), build.api(cast.globex, "Strange")
    write(redis, cast.acme, orders, strange)
    find(redis)
    address = f"{keys}elsewhere/{found(cast.acme).id}/"
    shown = client.get(address)
    text = shown.content.decode()
    assert "an API that is not of this organisation" in text
    assert (strange.api_id in text, "Strange" in text) == (False, False)
    seen = shown.context["seen"]
    assert client.post(address + "adoption/", {"seen": "nothing"}).status_code == 400
    assert client.post(address + "adoption/", {"seen": seen}).headers["Location"] == address
    made = client.post(address + "adoption/", {"seen": seen, "cut": "on"})
    with scope.org(cast.acme.id):
        key = Key.objects.get()
    assert made.headers["Location"] == f"{keys}{key.id}/"
    detail = page(client, f"{keys}{key.id}/")
    assert "its token is not known here" in detail


def test_one_under_a_short_hash_says_what_that_costs(cast, redis, pages):
    client, keys = pages
    write(redis, cast.acme, build.api(cast.acme), name="d" * 8)
    find(redis)
    assert "32 bits" in page(client, f"{keys}elsewhere/{found(cast.acme, 'd' * 8).id}/")


def test_ending_asks_first(cast, redis, pages):
    client, keys = pages
    write(redis, cast.acme, build.api(cast.acme))
    find(redis)
    address = f"{keys}elsewhere/{found(cast.acme).id}/end/"
    assert "End partner?" in page(client, address)
    assert client.post(address).status_code == 302
    build.deliver(redis)
    assert redis.exists(f"apikey-{NAME}") == 0
    assert client.get(address).status_code == 404


def test_a_session_that_is_gone_and_a_redis_that_is_away_are_said(cast, redis, pages, settings):
    client, keys = pages
    write(redis, cast.acme, build.api(cast.acme))
    find(redis)
    address = f"{keys}elsewhere/{found(cast.acme).id}/"
    redis.flushall()
    assert "not in Redis any more" in page(client, address)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert "does not answer" in page(client, address)
    assert client.post(address + "adoption/", {"seen": "a" * 16}).status_code == 302


def test_a_redis_that_does_not_answer_is_asked_once_however_many_sessions_there_are(
    cast, redis, pages, settings, monkeypatch
):
    monkeypatch.setattr(redis_client, "HASTE", 0.1)
    client, keys = pages
    for name in ("a" * 64, "b" * 64, "c" * 64):
        write(redis, cast.acme, build.api(cast.acme, name[0]), name=name)
    find(redis)
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        begun = time.monotonic()
        assert client.post(keys + "elsewhere/adoption/").status_code == 302
        assert "does not answer" in page(client, f"{keys}elsewhere/{found(cast.acme, 'a' * 64).id}/")
        assert time.monotonic() - begun < 10  # as long as work waits that is not for a page
        silent.settimeout(0.2)
        assert [silent.accept()[0].close() for _ in range(2)] == [None, None]
        with pytest.raises(TimeoutError):
            silent.accept()


def test_a_session_under_a_token_cannot_be_ended_since_nobody_knows_where_it_lies(cast, redis, pages):
    client, keys = pages
    write(redis, cast.acme, build.api(cast.acme), name="a-token-in-clear")
    find(redis)
    with scope.org(cast.acme.id):
        row = FoundSession.objects.get()
    assert client.post(f"{keys}elsewhere/{row.id}/end/").status_code == 404


def test_who_may_only_read_sees_no_button(cast, redis, client_for):
    cast.acme_member.permissions = {"keys": "read"}
    cast.acme_member.save()
    write(redis, cast.acme, build.api(cast.acme))
    find(redis)
    client, address = client_for(cast.acme_member), f"/o/{cast.acme.slug}/keys/elsewhere/"
    assert "<button" not in page(client, address).partition("<main")[2].partition("</main>")[0]
    assert client.post(f"{address}{found(cast.acme).id}/end/").status_code == 403
