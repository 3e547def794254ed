"""`/api/assets` on the wire, and what is made of a template."""

import json

import pytest

from apis.assets import lifecycle
from apis.assets.applying import applied
from apis.definitions.document import compact
from apis.models import Asset
from orgs import scope
from tests import make
from tests.apis.examples import openapi

JSON = "application/json"
EXTENSION = "x-tyk-api-gateway"
CACHE = {"middleware": {"global": {"cache": {"enabled": True, "timeout": 5}}}}
TEMPLATE = {
    "id": "mine",
    "kind": "oas-template",
    "name": "My template",
    "description": "first",
    "data": {"x-b": 1, EXTENSION: CACHE},
}


@pytest.fixture
def ada(cast, rest):
    return rest(cast.acme_admin)


def send(client, method, path, body):
    return client.generic(method, f"/api/assets{path}", json.dumps(body), content_type=JSON)


def refused(answer):
    return answer.status_code, answer.json()["Message"]


def test_a_template_is_created_read_changed_used_and_deleted(cast, ada):
    made = send(ada, "POST", "", TEMPLATE)
    answer = made.json()
    assert (made.status_code, answer) == (
        201,
        {"Status": "success", "Message": "asset created", "Meta": answer["Meta"], "ID": "mine"},
    )
    [read] = ada.get("/api/assets?kind=oas-template").json()
    assert read == {
        **TEMPLATE,
        "_id": answer["Meta"],
        "org_id": cast.acme.id,
        "last_updated": read["last_updated"],
    }
    assert ada.get("/api/assets/mine").json() == ada.get(f"/api/assets/{answer['Meta']}").json() == read
    api = ada.post("/api/apis/oas?templateID=mine", json.dumps(openapi()), JSON).json()["ID"]
    document = ada.get(f"/api/apis/oas/{api}").json()
    assert (document["x-b"], document[EXTENSION]["middleware"]) == (1, CACHE["middleware"])
    assert document[EXTENSION]["info"]["name"] == "Orders"
    renamed = {**TEMPLATE, "name": "Other", "data": {"x-c": 2}}
    assert send(ada, "PUT", "/mine", renamed).json() == {
        "Status": "success",
        "Message": "asset updated",
        "Meta": None,
    }
    assert ada.get("/api/assets/mine").json()["data"] == {"x-c": 2}
    assert ada.delete("/api/assets/mine").json()["Status"] == "success"
    assert ada.get("/api/assets").json() == []


def test_what_is_no_template_or_somebody_elses_is_refused(cast, ada, rest, monkeypatch):
    send(ada, "POST", "", TEMPLATE)
    for members, answer in (
        ({"kind": "oas-templat"}, (422, "unsupported asset kind: 'oas-templat'.")),
        ({"id": "other", "name": ""}, (422, "name: must be text of 1 to 200 characters")),
        ({"id": "a/b"}, (422, "id: must be letters, digits and . _ ~ : = @ + - after a letter, digit or _")),
        ({"id": "other", "data": {}}, (422, "data: must be an object of 1,000,000 characters at most")),
        ({"id": "other", "data": []}, (400, "data must be an object")),
        ({}, (409, "Asset ID already exists: 'mine'.")),
    ):
        assert refused(send(ada, "POST", "", TEMPLATE | members)) == answer
    assert refused(ada.get("/api/assets?kind=x")) == (400, "unsupported asset kind: 'x'")
    stranger = rest(cast.globex_admin)
    assert stranger.get("/api/assets").json() == []
    for answer in (stranger.get("/api/assets/mine"), stranger.delete("/api/assets/mine")):
        assert refused(answer) == (404, "Asset not found")
    used = stranger.post("/api/apis/oas?templateID=mine", json.dumps(openapi()), JSON)
    assert refused(used) == (404, "Asset not found")
    clerk = rest(make.user("clerk@acme.example", cast.acme, {"apis": "write"}))
    assert clerk.get("/api/assets").status_code == 403
    assert refused(clerk.post("/api/apis/oas?templateID=mine", json.dumps(openapi()), JSON)) == (
        403,
        "templateID: needs the right to read api_assets",
    )
    monkeypatch.setattr(lifecycle, "MOST", 1)
    assert refused(send(ada, "POST", "", TEMPLATE | {"id": "two"})) == (
        400,
        "An organisation may have 1 assets at most",
    )
    monkeypatch.setattr(lifecycle, "MOST", 2)
    size = len(compact(TEMPLATE["data"]))
    for largest, status in ((2 * size - 1, 400), (2 * size, 201)):
        monkeypatch.setattr(lifecycle, "LARGEST", largest)
        assert send(ada, "POST", "", TEMPLATE | {"id": "two"}).status_code == status


def test_a_template_is_changed_from_the_state_that_was_seen_or_not_at_all(cast, ada):
    made = send(ada, "POST", "", TEMPLATE)
    read = ada.get("/api/assets/mine")
    seen = read.headers["ETag"]
    assert seen == made.headers["ETag"]
    assert ada.get("/api/assets/mine", headers={"If-None-Match": seen}).status_code == 304

    def sent(method, tag):
        return ada.generic(
            method, "/api/assets/mine", json.dumps(TEMPLATE), content_type=JSON, headers={"If-Match": tag}
        )

    changed = sent("PUT", seen)
    newer = changed.headers["ETag"]
    assert (changed.status_code, newer == ada.get("/api/assets/mine").headers["ETag"], newer != seen) == (
        200,
        True,
        True,
    )
    assert [sent(method, seen).status_code for method in ("PUT", "DELETE")] == [412, 412]
    stale = lifecycle.refusals.Stale
    with scope.org(cast.acme.id), pytest.raises(stale):
        lifecycle.delete(Asset.objects.get(), author=cast.acme_admin, expected=1)
    assert sent("DELETE", newer).status_code == 200


def test_a_template_adds_what_a_document_has_not():
    document = {"a": {"own": 1, "list": [1]}, "b": 2}
    assert applied(document, {"a": {"own": 9, "more": 3, "list": [2]}, "b": {"x": 1}, "c": 4}) == {
        "a": {"own": 1, "list": [1], "more": 3},
        "b": 2,
        "c": 4,
    }
    assert document == {"a": {"own": 1, "list": [1]}, "b": 2}
