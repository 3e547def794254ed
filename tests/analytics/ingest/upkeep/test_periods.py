"""Periods of the installation: a shorter one deletes nothing before somebody has said that it is meant."""

from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from dashboard.analytics.clock import DAY
from dashboard.analytics.models import IngestState, UptimeHour
from orgs import scope
from orgs.models import Organisation
from orgs.organisations import retention
from tests.analytics.arrivals import drained, organisations
from tests.analytics.ingest.test_housekeeping import NOW, existing, maintained, pushed


@pytest.fixture(autouse=True)
def as_usual_afterwards():
    yield
    retention.install({})


def said(verb: str, **options) -> str:
    out = StringIO()
    call_command("analytics", verb, stdout=out, skip_checks=True, **options)
    return out.getvalue()


def days_of_records() -> list[int]:
    """How many days ago the days are of which there are records, or may be."""
    stamps = [name.removeprefix("record_") for name in existing() if name.startswith("record_2")]
    days = [(NOW.date() - date.fromisoformat(f"{each[:4]}-{each[4:6]}-{each[6:]}")).days for each in stamps]
    return [day for day in days if day >= 0]


def periods() -> dict:
    with scope.every_org():
        return IngestState.objects.get().periods


def looks() -> int:
    with scope.every_org():
        return UptimeHour.objects.count()


def test_a_shorter_period_hides_at_once_and_deletes_once_it_is_confirmed(committed, redis, monkeypatch):
    alpha, _ = organisations("UTC", "UTC")
    for age in (0, 8, 29):
        pushed(redis, NOW - timedelta(days=age))
    drained(redis, NOW)
    # An organisation's own day may be later.
    Organisation.everyone.filter(slug="beta").update(gone_before={"records": f"{NOW.date() - DAY:%Y-%m-%d}"})
    hours = {"api_id": "api", "url": "http://a/", "ts": NOW - 20 * DAY, "checks": 1, "failures": 0}
    with scope.org(alpha.pk):
        UptimeHour.objects.create(**hours, answered=1, latency_sum=1)
    retention.install({"records": 5, "hours": 10, "days": 100})
    assert alpha.retention.since("records", NOW).date() == NOW.date() - timedelta(days=5)
    maintained(NOW)
    # Of bodies and of figures by the day nothing is so old, so that nothing has to be said.
    taken_over = {**retention.USUAL, "bodies": 5, "days": 100}
    assert (days_of_records(), looks(), periods()) == ([29, 8, 0], 1, taken_over)
    monkeypatch.setattr("dashboard.management.commands.analytics.datetime", Clock)
    assert "KEEP_RECORDS is 5 where it was 30." in said("status")
    monkeypatch.setattr("builtins.input", lambda _: "perhaps")
    with pytest.raises(CommandError, match="Nothing was changed"):
        said("retention")
    with pytest.raises(CommandError, match="KEEP_RECORDS"):
        said("retention", records=5, yes=True)
    maintained(NOW)
    assert days_of_records() == [29, 8, 0]
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    told = said("retention")
    assert told.startswith("Single requests: 5 days instead of 30; what is older goes for good\n")
    assert "records: 5 days (Single requests)\n" in told
    maintained(NOW)
    assert (days_of_records(), looks(), periods()["records"]) == ([0], 0, 5)
    # A longer one brings nothing back, which each organisation knows from then on.
    retention.install({"records": 60})
    maintained(NOW)
    alpha = Organisation.everyone.get(pk=alpha.pk)
    assert alpha.gone_before["records"] == f"{NOW.date() - timedelta(days=5)}"
    assert alpha.retention.since("records", NOW).date() == NOW.date() - timedelta(days=5)
    beta = Organisation.everyone.get(slug="beta")
    assert beta.gone_before["records"] == f"{NOW.date() - DAY}"
    assert "records: 60 days" in said("retention")


class Clock:
    @staticmethod
    def now(_zone):
        return NOW


def test_bodies_are_kept_no_longer_than_their_records():
    retention.install({"records": 3})
    assert [retention.KINDS[kind].days for kind in ("records", "bodies", "days")] == [3, 3, 400]
    retention.install({"records": 90, "bodies": 60})
    assert (retention.KINDS["bodies"].days, retention.Retention({"records": 80}).days("records")) == (60, 80)
