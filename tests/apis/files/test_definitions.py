import json
import time

from apis.definitions import kinds
from apis.files import definitions
from apis.files.reading import File, documents
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


def test_a_list_from_a_dashboard_holds_the_definitions_that_are_in_it_and_they_stay_inactive():
    sleeping, bare = (api(name, f"/{name}/", active=False) for name in ("sleeping", "bare"))
    wrapped = {"api_model": {}, "api_definition": sleeping, "hook_references": []}
    document = openapi("/oas/")
    oas = {"api_definition": api("oas", "/oas/", is_oas=True), "oas": document}
    for value, above in (([wrapped, bare, oas], ""), ({"apis": [wrapped, bare, oas], "pages": 1}, "/apis")):
        read, others = definitions.found(documents([File("all.json", json.dumps(value).encode())]))
        assert [(each.definition, each.pointer, each.notes) for each in read] == [
            (sleeping, f"{above}/0/api_definition", ()),
            (bare, f"{above}/1", ()),
            (document, f"{above}/2/oas", (definitions.FROM_DOCUMENT,)),
        ]
        assert ([each.problems for each in read], others) == ([()] * 3, [])
    twice, _ = definitions.found(documents([File("all.json", json.dumps([bare, bare, [], 1]).encode())]))
    assert [str(each.problems[0]) for each in twice] == [
        "/api_id: is the API ID of another file too: all.json /1",
        "/api_id: is the API ID of another file too: all.json /0",
        *["must be a JSON object"] * 2,
    ]


def test_a_list_is_bounded_and_what_only_looks_like_one_is_none():
    many = documents([File("many.json", json.dumps([0] * 10_001).encode())])
    assert [(each.content, each.fault) for each in many] == [
        (None, "holds more than 10,000 definitions and policies, or does together with files before it")
    ]
    # So are several together, of which a small archive holds many.
    ones = File("ones.json", json.dumps([1] * 6_000).encode())
    several = documents([ones, ones._replace(name="more.json"), File("alone.json", b"{}")])
    assert [(each.name, bool(each.fault)) for each in several[5_999:]] == [
        ("ones.json", False),
        ("more.json", True),
        ("alone.json", False),
    ]
    [small, large] = documents([File("large.json", json.dumps([{}, {"x": "x" * 1_000_000}]).encode())])
    assert (small.content, large.content, large.pointer) == (b"{}", None, "/1")
    files = [
        File(f"{place}.json", json.dumps(value).encode())
        for place, value in enumerate(
            [api("one", "/one/", apis=[{}]), {"apis": {}}, [], {"apis": []}, "apis"]
        )
    ]
    files += [File("broken.json", b'[{"a": 1'), File("away.json", None, "is no file")]
    assert documents(files) == files


def test_what_a_database_had_is_inactive_on_purpose_unless_a_gateway_runs_on_it():
    exported = api("one", "/one/", active=False, id="6b06e0000000000000000001")
    file = File("one.json", json.dumps(exported).encode())
    for served, active in ((False, False), (True, True)):
        [read], _ = definitions.found([file], served=served)
        assert (read.definition, len(read.notes)) == (exported | {"active": active}, active)
    contents = File("dump/.tyk.json", b'{"type": "apidef", "files": []}')
    read, [other] = definitions.found([contents])
    assert (read, other.fault) == ([], definitions.CONTENTS)


def test_of_many_that_share_an_id_each_names_the_first_few_and_says_how_many_more():
    many = documents([File("all.json", json.dumps([{"api_id": "x"}] * 2_000).encode())])
    begun = time.process_time()
    read, _ = definitions.found(many)
    # Named beside each other, every one by all, they took half a minute.
    assert time.process_time() - begun < 5
    said = [
        str(each.problems[0]).removeprefix("/api_id: is the API ID of another file too: ") for each in read
    ]
    assert [said[place] for place in (0, 2, 1_999)] == [
        "all.json /1, all.json /2, all.json /3 and 1,996 more",
        "all.json /0, all.json /1, all.json /3 and 1,996 more",
        "all.json /0, all.json /1, all.json /2 and 1,996 more",
    ]


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
