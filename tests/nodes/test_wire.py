import gzip
import json
import logging
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from apis.models import FeedVersion
from dashboard.nodes import envelope
from dashboard.nodes.models import Node
from keys.models import PolicyFeed
from keys.policies.render import PLACEHOLDER
from orgs import scope
from orgs.ids import new_id
from tests.keys import build as keys
from tests.keys.policies import build
from tests.nodes.acceptance import objection
from tests.nodes.gateway import published

ROUTES = [
    ("GET", "/register/node"),
    ("GET", "/register/ping"),
    ("DELETE", "/system/node"),
    ("GET", "/system/apis"),
    ("GET", "/system/policies"),
    ("GET", "/system/clientidps"),
    ("POST", "/system/key/quota_trigger"),
]


@pytest.fixture
def ask(node_client, db):
    """Sends what a node sends; every answer must be one that no gateway is harmed by."""

    def send(request, session="", node="", nonce="", hostname="", **others):
        method, path = request.split(" ")
        given = {"X-Tyk-Session-Id": session, "X-Tyk-Nodeid": node, "X-Tyk-Nonce": nonce}
        given |= {"X-Tyk-Hostname": hostname}
        headers = {name: value for name, value in given.items() if value} | others
        answer = node_client.generic(method, path, headers=headers)
        assert objection(request, answer.status_code, lower(answer.headers), answer.content) == ""
        return answer

    return send


def lower(headers):
    return {name.lower(): value for name, value in headers.items()}


def test_a_new_session_is_given_a_node_id_and_a_nonce(ask):
    answer = ask("GET /register/node", session="s1", hostname="edge-1")
    row = Node.objects.get()
    assert (row.session_id, row.hostname, row.address) == ("s1", "edge-1", "127.0.0.1")
    assert answer.status_code == 200
    assert answer.json() == {"Status": "OK", "Message": {"NodeID": row.node_id}, "Nonce": row.nonce}


def test_a_session_that_registered_is_refused_with_409_that_is_not_json_and_noted_for_a_signal(ask):
    before = ask("GET /register/node", session="s1").json()
    Node.objects.update(asked_at=timezone.now())
    answer = ask("GET /register/node", session="s1")
    row = Node.objects.get()
    assert (answer.status_code, answer.content) == (409, envelope.ALREADY_REGISTERED)
    assert (row.node_id, row.nonce) == (before["Message"]["NodeID"], before["Nonce"])
    assert (row.refused_at is not None, row.asked_at) == (True, None)


@pytest.mark.parametrize("first", ["GET /register/ping", "GET /system/apis", "GET /system/policies"])
def test_a_session_only_seen_in_a_ping_or_a_pull_is_refused_when_it_registers(ask, first):
    ask(first, session="s1", node="solo-1")
    assert ask("GET /register/node", session="s1").status_code == 409
    assert Node.objects.count() == 1


def test_a_session_that_said_goodbye_registers_anew_with_another_nonce(ask):
    first = ask("GET /register/node", session="s1").json()
    farewell = ask("DELETE /system/node", session="s1", node=first["Message"]["NodeID"])
    assert farewell.json() == {"Status": "OK", "Message": None, "Nonce": first["Nonce"]}
    assert Node.objects.count() == 0
    second = ask("GET /register/node", session="s1")
    assert (second.status_code, second.json()["Nonce"] != first["Nonce"]) == (200, True)


def test_a_goodbye_of_a_session_nobody_knows_is_answered_with_the_nonce_it_sent(ask):
    assert ask("DELETE /system/node", session="s1", nonce="n1").json()["Nonce"] == "n1"


@pytest.mark.parametrize("first", ["GET /register/node", "GET /register/ping", "GET /system/policies"])
def test_a_node_may_use_the_former_secret_until_that_is_taken_out_of_the_settings(ask, settings, first):
    former = {"Authorization": "the-former-node-secret"}
    settings.NODE_SECRET_FORMER = former["Authorization"]
    refused = ask(first, session="s1", Authorization="another")
    assert (refused.status_code, ask(first, session="s1", **former).status_code) == (401, 200)
    assert list(Node.objects.values_list("session_id", "by_former_secret")) == [("s1", True)]
    settings.NODE_SECRET_FORMER = ""
    given = [*former.values(), ""]
    assert [ask("GET /system/apis", Authorization=each).status_code for each in given] == [401, 401]
    ask("GET /register/ping", session="s1")
    assert list(Node.objects.values_list("by_former_secret")) == [(False,)]


def test_the_nonce_stays_the_same_on_every_answer_whatever_nonce_the_node_sends(ask):
    registered = ask("GET /register/node", session="s1").json()
    identity = {"session": "s1", "node": registered["Message"]["NodeID"]}
    nonces = [
        ask(request, **identity, nonce=nonce).json()["Nonce"]
        for nonce in ("", "an older one", registered["Nonce"])
        for request in (f"{method} {path}" for method, path in ROUTES[1:2] + ROUTES[3:])
    ]
    assert nonces == [registered["Nonce"]] * 15


def test_a_ping_before_the_registration_is_taken_in_with_its_own_node_id_and_no_nonce(ask):
    answer = ask("GET /register/ping", session="s1", node="solo-1", hostname="edge-1")
    row = Node.objects.get()
    assert answer.json() == {"Status": "OK", "Message": None, "Nonce": row.nonce}
    assert (row.session_id, row.node_id, row.hostname) == ("s1", "solo-1", "edge-1")


def test_a_node_whose_registration_was_lost_is_known_by_the_id_it_goes_on_under(ask):
    nonce = ask("GET /register/node", session="s1").json()["Nonce"]
    ask("GET /register/ping", session="s1", node="solo-1")
    assert ask("GET /system/apis", node="solo-1").json()["Nonce"] == nonce
    assert Node.objects.get().last_pull_at is not None


def test_a_pull_without_session_is_noted_for_the_node_of_that_id(ask):
    given = ask("GET /register/node", session="s1").json()["Message"]["NodeID"]
    ask("GET /register/node", session="s2")
    Node.objects.update(asked_at=timezone.now())
    ask("GET /system/apis", node=given)
    pulled, other = Node.objects.get(session_id="s1"), Node.objects.get(session_id="s2")
    assert (pulled.served_version, pulled.asked_at, pulled.last_pull_at is None) == (0, None, False)
    assert (other.served_version, other.asked_at is None, other.last_pull_at) == (None, False, None)


def test_a_pull_that_says_nothing_of_itself_gets_the_feed_and_leaves_no_row(ask):
    assert ask("GET /system/apis", nonce="n1").content == b'{"Status":"OK","Message":[],"Nonce":"n1"}'
    assert Node.objects.count() == 0


def test_pings_two_seconds_apart_are_beats_and_ten_seconds_apart_are_not(ask):
    ask("GET /register/ping", session="s1", node="n")
    earlier = timezone.now() - timedelta(seconds=2)
    Node.objects.update(last_ping_at=earlier, last_beat_at=earlier)
    ask("GET /register/ping", session="s1", node="n")
    row = Node.objects.get()
    assert row.last_beat_at == row.last_ping_at > earlier
    earlier = timezone.now() - timedelta(seconds=10)
    Node.objects.update(last_ping_at=earlier, last_beat_at=earlier)
    ask("GET /register/ping", session="s1", node="n")
    row = Node.objects.get()
    assert row.last_beat_at == earlier < row.last_ping_at


def test_what_a_fleet_asks_again_and_again_is_one_statement_and_one_more_for_the_version_of_a_feed(
    ask, django_assert_num_queries
):
    ask("GET /register/ping", session="s1", node="n")
    for request in ("policies", "apis"):
        ask(f"GET /system/{request}", session="s1")
    for request, count in {"register/ping": 1, "system/apis": 2, "system/policies": 2}.items():
        for named in ({"session": "s1"}, {"node": "n"}):
            with django_assert_num_queries(count):
                ask(f"GET /{request}", **named)


def test_the_feed_is_the_published_apis_of_every_organisation_and_its_version_is_noted(ask, cast):
    published(cast.acme, "Orders")
    published(cast.globex, "Rockets")
    ask("GET /register/node", session="s1")
    answer = ask("GET /system/apis", session="s1")
    names = sorted(element["api_definition"]["name"] for element in answer.json()["Message"])
    feed = FeedVersion.objects.get()
    assert names == ["Orders", "Rockets"]
    assert (Node.objects.get().served_version, answer["ETag"]) == (feed.number, f'W/"{feed.stamp}"')


def test_a_compressed_feed_decodes_to_exactly_the_plain_one(ask, cast):
    published(cast.acme, "Orders")
    plain = ask("GET /system/apis", session="s1")
    packed = ask("GET /system/apis", session="s1", **{"Accept-Encoding": "gzip"})
    assert (plain.get("Content-Encoding"), packed["Content-Encoding"]) == (None, "gzip")
    assert gzip.decompress(packed.content) == plain.content
    assert packed["Content-Length"] == str(len(packed.content))


def test_a_feed_with_an_api_missing_is_refused_instead_of_served_short(ask, cast):
    published(cast.acme, "Orders")
    FeedVersion.objects.update(stamp=new_id(), apis=2)
    answer = ask("GET /system/apis", session="s1")
    assert (answer.status_code, answer.content) == (503, envelope.UNAVAILABLE)
    assert (answer["Retry-After"], answer["Content-Length"]) == ("2", str(len(envelope.UNAVAILABLE)))


def test_an_empty_feed_is_refused_where_an_api_was_published(ask, cast):
    FeedVersion.objects.update(stamp=new_id(), apis=1)
    assert ask("GET /system/apis", session="s1").status_code == 503


def test_identity_providers_are_an_empty_list(ask):
    answer = ask("GET /system/clientidps", nonce="n1")
    assert answer.content == b'{"Status":"OK","Message":[],"Nonce":"n1"}'


def test_without_a_policy_gateways_get_one_that_is_of_no_use_for_an_empty_list_they_would_not_take(ask):
    answer = ask("GET /system/policies", nonce="n1")
    assert answer.content == b'{"Status":"OK","Message":[' + PLACEHOLDER + b'],"Nonce":"n1"}'


def test_policies_come_packed_for_those_who_take_them_so(ask, cast):
    build.policy(cast.acme, keys.api(cast.acme))
    plain = ask("GET /system/policies", nonce="n1")
    packed = ask("GET /system/policies", nonce="n1", **{"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert json.loads(plain.content)["Message"] == build.served()


def test_policies_in_doubt_are_503(ask, cast):
    build.policy(cast.acme, keys.api(cast.acme))
    PolicyFeed.objects.update(policies=2, stamp="made anew")
    assert ask("GET /system/policies", session="s1").status_code == 503


def test_a_node_has_what_it_has_pulled_of_both_policies_and_apis(ask, cast):
    api = keys.api(cast.acme)
    ask("GET /system/policies", session="s1")
    build.policy(cast.acme, api)
    ask("GET /system/apis", session="s1")
    first = Node.objects.values_list("served_version", "policies_version").get()
    ask("GET /system/policies", session="s1")
    ask("GET /system/apis", session="s1")
    second = Node.objects.values_list("served_version", "policies_version").get()
    assert (first, second) == ((1, 1), (2, 2))


def test_a_node_that_has_its_policies_from_elsewhere_is_told_by_its_apis_alone(ask, cast):
    keys.api(cast.acme)
    ask("GET /system/apis", session="s1")
    assert Node.objects.values_list("served_version", "policies_version").get() == (1, None)


def test_the_token_of_a_quota_trigger_that_nobody_has_is_neither_stored_nor_logged(node_client, db, caplog):
    caplog.set_level(logging.DEBUG)
    token = "eyJvcmciOiI1ZTlkOTU0NGExZGNkNjAwMDFkMGVkMjAifQ=="  # the form of a token
    body = json.dumps({"Message": "Quota trigger reached", "key": token, "trigger_limit": 50})
    answer = node_client.post(
        "/system/key/quota_trigger", body, content_type="application/json", headers={"X-Tyk-Nonce": "n1"}
    )
    assert (answer.status_code, answer.content) == (200, b'{"Status":"OK","Message":null,"Nonce":"n1"}')
    assert (Node.objects.count(), caplog.text.count(token)) == (0, 0)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("secret", ["", "wrong", f"Bearer {'x' * 40}", "Nonce failed"])
def test_a_wrong_secret_is_always_the_same_401(client, db, method, path, secret):
    answer = client.generic(method, path, headers={"Authorization": secret, "X-Tyk-Session-Id": "s1"})
    assert (answer.status_code, answer.content) == (
        401,
        b'{"Status":"Error","Message":"Not authorised","Meta":null}',
    )
    assert objection(f"{method} {path}", 401, lower(answer.headers), answer.content) == ""
    assert Node.objects.count() == 0


def test_the_right_secret_with_a_scheme_before_it_is_a_wrong_one(client, db):
    answer = client.get("/register/ping", headers={"Authorization": f"Bearer {settings.NODE_SECRET}"})
    assert answer.status_code == 401


@pytest.mark.parametrize("text", ["x" * 5_000, "nul\0inside", "<script>", "Größe", "\xff\xfe", "' OR 1"])
def test_no_ping_is_refused_for_what_a_node_says_of_itself(ask, text):
    answer = ask("GET /register/ping", session=text, node=text, nonce=text, hostname=text)
    assert (answer.status_code, answer.json()["Message"]) == (200, None)
    assert Node.objects.count() == 1


def test_other_methods_are_not_allowed_and_nothing_is_redirected(node_client, db):
    assert node_client.post("/register/ping").status_code == 405
    assert node_client.get("/register/ping/").status_code == 200


def test_the_row_of_a_node_belongs_to_no_organisation_and_is_readable_in_any_scope(ask, cast):
    ask("GET /register/node", session="s1")
    with scope.org(cast.acme.id):
        assert Node.objects.count() == 1


def test_a_node_that_says_nothing_of_itself_is_given_any_nonce_and_leaves_no_row(ask):
    first, second = (ask("GET /register/ping").json()["Nonce"] for _ in range(2))
    assert (len(first), len(second), first != second, Node.objects.count()) == (32, 32, True, 0)
    assert ask("GET /register/ping", nonce="n1").json()["Nonce"] == "n1"


def test_a_node_of_another_session_under_a_known_id_is_a_node_of_its_own(ask):
    first = ask("GET /register/ping", session="s1", node="solo-1").json()["Nonce"]
    second = ask("GET /register/ping", session="s2", node="solo-1").json()["Nonce"]
    assert first != second
    rows = Node.objects.order_by("session_id").values_list("session_id", "node_id", "nonce")
    assert list(rows) == [("s1", "solo-1", first), ("s2", "solo-1", second)]


def test_of_two_nodes_of_one_id_the_one_heard_last_is_meant(ask):
    for session in ("s1", "s2"):
        ask("GET /register/ping", session=session, node="solo-1")
    Node.objects.filter(session_id="s2").update(last_ping_at=timezone.now() - timedelta(seconds=2))
    ask("GET /system/apis", node="solo-1")
    pulled = Node.objects.exclude(last_pull_at=None).values_list("session_id", flat=True)
    assert list(pulled) == ["s1"]


def test_only_a_pull_of_the_feed_tells_what_a_node_serves(ask):
    ask("GET /register/ping", session="s1", node="n")
    Node.objects.update(asked_at=timezone.now())
    for path in ("policies", "clientidps"):
        ask(f"GET /system/{path}", session="s1", node="n")
    row = Node.objects.get()
    assert (row.served_version, row.last_pull_at, row.asked_at is None) == (None, None, False)


def test_a_ping_that_leaves_something_unsaid_leaves_that_as_it_was(ask):
    ask("GET /register/ping", session="s1", node="solo-1", hostname="edge-1")
    ask("GET /register/ping", session="s1")
    assert Node.objects.values_list("node_id", "hostname").get() == ("solo-1", "edge-1")
    ask("GET /register/ping", session="s1", node="solo-2", hostname="edge-2")
    assert Node.objects.values_list("node_id", "hostname").get() == ("solo-2", "edge-2")


def test_a_goodbye_ends_the_row_of_its_session_alone(ask):
    for session in ("s1", "s2"):
        ask("GET /register/ping", session=session, node="solo-1")
    ask("DELETE /system/node", session="s2", node="solo-1")
    assert list(Node.objects.values_list("session_id", flat=True)) == ["s1"]
    ask("DELETE /system/node", session="s3", node="solo-1")
    assert Node.objects.count() == 1
    ask("DELETE /system/node", node="solo-1")
    assert Node.objects.count() == 0
