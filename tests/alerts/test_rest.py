"""`/api/alerts` on the wire."""

import json

import pytest
from django.utils import timezone

from dashboard.alerts.models import Incident
from orgs import scope
from orgs.sealing import unseal
from tests import make
from tests.alerts.build import again, messages, rule
from tests.keys import build as keys

JSON = "application/json"
ALERT = {
    "name": "Orders fail",
    "kind": "errors",
    "api_id": "",
    "threshold": 2.5,
    "window": 15,
    "least": 30,
    "quiet": 45,
    "enabled": True,
    "mails": ["ada@acme.example"],
    "webhook": "https://hooks.example/canary-of-an-address",
}
NEVER = "0001-01-01T00:00:00Z"


@pytest.fixture
def ada(cast, rest):
    return rest(cast.acme_admin)


def send(client, method, path="", body=None, **headers):
    return client.generic(
        method, f"/api/alerts{path}", json.dumps(body or {}), content_type=JSON, headers=headers
    )


def refused(answer):
    return answer.status_code, answer.json()["Message"]


def test_an_alert_is_created_read_changed_and_deleted(cast, ada, rest):
    orders = keys.api(cast.acme)
    made = send(ada, "POST", body=ALERT | {"api_id": orders.api_id}).json()
    id, secret = made["ID"], made["Meta"].pop("secret")
    looked = {"state": "unknown", "value": None, "note": "", "more": 0}
    looked |= {"looked_at": NEVER, "looked_until": NEVER}
    shown = {"id": id, "org_id": cast.acme.id, **ALERT, "api_id": orders.api_id, **looked}
    assert (made["Status"], made["Message"], made["Meta"]) == ("OK", "Alert created", shown)
    read = ada.get(f"/api/alerts/{id}")
    assert read.json() == shown
    assert ada.get("/api/alerts").json() == {"alerts": [shown]}
    with scope.org(cast.acme.id):
        row = again(rule(cast.acme, name="Zzz"))
        assert unseal(type(row).objects.get(id=id), "sealed_secret").decode() == secret
    tag = read.headers["ETag"]
    assert ada.get(f"/api/alerts/{id}", headers={"If-None-Match": tag}).status_code == 304
    changed = send(ada, "PUT", f"/{id}", {"threshold": 5, "enabled": False}, **{"If-Match": tag})
    assert changed.json()["Meta"] == shown | {"threshold": 5, "enabled": False, "state": "off"}
    assert send(ada, "PUT", f"/{id}", {"threshold": 6}, **{"If-Match": tag}).status_code == 412
    assert send(ada, "DELETE", f"/{id}", **{"If-Match": tag}).status_code == 412
    renewed = send(ada, "POST", f"/{id}/secret").json()["Meta"]["secret"]
    assert renewed not in ("", secret)
    assert send(ada, "POST", f"/{id}/test").json()["Meta"] == {"receivers": 2}
    assert len(messages(cast.acme)) == 2
    assert refused(send(ada, "POST", f"/{id}/test"))[0] == 403
    assert send(ada, "DELETE", f"/{id}").json()["Message"] == "Alert deleted"
    assert refused(ada.get(f"/api/alerts/{id}")) == (404, "Alert not found")


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"kind": "weather"}, "kind: must be one of errors, p95, silence, quota, certificate"),
        ({"kind": None}, "kind: must be one of errors, p95, silence, quota, certificate"),
        ({"name": 1}, "name must be a string"),
        ({"threshold": "5"}, "threshold must be a number"),
        ({"threshold": True}, "threshold must be a number"),
        ({"threshold": 0}, "threshold: Ensure this value is greater than or equal to 0.01."),
        ({"window": 2.5}, "window: Enter a whole number."),
        ({"mails": [1]}, "mails must be a list of addresses"),
        ({"mails": ["x"]}, "mails: Enter a valid email address."),
        ({"webhook": "http://10.0.0.1/"}, "webhook: Must not be an address of a private network."),
        ({"api_id": "theirs"}, "api: Select a valid choice. theirs is not one of the available choices."),
    ],
)
def test_what_cannot_be_meant_is_refused_and_names_its_member(cast, ada, members, told):
    keys.api(cast.globex, api_id="theirs")
    assert refused(send(ada, "POST", body=ALERT | members)) == (400, told)
    assert ada.get("/api/alerts").json() == {"alerts": []}


def test_what_it_found_is_told_newest_first(cast, ada, rest):
    made, now = rule(cast.acme), timezone.now()
    with scope.org(cast.acme.id):
        Incident.objects.create(rule=made, began_at=now, ended_at=now, first=11, worst=40, told_at=now)
        newest = Incident.objects.create(rule=made, began_at=now + (now - now), first=12, worst=12)
    found = ada.get(f"/api/alerts/{made.id}/history").json()
    assert (found["pages"], {row["worst"] for row in found["incidents"]}) == (1, {40, 12})
    [going_on] = [row for row in found["incidents"] if row["id"] == newest.id]
    assert going_on == {
        "id": newest.id,
        "subject": "",
        "label": "",
        "began_at": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "ended_at": None,
        "first": 12,
        "worst": 12,
        "told_at": None,
        "acknowledged_by": "",
    }
    theirs = rest(cast.globex_admin)
    for path in ("", "/history"):
        assert refused(theirs.get(f"/api/alerts/{made.id}{path}")) == (404, "Alert not found")


def test_rights_and_what_stays_as_it_is(cast, ada, rest):
    id = send(ada, "POST", body=ALERT).json()["ID"]
    reader = rest(make.user("reader@acme.example", cast.acme, {"hooks": "read", "analytics": "read"}))
    assert reader.get(f"/api/alerts/{id}").json()["webhook"] == "…"
    assert send(reader, "PUT", f"/{id}", {"threshold": 6}).status_code == 403
    blind = rest(make.user("blind@acme.example", cast.acme, {"hooks": "write"}))
    assert blind.get("/api/alerts").json() == {"alerts": []}
    assert send(blind, "POST", body=ALERT).status_code == 400
    stays = (400, "kind and api_id stay as they are: make another alert")
    assert refused(send(ada, "PUT", f"/{id}", {"kind": "p95"})) == stays
    assert refused(send(ada, "PUT", f"/{id}", {"api_id": "x"})) == stays
    silent = send(ada, "POST", body=ALERT | {"mails": [], "webhook": ""}).json()
    assert "secret" not in silent["Meta"]
    assert refused(send(ada, "POST", f"/{silent['ID']}/test"))[0] == 400
    sue = rest(cast.super_user)
    assert refused(send(sue, "POST", body=ALERT)) == (400, "org_id: must be the id of an organisation")
    assert send(sue, "POST", body=ALERT | {"org_id": cast.globex.id, "mails": []}).status_code == 200
