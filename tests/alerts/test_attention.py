"""What alerts say on the home page, and on the axes of charts."""

from datetime import timedelta

from django.utils import timezone

from dashboard.alerts import attention
from dashboard.alerts.models import Incident, Message, Rule
from orgs import scope
from orgs.providers import marks
from orgs.providers.marks import Axis
from tests import make
from tests.alerts.build import rule
from tests.keys import build as keys

HOUR = timedelta(hours=1)


def incident(made, began_at, **members):
    with scope.org(made.org_id):
        return Incident.objects.create(
            **{"rule": made, "began_at": began_at, "first": 12, "worst": 40, **members}
        )


def items(org, user):
    with scope.org(org.id):
        return [(item.text, item.url, item.bad) for item in attention.items(org, user, timezone.now())]


def test_what_goes_on_is_told_to_those_who_may_see_it_and_is_a_warning_once_somebody_looks_into_it(
    cast, client_for
):
    now = timezone.now()
    errors, quota = rule(cast.acme), rule(cast.acme, "quota")
    incident(rule(cast.globex), now)
    incident(errors, now - HOUR)
    incident(errors, now - 2 * HOUR, ended_at=now - HOUR, subject="x")
    incident(
        quota,
        now,
        subject="y",
        label="Partner",
        worst=95,
        acknowledged_by="max@acme.example",
        acknowledged_at=now,
    )
    since = f"{(now - HOUR).day} {now - HOUR:%b %H:%M}"
    told = (f"Alert Errors: 40 % with 5xx at worst, since {since}.", f"/o/acme/alerts/{errors.id}/", True)
    looked, by = "Alert Quota (Partner): 95 % used at worst, since ", " max@acme.example looks into it."
    first, second = items(cast.acme, cast.acme_admin)
    assert (first, second[0].startswith(looked), second[0].endswith(by), second[2]) == (
        told,
        True,
        True,
        False,
    )
    clerk = make.user("clerk@acme.example", cast.acme, {"hooks": "read", "keys": "read"})
    assert [text.startswith(looked) for text, _, _ in items(cast.acme, clerk)] == [True]
    assert items(cast.acme, make.user("other@acme.example", cast.acme, {"analytics": "read"})) == []
    assert told[0] in client_for(cast.acme_admin).get("/o/acme/").content.decode()


def test_many_are_counted_and_a_message_that_was_given_up_is_told(cast):
    made = rule(cast.acme)
    for number in range(attention.MOST_NAMED + 2):
        incident(made, timezone.now(), subject=str(number), label=str(number))
    with scope.org(cast.acme.id):
        Rule.objects.filter(id=made.id).update(more=3)
        lost = {"given_up_at": timezone.now(), "last_error": "it answers 500", "facts": {}}
        Message.objects.create(rule=made, told="began", channel="webhook", **lost)
    texts = [text for text, _, _ in items(cast.acme, cast.acme_admin)]
    assert len(texts) == attention.MOST_NAMED + 2
    assert texts[-2:] == [
        "5 more alerts go on.",
        "A webhook of alert Errors could not be sent: it answers 500.",
    ]
    assert (
        items(cast.acme, make.user("clerk@acme.example", cast.acme, {"hooks": "read", "keys": "read"})) == []
    )


def test_charts_are_told_where_alerts_about_traffic_went_on(cast):
    now = timezone.now()
    orders = keys.api(cast.acme)
    everything, of_orders, other = (
        rule(cast.acme),
        rule(cast.acme, name="Orders", api=orders),
        rule(cast.acme, name="Other", api=keys.api(cast.acme, "Other")),
    )
    incident(rule(cast.acme, "quota"), now - HOUR)
    incident(rule(cast.globex), now - HOUR)
    incident(everything, now - 9 * HOUR, ended_at=now - 8 * HOUR)
    shown = incident(everything, now - 3 * HOUR, ended_at=now - HOUR)
    going_on, of_other = incident(of_orders, now - 2 * HOUR), incident(other, now - 90 * timedelta(minutes=1))

    def told(user, api_id="", key=""):
        with scope.org(cast.acme.id):
            axis = Axis(
                (now - 4 * HOUR, now - HOUR, now), tuple(filter(None, (api_id,))), tuple(filter(None, (key,)))
            )
            return [mark for mark in marks.marks(cast.acme, user, axis) if mark.text.startswith("Alert ")]

    def span(each, name):
        url = f"/o/acme/alerts/{each.rule_id}/"
        return f"Alert {name}: 40 % with 5xx at worst", url, each.began_at, each.ended_at

    found = told(cast.acme_admin)
    assert all(mark.until >= now for mark in found[:2])
    expected = [span(of_other, "Other"), span(going_on, "Orders"), span(shown, "Errors")]
    assert [(mark.text, mark.url, mark.at) for mark in found] == [each[:3] for each in expected]
    assert found[2].until == shown.ended_at
    assert [mark.text for mark in told(cast.acme_admin, orders.api_id)] == [each[0] for each in expected[1:]]
    assert told(cast.acme_admin, key="a" * 64) == []
    assert told(make.user("clerk@acme.example", cast.acme, {"hooks": "read"})) == []
    assert told(make.user("other@acme.example", cast.acme, {"analytics": "read"})) == []
