"""`/api/apis/oas` on the wire."""

import json
from functools import partial

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apis.models import ApiDefinition
from apis.oas_rest import NOT_FETCHED
from apis.publishing import publish
from apis.publishing.refusals import Deleted
from apis.versions import lifecycle as versions
from orgs import scope
from tests import make
from tests.apis.examples import as_served, openapi, plain
from tests.apis.publishing.test_publish import served, stored
from tests.concurrency import second_of_two
from tests.keys.policies import build as policies

JSON = "application/json"
EXTENSION = "x-tyk-api-gateway"


def send(client, method, path, body, **headers):
    return client.generic(method, f"/api/apis{path}", json.dumps(body), content_type=JSON, headers=headers)


@pytest.fixture
def ada(cast, rest):
    return rest(cast.acme_admin)


@pytest.fixture
def made(ada):
    """The answer to a creation: Meta is the database id, ID the API id."""
    return send(ada, "POST", "/oas", openapi(extension={"info": {"id": "orders", "name": "Orders"}})).json()


def refused(answer):
    assert answer.json()["Status"] == "Error"
    return answer.status_code, answer.json()["Message"]


def test_a_document_is_created_read_changed_and_deleted(cast, ada):
    sent = {
        "x-zebra": {"é": [1, None]},
        **openapi(extension={"info": {"name": "Orders", "orgId": cast.globex.id}}),
    }
    created = send(ada, "POST", "/oas", sent)
    with scope.org(cast.acme.id):
        row = ApiDefinition.objects.get()
    assert created.content.decode() == (
        f'{{"Status":"OK","Message":"API created","Meta":"{row.id}","ID":"{row.api_id}"}}'
    )
    info = {
        "name": "Orders",
        "orgId": cast.acme.id,
        "id": row.api_id,
        "dbId": row.id,
        "state": {"active": False},
    }
    kept = {**sent, EXTENSION: {**sent[EXTENSION], "info": info | {"state": {"active": True}}}}
    read = ada.get(f"/api/apis/oas/{row.api_id}")
    assert (read.json(), list(read.json())) == (kept, list(sent))
    assert (row.kind, row.auth, row.listen_path, row.target_url) == (
        "oas", "token", "/orders/", "http://upstream.example/",
    )  # fmt: skip
    changed = {**read.json(), "info": {"title": "New", "version": "2"}}
    answer = send(ada, "PUT", f"/oas/{row.id}", changed)
    assert answer.content == b'{"Status":"OK","Message":"API updated","Meta":null}'
    assert ada.get(f"/api/apis/oas/{row.id}").json() == changed
    assert (
        ada.delete(f"/api/apis/oas/{row.id}").content
        == b'{"Status":"OK","Message":"API deleted","Meta":null}'
    )
    assert refused(ada.get(f"/api/apis/oas/{row.id}")) == (404, "API not found")


def test_gateways_are_given_the_classic_half_and_of_the_document_what_they_act_on(ada, made):
    [element] = served()
    classic = ada.get("/api/apis/orders").json()["api_definition"]
    assert classic.pop("is_oas") is True
    assert classic.pop("tags") == []
    assert element == {"api_definition": as_served(classic), "oas": None}
    document = openapi(
        operations={"list": {"mockResponse": {"enabled": True}}},
        extension={"info": {"id": "orders", "name": "O"}},
    )
    warned = send(ada, "PUT", "/oas/orders", document).json()["Warnings"]
    place = f"/{EXTENSION}/middleware/operations/list/mockResponse"
    assert warned == [f"{place}: gateways of 3.x send requests on to the upstream instead of answering."]


def test_served_with_the_document_where_it_acts(ada):
    document = openapi(operations={"list": {"mockResponse": {"enabled": True}}})
    send(ada, "POST", "/oas", document)
    [element] = served()
    assert element["api_definition"]["is_oas"] is True
    assert list(element["oas"][EXTENSION]["middleware"]["operations"]) == ["list"]


def test_lists_mix_the_kinds_and_have_documents_where_all_are_asked_for(ada, made):
    send(ada, "POST", "", {"api_definition": plain()})
    document = ada.get("/api/apis/oas/orders").json()
    for path, whole in (("/api/apis?p=-2", True), ("/api/apis?p=1", False), ("/api/apis", False)):
        first, second = ada.get(path).json()["apis"]
        assert first["api_definition"]["is_oas"] is True
        assert (first.get("oas"), "is_oas" in second["api_definition"]) == (
            document if whole else None,
            False,
        )
    assert [
        each["api_definition"]["api_id"] for each in ada.get("/api/apis?api_type=oas").json()["apis"]
    ] == ["orders"]
    assert ada.get("/api/apis/orders").json()["oas"] == document


def test_each_kind_is_changed_where_it_belongs(ada, made):
    before = stored()
    classic = {"api_definition": plain("/other/")}
    assert refused(send(ada, "PUT", "/orders", classic)) == (
        400,
        f"api_definition: this API is an OpenAPI document: send that to /api/apis/oas/{made['Meta']}",
    )
    assert refused(send(ada, "POST", "", {"api_definition": openapi("/new/")})) == (
        400,
        "api_definition: is an OpenAPI document: send that, as it is, to /api/apis/oas",
    )
    missing = (400, f"{EXTENSION}: must be there: it says where and how gateways serve the API")
    bare = {name: value for name, value in openapi("/new/").items() if name != EXTENSION}
    assert refused(send(ada, "POST", "/oas", bare)) == missing
    assert refused(send(ada, "POST", "/oas", openapi("/new/", proxy={}))) == missing
    assert stored() == before
    id = send(ada, "POST", "", classic).json()["Meta"]
    assert refused(send(ada, "PUT", f"/oas/{id}", openapi("/other/"))) == (
        400,
        f"This API is a classic one: it is read and written at /api/apis/{id}",
    )


def test_a_fault_is_told_by_its_place_and_nothing_is_stored(cast, ada, rest, made):
    before = stored()
    upstream = {"url": "file:///etc/passwd"}
    assert refused(send(ada, "POST", "/oas", openapi("/x/", extension={"upstream": upstream}))) == (
        400,
        f"/{EXTENSION}/upstream/url: must be a URL with http or https; "
        f"/{EXTENSION}/upstream/url: must not refer to the gateway's host (file://)",
    )
    strange = {"clientCertificates": {"enabled": True, "allowlist": [cast.globex.id + "0" * 64]}}
    status, message = refused(send(ada, "POST", "/oas", openapi("/x/", extension={"server": strange})))
    assert (status, message.split(":")[0]) == (400, f"/{EXTENSION}/server/clientCertificates/allowlist/0")
    stranger = rest(cast.globex_admin)
    assert refused(send(stranger, "POST", "/oas", openapi("/orders/below/"))) == (
        409,
        "Found API with same url",
    )
    taken = openapi("/x/", extension={"info": {"id": "orders", "name": "X"}})
    assert refused(send(stranger, "POST", "/oas", taken)) == (409, "Found API with the same ID")
    for method in ("GET", "PUT", "DELETE"):
        assert refused(send(stranger, method, "/oas/orders", openapi())) == (404, "API not found")
    assert stored() == before


def test_policies_and_apis_of_others_are_nobodys_to_gateways(cast, ada, rest):
    theirs = rest(cast.globex_admin)
    other = send(theirs, "POST", "", {"api_definition": plain("/theirs/", api_id="theirs")}).json()["Meta"]
    with scope.org(cast.globex.id):
        policy = policies.policy(cast.globex, ApiDefinition.objects.get())
    scheme = {"enabled": True, "signingMethod": "hmac", "defaultPolicies": [policy.id]}
    jwt = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    document = openapi(
        operations={
            "list": {"urlRewrite": {"enabled": True, "pattern": "x", "rewriteTo": f"tyk://{other}/x"}}
        },
        extension={"server": {"authentication": {"enabled": True, "securitySchemes": {"j": scheme}}}},
        components={"securitySchemes": {"j": jwt}},
        security=[{"j": []}],
    )
    answer = send(ada, "POST", "/oas", document).json()
    assert [policy.id in answer["Warnings"][1], other in answer["Warnings"][0]] == [True, True]
    element = json.dumps(next(each for each in served() if each["api_definition"]["org_id"] == cast.acme.id))
    assert (policy.id in element, other in element) == (False, False)


def test_a_document_is_exported_with_and_without_what_gateways_are_told(ada, made):
    document = ada.get("/api/apis/oas/orders").json()
    whole = ada.get("/api/apis/oas/orders/export")
    assert (whole.json(), whole["Content-Disposition"]) == (
        document,
        f'attachment; filename="{made["Meta"]}.json"',
    )
    public = ada.get("/api/apis/oas/orders/export?mode=public")
    assert public.json() == {name: value for name, value in document.items() if name != EXTENSION}
    assert public["ETag"] != whole["ETag"]


def test_categories_stand_beside_a_document(ada, made):
    answer = send(ada, "PUT", "/oas/orders/categories", {"categories": ["eu", "eu", "retail"]})
    assert answer.json()["Message"] == "API categories updated."
    assert ada.get("/api/apis/oas/orders/categories").json() == {"categories": ["eu", "retail"]}
    assert ada.get("/api/apis?category=retail").json()["apis"][0]["categories"] == ["eu", "retail"]
    assert refused(send(ada, "PUT", "/oas/orders/categories", {"categories": [1]}))[0] == 400


def test_an_api_is_its_only_version(ada, made):
    assert ada.get("/api/apis/oas/orders/versions").json() == {
        "apis": [
            {
                "id": "orders",
                "name": "Orders",
                "versionName": "",
                "internal": False,
                "isDefaultVersion": True,
                "expirationDate": "",
            }
        ],
        "pages": 1,
    }


def test_versions_that_are_made_at_the_same_time_are_all_named_by_their_base(committed, cast):
    with scope.org(cast.acme.id):
        base = publish.create(cast.acme.id, openapi(), author=None)
    made = [
        partial(versions.create, base, openapi(f"/{name}/"), name=name, base_name="v1", author=None)
        for name in ("v2", "v3", "v4")
    ]
    assert second_of_two(cast.acme.id, made[0], made[1]).name == "Orders"
    with scope.org(cast.acme.id):
        base.refresh_from_db()
        named = base.definition[EXTENSION]["info"]["versioning"]["versions"]
        assert ([each["name"] for each in named], base.revision) == (["v2", "v3"], 3)
        publish.delete(base, author=None)
        with pytest.raises(Deleted):
            made[2]()
        assert ApiDefinition.objects.count() == 2


def test_who_waited_for_another_does_not_change_what_he_did_not_see(committed, cast, rest):
    with scope.org(cast.acme.id):
        api = publish.create(cast.acme.id, openapi(), author=None)
    client = rest(cast.acme_admin)
    for method, path, body in (
        ("PUT", f"/oas/{api.id}/categories", {"categories": ["a"]}),
        ("PUT", f"/{api.id}/access", {"userIds": []}),
        ("PUT", f"/oas/{api.id}", openapi(info={"title": "New", "version": "2"})),
        ("DELETE", f"/oas/{api.id}", {}),
    ):
        tag = client.get(f"/api/apis/oas/{api.id}").headers["ETag"]
        first = partial(publish.keep, api, {"user_owners": [path, method]}, author=None)
        second = partial(send, client, method, path, body, **{"If-Match": tag})
        assert second_of_two(cast.acme.id, first, second).status_code == 412, path


def test_a_version_is_an_api_of_its_own_which_its_base_names(cast, ada, rest, made):
    query = "?base_api_id=orders&base_api_version_name=v1&new_version_name=v2"
    second = send(
        ada, "POST", f"/oas{query}", openapi("/two/", extension={"info": {"id": "two", "name": "Two"}})
    ).json()
    assert (second["ID"], second["Warnings"]) == ("two", [versions.NOT_IN_3])
    third = send(
        ada,
        "POST",
        f"/oas?base_api_id={made['Meta']}&new_version_name=v3&set_default=true",
        openapi("/three/"),
    ).json()
    assert ada.get("/api/apis/oas/orders").json()[EXTENSION]["info"]["versioning"] == {
        "enabled": True,
        "name": "v1",
        "default": "v3",
        "location": "header",
        "key": "x-api-version",
        "versions": [{"name": "v2", "id": "two"}, {"name": "v3", "id": third["ID"]}],
    }
    [base] = [each["api_definition"] for each in served() if each["api_definition"]["api_id"] == "orders"]
    assert base["definition"]["versions"] == {"v2": second["Meta"], "v3": third["Meta"]}
    listed = ada.get("/api/apis/oas/orders/versions").json()["apis"]
    assert [(each["id"], each["versionName"], each["isDefaultVersion"]) for each in listed] == [
        ("orders", "v1", False),
        ("two", "v2", False),
        (third["ID"], "v3", True),
    ]
    classic = {"api_definition": plain("/c/", api_id="c")}
    send(ada, "POST", "", classic)
    child = {"api_definition": plain("/d/", api_id="d")}
    send(ada, "POST", "?base_api_id=c&base_api_version_name=v1&new_version_name=v2", child)
    assert ada.get("/api/apis/c").json()["api_definition"]["definition"] == {
        "location": "header",
        "key": "x-api-version",
        "enabled": True,
        "name": "v1",
        "default": "self",
        "versions": {"v2": "d"},
    }
    before = stored()
    new = openapi("/new/")
    for asked, answer in (
        ("base_api_id=orders", (422, "The new version name is required")),
        ("base_api_id=none&new_version_name=v4", (400, "base_api_id: is not a valid Base API version")),
        (
            "base_api_id=orders&new_version_name=v2",
            (400, "new_version_name: Orders: has a version of this name already: v2"),
        ),
        (
            "base_api_id=orders&base_api_version_name=v2&new_version_name=v4",
            (400, "base_api_version_name: Orders: has a version of this name already: v2"),
        ),
        ("base_api_id=orders&new_version_name=self", (400, f"new_version_name: {versions.IS_THE_BASE}")),
        (
            "base_api_id=two&new_version_name=v2",
            (400, "base_api_version_name: you need to provide a version name for the new Base API: two"),
        ),
    ):
        assert refused(send(ada, "POST", f"/oas?{asked}", new)) == answer
    stranger = rest(cast.globex_admin)
    assert (
        refused(send(stranger, "POST", "/oas?base_api_id=orders&new_version_name=v4", openapi("/x/")))[0]
        == 400
    )
    assert stored() == before


def test_a_plain_document_is_imported_and_renewed(ada):
    plain_one = {name: value for name, value in openapi().items() if name != EXTENSION}
    query = "?upstreamURL=http://u.example/&listenPath=/imported/&authentication=true&apiID=own"
    made = send(ada, "POST", f"/oas/import{query}", plain_one)
    assert (made.json()["Message"], made.json()["ID"]) == ("API created", "own")
    first = ada.get("/api/apis/oas/own").json()
    assert first[EXTENSION]["server"]["listenPath"] == {"value": "/imported/", "strip": True}
    changed = {**plain_one, "info": {"title": "New", "version": "2"}}
    assert send(ada, "PATCH", "/oas/own?listenPath=/moved/", changed).json()["Message"] == "API updated"
    second = ada.get("/api/apis/oas/own").json()
    first[EXTENSION]["server"]["listenPath"]["value"] = "/moved/"
    assert second == {**first, "info": {"title": "New", "version": "2"}}
    before = stored()
    there = f"{EXTENSION}: must not be there: such a document is sent to /api/apis/oas"
    for method, path in (("POST", "/oas/import"), ("PATCH", "/oas/own")):
        assert refused(send(ada, method, path, openapi())) == (400, there)
    assert refused(send(ada, "POST", "/oas/import", plain_one)) == (
        400,
        "/servers: must name the upstream, or name it by upstreamURL",
    )
    assert refused(send(ada, "PATCH", "/oas/own?upstreamURL=tyk://self", changed))[0] == 400
    assert stored() == before


STREAMS = {
    "streams": {"in": {"input": {"http_server": {"path": "/in"}}, "output": {"kafka": {"topic": "t"}}}}
}


def test_a_stream_and_an_mcp_proxy_come_back_as_they_were_sent_and_are_served(cast, ada):
    stream = {
        "x-own": 1,
        **openapi("/stream/", extension={"info": {"id": "s", "name": "S"}}),
        "x-tyk-streaming": STREAMS,
    }
    made = send(ada, "POST", "/streams", stream)
    assert (made.json()["Message"], made.json()["ID"]) == ("API created", "s")
    read = ada.get("/api/apis/streams/s").json()
    assert read == {**stream, EXTENSION: read[EXTENSION]}
    proxy = openapi(
        "/mcp/", extension={"info": {"id": "m", "name": "M"}, "middleware": {"mcpTools": {"t": {}}}}
    )
    made = ada.post("/api/mcps/", json.dumps(proxy), JSON)
    assert (made.json()["Message"], made.json()["ID"]) == ("MCP Proxy definition created", "m")
    read = ada.get("/api/mcps/m").json()
    assert read == {**proxy, EXTENSION: read[EXTENSION]}
    assert ada.get("/api/mcps").json() == {"mcps": [read], "pages": 1}
    changed = {**read, "info": {"title": "New", "version": "2"}}
    assert (
        ada.put("/api/mcps/m", json.dumps(changed), JSON).json()["Message"] == "MCP Proxy definition updated"
    )
    assert ada.get("/api/mcps/m").json() == changed
    by_id = {each["api_definition"]["api_id"]: each for each in served()}
    assert by_id["s"]["oas"]["x-tyk-streaming"] == STREAMS
    assert by_id["m"]["api_definition"]["application_protocol"] == "mcp"
    assert by_id["m"]["oas"][EXTENSION]["middleware"] == {"mcpTools": {"t": {}}}
    [listed] = ada.get("/api/apis?p=-2").json()["apis"]
    assert (listed["is_streams"], listed["api_definition"]["is_oas"], listed["oas"]["x-own"]) == (
        True,
        True,
        1,
    )
    assert [
        each["api_definition"]["api_id"] for each in ada.get("/api/apis?api_type=mcp").json()["apis"]
    ] == ["m"]
    assert ada.delete("/api/mcps/m").json()["Message"] == "MCP Proxy definition deleted"


def test_streams_and_mcp_proxies_have_their_own_routes_and_right(cast, ada, rest, made):
    stream = send(ada, "POST", "/streams", {**openapi("/s/"), "x-tyk-streaming": STREAMS}).json()["Meta"]
    proxy = ada.post("/api/mcps", json.dumps(openapi("/m/")), JSON).json()["Meta"]
    before = stored()
    there = f"This API is an MCP proxy: it is read and written at /api/mcps/{proxy}"
    for path in (f"/api/apis/{proxy}", f"/api/apis/oas/{proxy}", f"/api/apis/streams/{proxy}"):
        assert refused(ada.get(path)) == (400, there)
        assert refused(ada.delete(path)) == (400, there)
    orders = made["Meta"]
    assert refused(ada.get("/api/apis/streams/orders")) == (
        400,
        f"This API is an OpenAPI document: it is read and written at /api/apis/oas/{orders}",
    )
    assert refused(ada.delete(f"/api/mcps/{stream}")) == (
        400,
        f"This API is a stream: it is read and written at /api/apis/streams/{stream}",
    )
    assert refused(send(ada, "POST", "/streams", openapi("/new/"))) == (
        400,
        "x-tyk-streaming: must be there: it says what streams there are",
    )
    version = "base_api_version_name=v1&new_version_name=v2"
    for path, base in (("/api/mcps", "orders"), ("/api/apis/oas", proxy)):
        answer = ada.post(f"{path}?base_api_id={base}&{version}", json.dumps(openapi("/new/")), JSON)
        assert refused(answer)[1].startswith("base_api_id: This API is an ")
    marked = {**openapi("/new/"), "x-gatehouse-kind": "mcp"}
    assert refused(send(ada, "POST", "/oas", marked))[0] == 400
    # Copies of all APIs are put back where documents are; a plain document renews what streams go on in.
    assert ada.get(f"/api/apis/oas/{stream}").json()["x-tyk-streaming"] == STREAMS
    bare = {
        name: value
        for name, value in openapi("/s/", info={"title": "N", "version": "3"}).items()
        if name != EXTENSION
    }
    assert stored() == before
    assert send(ada, "PATCH", f"/streams/{stream}", bare).status_code == 200
    renewed = ada.get(f"/api/apis/streams/{stream}").json()
    assert (renewed["x-tyk-streaming"], renewed["info"]["title"]) == (STREAMS, "N")
    clerk = rest(make.user("clerk@acme.example", cast.acme, {"apis": "write", "mcp": "read"}))
    assert clerk.get(f"/api/mcps/{proxy}").status_code == 200
    assert clerk.delete(f"/api/mcps/{proxy}").status_code == 403


def test_documents_are_taken_in_yaml_and_come_back_as_json(cast, ada):
    pytest.importorskip("yaml", reason="the packages of requirements.lock are not all installed")
    text = (
        "openapi: 3.0.3\ninfo: {title: T, version: '1', description: no}\npaths: {}\n"
        "x-tyk-api-gateway:\n  info: {id: y, name: Y, state: {active: true}}\n"
        "  server: {listenPath: {value: /y/}}\n  upstream: {url: 'http://upstream.example/'}\n"
    )
    made = ada.post("/api/apis/oas", text, "application/x-yaml").json()
    assert made["ID"] == "y"
    assert made["Warnings"] == [
        "Line 2: no is read as text, as YAML 1.2 does. Put it in quotes, for readers of YAML 1.1 take it for false."
    ]
    assert ada.get("/api/apis/oas/y").json()["info"] == {"title": "T", "version": "1", "description": "no"}
    for body, fault in (
        ("a: 1\na: 2", "Request body malformed: line 2: the member a is there twice"),
        ("- 1", "Request body malformed: an object is expected"),
        (b"a: \xff", "Request body malformed: the text is not UTF-8"),
    ):
        assert refused(ada.post("/api/apis/oas", body, "text/yaml")) == (400, fault)
    plain_text = (
        "openapi: 3.0.3\ninfo: {title: P, version: '1'}\npaths: {}\nservers: [{url: 'https://a.example'}]\n"
    )
    answer = ada.post("/api/apis/oas/import?listenPath=/p/", plain_text, "application/yaml").json()
    assert answer["Warnings"] == [
        "/servers/0/url: has no path, so requests are sent to the root of the host."
    ]


def test_a_document_is_taken_from_the_one_file_of_a_form_and_from_no_address(cast, ada):
    pytest.importorskip("yaml", reason="the packages of requirements.lock are not all installed")
    text = (
        "openapi: 3.0.3\ninfo: {title: P, version: no}\npaths: {}\nservers: [{url: 'https://a.example/x'}]\n"
    )
    plain_one = {"openapi": "3.0.3", "info": {"title": "J", "version": "1"}, "paths": {}}

    def upload(path, *contents, **fields):
        files = {f"part{n}": SimpleUploadedFile("d", content) for n, content in enumerate(contents)}
        return ada.post(f"/api/{path}", {**files, **fields})

    made = upload("apis/oas/import?listenPath=/p/&apiID=p", text.encode(), other="field")
    assert (made.json()["ID"], made.json()["Warnings"][0][:7]) == ("p", "Line 2:")
    query = "?listenPath=/j/&apiID=j&upstreamURL=http://a.example"
    assert upload(f"apis/oas/import{query}", json.dumps(plain_one).encode()).json()["ID"] == "j"
    assert upload("apis/oas", json.dumps(openapi("/o/")).encode()).status_code == 200
    assert upload("mcps", json.dumps(openapi("/m/")).encode()).status_code == 200
    before, one = stored(), "Request body malformed: one file is expected, in a part of any name"
    there = "/api/apis/oas/import?listenPath=/u/"
    for answer, fault in (
        (upload("apis/oas/import", b"{}", b"{}"), one),
        (upload("apis/oas/import", file="text"), one),
        (upload("apis/oas/import", b"\xff"), "Request body malformed: the text is not UTF-8"),
        (upload("apis/oas/import", b'{"a":1,"a":2}'), "Request body malformed: the member a is there twice"),
        (upload("apis/oas/import", b"[1]"), "Request body malformed: an object is expected"),
        (ada.post(there, {"url": "http://169.254.169.254/"}, JSON), NOT_FETCHED),
        (ada.post("/api/apis/oas", {"url": "http://a.example/d.json"}, JSON), NOT_FETCHED),
    ):
        assert refused(answer) == (400, fault)
    assert stored() == before


def test_versions_of_mcp_proxies_are_told_on_their_own_route(cast, ada):
    for path, query in (("/m/", ""), ("/n/", "?base_api_id=m&base_api_version_name=v1&new_version_name=v2")):
        document = openapi(path, extension={"info": {"id": path.strip("/"), "name": path}})
        assert ada.post(f"/api/mcps{query}", json.dumps(document), JSON).status_code == 200
    listed = ada.get("/api/mcps/m/versions").json()["apis"]
    assert [(each["id"], each["versionName"]) for each in listed] == [("m", "v1"), ("n", "v2")]
    assert refused(ada.get("/api/apis/oas/m/versions"))[0] == 400


WRONG = [
    ("/info", "x"),
    ("/middleware/operations", "x"),
    ("/middleware/operations/list", {"allow": [], "rateLimit": {"enabled": True, "per": 5}}),
    ("/middleware/global/transformRequestHeaders", {"enabled": True, "add": ["x"]}),
    ("/info/versioning", {"enabled": True, "versions": ["x"]}),
    ("/server/eventHandlers", [1]),
    ("/server/authentication/securitySchemes", {"key": 1}),
    ("/upstream/rateLimit", {"enabled": True, "per": {}}),
]


def test_a_change_of_any_wrong_type_is_refused_with_its_place_and_can_be_a_draft(cast, ada, made, client_for):
    """Whoever sent back what he had read, with a wrong type in it, was answered 500; so were who reviewed or edited a
    draft of such."""
    browser, page = client_for(cast.acme_admin), f"/o/acme/apis/{made['Meta']}/edit/?as=json"
    new = "/oas?base_api_id=orders&base_api_version_name=v1&new_version_name=v2"
    before = stored()
    for place, value in WRONG:
        document = ada.get("/api/apis/oas/orders").json()
        *above, last = place[1:].split("/")
        holder = document[EXTENSION]
        for step in above:
            holder = holder.setdefault(step, {})
        holder[last] = value
        for method, path in (("PUT", "/oas/orders"), ("POST", new)):
            status, message = refused(send(ada, method, path, document))
            assert (status, message.startswith(f"/{EXTENSION}{place}")) == (400, True)
        text = {"text": json.dumps(document), "started_from": 1, "seen": ""}
        assert browser.post(page, text).status_code == 400
    assert stored() == before
    assert browser.post(page, text | {"save": "draft"}).status_code == 302
    for shown in (page, f"/o/acme/apis/review/?draft={made['Meta']}"):
        assert browser.get(shown).status_code == 200


@pytest.mark.parametrize(
    "members", [{"graphql": "x"}, {"graphql": {"enabled": True, "execution_mode": {}}}, {"version_data": "x"}]
)
def test_a_new_version_of_any_wrong_type_is_refused(ada, made, members):
    asked = "?base_api_id=orders&base_api_version_name=v1&new_version_name=v2"
    assert refused(send(ada, "POST", asked, {"api_definition": plain(**members)}))[0] == 400
