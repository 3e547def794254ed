"""The page that makes an API of an OpenAPI document."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apis.models import ApiDefinition
from orgs import scope
from tests.apis.examples import openapi
from tests.apis.publishing.test_publish import stored

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
    answer = ada.post(
        PAGE,
        {"file": SimpleUploadedFile("o.yaml", PLAIN.encode()), "listen_path": "/o/", "allow_list": "on"},
        follow=True,
    )
    with scope.org(cast.acme.id):
        api = ApiDefinition.objects.get()
    assert (api.kind, api.listen_path, api.target_url) == ("oas", "/o/", "https://live.orders.example")
    assert api.definition["x-tyk-api-gateway"]["middleware"]["operations"] == {
        "list": {"allow": {"enabled": True}}
    }
    assert [str(message) for message in answer.context["messages"]] == [
        "Orders is published.",
        "Line 11: no is read as text, as YAML 1.2 does. Put it in quotes, for readers of YAML 1.1 take it for false.",
        "/servers: requests are sent to the first of 2, https://live.orders.example.",
        "/servers/0/url: its variables have their defaults: https://live.orders.example.",
        "/servers/0/url: has no path, so requests are sent to the root of the host.",
    ]


def test_a_document_with_the_extension_is_published_as_it_is(cast, ada):
    assert ada.post(PAGE, {"text": json.dumps(openapi("/own/"))}).status_code == 302
    with scope.org(cast.acme.id):
        assert ApiDefinition.objects.get().listen_path == "/own/"


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
