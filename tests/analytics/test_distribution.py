"""What a Citus cluster asks of the tables, without one. With one: tests/machines/test_citus.py."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.db.models import Sum

from dashboard.analytics import distribution
from dashboard.analytics.dimensions import Dimension, Grain
from dashboard.analytics.ingest import partitions
from dashboard.analytics.models import Rollup
from orgs import scope
from orgs.organisations.retention import USUAL
from tests import make
from tests.analytics import screens

rows_of_keys = import_module("dashboard.analytics.migrations.0014_rows_of_keys")


def test_rollups_with_partitions_by_grain_and_time_hold_what_they_held_and_go_on_as_before(
    committed, redis, client_for
):
    with pytest.raises(CommandError, match="it lacks the extension citus"):
        call_command("analytics", "distribute")
    org = make.organisation("Acme", "acme")
    client = client_for(make.user("ada@acme.example", org, screens.ADMINISTRATOR))
    sent = [{"OrgID": org.id, "TimeStamp": screens.ago(minutes=each), "APIKey": "a" * 16} for each in (2, 3)]
    screens.push(redis, *sent)
    assert counted() == dict.fromkeys(Grain, 2)
    owner = connections["owner"]
    with scope.nobody(), transaction.atomic(using="owner"), owner.cursor() as cursor:
        distribution._partition_by_grain_and_time(cursor, owner.settings_dict)
    assert counted() == dict.fromkeys(Grain, 2)
    screens.push(redis, *sent)
    assert counted() == dict.fromkeys(Grain, 4)
    page = client.get("/o/acme/analytics/", {"range": "1h"})
    assert next(tile.exact for tile, _ in page.context["tiles"] if tile.name == "requests") == "4"
    with scope.nobody(), connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM rollup")
        assert cursor.fetchone() == (0,)
    now = datetime.now(UTC)
    kept = indexes()
    assert len(kept) == 3
    with scope.nobody(), owner.schema_editor() as editor:
        rows_of_keys.index_as_before(None, editor)
        assert len(indexes()) == 5
        rows_of_keys.index(None, editor)
    assert indexes() == kept
    partitions.ensure([(now + timedelta(days=40)).date()], now)
    partitions.drop_old(now + timedelta(days=40), USUAL)
    gone = {Grain.MINUTE: None, Grain.HOUR_DETAIL: None}
    assert counted() == dict.fromkeys(Grain, 4) | gone


def counted() -> dict[str, int | None]:
    """Requests in the rows of each grain."""
    with scope.every_org():
        rows = Rollup.objects.filter(dimension__in=(Dimension.TOTAL, Dimension.ENDPOINT))
        return {grain: rows.filter(grain=grain).aggregate(hits=Sum("hits"))["hits"] for grain in Grain}


def indexes() -> list[str]:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'rollup' ORDER BY 1")
        return [definition for (definition,) in cursor.fetchall()]
