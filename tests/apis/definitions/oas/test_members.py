"""What each member of the extension becomes in a classic definition."""

import copy

import pytest

from apis.definitions.kinds import additions, as_classic, document_for_gateways, kind, problems
from apis.definitions.oas.made import whole_seconds
from apis.definitions.pointer import Problem
from apis.definitions.rules import shape
from tests.apis.examples import openapi

EXTENSION = "x-tyk-api-gateway"


def at(value, path):
    for step in path.split("/"):
        if value is None:
            return None
        value = value[int(step)] if isinstance(value, list) else value.get(step)
    return value


def put(value, path, member):
    *above, last = path.split("/")
    for step in above:
        value = value.setdefault(step, {})
    value[last] = member


ON = {"enabled": True}
DEFAULT = "version_data/versions/Default"
PLUGIN = {"enabled": True, "functionName": "f", "path": "p", "rawBodyOnly": True, "requireSession": True}
MIDDLEWARE = {"name": "f", "path": "p", "raw_body_only": True, "require_session": True}
# (path in the extension, what stands there, path in the definition, what comes of it; None for nothing)
SECTIONS = [
    ("info/expiration", "2031-01-01 00:00", "expiration", "2031-01-01 00:00"),
    ("info/state", {"active": True, "internal": True}, "internal", True),
    (
        "info/versioning",
        ON | {"name": "v1", "location": "header", "key": "v", "versions": [{"name": "v2", "id": "two"}]},
        "definition",
        {"enabled": True, "name": "v1", "location": "header", "key": "v", "versions": {"v2": "two"}},
    ),
    ("info/versioning", {"enabled": False, "name": "v1"}, "definition", {"location": "header", "key": "x-api-version"}),
    ("server/listenPath", {"value": "/a/", "strip": False}, "proxy/strip_listen_path", False),
    ("server/customDomain", ON | {"name": "a.example"}, "domain", "a.example"),
    ("server/customDomain", {"enabled": False, "name": "a.example"}, "domain", None),
    ("server/gatewayTags", ON | {"tags": ["eu"]}, "tags", ["eu"]),
    ("server/gatewayTags", {"tags": ["eu"]}, "tags", None),
    ("server/clientCertificates", ON | {"allowlist": []}, "use_mutual_tls_auth", True),
    ("server/detailedActivityLogs", ON, "enable_detailed_recording", True),
    ("server/detailedTracing", ON, "detailed_tracing", True),
    ("server/batchProcessing", ON, "enable_batch_request_support", True),
    ("server/ipAccessControl", ON | {"allow": ["10.0.0.1"]}, "allowed_ips", ["10.0.0.1"]),
    ("server/ipAccessControl", ON | {"allow": ["10.0.0.1"]}, "enable_ip_whitelisting", True),
    ("server/ipAccessControl", ON | {"block": ["10.0.0.1"]}, "enable_ip_blacklisting", True),
    ("server/ipAccessControl", {"block": ["10.0.0.1"]}, "blacklisted_ips", None),
    (
        "server/eventHandlers",
        [ON | {"trigger": "QuotaExceeded", "type": "webhook", "url": "http://h.example/", "method": "POST",
               "cooldownPeriod": "1m", "headers": [{"name": "A", "value": "b"}]}, {"type": "log", "trigger": "X"}],
        "event_handlers/events",
        {"QuotaExceeded": [{"handler_name": "eh_web_hook_handler", "handler_meta": {
            "method": "POST", "target_path": "http://h.example/", "event_timeout": 60, "header_map": {"A": "b"}}}]},
    ),
    (
        "server/eventHandlers",
        [ON | {"trigger": "X", "type": "log"}],
        "event_handlers/events/X/0",
        {"handler_name": "eh_log_handler", "handler_meta": {"prefix": ""}},
    ),
    ("upstream/rateLimit", ON | {"rate": 5, "per": "1m30s"}, "global_rate_limit", {"rate": 5, "per": 90}),
    ("upstream/rateLimit", {"rate": 5, "per": "1m"}, "global_rate_limit", None),
    ("upstream/preserveHostHeader", ON, "proxy/preserve_host_header", True),
    ("upstream/preserveTrailingSlash", ON, "proxy/disable_strip_slash", True),
    ("upstream/tlsTransport", {"minVersion": "1.2"}, "proxy/transport/ssl_min_version", 0x303),
    ("upstream/proxy", ON | {"url": "http://p.example"}, "proxy/transport/proxy_url", "http://p.example"),
    ("upstream/enforceTimeout", ON | {"duration": "5s"}, f"{DEFAULT}/global_enforce_timeout", "5s"),
    ("upstream/loadBalancing", ON | {"targets": [{"url": "http://a.example", "weight": 2}, {"url": "b", "weight": 1}]},
     "proxy/target_list", ["http://a.example", "http://a.example", "b"]),
    ("upstream/loadBalancing", ON | {"targets": []}, "proxy/enable_load_balancing", None),
    ("upstream/mutualTLS", ON | {"domainToCertificateMapping": [{"domain": "*", "certificate": "c"}]},
     "upstream_certificates", {"*": "c"}),
    ("upstream/certificatePinning", ON | {"domainToPublicKeysMapping": [{"domain": "d", "publicKeys": ["a", "b"]}]},
     "pinned_public_keys", {"d": "a,b"}),
    ("upstream/uptimeTests", ON | {"tests": [{"url": "http://a.example", "timeout": "1s"}],
        "hostDownRetestPeriod": "10s"},
     "uptime_tests", {"config": {"recheck_wait": 10}, "check_list": [
         {"url": "http://a.example", "timeout": 10**9, "protocol": "http"}]}),
    ("upstream/serviceDiscovery", ON | {"dataPath": "x", "cache": {"enabled": True, "timeout": 5}},
     "proxy/service_discovery", {"use_discovery_service": True, "data_path": "x", "cache_timeout": 5,
                                 "cache_disabled": False}),
    ("upstream/authentication", ON | {"basicAuth": ON | {"username": "u", "password": "p"}}, "upstream_auth",
     {"enabled": True, "basic_auth": {"enabled": True, "username": "u", "password": "p"}}),
    ("upstream/authentication", ON | {"oauth": ON | {"clientCredentials": {"clientId": "c", "tokenUrl": "http://t"}}},
     "upstream_auth/oauth", {"enabled": True, "client_credentials": {"client_id": "c", "token_url": "http://t"}}),
    ("upstream/authentication", ON | {"requestSigning": ON | {"keyId": "k"}}, "request_signing",
     {"is_enabled": True, "key_id": "k"}),
    ("middleware/global/cors", ON | {"maxAge": 5, "allowedOrigins": ["*"]}, "CORS",
     {"enable": True, "max_age": 5, "allowed_origins": ["*"]}),
    ("middleware/global/cors", {"maxAge": 5}, "CORS", None),
    ("middleware/global/cache", ON | {"timeout": 5, "cacheByHeaders": ["A"]}, "cache_options",
     {"enable_cache": True, "cache_timeout": 5, "cache_by_headers": ["A"]}),
    ("middleware/global/transformRequestHeaders", ON | {"add": [{"name": "A", "value": "b"}]},
     f"{DEFAULT}/global_headers", {"A": "b"}),
    ("middleware/global/transformResponseHeaders", ON | {"add": [{"name": "A", "value": "b"}]},
     "response_processors", [{"name": "header_injector", "options": {}}]),
    ("middleware/global/transformResponseHeaders", {"add": [{"name": "A"}]}, "response_processors", None),
    ("middleware/global/transformRequestHeaders", ON | {"add": [{"name": "A"}]}, "response_processors", None),
    ("middleware/global/transformResponseHeaders", ON | {"remove": ["A"]},
     f"{DEFAULT}/global_response_headers_remove", ["A"]),
    ("middleware/global/contextVariables", ON, "enable_context_vars", True),
    ("middleware/global/trafficLogs", ON | {"tagHeaders": ["A"]}, "tag_headers", ["A"]),
    ("middleware/global/trafficLogs", {"enabled": False}, "do_not_track", True),
    ("middleware/global/trafficLogs", None, "do_not_track", None),
    ("middleware/global/requestSizeLimit", ON | {"value": 9}, f"{DEFAULT}/global_size_limit", 9),
    ("middleware/global/ignoreCase", ON, f"{DEFAULT}/ignore_endpoint_case", True),
    ("middleware/global/skipRateLimit", True, "disable_rate_limit", True),
    ("middleware/global/pluginConfig", {"driver": "otto", "data": ON | {"value": {"a": 1}}}, "config_data", {"a": 1}),
    ("middleware/global/prePlugins", [{"enabled": False}, PLUGIN], "custom_middleware/pre", [MIDDLEWARE]),
    ("middleware/global/postPlugin", {"plugins": [PLUGIN]}, "custom_middleware/post", [MIDDLEWARE]),
    ("errorOverrides", ON | {"value": {"401": [{"response": {"statusCode": 403, "body": "no"}}]}}, "error_overrides",
     {"401": [{"response": {"status_code": 403, "body": "no"}}]}),
]  # fmt: skip


@pytest.mark.parametrize(("source", "given", "path", "expected"), SECTIONS)
def test_a_member_of_the_extension_is_derived(source, given, path, expected):
    document = openapi()
    put(document[EXTENSION], source, given)
    assert at(as_classic(document), path) == expected
    told = [warning for warning in additions(document) if "gateways of 3.x" not in warning]
    assert told == []


GET = {"path": "/orders", "method": "GET"}
NO_ACTION = {"GET": {"action": "no_action", "code": 200, "data": "", "headers": {}}}
PLUGINS = [
    ("allow", ON | {"ignoreCase": True}, "white_list", {"ignore_case": True, "method_actions": NO_ACTION}),
    ("block", ON, "black_list", {"method_actions": NO_ACTION}),
    ("block", {"enabled": False}, "black_list", None),
    ("ignoreAuthentication", ON, "ignored", {"method_actions": NO_ACTION}),
    ("internal", ON, "internal", {}),
    ("trackEndpoint", ON, "track_endpoints", {}),
    ("doNotTrackEndpoint", ON, "do_not_track_endpoints", {}),
    ("transformRequestMethod", ON | {"toMethod": "PUT"}, "method_transforms", {"to_method": "PUT"}),
    ("transformRequestHeaders", ON | {"add": [{"name": "A", "value": "b"}], "remove": ["C"]}, "transform_headers",
     {"add_headers": {"A": "b"}, "delete_headers": ["C"]}),
    ("transformResponseHeaders", ON, "transform_response_headers", {"add_headers": {}}),
    ("transformRequestBody", ON | {"format": "json", "body": "e30="}, "transform", {"template_data": {
        "input_type": "json", "enable_session": True, "template_mode": "blob", "template_source": "e30="}}),
    ("urlRewrite", ON | {"pattern": "x", "rewriteTo": "/y", "triggers": [{"condition": "all", "rewriteTo": "/z",
        "rules": [{"in": "header", "name": "H", "pattern": "p", "negate": True}, {"in": "requestBody",
            "pattern": "q"}]}]},
     "url_rewrites", {"match_pattern": "x", "rewrite_to": "/y", "triggers": [{"on": "all", "rewrite_to": "/z",
         "options": {
         "header_matches": {"H": {"match_rx": "p", "reverse": True}},
         "payload_matches": {"match_rx": "q", "reverse": False}}}]}),
    ("cache", ON | {"cacheByRegex": "x", "timeout": 5}, "advance_cache_config", {"cache_key_regex": "x", "timeout": 5}),
    ("enforceTimeout", ON | {"value": 5}, "hard_timeouts", {"timeout": 5}),
    ("enforceTimeout", ON | {"duration": "1500ms"}, "hard_timeouts", {"timeout": 2, "duration": "1500ms"}),
    ("circuitBreaker", ON | {"threshold": 0.5, "sampleSize": 9, "coolDownPeriod": 3}, "circuit_breakers",
     {"threshold_percent": 0.5, "samples": 9, "return_to_service_after": 3, "disable_half_open_state": True}),
    ("requestSizeLimit", ON | {"value": 9}, "size_limits", {"size_limit": 9}),
    ("rateLimit", ON | {"rate": 2, "per": "10s"}, "rate_limit", {"rate": 2, "per": 10}),
    ("virtualEndpoint", ON | {"functionName": "f", "body": "e30="}, "virtual",
     {"response_function_name": "f", "function_source_type": "blob", "function_source_uri": "e30="}),
    ("postPlugins", [ON | {"functionName": "f", "path": "p"}], "go_plugin", {"func_name": "f", "plugin_path": "p"}),
]  # fmt: skip


@pytest.mark.parametrize(("plugin", "given", "kind", "expected"), PLUGINS)
def test_what_is_said_of_an_operation_is_said_of_its_path_and_method(plugin, given, kind, expected):
    derived = as_classic(openapi(operations={"list": {plugin: given}}))
    found = derived["version_data"]["versions"]["Default"]["extended_paths"]
    assert found == ({} if expected is None else {kind: [GET | expected]})
    processors = [{"name": "header_injector", "options": {}}] if "Response" in plugin else None
    assert derived.get("response_processors") == processors


def protected(schemes, components, security, **authentication):
    server = {
        "listenPath": {"value": "/a/"},
        "authentication": {"enabled": True, "securitySchemes": schemes, **authentication},
    }
    return openapi(
        extension={"server": server}, components={"securitySchemes": components}, security=security
    )


HEADER = {"header": {"enabled": True, "name": "X"}}
JWT = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
KEY = {"type": "apiKey", "in": "query", "name": "key"}
OAUTH = {"type": "oauth2", "flows": {"clientCredentials": {}, "authorizationCode": {}}}
PLACE = {"disable_header": False, "auth_header_name": "X"}
WAYS = [
    ({"k": ON}, {"k": KEY}, {}, {"use_standard_auth": True, "auth_configs": {"authToken": {
        "disable_header": True, "name": "k", "use_param": True, "param_name": "key"}}}),
    ({"k": ON | {"enableClientCertificate": True}}, {"k": KEY}, {}, {"use_standard_auth": True, "auth_configs": {
        "authToken": {"disable_header": True, "name": "k", "use_param": True, "param_name": "key",
            "use_certificate": True}}}),
    ({"b": ON | HEADER | {"cacheTTL": 5}}, {"b": {"type": "http", "scheme": "basic"}}, {}, {
        "use_basic_auth": True, "basic_auth": {"cache_ttl": 5}, "auth_configs": {"basic": PLACE | {"name": "b"}}}),
    ({"j": ON | HEADER | {"signingMethod": "hmac", "subjectClaims": ["sub", "user"], "basePolicyClaims": ["pol"],
        "scopes": {"claims": ["scp"], "scopeToPolicyMapping": [{"scope": "s", "policyId": "p"}]}}}, {"j": JWT}, {}, {
        "enable_jwt": True, "jwt_signing_method": "hmac", "jwt_identity_base_field": "sub",
        "jwt_policy_field_name": "pol", "auth_configs": {"jwt": PLACE | {"name": "j"}},
        "scopes": {"jwt": {"scope_claim_name": "scp", "scope_to_policy": {"s": "p"}}}}),
    ({"o": ON | HEADER | {"refreshToken": True, "authLoginRedirect": "http://l.example"}}, {"o": OAUTH}, {}, {
        "use_oauth2": True, "auth_configs": {"oauth": PLACE | {"name": "o"}}, "oauth_meta": {
            "auth_login_redirect": "http://l.example",
            "allowed_access_types": ["refresh_token", "authorization_code", "client_credentials"]}}),
    ({"o": ON | {"providers": [{"introspection": {"enabled": True, "url": "http://i"}}]}}, {"o": OAUTH}, {}, {
        "auth_configs": {"externalOAuth": {"disable_header": True, "name": "o"}}, "external_oauth": {
            "enabled": True, "providers": [{"introspection": {"enabled": True, "url": "http://i"}}]}}),
    ({}, {}, {"hmac": ON | HEADER | {"allowedClockSkew": 5}}, {
        "enable_signature_checking": True, "hmac_allowed_clock_skew": 5, "auth_configs": {"hmac": PLACE}}),
    ({}, {}, {"oidc": ON | {"providers": [{"issuer": "i", "clientToPolicyMapping": [
        {"clientId": "c", "policyId": "p"}]}]}}, {"use_openid": True,
            "auth_configs": {"oidc": {"disable_header": True}},
        "openid_options": {"providers": [{"issuer": "i", "client_ids": {"c": "p"}}]}}),
    ({}, {}, {"custom": ON | {"config": ON | {"functionName": "f"}}}, {"custom_plugin_auth_enabled": True,
        "auth_configs": {"coprocess": {"disable_header": True}}, "custom_middleware": {"auth_check": {"name": "f"}}}),
    ({}, {}, {"stripAuthorizationData": True, "customKeyLifetime": ON | {"value": "1h"}}, {
        "strip_auth_data": True, "session_lifetime": 3600}),
]  # fmt: skip
_BESIDE = {"version_data", "definition", "proxy", "name", "active", "use_keyless"}


@pytest.mark.parametrize(("schemes", "components", "authentication", "expected"), WAYS)
def test_every_way_to_authenticate_is_derived(schemes, components, authentication, expected):
    document = protected(schemes, components, [{name: [] for name in schemes}], **authentication)
    derived = as_classic(document)
    assert derived["use_keyless"] is False
    assert {name: value for name, value in derived.items() if name not in _BESIDE} == expected
    elsewhere = any(each.get("in", "header") != "header" for each in components.values())
    assert ["3.x take a credential from the header" in told for told in additions(document)] == [
        True
    ] * elsewhere


def test_what_authenticates_nobody_is_said():
    document = openapi(extension={"server": {"authentication": None}})
    assert as_classic(document)["use_keyless"] is True
    assert ["open to everybody" in told for told in additions(document)] == [True]
    several = protected({"k": ON, "j": ON}, {"k": KEY, "j": JWT}, [{"k": []}, {"j": []}])
    assert [as_classic(several).get(name) for name in ("use_standard_auth", "enable_jwt")] == [True, None]
    assert len(additions(several)) == 3
    both = protected(
        {"k": ON, "j": ON}, {"k": KEY, "j": JWT}, [{"k": []}, {"j": []}], securityProcessingMode="compliant"
    )
    assert [as_classic(both).get(name) for name in ("use_standard_auth", "enable_jwt")] == [True, True]
    assert as_classic(both)["security_requirements"] == [["k"], ["j"]]
    assert "security_requirements" not in as_classic(several)
    assert ["every scheme" in told for told in additions(both)] == [True, False]
    unknown = protected({"k": ON}, {"k": {"type": "mutualTLS"}}, [{"k": []}])
    assert as_classic(unknown)["use_keyless"] is False
    assert ["do not ask for it" in told for told in additions(unknown)] == [True, False]


@pytest.mark.parametrize(
    ("security", "added", "wanted", "told"),
    [
        ([{"k": []}], [], [["k"]], ()),
        ([{"k": [], "j": []}], [], [["k", "j"]], ()),
        ([{"k": []}, {"j": []}], [["hmac"]], [["k"], ["j"], ["hmac"]], ("before 5.10",)),
        # What is wanted together with one of Tyk's own is not enough by itself.
        ([{"k": []}, {"j": []}], [["j", "hmac"]], [["k"], ["j", "hmac"]], ("before 5.10",)),
        ([{"k": [], "j": []}], [["j", "hmac"]], [["k", "j"], ["j", "hmac"]], ("before 5.10",)),
        # Nobody gets in by proving nothing, or by what is switched off.
        ([{"k": []}, {}], [], [["k"]], ("names no scheme",)),
        ([{}], [[]], None, ("names no scheme",)),
        ([{"k": []}, {"o": []}], [], [["k"], ["o"]], ("before 5.10", "lets nobody in", "hmac is not named")),
    ],
)
def test_of_compliant_alternatives_one_is_enough(security, added, wanted, told):
    document = protected(
        {"k": ON, "j": ON, "o": {"enabled": False}},
        {"k": KEY, "j": JWT | {"scheme": "Bearer"}, "o": OAUTH},
        security,
        securityProcessingMode="compliant",
        hmac=ON,
        oidc={"enabled": False},
    )
    document[EXTENSION]["server"]["authentication"]["security"] = added
    assert as_classic(document).get("security_requirements") == wanted
    given = document_for_gateways(document)
    if len(wanted or ()) > 1:
        # 5.14 skips a document that names a scheme which it has not, and one that switches on what nothing names.
        schemes, authentication = (
            given["components"]["securitySchemes"],
            given[EXTENSION]["server"]["authentication"],
        )
        known = [each for each in wanted if schemes.keys() >= {*each}]
        others = [each for each in wanted if each not in known]
        assert [list(each) for each in given["security"]] == known
        assert authentication.get("security", []) == others
        named = {name for each in wanted for name in each}
        expected = ("compliant", {"hmac"} & named)
        assert (
            authentication["securityProcessingMode"],
            {"hmac", "oidc"} & authentication.keys(),
        ) == expected
        assert schemes.get("k", KEY) == KEY
        # By its type gateways would take a scheme that is switched off for another that is on.
        assert "o" not in schemes
        assert schemes.get("j", JWT) == JWT
    else:  # Nothing to choose: by the classic form alone all of them are asked for.
        assert "compliant" not in str(given)
    warnings = additions(document)
    assert [[words in text for text in warnings].count(True) for words in told] == [1] * len(told)


def test_an_alternative_has_names_that_gateways_take_and_what_is_off_stays_off():
    document = protected(
        {"k": ON, "j j": ON},
        {"k": KEY, "j j": JWT},
        [{"k": []}, {"j j": []}],
        securityProcessingMode="compliant",
    )
    [problem] = problems(document, may_use_references=False)
    assert problem.pointer == "/components/securitySchemes/j j"
    off = protected(
        {"k": ON, "j": ON},
        {"k": KEY, "j": JWT},
        [{"k": []}, {"j": []}],
        securityProcessingMode="compliant",
        hmac={"enabled": False},
    )
    off[EXTENSION]["server"]["authentication"]["security"] = [["hmac"]]
    assert "hmac" not in document_for_gateways(off)[EXTENSION]["server"]["authentication"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("", 0), ("1h2m3s", 3723), ("1500ms", 2), ("5x", None), ("s", None), ("-1s", None)),
        *(("9223372036s", 9223372036), ("9223372037s", None), ("9" * 400 + "s", None)),
    ],
)
def test_durations_are_read_as_gateways_do(text, expected):
    try:
        assert whole_seconds(text) == expected
    except ValueError:
        assert expected is None


def test_an_empty_extension_is_judged_and_derived_from():
    document = {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, EXTENSION: {}}
    assert {problem.pointer for problem in problems(document, may_use_references=False)} == {
        f"/{EXTENSION}/info/name",
        f"/{EXTENSION}/server/listenPath/value",
        f"/{EXTENSION}/upstream/url",
    }


def places(value, path=()):
    """Every path below a value."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in below:
        yield (*path, step)
        yield from places(inner, (*path, step))


HOSTILE = [openapi(operations={"list": {plugin: given for plugin, given, _, _ in PLUGINS}})]
HOSTILE += [
    protected(schemes, components, [{name: [] for name in schemes}], **more)
    for schemes, components, more, _ in WAYS
]


@pytest.mark.parametrize("document", HOSTILE)
def test_whatever_stands_anywhere_is_refused_or_derived_in_the_types_that_gateways_decode(document):
    for number, path in enumerate(places(document)):
        made = copy.deepcopy(document)
        holder = made
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = [None, 1, [], {}, "x", [None], [{}], {"a": None}, True][number % 9]
        if not problems(made, may_use_references=True) and kind(made) == "oas":
            assert shape.problems(as_classic(made)) == []
            assert all(isinstance(told, str) for told in additions(made))
            assert document_for_gateways(made) is None or EXTENSION in document_for_gateways(made)


def test_what_broke_once_is_refused():
    for value in ([], {}):
        document = protected({"k": ON}, {"k": KEY | {"in": value}}, [{"k": []}])
        assert problems(document, may_use_references=True) == [
            Problem("/components/securitySchemes/k/in", "must be text")
        ]
    keys = [{"domain": "d", "publicKeys": [None]}]
    pinned = openapi(
        extension={
            "upstream": {
                "url": "http://u.example",
                "certificatePinning": ON | {"domainToPublicKeysMapping": keys},
            }
        }
    )
    assert as_classic(pinned)["pinned_public_keys"] == {"d": ""}
