"""`/metrics`: who may read it, that it can be read, what it says, and what it costs."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgpack
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apis.models import Outbox
from dashboard.analytics.ingest import claim
from dashboard.metrics.figures import METRICS
from dashboard.nodes.models import Node
from orgs import scope
from tests.analytics import recordings
from tests.analytics.arrivals import drained, organisations

BOARD = Path(settings.BASE_DIR) / "dashboard/metrics/grafana.json"
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
VALUE = r"[-+]?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?"
SAMPLE = re.compile(rf'({NAME})(?:\{{({NAME})="((?:[^"\\\n]|\\["\\n])*)"\}})? ({VALUE})')


def scrape() -> str:
    answer = Client(headers={"Authorization": f"Bearer {settings.METRICS_SECRET}"}).get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"
    return answer.content.decode()


def parsed(text: str) -> dict[str, dict[str, float]]:
    """{metric: {value of its label: number}}, by the grammar: HELP, TYPE, then the samples, each metric once."""
    found: dict[str, dict[str, float]] = {}
    name, state = "", "end"
    assert text.endswith("\n")
    for line in text.splitlines():
        if help := re.fullmatch(rf"# HELP ({NAME}) \S.*", line):
            assert state == "end" and help[1] not in found
            name, state = help[1], "type"
            found[name] = {}
        elif kind := re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge)", line):
            assert (state, kind[1]) == ("type", name)
            assert (kind[2] == "counter") == name.endswith("_total")
            state = "samples"
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample and state in ("samples", "end") and sample[1] == name, line
            assert (sample[3] or "") not in found[name]
            found[name][sample[3] or ""] = float(sample[4])
            state = "end"
    assert state == "end"
    return found


@pytest.mark.django_db
def test_only_its_own_secret_opens_it_and_without_one_there_is_nothing(monkeypatch):
    secret = settings.METRICS_SECRET

    def answer(authorization: str | None) -> int:
        headers = {} if authorization is None else {"Authorization": authorization}
        return Client(headers=headers).get("/metrics").status_code

    others = [
        None,
        "",
        "Bearer ",
        f"Bearer {secret}x",
        f"Basic {secret}",
        secret,
        f"Bearer {settings.NODE_SECRET}",
    ]
    assert [answer(each) for each in others] == [401] * len(others)
    assert (answer(f"Bearer {secret}"), answer(f"bearer {secret}")) == (200, 200)
    monkeypatch.setattr(settings, "METRICS_SECRET", "")
    assert [answer(each) for each in ("Bearer ", f"Bearer {secret}", None)] == [404] * 3


def test_it_tells_how_the_installation_is_and_nothing_of_a_tenant(committed, redis):
    alpha, _ = organisations("UTC", "UTC")
    now = datetime.now(UTC)
    record = {"OrgID": recordings.ORG_A, "APIID": "api-of-alpha", "APIKey": "1" * 16, "ResponseCode": 200}
    sent = {"TimeStamp": [int(now.timestamp()), 0]}
    redis.rpush(claim.LIST, *[msgpack.packb(record | sent)] * 3, b"no record")
    redis.rpush(claim.LIST, msgpack.packb(record | sent | {"OrgID": "nobody"}))
    drained(redis, now)
    with scope.every_org():
        for number, ago in enumerate((0, 0, 60, 3600)):
            heard = now - timedelta(seconds=ago)
            times = {"last_ping_at": heard, "last_beat_at": heard, "last_pull_at": heard}
            Node.objects.create(session_id=f"s{number}", node_id=f"n{number}", nonce="", **times)
        Outbox.objects.create(org=alpha, kind="key", subject="s", created_at=now - timedelta(seconds=30))
        Outbox.objects.create(
            org=alpha, kind="key", subject="t", created_at=now - timedelta(hours=1), done_at=now
        )
    text = scrape()
    found = parsed(text)
    assert set(found) <= {metric.name for metric in METRICS}
    assert {
        name: found[f"gatehouse_{name}"][""]
        for name in (
            "ingest_taken_records_total",
            "ingest_waiting_records",
            "ingest_batches_waiting",
            "outbox_waiting",
            "drifted_objects",
            "clock_in_doubt",
        )
    } == {
        "ingest_taken_records_total": 5,
        "ingest_waiting_records": 0,
        "ingest_batches_waiting": 0,
        "outbox_waiting": 1,
        "drifted_objects": 0,
        "clock_in_doubt": 0,
    }
    assert found["gatehouse_ingest_not_stored_records_total"] == {"undecodable": 1, "unknown_org": 1}
    assert found["gatehouse_ingest_dead_letters"] == {
        "undecodable": 1,
        "unknown_org": 1,
        "too_old": 0,
        "database": 0,
    }
    nodes = found["gatehouse_nodes"]
    assert (sum(nodes.values()), nodes["silent"]) == (3, 1)
    assert 30 <= found["gatehouse_outbox_oldest_seconds"][""] < 600
    assert abs(found["gatehouse_ingest_last_tick_timestamp_seconds"][""] - now.timestamp()) < 600
    assert found["gatehouse_partitions"]["record"] >= 1
    assert (
        1 <= found["gatehouse_database_connections"][""] <= found["gatehouse_database_connections_most"][""]
    )
    for secret in (alpha.pk, alpha.slug, alpha.owner_name, "api-of-alpha", "1" * 16, "nobody", "n0"):
        assert secret not in text


@pytest.mark.django_db
def test_it_asks_the_database_as_little_as_for_one_page():
    scrape()
    with CaptureQueriesContext(connection) as queries:
        scrape()
    asked = [query["sql"] for query in queries if "FROM" in query["sql"]]
    assert len(asked) == 3, asked


def test_the_board_shows_what_is_told_and_nothing_else():
    board = json.loads(BOARD.read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    named = {name for expression in expressions for name in re.findall(r"gatehouse_\w+", expression)}
    assert named == {metric.name for metric in METRICS}
    labels = {metric.name: metric.label for metric in METRICS}
    for panel in board["panels"]:
        for target in panel["targets"]:
            [name] = set(re.findall(r"gatehouse_\w+", target["expr"]))
            used = re.findall(
                r"by \((\w+)\)|\{(\w+)=~|\{\{(\w+)\}\}", f"{target['expr']} {target['legendFormat']}"
            )
            assert {label for found in used for label in found if label} <= {labels[name]}
            assert ("rate(" in target["expr"]) == name.endswith("_total")
    places = [tuple(panel["gridPos"][side] for side in "xy") for panel in board["panels"]]
    assert len(places) == len(set(places)) == len({panel["id"] for panel in board["panels"]})
