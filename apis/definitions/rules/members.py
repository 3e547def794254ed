"""The verdict on every member of a definition that a gateway reads as text: what may stand in it.

A gateway makes addresses, files of its host, code and references out of some of them. TABLE says which, member by
member (tests/apis/definitions/rules/test_members.py holds it against all that gateways know); a pattern is a JSON
pointer in which * is one step and ** any number, and the first that fits counts. "", null and false are harmless
everywhere.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from apis.definitions.pointer import Path, steps, walk
from apis.definitions.rules import targets, templates

# (path, value, organisation's id) -> what is wrong, or None.
Verdict = Callable[[Path, Any, str], str | None]


def free(path: Path, value: Any, org_id: str) -> str | None:
    """Text that stays text: names, patterns, bodies, values of headers."""
    return None


def super_users(path: Path, value: Any, org_id: str) -> str | None:
    """Code, files and connections of the gateway's host, and switches that need them."""
    return "is for super-users only: it reaches the gateway's host"


def rewrite(path: Path, value: Any, org_id: str) -> str | None:
    return targets.rewrite_fault(value)


def target(path: Path, value: Any, org_id: str) -> str | None:
    return None if path == ("proxy", "target_url") else targets.outside_fault(value)


def address(path: Path, value: Any, org_id: str) -> str | None:
    """A URL that the gateway, or somebody sent there, calls; other text (a key, a path) is left alone."""
    if targets.is_internal(value) or "://" in value or value.startswith("//"):
        return targets.outside_fault(value.replace("socks5://", "http://", 1))
    return None


# Of one that is unknown, too, and of another organisation's (apis.publishing.references).
NOT_OWN = "must be the ID of an own certificate, uploaded before, not a file of the gateway's host"
NONE_OWN = (
    "must be IDs of own certificates, uploaded before, or fingerprints (SHA-256), "
    "not files of the gateway's host"
)


def certificate(path: Path, value: Any, org_id: str) -> str | None:
    """A gateway opens every other text as a file, and looks up an id whoever it belongs to."""
    own = org_id and re.fullmatch(re.escape(org_id) + "[0-9a-f]{64}", value)
    return None if own else NOT_OWN


def public_keys(path: Path, value: Any, org_id: str) -> str | None:
    for name in value.split(","):
        if not re.fullmatch("[0-9a-f]{64}", name.strip()) and certificate(path, name.strip(), org_id):
            return NONE_OWN
    return None


def template_mode(path: Path, value: Any, org_id: str) -> str | None:
    return None if value == "blob" else "must be blob: other templates are files of the gateway's host"


def template(path: Path, value: Any, org_id: str) -> str | None:
    text = templates.decoded(value)
    return "must be base64, as a gateway decodes it" if text is None else templates.fault(text)


def schema(path: Path, value: Any, org_id: str) -> str | None:
    """A schema's $ref opens a file or an address unless it stays in the schema."""
    if path[-1:] == ("$ref",) and not (isinstance(value, str) and value.startswith("#")):
        return "must begin with #: other references are opened by the gateway"
    return None


def schema_blob(path: Path, value: Any, org_id: str) -> str | None:
    try:
        text = json.loads(templates.decoded(value) or "")
    except (ValueError, RecursionError):
        return "must be base64 of a JSON schema"
    return next((fault for below, _, inner in walk(text) if (fault := schema(below, inner, org_id))), None)


def handler_name(path: Path, value: Any, org_id: str) -> str | None:
    return None if value in ("eh_web_hook_handler", "eh_log_handler") else super_users(path, value, org_id)


def handler_meta(path: Path, value: Any, org_id: str) -> str | None:
    name = str(path[-1]).casefold()
    if name in ("template_path", "path"):
        return "must not name a file of the gateway's host"
    return address(path, value, org_id) if name == "target_path" and isinstance(value, str) else None


def driver(path: Path, value: Any, org_id: str) -> str | None:
    return None if value == "otto" else super_users(path, value, org_id)


def processor(path: Path, value: Any, org_id: str) -> str | None:
    known = ("header_injector", "response_body_transform", "header_transform")
    return None if value in known else super_users(path, value, org_id)


def protocol(path: Path, value: Any, org_id: str) -> str | None:
    """Raw connections reach what the gateway's host reaches, its Redis among it."""
    return super_users(path, value, org_id) if value in ("tcp", "tls") else None


def route(path: Path, value: Any, org_id: str) -> str | None:
    return None if re.fullmatch(r"[\w./~-]*", value, re.ASCII) else "must be a plain path"


def graphql(path: Path, value: Any, org_id: str) -> str | None:
    """Data sources: addresses are literal; headers are searched for references after variables were put in."""
    if any("{{" in str(step) for step in path):
        return "must have a literal name: a caller could choose a header by which APIs inside are reached"
    if not isinstance(value, str) or not value:
        return None
    below = [str(step).casefold() for step in path]
    if below[-1] in ("url", "host"):
        if "$" in value or (below[-1] == "url" and targets.is_internal(value)):
            return targets.rewrite_fault(value) if "$" not in value else "must not have variables"
        text = value.split("{{", 1)[0] if re.match(r"\w+://[^/?#{]+[/?#]", value) else value
        return targets.outside_fault(text)
    if any("headers" in step for step in below[1:]) and ("{{" in value or "$" in value):
        return "must be literal: a caller could have a gateway's secret put in"
    return None


def data_source(path: Path, value: Any, org_id: str) -> str | None:
    known = ("REST", "GraphQL", "HTTPJSONDataSource", "GraphQLDataSource", "TykRESTDataSource")
    return None if value in known else super_users(path, value, org_id)


# In the others gateway 5 looks for references in all headers that a caller sends.
SAFE_MODES = ("executionEngine", "supergraph")
# Hold for super-users too: not a matter of trust, but what a gateway misunderstands.
FOR_EVERYBODY = (rewrite, target, route)

_PATHS = "/version_data/versions/*/extended_paths"
TABLE: tuple[tuple[str, Verdict], ...] = (
    ("/proxy/target_url", target),
    ("/proxy/target_list/*", target),
    ("/proxy/service_discovery/use_discovery_service", super_users),
    ("/proxy/service_discovery/*", free),
    ("/proxy/transport/proxy_url", address),
    ("/proxy/transport/ssl_ciphers/*", free),
    ("/proxy/listen_path", free),  # apis.definitions.listen_path
    ("/protocol", protocol),
    ("/listen_port", super_users),
    ("/version_data/versions/*/override_target", target),
    (f"{_PATHS}/url_rewrites/*/rewrite_to", rewrite),
    (f"{_PATHS}/url_rewrites/*/triggers/*/rewrite_to", rewrite),
    (f"{_PATHS}/*/*/template_data/template_mode", template_mode),
    (f"{_PATHS}/*/*/template_data/template_source", template),
    (f"{_PATHS}/*/*/template_data/input_type", free),
    (f"{_PATHS}/transform_jq/*/filter", super_users),
    (f"{_PATHS}/transform_jq_response/*/filter", super_users),
    (f"{_PATHS}/go_plugin/*/plugin_path", super_users),
    (f"{_PATHS}/go_plugin/*/func_name", super_users),
    (f"{_PATHS}/virtual/*/function_source_uri", super_users),
    (f"{_PATHS}/virtual/*/response_function_name", super_users),
    (f"{_PATHS}/virtual/*/function_source_type", free),
    (f"{_PATHS}/validate_json/*/schema/**", schema),
    (f"{_PATHS}/validate_json/*/schema_b64", schema_blob),
    (f"{_PATHS}/*/*/path", free),
    (f"{_PATHS}/*/*/method", free),
    (f"{_PATHS}/*/*/method_actions/**", free),
    (f"{_PATHS}/cache/*", free),
    (f"{_PATHS}/advance_cache_config/*/cache_key_regex", free),
    (f"{_PATHS}/method_transforms/*/to_method", free),
    (f"{_PATHS}/mock_response/*/body", free),
    (f"{_PATHS}/mock_response/*/headers/*", free),
    (f"{_PATHS}/persist_graphql/*/operation", free),
    (f"{_PATHS}/persist_graphql/*/variables/**", free),
    (f"{_PATHS}/*/*/add_headers/*", free),
    (f"{_PATHS}/*/*/delete_headers/*", free),
    (f"{_PATHS}/url_rewrites/*/match_pattern", free),
    (f"{_PATHS}/url_rewrites/*/triggers/*/on", free),
    (f"{_PATHS}/url_rewrites/*/triggers/*/options/**", free),
    ("/version_data/default_version", free),
    ("/version_data/versions/*/expires", free),
    ("/version_data/versions/*/global_headers/*", free),
    ("/version_data/versions/*/global_headers_remove/*", free),
    ("/version_data/versions/*/global_response_headers/*", free),
    ("/version_data/versions/*/global_response_headers_remove/*", free),
    ("/version_data/versions/*/name", free),
    ("/version_data/versions/*/paths/*/*", free),
    ("/certificates/*", certificate),
    ("/client_certificates/*", certificate),
    ("/upstream_certificates/*", certificate),
    ("/pinned_public_keys/*", public_keys),
    ("/request_signing/certificate_id", certificate),
    ("/request_signing/**", free),
    ("/custom_middleware/driver", driver),
    ("/custom_middleware/id_extractor/**", super_users),
    ("/custom_middleware/*/*/name", super_users),
    ("/custom_middleware/*/*/path", super_users),
    ("/custom_middleware/auth_check/*", super_users),
    ("/custom_middleware_bundle", super_users),
    ("/use_go_plugin_auth", super_users),
    ("/custom_plugin_auth_enabled", super_users),
    ("/enable_coprocess_auth", super_users),
    ("/analytics_plugin/*", super_users),
    ("/event_handlers/events/*/*/handler_name", handler_name),
    ("/event_handlers/events/*/*/handler_meta/**", handler_meta),
    ("/response_processors/*/name", processor),
    ("/response_processors/*/options/**", free),
    ("/graphql/playground/path", route),
    ("/graphql/execution_mode", free),  # judged where the engine is enabled
    ("/graphql/engine/data_sources/*/kind", data_source),
    ("/graphql/type_field_configurations/*/data_source/kind", data_source),
    ("/graphql/schema", free),
    ("/graphql/subgraph/sdl", free),
    ("/graphql/supergraph/merged_sdl", free),
    ("/graphql/supergraph/subgraphs/*/sdl", free),
    ("/graphql/**", graphql),
    ("/uptime_tests/config/service_discovery/use_discovery_service", super_users),
    ("/uptime_tests/config/service_discovery/*", free),
    ("/uptime_tests/check_list/*/url", address),
    ("/uptime_tests/check_list/*/protocol", protocol),
    ("/uptime_tests/check_list/*/commands/**", super_users),
    ("/uptime_tests/check_list/**", free),
    ("/jwt_source", address),
    ("/jwt_jwks_uris/*/url", address),
    ("/openid_options/providers/*/issuer", address),
    ("/openid_options/providers/*/client_ids/*", free),
    ("/external_oauth/providers/*/jwt/source", address),
    ("/external_oauth/providers/*/introspection/url", address),
    ("/external_oauth/**", free),
    ("/upstream_auth/oauth/*/token_url", address),
    ("/upstream_auth/**", free),
    ("/notifications/oauth_on_keychange_url", address),
    ("/notifications/shared_secret", free),
    ("/oauth_meta/auth_login_redirect", address),
    ("/oauth_meta/*/*", free),
    ("/error_overrides/*/*/response/template", route),
    ("/error_overrides/**", free),
    ("/auth_provider/**", free),  # apis.definitions.rules.trusted
    ("/session_provider/**", free),
    ("/definition/**", free),  # versions: apis.definitions.rules.guard
    *(
        (f"/{name}", free)
        for name in [
            "api_id",
            "application_protocol",
            "base_identity_provided_by",
            "domain",
            "expiration",
            "json_rpc_version",
            "jwt_client_base_field",
            "jwt_identity_base_field",
            "jwt_policy_field_name",
            "jwt_scope_claim_name",
            "jwt_signing_method",
            "name",
            "org_id",
            "slug",
            "id",
        ]
    ),
    *(
        (f"/{name}/**", free)
        for name in [
            "CORS",
            "allowed_ips",
            "auth",
            "auth_configs",
            "basic_auth",
            "blacklisted_ips",
            "cache_options",
            "config_data",
            "hmac_allowed_algorithms",
            "jwt_default_policies",
            "jwt_scope_to_policy_mapping",
            "scopes",
            "security_requirement_scopes",
            "security_requirements",
            "tag_headers",
            "tags",
        ]
    ),
)


def problems(definition: dict, org_id: str, *, trusted: bool) -> Iterator[tuple[Path, str]]:
    """(path, what is wrong) for each member that its verdict refuses. trusted: the author is a super-user.

    org_id: of the organisation whose certificates may be named. The definition's types are right (shape).
    """
    for path, _, value in walk(definition):
        if isinstance(value, dict | list) or not (value or path[0] == "graphql"):
            continue
        judge = verdict(tuple("*" if isinstance(step, int) else step for step in path))
        if judge is None or (trusted and judge not in FOR_EVERYBODY):
            continue
        fault = judge(path, value, org_id)
        if not fault and judge is rewrite and not trusted and isinstance(value, str):
            fault = targets.puts_secrets_together(value)
        if fault:
            yield path, fault
    engine = definition.get("graphql") or {}
    if engine.get("enabled") and engine.get("execution_mode") not in SAFE_MODES and not trusted:
        yield (
            ("graphql", "execution_mode"),
            "must be executionEngine or supergraph; others are for super-users",
        )


@lru_cache(maxsize=10_000)
def verdict(path: tuple[str, ...]) -> Verdict | None:
    """The verdict on a member; None for one that no gateway knows and so none reads."""
    return next((judge for pattern, judge in _PATTERNS.get(path[0], ()) if _fits(pattern, path)), None)


def _fits(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    if pattern[-1:] == ("**",):
        fixed = pattern[:-1]
        return len(path) >= len(fixed) and _fits(fixed, path[: len(fixed)])
    return len(pattern) == len(path) and all(
        wanted in ("*", step) for wanted, step in zip(pattern, path, strict=True)
    )


_PATTERNS: dict[str, list[tuple[tuple[str, ...], Verdict]]] = {}
for _pattern, _judge in TABLE:
    _PATTERNS.setdefault(steps(_pattern)[0], []).append((tuple(steps(_pattern)), _judge))
