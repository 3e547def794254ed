"""Super-users say which references an organisation's definitions may use."""

import json

from apis.allowances import changes
from apis.allowances.forms import NO_REFERENCE
from apis.models import AllowedReference
from orgs import scope
from orgs.models import AuditEntry
from tests.apis.examples import openapi, plain
from tests.apis.publishing.test_publish import stored

PAGE = "/o/acme/apis/references/"
HEADER = "/api_definition/version_data/versions/Default/global_headers/X-Key"


def with_header(value, path="/payments/"):
    made = plain(path)
    made["version_data"]["versions"]["Default"]["global_headers"] = {"X-Key": value}
    return json.dumps({"api_definition": made})


def test_what_is_allowed_is_allowed_letter_by_letter_to_one_organisation_and_can_be_withdrawn(
    cast, client_for, rest
):
    super_user = client_for(cast.super_user)
    assert super_user.post(PAGE, {"text": "env://ORDERS_KEY"}).status_code == 302
    assert "env://ORDERS_KEY" in super_user.get(PAGE).content.decode()
    ada, gus = rest(cast.acme_admin), rest(cast.globex_admin)
    before = stored()
    for client, value in (
        (ada, "env://ORDERS_KEY2"),
        (ada, "env://ORDERS_KE"),
        (ada, "env://orders_key"),
        (ada, "Bearer env://ORDERS_KEY"),
        (ada, "env://ORDERS_KEY env://HOME"),
        (gus, "env://ORDERS_KEY"),
    ):
        answer = client.post("/api/apis", with_header(value), "application/json")
        assert (answer.status_code, stored()) == (400, before)
        assert (
            "global_headers/X-Key: must not refer to the gateway's host (env://)" in answer.json()["Message"]
        )
    elsewhere = plain(name="env://ORDERS_KEY") | {"config_data": {"env://ORDERS_KEY": 1}}
    assert (
        ada.post("/api/apis", json.dumps({"api_definition": elsewhere}), "application/json").status_code
        == 400
    )
    made = ada.post("/api/apis", with_header("env://ORDERS_KEY"), "application/json")
    assert made.status_code == 200
    headers = {
        "transformRequestHeaders": {"enabled": True, "add": [{"name": "A", "value": "env://ORDERS_KEY"}]}
    }
    document = openapi("/two/", operations={"list": headers})
    assert ada.post("/api/apis/oas", json.dumps(document), "application/json").status_code == 200
    with scope.org(cast.acme.id):
        row = AllowedReference.objects.get()
    assert super_user.post(f"{PAGE}withdrawal/", {"id": row.id}).status_code == 302
    again = with_header("env://ORDERS_KEY", "/other/")
    assert ada.put(f"/api/apis/{made.json()['Meta']}", again, "application/json").status_code == 400
    with scope.org(cast.acme.id):
        said = AuditEntry.objects.filter(kind="reference").order_by("at", "id").values_list("action", "label")
        assert list(said) == [
            ("reference.allowed", "env://ORDERS_KEY"),
            ("reference.withdrawn", "env://ORDERS_KEY"),
        ]


def test_what_is_no_reference_or_one_too_many_is_refused(cast, client_for, monkeypatch):
    monkeypatch.setattr(changes, "MOST", 1)
    client = client_for(cast.super_user)
    hidden, full = "Has characters that cannot be seen.", "An organisation may use 1 references at most"
    for text, said in (
        ("ORDERS", NO_REFERENCE),
        ("x env://A", NO_REFERENCE),
        ("http://a.example/", NO_REFERENCE),
        (" env://A", NO_REFERENCE),
        ("env://A\u200b", hidden),
        ("env://A", ""),
        ("env://A", ""),
        ("env://B", full),
    ):
        answer = client.post(PAGE, {"text": text})
        errors = [*answer.context["form"].errors.values()] if answer.context else []
        assert (answer.status_code, errors) == ((400, [[said]]) if said else (302, [])), text


def test_nobody_else_may_allow(cast, client_for):
    client = client_for(cast.acme_admin)
    assert client.get(PAGE).status_code in (403, 404)
    assert client.post(PAGE, {"text": "env://A"}).status_code in (403, 404)
    with scope.org(cast.acme.id):
        assert not AllowedReference.objects.exists()


def test_what_one_organisation_may_use_is_told_of_it_alone_whoever_asks(cast):
    with scope.every_org():
        changes.allow(cast.acme.id, "env://ORDERS_KEY", author=cast.super_user)
        changes.allow(cast.globex.id, "env://OTHER", author=cast.super_user)
        asked = ["env://ORDERS_KEY", "env://OTHER", "env://orders_key"]
        found = {org.slug: changes.among(org.id, asked) for org in (cast.acme, cast.globex)}
        assert found == {"acme": {"env://ORDERS_KEY"}, "globex": {"env://OTHER"}}
        changes.withdraw(
            cast.globex.id, AllowedReference.objects.get(org_id=cast.acme.id).id, author=cast.super_user
        )
        assert changes.among(cast.acme.id, asked) == {"env://ORDERS_KEY"}
