import json

from apis.definitions import kinds
from apis.files import definitions
from apis.files.reading import File
from tests.apis.examples import openapi


def api(api_id, path, **members):
    return {
        "name": api_id,
        "api_id": api_id,
        "org_id": "default",
        "active": True,
        "proxy": {"listen_path": path, "target_url": "http://upstream.example/"},
        "version_data": {"not_versioned": True, "versions": {"Default": {"name": "Default"}}},
        **members,
    }


def found(**files):
    texts = {
        name: content if isinstance(content, bytes) else json.dumps(content).encode()
        for name, content in files.items()
    }
    return definitions.found(File(f"{name}.json", text) for name, text in texts.items())


def test_each_file_is_a_definition_or_says_why_not():
    read, others = found(
        orders=api("orders", "/orders/"),
        sleeping=api("sleeping", "/sleeping/", active=False, use_oauth2=True),
        **{"orders-oas": {}, "lost-mcp": {}},
        binary=b"\xff\xfe",
        twice=b'{"a": 1, "a": 2}',
        deep=b"[" * 100_000,
        nul=b'{"name": "\\u0000"}',
        array=[],
    )
    assert {each.file: each.definition.get("active") for each in read if not each.problems} == {
        "orders.json": True,
        "sleeping.json": True,
    }
    assert {each.file: str(each.problems[0]) for each in read if each.problems} == {
        "binary.json": "is no JSON that is read here: the text is not UTF-8",
        "twice.json": "is no JSON that is read here: the member a is there twice",
        "deep.json": "is no JSON that is read here: it is nested too deeply",
        "nul.json": "is no JSON that is read here: /name holds a NUL character",
        "array.json": "must be a JSON object",
    }
    assert {file.name: file.fault for file in others} == {
        "orders-oas.json": "belongs to orders.json",
        "lost-mcp.json": "belongs to lost.json, which is not there",
    }
    assert [each.notes for each in read][1] == (definitions.ACTIVATED, definitions.WITH_CLIENTS)


def test_what_dashboards_export_is_the_definition_in_it_or_the_document_beside_that():
    classic, document = api("one", "/one/", active=False), openapi("/two/")
    read, others = found(
        one={"api_model": {}, "api_definition": classic, "hook_references": []},
        two={"api_definition": api("two", "/two/", is_oas=True), "oas": document},
        three={"api_definition": api("three", "/three/", is_oas=True), "oas": {}},
    )
    assert {each.file: each.definition for each in read if not each.problems} == {
        "one.json": classic,
        "two.json": document,
        "three.json": api("three", "/three/", is_oas=True),
    }
    assert others == []


def test_those_that_share_an_id_or_an_address_are_refused_all_of_them():
    read, _ = found(
        a=api("one", "/a/"),
        b=api("one", "/b/"),
        c=api("three", "/same/"),
        d=api("four", "/same/", domain=""),
        e=api("five", "/same/", domain="other.example"),
        f=api(["six"], {}, proxy=5),
    )
    assert {each.file: [str(problem) for problem in each.problems] for each in read} == {
        "a.json": ["/api_id: is the API ID of another file too: b.json"],
        "b.json": ["/api_id: is the API ID of another file too: a.json"],
        "c.json": ["/proxy/listen_path: is the address of another file too: d.json"],
        "d.json": ["/proxy/listen_path: is the address of another file too: c.json"],
        "e.json": [],
        "f.json": [],
    }


def test_an_oas_definition_is_the_document_beside_it_where_both_say_the_same():
    document = openapi("/orders/", extension={"info": {"id": "another", "state": {"active": False}}})
    classic = api("orders", "/orders/", is_oas=True, use_keyless=False)
    read, _ = found(
        orders=classic,
        **{"orders-oas": document},
        other=api("other", "/other/", is_oas=True, use_keyless=True),
        **{"other-oas": openapi("/elsewhere/", extension={"upstream": {"url": "http://other.example/"}})},
        lost=api("lost", "/lost/", is_oas=True),
        alone=openapi("/alone/"),
    )
    said = {each.file: ([str(problem) for problem in each.problems], each.notes) for each in read}
    way = "other.json, by which gateways on files go"
    assert said == {
        "orders-oas.json": ([], (definitions.FROM_DOCUMENT,)),
        "other-oas.json": (
            [f"has another {what} than {way}" for what in ("address", "authentication", "target")],
            (definitions.FROM_DOCUMENT,),
        ),
        "lost.json": ([], ()),
        "alone.json": ([], (definitions.ALONE,)),
    }
    info = read[0].definition["x-tyk-api-gateway"]["info"]
    assert (definitions.api_id(read[0].definition), info["state"]) == ("orders", {"active": True})


def test_an_mcp_proxy_is_read_with_the_document_of_its_own_ending():
    extension = {"info": {"id": "other", "name": "tools"}, "middleware": {"mcpTools": {"t": {}}}}
    document = openapi("/tools/", extension=extension)
    protocol = {"application_protocol": "mcp", "json_rpc_version": "2.0"}
    token = {"use_standard_auth": True, "auth": {"auth_header_name": "Authorization"}}
    read, others = found(
        tools=api("tools", "/tools/", is_oas=True, **protocol, **token),
        **{"tools-mcp": document, "tools-oas": openapi("/elsewhere/")},
    )
    said = [(each.file, each.problems, each.notes) for each in read]
    assert said == [("tools-mcp.json", (), (definitions.FROM_DOCUMENT,))]
    made = read[0].definition
    assert (kinds.kind(made), definitions.api_id(made)) == ("mcp", "tools")
    assert {file.name: file.fault for file in others} == dict.fromkeys(
        ("tools-mcp.json", "tools-oas.json"), "belongs to tools.json"
    )
