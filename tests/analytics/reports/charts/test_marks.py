"""What others say may explain a chart, on its axis and below it."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from apis.publishing import publish
from orgs import scope
from orgs.audit import log
from orgs.models import Organisation
from orgs.providers import marks
from tests.analytics.screens import ago, push
from tests.apis.examples import plain
from tests.keys import build

NOW = timezone.now()


def alarms(org, user, axis):
    """What somebody else's app may say."""
    yield marks.Mark(
        NOW - timedelta(hours=2), "p95 over 1 s", "/o/acme/alerts/", until=NOW - timedelta(hours=1)
    )


def test_changes_are_drawn_on_every_time_axis_and_listed_with_their_links(
    committed, redis, cast, client_for, monkeypatch
):
    from django.apps import apps  # noqa: PLC0415

    monkeypatch.setattr(apps.get_app_config("analytics"), "marks", (f"{__name__}.alarms",), raising=False)
    Organisation.everyone.filter(pk=cast.acme.pk).update(time_zone="Asia/Kathmandu")
    api = build.api(cast.acme)
    with log.dated(NOW - timedelta(minutes=30)), scope.org(cast.acme.id):
        key, _ = build.key(cast.acme, api, alias="Lone")
    hour = (NOW - timedelta(hours=5)).replace(minute=0, second=5)
    with scope.org(cast.acme.id):
        twice = publish.create(cast.acme.id, plain("/twice/", name="Twice"), author=None, at=hour)
        publish.change(twice, plain("/twice/", name="Twice!"), author=None, at=hour)
    push(
        redis, {"OrgID": cast.acme.id, "TimeStamp": ago(minutes=5), "APIID": api.api_id, "ResponseCode": 500}
    )
    client = client_for(cast.acme_admin)
    page = client.get("/o/acme/analytics/")
    said = [(event.text, event.url, bool(event.until)) for event in page.context["events"]]
    assert said == [
        ("Orders, revision 1, published by command line", f"/o/acme/apis/{api.id}/history/1/", False),
        ("Key Lone issued by command line", f"/o/acme/keys/{key.id}/", False),
        ("p95 over 1 s", "/o/acme/alerts/", True),
        ("2 publishes of 1 API", "", False),
    ]
    begins, ends = ((NOW - timedelta(hours=hours)).astimezone(ZoneInfo("Asia/Kathmandu")) for hours in (2, 1))
    times = [each[-8:] for each in page.context["events"][2].when.split(" to ")]
    assert times == [f"{begins:%H:%M:%S}", f"{ends:%H:%M:%S}"]
    charts = [plot.chart for plot, _ in page.context["plots"]]
    assert [(len(chart.marks), len(chart.bands)) for chart in charts] == [(4, 1), (4, 1)]
    assert 3.5 < float(charts[0].bands[0].width.rstrip("%")) < 4.5  # an hour of 24
    html = page.content.decode()
    assert html.count("Key Lone issued by command line</title>") == 2
    assert html.count(f'<a href="/o/acme/keys/{key.id}/">Key Lone issued by command line</a>') == 1
    assert html.count("<summary>2 publishes of 1 API</summary>") == 1
    listed = f'<a href="/o/acme/apis/{twice.id}/history/1/">Twice!, revision 1, published by command line</a>'
    assert html.count(listed) == 1
    errors = client.get("/o/acme/errors/")
    assert [event.text for event in errors.context["events"]] == [text for text, *_ in said]
