"""Templates in the browser."""

import json
import re

from apis.models import ApiDefinition, Asset
from orgs import scope
from tests import make
from tests.apis.examples import openapi

PAGE = "/o/acme/templates/"
EXTENSION = "x-tyk-api-gateway"
DATA = {"x-b": 1, EXTENSION: {"middleware": {"global": {"cache": {"enabled": True, "timeout": 5}}}}}
TYPED = {"name": "Cached", "description": "Five seconds", "asset_id": "cached", "text": json.dumps(DATA)}


def value(page, name):
    return page.context["form"][name].value()


def test_a_template_is_made_shown_changed_used_and_deleted(cast, client_for):
    ada = client_for(cast.acme_admin)
    made = ada.post(f"{PAGE}new/", TYPED)
    shown = ada.get(made.headers["Location"])
    asset = shown.context["asset"]
    assert (asset.name, json.loads(shown.context["text"])) == ("Cached", DATA)
    assert [row.name for row in ada.get(PAGE).context["rows"]] == ["Cached"]
    edit = f"{PAGE}{asset.id}/edit/"
    seen = value(ada.get(edit), "seen")
    assert ada.post(edit, {**TYPED, "name": "Other", "seen": seen}).status_code == 302
    assert ada.post(edit, {**TYPED, "name": "Late", "seen": seen}).status_code == 409
    page = ada.get(f"/o/acme/apis/import/?template={asset.id}")
    assert value(page, "template") == asset.id
    document = openapi()
    proposed = ada.post("/o/acme/apis/import/", {"text": json.dumps(document), "template": asset.id})
    text = value(proposed, "text")
    assert json.loads(text) == document | {
        EXTENSION: document[EXTENSION] | DATA[EXTENSION],
        "x-b": 1,
    }
    assert ada.post(f"{PAGE}{asset.id}/deletion/").status_code == 302
    assert (
        f'<a class="button button-primary" href="{PAGE}new/">New template</a>'
        in ada.get(PAGE).content.decode().partition("No templates yet")[2]
    )
    with scope.org(cast.acme.id):
        assert (Asset.objects.count(), ApiDefinition.objects.count()) == (0, 0)


def test_what_is_no_template_is_refused_at_its_field_and_others_are_not_there(cast, client_for):
    ada = client_for(cast.acme_admin)
    for typed, fields in (
        ({"name": ""}, ["name"]),
        ({"name": "a\x7f"}, ["name"]),
        ({"asset_id": "a/b"}, ["asset_id"]),
        ({"text": "{"}, ["text"]),
        ({"text": "[]"}, ["text"]),
        ({"text": "{}"}, ["text"]),
    ):
        answer = ada.post(f"{PAGE}new/", TYPED | typed)
        assert (answer.status_code, list(answer.context["form"].errors)) == (400, fields), typed
    with scope.org(cast.globex.id):
        theirs = Asset.objects.create(asset_id="theirs", kind="oas-template", name="Theirs", data_text="{}")
    assert [ada.get(f"{PAGE}{id}/").status_code for id in (theirs.id, "x", "theirs")] == [404, 404, 404]
    used = ada.post("/o/acme/apis/import/", {"text": json.dumps(openapi()), "template": theirs.id})
    assert not re.search("theirs", used.content.decode(), re.IGNORECASE)
    clerk = client_for(make.user("clerk@acme.example", cast.acme, {"apis": "write"}))
    assert clerk.get(PAGE).status_code == 403
    assert "template" not in clerk.get("/o/acme/apis/import/").context["form"].fields
