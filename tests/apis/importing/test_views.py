"""The page that makes an API of an OpenAPI document."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apis.models import ApiDefinition, Draft, Revision
from apis.publishing import publish
from orgs import scope
from tests.apis import examples
from tests.apis.examples import openapi
from tests.apis.pages import confirmed
from tests.apis.publishing.test_publish import stored
from tests.apis.test_views import text_of

PAGE = "/o/acme/apis/import/"
PLAIN = """\
openapi: 3.0.3
info: {title: Orders, version: "1"}
servers:
  - url: https://{stage}.orders.example
    variables: {stage: {default: live}}
  - url: /other
paths:
  /orders:
    get:
      operationId: list
      responses: {"200": {description: no}}
"""


@pytest.fixture
def ada(cast, client_for):
    return client_for(cast.acme_admin)


def errors(answer):
    return {name: list(said) for name, said in answer.context["form"].errors.items()}


def test_a_plain_document_in_yaml_becomes_an_api_and_its_servers_are_told(cast, ada):
    pytest.importorskip("yaml", reason="the packages of requirements.lock are not all installed")
    before = stored()
    page = ada.post(
        PAGE,
        {"file": SimpleUploadedFile("o.yaml", PLAIN.encode()), "listen_path": "/o/", "allow_list": "on"},
    )
    assert (page.status_code, stored()) == (200, before)
    shown = text_of(page)
    assert "Listen path /o/ Custom domain any Target URL https://live.orders.example Callers keyless" in shown
    assert page.context["told"].warnings == ["Opens it to everyone: nobody needs a key."]
    notes = [
        "Line 11: no is read as text, as YAML 1.2 does. Put it in quotes, for readers of YAML 1.1 take it for false.",
        "/servers: requests are sent to the first of 2, https://live.orders.example.",
        "/servers/0/url: its variables have their defaults: https://live.orders.example.",
        "/servers/0/url: has no path, so requests are sent to the root of the host.",
    ]
    assert (page.context["notes"], [note in shown for note in notes]) == (notes, [True] * 4)
    answer = confirmed(ada, page)
    assert "Orders is published." in text_of(answer)
    with scope.org(cast.acme.id):
        api = ApiDefinition.objects.get()
    assert (api.kind, api.listen_path, api.target_url) == ("oas", "/o/", "https://live.orders.example")
    assert api.definition["x-tyk-api-gateway"]["middleware"]["operations"] == {
        "list": {"allow": {"enabled": True}}
    }


def test_a_document_with_the_extension_is_published_as_it_is(cast, ada):
    page = ada.post(PAGE, {"text": json.dumps(openapi("/own/"))})
    assert (page.context["told"].warnings, "Publish it as it is" in text_of(page)) == ([], True)
    confirmed(ada, page)
    with scope.org(cast.acme.id):
        api, revision = ApiDefinition.objects.get(), Revision.objects.get()
    assert (api.listen_path, revision.message) == ("/own/", "Imported")


def test_a_document_of_an_api_that_is_there_becomes_its_draft_and_is_reviewed(cast, ada, client_for):
    with scope.org(cast.acme.id):
        api = publish.create(cast.acme.id, openapi(), author=cast.acme_admin)
    open_to_all = {"server": {"authentication": {"enabled": False}}}
    sent = openapi(extension=open_to_all | {"info": {"id": api.api_id, "name": "Newer"}})
    before = stored()[1]
    answer = ada.post(PAGE, {"text": json.dumps(sent)})
    assert (answer.url, stored()[1]) == (f"/o/acme/apis/review/?draft={api.id}", before)
    [review] = ada.get(answer.url).context["reviews"]
    assert "Opens it to everyone: nobody needs a key." in review.warnings
    again = ada.post(PAGE, {"text": json.dumps(sent)})
    drafted = "Orders has a draft, which this would take the place of: publish or discard it first."
    assert (again.status_code, errors(again)) == (400, {"text": [drafted]})
    with scope.org(cast.acme.id):
        Draft.objects.all().delete()

    # A plain document brings no extension: what gateways are told stays.
    plain = {name: value for name, value in openapi(paths={}).items() if name != "x-tyk-api-gateway"}
    into = f"{PAGE}?into={api.id}"
    assert "Import Orders" in text_of(ada.get(into))
    answer = ada.post(into, {"text": json.dumps(plain)})
    with scope.org(cast.acme.id):
        draft = Draft.objects.get().definition
    kept = api.definition["x-tyk-api-gateway"]
    assert (answer.status_code, draft) == (302, plain | {"x-tyk-api-gateway": kept})
    other = json.dumps(openapi(extension={"info": {"id": "another", "name": "N"}}))
    refused = {"text": ["Line 1: /x-tyk-api-gateway/info/id: is the ID of another API"]}
    assert errors(ada.post(into, {"text": other})) == refused
    with scope.org(cast.acme.id):
        Draft.objects.all().delete()
    same = ada.post(PAGE, {"text": json.dumps(api.definition)}, follow=True)
    assert "Nothing was different, so nothing was saved." in text_of(same)
    strange = client_for(cast.globex_admin)
    assert strange.get(f"/o/globex/apis/import/?into={api.id}").status_code == 404
    with scope.org(cast.acme.id):
        classic = publish.create(cast.acme.id, examples.plain(), author=None)
    assert ada.post(f"{PAGE}?into={classic.id}", {"text": json.dumps(plain)}).status_code == 404
    for person in (strange, client_for(cast.super_user)):
        theirs = person.post("/o/globex/apis/import/", {"text": json.dumps(sent)})
        assert (theirs.status_code, errors(theirs)) == (
            400,
            {"text": ["Line 1: This API ID is already in use."]},
        )


def test_what_is_wrong_is_said_where_it_stands_and_nothing_is_stored(cast, ada):
    before = stored()
    bare = {"openapi": "3.0.3", "info": {"title": "T", "version": "1"}, "paths": {}}
    said = "must name the upstream, or name it by upstreamURL"
    relative = "must be a whole URL with its host; or name the upstream by upstreamURL"
    open_ended = "has a variable without a default; or name the upstream by upstreamURL"
    broken = json.dumps(openapi("/own/", paths={"x": {}}), indent=1)
    line = next(n for n, text in enumerate(broken.splitlines(), 1) if '"x": {}' in text)
    for sent, expected in (
        ({}, {"text": ["Paste a document or choose a file."]}),
        ({"text": "{}"}, {"text": ["This is no OpenAPI document: it has no member `openapi`."]}),
        ({"text": "[1"}, {"text": ["This is not JSON: Expecting ',' delimiter at line 1 column 3"]}),
        ({"text": json.dumps(bare)}, {"listen_path": ["Say where gateways are to listen."]}),
        ({"text": json.dumps(bare), "listen_path": "/a/"}, {"upstream_url": [f"/servers: {said}"]}),
        (
            {"text": json.dumps(bare | {"servers": [{"url": "/v1"}]}), "listen_path": "/a/"},
            {"upstream_url": [f"Line 1: /servers/0/url: {relative}"]},
        ),
        (
            {"text": json.dumps(bare | {"servers": [{"url": "https://{x}/"}]}), "listen_path": "/a/"},
            {"upstream_url": [f"Line 1: /servers/0/url: {open_ended}"]},
        ),
        ({"text": broken}, {"text": [f"Line {line}: /paths/x: must begin with a slash"]}),
        (
            {"text": json.dumps(openapi("/own/")), "listen_path": "/a/"},
            {"listen_path": ["Leave this empty: the document has x-tyk-api-gateway, which says it."]},
        ),
        (
            {"text": "{}", "file": SimpleUploadedFile("o.json", b"{}")},
            {"file": ["Paste the document or choose a file, not both."]},
        ),
    ):  # fmt: skip
        answer = ada.post(PAGE, sent)
        assert (answer.status_code, errors(answer)) == (400, expected)
    assert stored() == before
