"""What clients ask of the fleet, and a reload that somebody asks for."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from apis.gateways.signing import signed
from dashboard.nodes.models import Node, NodeSignal
from dashboard.nodes.reloads import reloading, signals
from orgs.models import PlatformAuditEntry
from tests.nodes.gateway import published
from tests.nodes.reloads.test_signals import RELOAD, later, told  # noqa: F401  a fixture


@pytest.fixture
def admin():
    return Client(headers={"admin-auth": settings.ADMIN_SECRET})


def test_a_reload_is_told_at_once_and_of_many_in_ten_seconds_one_more(told, redis, cast, admin, client_for):  # noqa: F811
    assert [admin.post("/admin/system/reload").json(), admin.head("/admin/system/reload").status_code] == [
        {"status": "ok"},
        200,
    ]
    signals.tick(redis)
    assert told() == [RELOAD]
    client = client_for(cast.super_user)
    assert client.get("/nodes/reload/").status_code == 200
    for _ in range(3):
        assert client.post("/nodes/reload/")["Location"] == "/nodes/"
        assert admin.get("/admin/system/reload").json() == {"status": "ok"}
        signals.tick(redis)
    assert told() == []
    page = client.get("/nodes/").content.decode()
    assert page.count("All gateways are told to reload in ") == 3
    NodeSignal.objects.update(sent_at=timezone.now() - reloading.APART, reload_at=timezone.now())
    signals.tick(redis)
    assert told() == [RELOAD]
    told_by = sorted(PlatformAuditEntry.objects.values_list("action", "actor_id"))
    assert told_by == [("gateways.reloaded", ""), ("gateways.reloaded", cast.super_user.id)]


def test_a_reload_that_is_due_later_does_not_hold_back_a_change(told, redis, cast, admin):  # noqa: F811
    NodeSignal.objects.update(reload_at=timezone.now() + timedelta(seconds=9))
    signals.tick(redis)
    assert told() == []
    published(cast.acme, "Orders")
    signals.tick(redis)
    assert told() == [signed("ApiUpdated", "", settings.NODE_SECRET)]


def test_a_reload_is_for_super_users_and_the_admin_secret(client_for, cast):
    asked = [client_for(user).post("/nodes/reload/").status_code for user in (cast.acme_admin, None)]
    asked += [Client().post("/admin/system/reload").status_code]
    assert (asked, NodeSignal.objects.exclude(reload_at=None).count()) == ([404, 302, 401], 0)


def test_clients_read_nodes_and_stats_without_an_address(rest, cast):
    now = timezone.now()
    for name, seen in (("edge", now), ("gone", now - timedelta(hours=1))):
        Node.objects.create(
            session_id=name, node_id=name, hostname=name, address="10.9.8.7", last_ping_at=seen
        )
    published(cast.acme, "Orders"), published(cast.globex, "Other")
    paths = ("nodes", "node/edge/edge", "node/gone/gone", "stats")
    acme, root = rest(cast.acme_admin), rest(cast.super_user)
    answers = [acme.get(f"/api/system/{path}") for path in paths]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 200]
    assert answers[0].json() == {
        "data": {
            "nodes": [{"id": "edge", "hostname": "edge"}],
            "active_node_count": 1,
            "nodes_available": -1,
            "nodes_remaining": -1,
            "valid_until": "0001-01-01T00:00:00Z",
        }
    }
    assert answers[1].json() == {"data": {"db_app_conf_options": {"node_is_segmented": False, "tags": []}}}
    stats = {"apis": {"total": 1, "active": 1}, "dataplanes": {"gateways": 1}}
    assert answers[3].json() == {"message": "", "status": "Success", "stats": stats}
    assert root.get("/api/system/stats").json()["stats"]["apis"] == {"total": 2, "active": 2}
    parts = {
        entity: acme.get("/api/system/stats", {"entity": entity}).json()
        for entity in ("apis", "dataplanes.gateways")
    }
    assert [part["stats"] for part in parts.values()] == [
        {name: stats[name]} for name in ("apis", "dataplanes")
    ]
    for wrong in (
        {"entity": "policies"},
        {"start_day": "2026-11-01"},
        {"end_day": "2026-11-02", "resolution": "day"},
    ):
        refused = acme.get("/api/system/stats", wrong)
        assert (refused.status_code, refused.json()["Message"].partition(":")[0]) == (400, next(iter(wrong)))
    # A stranger learns nothing, not even whether a node is there.
    nobody = {Client().get(f"/api/system/{path}").status_code for path in paths}
    assert (nobody, {rest(cast.acme_member).get(f"/api/system/{path}").status_code for path in paths}) == (
        {401},
        {403},
    )
