"""Alerts in the browser: made, changed, tested, looked into and deleted, by whom and how."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import transaction
from django.utils import timezone

from dashboard.alerts import lifecycle
from dashboard.alerts.kinds import KINDS
from dashboard.alerts.models import Incident, Rule
from orgs import refusals, scope
from orgs.models import AuditEntry, User
from orgs.sealing import unseal
from tests import make
from tests.alerts.build import again, messages, rule
from tests.keys import build as keys

PAGE = "/o/acme/alerts/"
TYPED = {
    "kind": "errors",
    "name": "Payments fail",
    "api": "",
    "threshold": "2.5",
    "window": "15",
    "least": "30",
    "quiet": "45",
    "mails": "ada@acme.example, max@acme.example\n",
    "webhook": "https://hooks.example/x?token=canary-of-an-address",
    "enabled": "on",
}


def rules(org):
    with scope.org(org.id):
        return list(Rule.objects.order_by("name"))


def entries(org):
    with scope.org(org.id):
        return list(AuditEntry.objects.filter(kind="alert").order_by("at", "id"))


def errors(answer):
    return answer.status_code, {name: list(texts) for name, texts in answer.context["form"].errors.items()}


def test_an_alert_is_made_once_however_often_it_is_sent_and_its_secret_shown_once(cast, client_for):
    ada, orders = client_for(cast.acme_admin), keys.api(cast.acme)
    kinds = ada.get(f"{PAGE}new/")
    assert re.findall(r"kind=(\w+)", kinds.content.decode()) == [
        "errors",
        "p95",
        "silence",
        "quota",
        "certificate",
    ]
    assert unescape(kinds.content.decode()).count(KINDS["certificate"].tells) == 1
    form = ada.get(f"{PAGE}new/?kind=errors&api={orders.id}")
    token = form.context["form_token"]
    assert form.context["form"]["api"].value() == orders.id
    made = ada.post(f"{PAGE}new/", TYPED | {"api": orders.id, "form_token": token})
    [row] = rules(cast.acme)
    secret = unseal(row, "sealed_secret").decode()
    assert made.content.decode().count(secret) == 1
    kept = {name: getattr(row, name) for name in lifecycle.CHANGED}
    assert kept == {
        "name": "Payments fail",
        "threshold": 2.5,
        "window": 15,
        "least": 30,
        "quiet": 45,
        "enabled": True,
        "mails": ["ada@acme.example", "max@acme.example"],
        "outside": [],
        "webhook": TYPED["webhook"],
    }
    assert (row.api_id, row.created_by) == (orders.id, "ada@acme.example")
    repeated = ada.post(f"{PAGE}new/", TYPED | {"api": orders.id, "form_token": token})
    assert (repeated.status_code, len(rules(cast.acme))) == (302, 1)
    for path in (PAGE, f"{PAGE}{row.id}/", f"{PAGE}{row.id}/edit/"):
        page = ada.get(path)
        assert (page.status_code, secret in page.content.decode()) == (200, False)
    [entry] = entries(cast.acme)
    assert (entry.action, entry.changes["webhook"]) == ("alert.created", [None, "hooks.example"])
    assert "canary" not in str(entry.changes)


def test_an_alert_is_changed_tested_given_another_secret_and_deleted_each_with_its_entry(cast, client_for):
    ada = client_for(cast.acme_admin)
    made = rule(cast.acme, mails=["ada@acme.example"], threshold=5)
    edit = f"{PAGE}{made.id}/edit/"
    form = ada.get(edit).context["form"]
    assert list(form.fields) == [
        "name",
        "threshold",
        "window",
        "least",
        "quiet",
        "mails",
        "webhook",
        "enabled",
        "seen",
    ]
    typed = {name: form[name].value() for name in form.fields} | {"webhook": "https://hooks.example/"}
    answer = ada.post(edit, typed | {"threshold": "7"})
    secret = unseal(again(made), "sealed_secret").decode()
    assert (again(made).threshold, secret in answer.content.decode()) == (7, True)
    late = ada.post(edit, typed | {"threshold": "9"})
    assert (late.status_code, again(made).threshold) == (409, 7)
    assert late.context["form"]["seen"].value() == 2
    renewed = ada.post(f"{PAGE}{made.id}/secret/", {"seen": 2})
    other = unseal(again(made), "sealed_secret").decode()
    assert (other != secret, other in renewed.content.decode()) == (True, True)
    assert ada.post(f"{PAGE}{made.id}/test/").status_code == 302
    assert {(row.told, row.channel) for row in messages(cast.acme)} == {("test", "mail"), ("test", "webhook")}
    assert ada.post(f"{PAGE}{made.id}/test/").status_code == 403
    assert ada.post(f"{PAGE}{made.id}/deletion/", {"seen": 1}).status_code == 409
    assert ada.post(f"{PAGE}{made.id}/deletion/", {"seen": 3}).status_code == 302
    assert rules(cast.acme) == []
    found = entries(cast.acme)
    assert [entry.action for entry in found] == [
        "alert.changed",
        "alert.secret-renewed",
        "alert.tested",
        "alert.deleted",
    ]
    assert found[0].changes == {"threshold": [5, 7], "webhook": ["", "hooks.example"]}
    assert found[1].changes == {"secret": ["…", "…"]}


def test_what_goes_on_is_shown_and_looked_into_and_ends_when_the_alert_is_switched_off(cast, client_for):
    ada = client_for(cast.acme_admin)
    made = rule(cast.acme, state="firing", value=12, looked_at=timezone.now(), looked_until=timezone.now())
    with scope.org(cast.acme.id):
        going_on = Incident.objects.create(
            rule=made, began_at=timezone.now() - timedelta(hours=1), first=12, worst=40, label="Partner"
        )
    for path, words in ((PAGE, "Partner, since"), (f"{PAGE}{made.id}/", "goes on")):
        page = ada.get(path).content.decode()
        assert (words in page, "40 % with 5xx" in page) == (True, path != PAGE)
    acknowledge = f"{PAGE}{made.id}/acknowledgement/"
    for _ in range(2):
        assert ada.post(acknowledge, {"incident": going_on.id}).status_code == 302
    assert again(going_on).acknowledged_by == "ada@acme.example"
    assert [(entry.action, entry.actor_id) for entry in entries(cast.acme)] == [
        ("alert.acknowledged", cast.acme_admin.id)
    ]
    assert "ada@acme.example looks into it" in ada.get(PAGE).content.decode()
    assert ada.post(acknowledge, {"incident": "x"}).status_code == 400
    form = ada.get(f"{PAGE}{made.id}/edit/").context["form"]
    typed = {name: form[name].value() for name in form.fields if name != "enabled"}
    assert ada.post(f"{PAGE}{made.id}/edit/", typed).status_code == 302
    assert again(going_on).ended_at is not None
    assert messages(cast.acme) == []
    assert ">off<" in ada.get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\x7fb"}, "name"),
        ({"threshold": "0"}, "threshold"),
        ({"threshold": "101"}, "threshold"),
        ({"threshold": "nan"}, "threshold"),
        ({"window": "0"}, "window"),
        ({"window": "1441"}, "window"),
        ({"least": "0"}, "least"),
        ({"quiet": "-1"}, "quiet"),
        ({"api": "6b06e0000000000000000000"}, "api"),
        ({"mails": "x"}, "mails"),
        ({"mails": "\n".join(f"a{number}@acme.example" for number in range(21))}, "mails"),
        ({"webhook": "ftp://hooks.example"}, "webhook"),
        ({"webhook": "https://user:password@hooks.example"}, "webhook"),
        ({"webhook": "http://127.0.0.1:6379/"}, "webhook"),
        ({"webhook": "http://[::1]/"}, "webhook"),
        ({"webhook": "http://169.254.169.254/latest/meta-data"}, "webhook"),
        ({"webhook": "https://hooks.example/" + "x" * 2_000}, "webhook"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_field(cast, client_for, typed, field):
    answer = client_for(cast.acme_admin).post(f"{PAGE}new/", TYPED | typed)
    status, found = errors(answer)
    assert (status, list(found), rules(cast.acme)) == (400, [field], [])


def test_each_kind_asks_for_what_it_needs_alone(cast, client_for):
    ada = client_for(cast.acme_admin)
    fields = {
        kind: set(ada.get(f"{PAGE}new/?kind={kind}").context["form"].fields)
        for kind in ("errors", "p95", "silence", "quota", "certificate")
    }
    always = {"name", "quiet", "mails", "webhook", "enabled", "seen"}
    assert {kind: found - always for kind, found in fields.items()} == {
        "errors": {"api", "threshold", "window", "least"},
        "p95": {"api", "threshold", "window", "least"},
        "silence": {"api", "window"},
        "quota": {"threshold"},
        "certificate": {"threshold"},
    }
    assert ada.post(f"{PAGE}new/", {"kind": "weather"}).status_code == 400


def test_only_administrators_have_others_than_members_written_to(cast, client_for):
    clerk = client_for(make.user("clerk@acme.example", cast.acme, {"hooks": "write", "analytics": "read"}))
    typed = TYPED | {"webhook": "", "mails": "max@acme.example\nduty@partner.example"}
    assert errors(clerk.post(f"{PAGE}new/", typed)) == (
        400,
        {"mails": ["duty@partner.example is nobody of this organisation."]},
    )
    # A person of another organisation is a stranger like any other.
    assert errors(clerk.post(f"{PAGE}new/", typed | {"mails": "gus@globex.example"}))[0] == 400
    assert client_for(cast.acme_admin).post(f"{PAGE}new/", typed).status_code == 302
    [made] = rules(cast.acme)
    assert made.outside == ["duty@partner.example"]
    edit = f"{PAGE}{made.id}/edit/"
    kept = {name: value for name, value in typed.items() if name not in ("kind", "api")}
    assert clerk.post(edit, kept | {"name": "Renamed"}).status_code == 302
    assert (again(made).name, again(made).outside) == ("Renamed", ["duty@partner.example"])
    more = kept | {"mails": f"{kept['mails']}\nmore@partner.example"}
    assert clerk.post(edit, more).status_code == 400
    assert clerk.post(edit, kept | {"mails": "max@acme.example"}).status_code == 302
    assert clerk.post(edit, kept).status_code == 400
    # Nobody who leaves is a stranger that an administrator has allowed, whoever changes anything else.
    ada = client_for(cast.acme_admin)
    assert ada.post(edit, kept).status_code == 302
    User.everyone.filter(pk=cast.acme_member.pk).update(email="max@elsewhere.example")
    for person in (ada, clerk):
        assert person.post(edit, kept).status_code == 302
        assert again(made).outside == ["duty@partner.example"]
    page = ada.get(f"{PAGE}{made.id}/").content.decode()
    assert "max@acme.example (not told: has left, or may not see such figures)" in page
    assert "duty@partner.example (not of this organisation)" in page


def test_nobody_sees_an_alert_whose_figures_he_may_not_see_and_readers_change_nothing(cast, client_for):
    made = {
        kind: rule(cast.acme, kind, threshold=None if kind == "silence" else 10)
        for kind in ("errors", "quota")
    }
    theirs = rule(cast.globex)
    webhook = rule(cast.acme, name="Told", webhook="https://hooks.example/canary-of-an-address")
    clerk = client_for(make.user("clerk@acme.example", cast.acme, {"hooks": "write", "keys": "read"}))
    reader = client_for(make.user("reader@acme.example", cast.acme, {"hooks": "read", "analytics": "read"}))
    assert [row.id for row in clerk.get(PAGE).context["rows"]] == [made["quota"].id]
    assert re.findall(r"kind=(\w+)", clerk.get(f"{PAGE}new/").content.decode()) == ["quota"]
    assert clerk.post(f"{PAGE}new/", TYPED | {"mails": ""}).status_code == 400
    for path in ("", "edit/"):
        statuses = [clerk.get(f"{PAGE}{row.id}/{path}").status_code for row in (*made.values(), theirs)]
        assert statuses == [404, 200, 404]
    assert clerk.post(f"{PAGE}{made['errors'].id}/deletion/").status_code == 404
    page = reader.get(f"{PAGE}{webhook.id}/").content.decode()
    assert ("canary-of-an-address" in page, "Delete alert" in page, "Send a test" in page) == (
        False,
        False,
        False,
    )
    for path in ("edit/", "secret/", "test/", "acknowledgement/", "deletion/"):
        assert reader.post(f"{PAGE}{webhook.id}/{path}").status_code == 403
    assert client_for(cast.acme_member).get(PAGE).status_code == 403
    assert "canary-of-an-address" in client_for(cast.acme_admin).get(f"{PAGE}{webhook.id}/").content.decode()


def test_the_page_says_when_mail_is_off_and_what_became_of_messages(cast, client_for, settings):
    ada = client_for(cast.acme_admin)
    made = rule(cast.acme, mails=["ada@acme.example"])
    with scope.org(cast.acme.id), transaction.atomic():
        lifecycle.test(made, author=cast.acme_admin)
    assert "Mail is off" not in ada.get(PAGE).content.decode()
    server, settings.EMAIL_SERVER = settings.EMAIL_SERVER, {}
    assert "Mail is off" in ada.get(PAGE).content.decode()
    ada.post(f"{PAGE}{rule(cast.acme, mails=['ada@acme.example']).id}/test/")
    settings.EMAIL_SERVER = server
    [row] = messages(cast.acme)
    for facts, words in (
        ({"attempts": 2, "last_error": "it answers 500"}, "2 attempts: it answers 500"),
        ({"given_up_at": timezone.now()}, "given up"),
        ({"done_at": timezone.now(), "attempts": 3}, ", at attempt 3"),
    ):
        with scope.org(cast.acme.id):
            type(row).objects.update(**facts)
        assert words in ada.get(f"{PAGE}{made.id}/").content.decode()


def test_the_admin_shows_alerts_to_super_users_without_secrets_and_lets_nobody_change_them(cast, client_for):
    address = "https://hooks.example/canary-of-an-address"
    made = rule(cast.acme, name="Of Acme", webhook=address)
    theirs = rule(cast.globex, name="Of Globex", mails=["gus@globex.example"])
    with scope.org(cast.acme.id), transaction.atomic():
        incident = Incident.objects.create(rule=made, began_at=timezone.now(), first=1, worst=2)
        lifecycle.test(made, author=cast.acme_admin)
    [message] = messages(cast.acme)
    platform, ada = client_for(cast.super_user), client_for(cast.acme_admin)
    listing = platform.get("/django-admin/alerts/rule/?q=Of").content.decode()
    assert ("Of Acme" in listing, "Of Globex" in listing) == (True, True)
    for row in (made, theirs, incident, message):
        path = f"/django-admin/alerts/{type(row)._meta.model_name}/"
        assert platform.get(path).status_code == 200
        shown = platform.get(f"{path}{row.id}/change/")
        assert shown.status_code == 200
        assert "canary" not in shown.content.decode()
        refused = [
            platform.post(f"{path}{row.id}/change/", {"name": "x"}).status_code,
            platform.post(f"{path}{row.id}/delete/", {"post": "yes"}).status_code,
            platform.get(f"{path}add/").status_code,
            ada.get(path).status_code,
        ]
        assert refused == [403, 403, 403, 404]
    assert "hooks.example" in platform.get(f"/django-admin/alerts/rule/{made.id}/change/").content.decode()


def test_no_alert_is_about_an_api_of_another_organisation_whoever_makes_it(cast):
    theirs, admin = keys.api(cast.globex), cast.acme_admin
    values = {"kind": "errors", "name": "Theirs", "threshold": 5, "api_id": theirs.id}
    with scope.every_org(), transaction.atomic(), pytest.raises(refusals.Invalid, match="no such API"):
        lifecycle.create(cast.acme.id, values, author=admin)
    assert rules(cast.acme) == rules(cast.globex) == []


def test_an_organisation_has_no_more_alerts_than_it_may_have(cast, client_for, monkeypatch):
    monkeypatch.setattr(lifecycle, "MOST", 1)
    rule(cast.acme)
    answer = client_for(cast.acme_admin).post(f"{PAGE}new/", TYPED)
    assert (answer.status_code, len(rules(cast.acme))) == (403, 1)


def test_the_list_costs_as_many_statements_with_one_alert_as_with_four(
    cast, client_for, django_assert_num_queries
):
    ada = client_for(cast.acme_admin)
    for number in range(2):
        for _ in range(1 + 2 * number):
            made = rule(cast.acme, api=keys.api(cast.acme, f"Orders {len(rules(cast.acme))}"))
            with scope.org(cast.acme.id):
                Incident.objects.create(rule=made, began_at=timezone.now(), first=1, worst=1)
        with django_assert_num_queries(6):
            ada.get(PAGE)
