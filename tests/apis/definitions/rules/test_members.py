"""The verdicts, member by member."""

import pytest

from apis.definitions.classic import problems
from apis.definitions.rules import members
from apis.definitions.rules.shape import TYPES
from tests.apis.definitions.rules.test_references import PATHS, transforming
from tests.apis.definitions.test_classic import holding, leaves, merged
from tests.apis.examples import b64, plain

ORG = "5" * 24
OWN = ORG + "a" * 64
FOREIGN = "6" * 24 + "a" * 64
# Switches and numbers that make a gateway reach its host.
SWITCHES = (
    ("proxy", "service_discovery", "use_discovery_service"),
    ("uptime_tests", "config", "service_discovery", "use_discovery_service"),
    ("use_go_plugin_auth",),
    ("custom_plugin_auth_enabled",),
    ("enable_coprocess_auth",),
    ("listen_port",),
)
HARMFUL = {
    members.super_users: ["x", True, 6379],
    members.rewrite: ["tyk:/$1", "http://good$1/", "$1"],
    members.target: ["tyk:/x", "TYK://x", "http://{{.x}}/", "file:///x"],
    members.address: ["http://a$1/", "tyk://x/y", "file:///etc/passwd", "//evil/x"],
    members.certificate: ["/etc/ssl/private/key.pem", "key.pem", FOREIGN, "a" * 64, OWN + "\n", ORG],
    members.public_keys: ["/etc/passwd", FOREIGN, f"{OWN},/etc/passwd"],
    members.template_mode: ["file", "FILE", "x"],
    members.template: ["no base64", b64("{{ repeat 9 .a }}")],
    members.schema_blob: ["x", b64("x"), b64('{"a": {"\\u0024ref": "file:///etc/passwd"}}')],
    members.handler_name: ["eh_dynamic_handler", "cp_dynamic_handler"],
    members.driver: ["python", "goplugin", "grpc"],
    members.processor: ["goplugin_res_hook", "custom_mw_res_hook"],
    members.protocol: ["tcp", "tls"],
    members.route: ["/{x:(a)}", "a b", "/$x"],
    members.data_source: ["Kafka", "MQTT"],
}


def everything():
    """(steps, type) of every member that may hold text, and the switches."""
    yield from ((steps, kind) for steps, kind in leaves(TYPES) if kind in ("string", "any"))
    kinds = dict(leaves(TYPES))
    yield from ((steps, kinds[steps]) for steps in SWITCHES)


def named(steps):
    return tuple("*" if step == 0 else step for step in steps)


def test_every_member_that_a_gateway_reads_as_text_has_a_verdict():
    without = [steps for steps, _ in everything() if members.verdict(named(steps)) is None]
    assert (without, len(list(everything())) > 300) == ([], True)


def test_every_line_of_the_table_is_some_members():
    reached = {
        next(pattern for pattern, _ in members._PATTERNS[steps[0]] if members._fits(pattern, named(steps)))
        for steps, _ in leaves(TYPES)
        if members.verdict(named(steps))
    }
    below_any = [
        tuple(pattern.split("/")[1:])
        for pattern, _ in members.TABLE
        if tuple(pattern.split("/")[1:]) not in reached
    ]
    assert below_any == []


@pytest.mark.parametrize("judge", HARMFUL, ids=lambda judge: judge.__name__)
def test_what_is_harmful_is_refused_at_every_member_of_a_verdict(judge):
    kinds = {"string": str, "bool": bool, "any": object}
    judged = [
        (steps, kind)
        for steps, kind in everything()
        if members.verdict(named(steps)) is judge and steps != ("proxy", "target_url")
    ]
    passed = []
    for steps, kind in judged:
        values = [value for value in HARMFUL[judge] if type(value) is kinds.get(kind, int) or kind == "any"]
        assert values, steps
        for value in values:
            definition = merged(plain(), holding(steps, value))
            path = tuple("any" if step == "*" else step for step in steps)
            found = dict(members.problems(definition, ORG, trusted=False))
            if path not in found:
                passed.append((path, value))
            trusted = dict(members.problems(definition, ORG, trusted=True))
            assert (path in trusted) == (judge in members.FOR_EVERYBODY), path
    assert (passed, judged != []) == ([], True)


def test_a_private_key_of_the_gateways_host_is_not_presented_to_anybody():
    """Issue input: both gateways presented it to the upstream."""
    found = problems(
        plain(upstream_certificates={"*": "/path/key.pem"}), may_use_references=False, org_id=ORG
    )
    assert found == [
        (
            "/upstream_certificates/*",
            "must be the ID of an own certificate, uploaded before, not a file of the gateway's host",
        )
    ]


def test_service_discovery_is_for_super_users():
    """Issue input: 3.0.12 obeys an answer that says tyk://."""
    definition = plain()
    definition["proxy"]["service_discovery"] = {
        "use_discovery_service": True,
        "query_endpoint": "http://answers.example/",
    }
    found = problems(definition, may_use_references=False, org_id=ORG)
    assert [problem.pointer for problem in found] == ["/proxy/service_discovery/use_discovery_service"]
    assert problems(definition, may_use_references=True) == []


def test_a_rewrite_by_capture_to_inside_the_gateway_is_refused_to_everybody():
    """Issue input: `/u/<id>/secret` was answered by another organisation's internal API."""
    definition = paths(
        url_rewrites=[{"path": "/u", "match_pattern": "/u(/.*)", "rewrite_to": "tyk:/$1", "method": "GET"}]
    )
    for trusted in (False, True):
        found = problems(definition, may_use_references=trusted, org_id=ORG)
        assert [problem.pointer for problem in found] == [f"{PATHS}/url_rewrites/0/rewrite_to"]


@pytest.mark.parametrize("meta", [{"template_path": "/etc/x"}, {"PATH": "x.js"}, {"Target_Path": "tyk://x/"}])
def test_members_of_handlers_are_judged_whatever_their_case(meta):
    handler = {"handler_name": "eh_web_hook_handler", "handler_meta": meta}
    found = problems(plain(event_handlers={"events": {"X": [handler]}}), may_use_references=False, org_id=ORG)
    assert [problem.pointer for problem in found] == [
        f"/event_handlers/events/X/0/handler_meta/{next(iter(meta))}"
    ]


def source(config, **graphql):
    engine = {"data_sources": [{"kind": "REST", "name": "a", "config": config}]}
    return plain(graphql={"enabled": True, "execution_mode": "executionEngine", "engine": engine, **graphql})


@pytest.mark.parametrize(
    ("definition", "pointer"),
    [
        (source({"url": "http://{{.arguments.host}}/x"}), "/graphql/engine/data_sources/0/config/url"),
        (source({"URL": "tyk:x"}), "/graphql/engine/data_sources/0/config/URL"),
        (
            source({"url": "http://a/", "headers": {"X": "{{.request.headers.Y}}"}}),
            "/graphql/engine/data_sources/0/config/headers/X",
        ),
        (
            source({"url": "http://a/", "headers": {"X": "$tyk_context.headers_Y"}}),
            "/graphql/engine/data_sources/0/config/headers/X",
        ),
        (
            source({"url": "http://a/", "headers": {"X-{{.arguments.x}}": ""}}),
            "/graphql/engine/data_sources/0/config/headers/X-{{.arguments.x}}",
        ),
        (source({"url": "http://a/"}, execution_mode="proxyOnly"), "/graphql/execution_mode"),
        (source({"url": "http://a/"}, execution_mode=""), "/graphql/execution_mode"),
        (plain(graphql={"enabled": True}), "/graphql/execution_mode"),
    ],
)
def test_a_graphql_engine_calls_literal_hosts_with_literal_headers(definition, pointer):
    found = problems(definition, may_use_references=False, org_id=ORG)
    assert [problem.pointer for problem in found] == [pointer]


def paths(**extended):
    definition = plain()
    definition["version_data"]["versions"]["Default"]["extended_paths"] = extended
    return definition


def proxied(**members_of_proxy):
    definition = plain()
    definition["proxy"] |= members_of_proxy
    return definition


def headers(**of_version):
    definition = plain()
    definition["version_data"]["versions"]["Default"] |= of_version
    return definition


def rewriting(rewrite_to, pattern="/u/(.*)", **more):
    entry = {"path": "/u", "match_pattern": pattern, "rewrite_to": rewrite_to, "method": "GET"}
    return paths(url_rewrites=[entry | more])


HARMLESS = {
    "rewrite into the path": rewriting("/new/$1"),
    "rewrite to a host": rewriting("https://other.example/api/$1?from=$2", "/u/(.*)/(.*)"),
    "rewrite with context": rewriting("http://other.example/?ip=$tyk_context.remote_addr&who=$tyk_meta.who"),
    "rewrite to itself": rewriting("tyk://self/v2/$1?check_limits=true"),
    "rewrite to an API to come": rewriting("tyk://orders/$1"),
    "rewrite to OData": rewriting("/odata/$1?$filter=a&$top=5"),
    "rewrite with a trigger": rewriting(
        "/a/$1",
        triggers=[
            {"on": "any", "options": {"header_matches": {"X": {"match_rx": "v2"}}}, "rewrite_to": "/v2/$1"}
        ],
    ),
    "headers with context": paths(
        transform_headers=[
            {
                "path": "/",
                "method": "GET",
                "add_headers": {"X-IP": "$tyk_context.remote_addr", "X": "$5"},
                "delete_headers": ["Y"],
            }
        ]
    ),
    "global headers": headers(
        global_headers={"X-Who": "$tyk_meta.who"}, global_headers_remove=["Authorization"]
    ),
    "body transform": transforming(
        b64('{"a": "{{.a}}", "price": "${{.price}}", {{range .b}}{{.}},{{end}} "c": 1}')
    ),
    "response transform": transforming(
        b64("{{.a}}{{ ._tyk_context.path | jsonMarshal }}"), "transform_response"
    ),
    "web hook": plain(
        event_handlers={
            "events": {
                "QuotaExceeded": [
                    {
                        "handler_name": "eh_web_hook_handler",
                        "handler_meta": {
                            "method": "POST",
                            "target_path": "https://hooks.example/x",
                            "template_path": "",
                            "header_map": {"X": "y"},
                        },
                    }
                ]
            }
        }
    ),
    "log handler": plain(
        event_handlers={
            "events": {"AuthFailure": [{"handler_name": "eh_log_handler", "handler_meta": {"prefix": "x"}}]}
        }
    ),
    "target list": proxied(
        enable_load_balancing=True, target_list=["http://a.example:8080/", "b.example:80", "10.0.0.1"]
    ),
    "mock": paths(
        mock_response=[
            {"path": "/m", "method": "GET", "code": 200, "body": "{}", "headers": {"Location": "/x"}}
        ]
    ),
    "white list answer": paths(
        white_list=[
            {
                "path": "/w",
                "method_actions": {"GET": {"action": "reply", "code": 200, "data": "$5", "headers": {}}},
            }
        ]
    ),
    "virtual endpoints off": paths(virtual=[]),
    "schema": paths(
        validate_json=[
            {
                "path": "/v",
                "method": "POST",
                "schema": {"$ref": "#/definitions/a"},
                "error_response_code": 422,
            }
        ]
    ),
    "own certificates": plain(
        upstream_certificates={"*": OWN},
        client_certificates=[OWN],
        certificates=[OWN],
        pinned_public_keys={"*": f"{'b' * 64},{OWN}"},
    ),
    "key set": plain(enable_jwt=True, jwt_signing_method="rsa", jwt_source="https://idp.example/jwks.json"),
    "key set in base64": plain(jwt_source=b64("https://idp.example/jwks.json")),
    "GraphQL of REST": source(
        {
            "url": "https://a.example/users/{{.arguments.id}}",
            "method": "GET",
            "headers": {"X": "y"},
            "body": "{{.arguments.b}}",
        }
    ),
    "GraphQL off": plain(
        graphql={
            "enabled": False,
            "execution_mode": "proxyOnly",
            "playground": {"enabled": False, "path": "/p"},
        }
    ),
    "empty plug-ins": plain(
        custom_middleware={"driver": "", "pre": [], "post": None, "auth_check": {"name": "", "path": ""}},
        custom_middleware_bundle="",
    ),
    "uptime test": plain(
        uptime_tests={
            "check_list": [{"url": "http://a.example/health", "method": "GET", "headers": {}}],
            "config": {"expire_utime_after": 0},
        }
    ),
    "redirect after sign-in": plain(oauth_meta={"auth_login_redirect": "/login?x=$1"}),
    "proxy between": proxied(transport={"proxy_url": "socks5://proxy.example:1080"}),
}


@pytest.mark.parametrize("definition", HARMLESS.values(), ids=HARMLESS)
def test_what_is_ordinary_passes_for_an_organisations_user(definition):
    assert problems(definition, may_use_references=False, org_id=ORG) == []


def test_a_large_definition_is_judged_in_seconds():
    wide = plain(config_data={f"m{number}": "x" for number in range(60_000)})
    assert problems(wide, may_use_references=False, org_id=ORG) == []
