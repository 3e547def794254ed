"""Which member of a classic definition says what a member of `x-tyk-api-gateway` says. Pure.

What is not switched on is not derived, for gateways of 3.x know no member that switches it off again.
"""

from apis.definitions.oas.made import (
    VERSION,
    VERSION_PATH,
    Convert,
    Made,
    duration,
    headers,
    of_extension,
    path,
    processor,
    seconds,
    whole_seconds,
)

_TLS = {"": 0, "1.0": 0x301, "1.1": 0x302, "1.2": 0x303, "1.3": 0x304}


def negated(value: bool) -> bool:
    return not value


def tls_version(text: str) -> int:
    if text not in _TLS:
        raise ValueError("must be 1.0, 1.1, 1.2 or 1.3")
    return _TLS[text]


# Always: (member of the extension, member of the definition, how it is written otherwise).
PLAIN: tuple[tuple[str, str, Convert], ...] = (
    ("info/name", "name", None),
    ("info/id", "api_id", None),
    ("info/dbId", "id", None),
    ("info/orgId", "org_id", None),
    ("info/expiration", "expiration", None),
    ("info/state/active", "active", None),
    ("info/state/internal", "internal", None),
    ("server/listenPath/value", "proxy/listen_path", None),
    ("server/listenPath/strip", "proxy/strip_listen_path", None),
    ("server/protocol", "protocol", None),
    ("server/port", "listen_port", None),
    ("server/detailedActivityLogs/enabled", "enable_detailed_recording", None),
    ("server/detailedTracing/enabled", "detailed_tracing", None),
    ("server/batchProcessing/enabled", "enable_batch_request_support", None),
    ("upstream/url", "proxy/target_url", None),
    ("upstream/preserveHostHeader/enabled", "proxy/preserve_host_header", None),
    ("upstream/preserveTrailingSlash/enabled", "proxy/disable_strip_slash", None),
    ("upstream/tlsTransport/insecureSkipVerify", "proxy/transport/ssl_insecure_skip_verify", None),
    ("upstream/tlsTransport/ciphers", "proxy/transport/ssl_ciphers", None),
    ("upstream/tlsTransport/minVersion", "proxy/transport/ssl_min_version", tls_version),
    ("upstream/tlsTransport/maxVersion", "proxy/transport/ssl_max_version", tls_version),
    ("upstream/tlsTransport/forceCommonNameCheck", "proxy/transport/ssl_force_common_name_check", None),
    ("middleware/global/contextVariables/enabled", "enable_context_vars", None),
    ("middleware/global/ignoreCase/enabled", "version_data/versions/Default/ignore_endpoint_case", None),
    ("middleware/global/skipRateLimit", "disable_rate_limit", None),
    ("middleware/global/skipQuota", "disable_quota", None),
    ("middleware/global/skipQuotaReset", "dont_set_quota_on_create", None),
    ("middleware/global/pluginConfig/driver", "custom_middleware/driver", None),
)
DISCOVERY = (
    ("queryEndpoint", "query_endpoint"),
    ("dataPath", "data_path"),
    ("useNestedQuery", "use_nested_query"),
    ("parentDataPath", "parent_data_path"),
    ("portDataPath", "port_data_path"),
    ("useTargetList", "use_target_list"),
    ("cacheTimeout", "cache_timeout"),
    ("cache/timeout", "cache_timeout"),
    ("cache/enabled", "cache_disabled"),
    ("targetPath", "target_path"),
    ("endpointReturnsList", "endpoint_returns_list"),
)
_FLOW = (
    ("clientId", "client_id"),
    ("clientSecret", "client_secret"),
    ("tokenUrl", "token_url"),
    ("scopes", "scopes"),
    ("extraMetadata", "extra_metadata"),
    ("header/enabled", "header/enabled"),
    ("header/name", "header/name"),
)
# Where an object is switched on: (object, the member that switches it on in the definition or "", its members).
SWITCHED: tuple[tuple[str, str, tuple[tuple[str, str, Convert], ...]], ...] = (
    (
        "server/clientCertificates",
        "use_mutual_tls_auth",
        (("allowlist", "client_certificates", None),),
    ),
    ("server/gatewayTags", "", (("tags", "tags", None),)),
    ("server/customDomain", "", (("name", "domain", None), ("certificates", "certificates", None))),
    (
        "upstream/rateLimit",
        "",
        (("rate", "global_rate_limit/rate", None), ("per", "global_rate_limit/per", seconds)),
    ),
    ("upstream/proxy", "", (("url", "proxy/transport/proxy_url", None),)),
    (
        "upstream/enforceTimeout",
        "",
        (("duration", "version_data/versions/Default/global_enforce_timeout", duration),),
    ),
    (
        "upstream/serviceDiscovery",
        "proxy/service_discovery/use_discovery_service",
        tuple(
            (name, f"proxy/service_discovery/{to}", negated if to == "cache_disabled" else None)
            for name, to in DISCOVERY
        ),
    ),
    (
        "middleware/global/cors",
        "CORS/enable",
        (
            ("maxAge", "CORS/max_age", None),
            ("allowCredentials", "CORS/allow_credentials", None),
            ("exposedHeaders", "CORS/exposed_headers", None),
            ("allowedHeaders", "CORS/allowed_headers", None),
            ("optionsPassthrough", "CORS/options_passthrough", None),
            ("debug", "CORS/debug", None),
            ("allowedOrigins", "CORS/allowed_origins", None),
            ("allowedMethods", "CORS/allowed_methods", None),
        ),
    ),
    (
        "middleware/global/cache",
        "cache_options/enable_cache",
        (
            ("timeout", "cache_options/cache_timeout", None),
            ("cacheAllSafeRequests", "cache_options/cache_all_safe_requests", None),
            ("cacheResponseCodes", "cache_options/cache_response_codes", None),
            ("cacheByHeaders", "cache_options/cache_by_headers", None),
            ("enableUpstreamCacheControl", "cache_options/enable_upstream_cache_control", None),
            ("controlTTLHeaderName", "cache_options/cache_control_ttl_header", None),
        ),
    ),
    (
        "middleware/global/requestSizeLimit",
        "",
        (("value", "version_data/versions/Default/global_size_limit", None),),
    ),
    (
        "middleware/global/trafficLogs",
        "",
        (
            ("tagHeaders", "tag_headers", None),
            ("customRetentionPeriod", "expire_analytics_after", whole_seconds),
        ),
    ),
    ("middleware/global/pluginConfig/bundle", "", (("path", "custom_middleware_bundle", None),)),
    ("middleware/global/pluginConfig/data", "", (("value", "config_data", None),)),
    (
        "upstream/authentication",
        "upstream_auth/enabled",
        (("oauth/allowedAuthorizeTypes", "upstream_auth/oauth/allowed_authorize_types", None),),
    ),
    (
        "upstream/authentication/basicAuth",
        "upstream_auth/basic_auth/enabled",
        (
            ("username", "upstream_auth/basic_auth/username", None),
            ("password", "upstream_auth/basic_auth/password", None),
            ("header/enabled", "upstream_auth/basic_auth/header/enabled", None),
            ("header/name", "upstream_auth/basic_auth/header/name", None),
        ),
    ),
    (
        "upstream/authentication/oauth",
        "upstream_auth/oauth/enabled",
        (
            *(
                (f"clientCredentials/{name}", f"upstream_auth/oauth/client_credentials/{to}", None)
                for name, to in _FLOW
            ),
            *((f"password/{name}", f"upstream_auth/oauth/password/{to}", None) for name, to in _FLOW),
            ("password/username", "upstream_auth/oauth/password/username", None),
            ("password/password", "upstream_auth/oauth/password/password", None),
        ),
    ),
    (
        "upstream/authentication/requestSigning",
        "request_signing/is_enabled",
        (
            ("signatureHeader", "request_signing/signature_header", None),
            ("algorithm", "request_signing/algorithm", None),
            ("keyId", "request_signing/key_id", None),
            ("headers", "request_signing/header_list", None),
            ("secret", "request_signing/secret", None),
            ("certificateId", "request_signing/certificate_id", None),
        ),
    ),
)


def derive(made: Made) -> None:
    """All of the extension but authentication and operations."""
    made.definition |= {"version_data": {"not_versioned": True, "versions": {VERSION: {}}}}
    made.definition |= {"definition": {"location": "header", "key": "x-api-version"}, "proxy": {}}
    for source, to, convert in PLAIN:
        made.copy(of_extension(source), path(to), convert)
    for source, switch, members in SWITCHED:
        whole = of_extension(source)
        on = made.enabled(whole)
        if on and switch:
            made.put(path(switch), True, (*whole, "enabled"))
        for name, to, convert in members if on else ():
            if made.at((*whole, *path(name))) is not None:
                made.copy((*whole, *path(name)), path(to), convert)
    _addresses(made)
    _traffic_logs(made)
    for name, member in (
        ("transformRequestHeaders", "global_headers"),
        ("transformResponseHeaders", "global_response_headers"),
    ):
        there = of_extension(f"middleware/global/{name}")
        if made.enabled(there):
            headers(made, (*there, "add"), (*VERSION_PATH, member))
            made.copy((*there, "remove"), (*VERSION_PATH, f"{member}_remove"))
            if name == "transformResponseHeaders":
                processor(made, there, "header_injector")


def _addresses(made: Made) -> None:
    source = of_extension("server/ipAccessControl")
    if made.enabled(source):
        for name, switch, to in (
            ("allow", "enable_ip_whitelisting", "allowed_ips"),
            ("block", "enable_ip_blacklisting", "blacklisted_ips"),
        ):
            made.copy((*source, name), (to,))
            if made.at((*source, name)):
                made.put((switch,), True, (*source, name))


def _traffic_logs(made: Made) -> None:
    """Without a word of them requests are recorded; a gateway would record none, nor could its owner see why."""
    source = of_extension("middleware/global/trafficLogs")
    if made.at(source) is not None and not made.at((*source, "enabled")):
        made.put(("do_not_track",), True, (*source, "enabled"))
    elif made.at((*source, "plugins")):
        plugin = (*source, "plugins", 0)
        if made.enabled(plugin):
            made.put(("analytics_plugin", "enable"), True, (*plugin, "enabled"))
            made.copy((*plugin, "functionName"), ("analytics_plugin", "func_name"))
            made.copy((*plugin, "path"), ("analytics_plugin", "plugin_path"))
