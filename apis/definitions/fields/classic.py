"""The form of a classic definition, section by section. Data alone."""

from apis.definitions.authentication import KEYLESS, OTHERS, TOKEN
from apis.definitions.fields import endpoints
from apis.definitions.fields.description import IN_DETAIL, LARGEST, NONE, Field, Rows, Section, lines, switch

LONG = 2_000  # characters
HUGE = 10**9

WAYS = (
    (TOKEN, "Token: callers send a key"),
    (KEYLESS, "Keyless: open to everyone"),
    ("enable_jwt", "JSON Web Token"),
    ("use_basic_auth", "User name and password"),
    ("use_oauth2", "OAuth 2.0, by this gateway"),
    ("enable_signature_checking", "HMAC signature"),
    ("use_mutual_tls_auth", "Client certificate (mutual TLS)"),
)
EVENTS = (
    "AuthFailure", "KeyExpired", "QuotaExceeded", "RatelimitExceeded", "OrgQuotaExceeded", "OrgRateLimitExceeded",
    "TriggerExceeded", "VersionFailure", "BreakerTriggered", "HostDown", "HostUp", "TokenCreated", "TokenUpdated",
    "TokenDeleted",
)  # fmt: skip
API = Section(
    "api",
    "API",
    (
        Field("name", ("name",), "line", "Name", most=200, required=True),
        switch("active", ("active",), "Active", "Gateways are given active APIs only."),
        switch("in_detail", ("enable_detailed_recording",), *IN_DETAIL),
    ),
    is_open=True,
)
PATH = Section(
    "path",
    "Path and domain",
    (
        Field(
            "listen_path",
            ("proxy", "listen_path"),
            "line",
            "Listen path",
            "Where the gateway listens, such as <code>/orders/</code>. Everything below it is yours.",
            required=True,
        ),
        switch(
            "strip_listen_path", ("proxy", "strip_listen_path"), "Take the listen path off before sending on"
        ),
        Field(
            "domain",
            ("domain",),
            "line",
            "Custom domain",
            "Listen on this host name only: one of the organisation\u2019s own, which super-users give. Needs "
            "<code>enable_custom_domains</code> in the gateways.",
            most=253,
        ),
    ),
    is_open=True,
)
TARGET = Section(
    "target",
    "Target",
    (
        Field(
            "target_url",
            ("proxy", "target_url"),
            "line",
            "Target URL",
            "Where requests are sent, such as <code>http://orders.internal/</code>.",
            most=LONG,
            required=True,
        ),
        switch("preserve_host_header", ("proxy", "preserve_host_header"), "Send the caller's Host header on"),
        switch(
            "enable_load_balancing",
            ("proxy", "enable_load_balancing"),
            "Take turns between several targets",
            "Those below, in the place of the target URL.",
        ),
        lines("target_list", ("proxy", "target_list"), "Targets", "URLs, one a line."),
    ),
    is_open=True,
)
CALLERS = Section(
    "callers",
    "Callers",
    (
        Field(
            "authentication",
            ("use_keyless",),
            "way",
            "Authentication",
            choices=WAYS,
            required=True,
            own=(("use_standard_auth",), *((name,) for name in OTHERS)),
        ),
        Field(
            "auth_header_name",
            ("auth", "auth_header_name"),
            "token header",
            "Header",
            "The request header that carries the key.",
            most=100,
            own=(("auth_configs", "authToken", "auth_header_name"),),
        ),
        switch("strip_auth_data", ("strip_auth_data",), "Take the key out before sending on"),
    ),
    is_open=True,
)
JWT = Section(
    "jwt",
    "JSON Web Tokens",
    (
        Field(
            "jwt_signing_method",
            ("jwt_signing_method",),
            "choice",
            "Signed with",
            choices=(NONE, ("rsa", "RSA"), ("ecdsa", "ECDSA"), ("hmac", "HMAC")),
        ),
        Field(
            "jwt_source",
            ("jwt_source",),
            "line",
            "Key",
            "The URL of a key set (JWKS), or a public key or secret in base64.",
            most=LARGEST,
        ),
        Field("jwt_identity_base_field", ("jwt_identity_base_field",), "line", "Claim that names the caller"),
        Field("jwt_policy_field_name", ("jwt_policy_field_name",), "line", "Claim that names the policy"),
        lines(
            "jwt_default_policies",
            ("jwt_default_policies",),
            "Policies of tokens that name none",
            "IDs, one a line.",
        ),
    ),
    "Read where callers send a JSON Web Token.",
)
LIMITS = Section(
    "limits",
    "Rate limit",
    (
        Field(
            "rate",
            ("global_rate_limit", "rate"),
            "number",
            "Rate limit",
            "Requests for all callers together; 0 for none.",
            most=HUGE,
        ),
        Field("per", ("global_rate_limit", "per"), "number", "in seconds", most=HUGE),
        switch("disable_rate_limit", ("disable_rate_limit",), "Do not heed the rate limits of keys"),
        switch("disable_quota", ("disable_quota",), "Do not count the quotas of keys"),
    ),
)
VERSIONS = Section(
    "versions",
    "Versions",
    (
        Field(
            "versioned",
            ("version_data", "not_versioned"),
            "reversed",
            "This API has versions",
            "Without, every request goes to the only one.",
        ),
        Field(
            "version_location",
            ("definition", "location"),
            "choice",
            "Requests name it in",
            choices=(
                NONE,
                ("header", "a header"),
                ("url-param", "the query"),
                ("url", "the first part of the path"),
            ),
        ),
        Field("version_key", ("definition", "key"), "line", "Name of the header or parameter"),
        Field(
            "default_version",
            ("version_data", "default_version"),
            "line",
            "Version of requests that name none",
        ),
        Rows(
            "versions",
            ("version_data", "versions"),
            "Versions",
            "version",
            (
                Field("key", ("name",), "key", "Version", "It stays: keys name it.", most=200, required=True),
                Field("override_target", ("override_target",), "line", "Own target", most=LONG),
                Field("expires", ("expires",), "line", "Ends", "Such as <code>2027-01-31 12:00</code>, UTC."),
            ),
            shape="map",
            new={"name": "", "use_extended_paths": True, "extended_paths": {}},
        ),
    ),
    switches=("versioned",),
)
CORS = Section(
    "cors",
    "CORS",
    (
        switch("cors", ("CORS", "enable"), "Gateways answer browsers of other origins"),
        lines(
            "cors_origins",
            ("CORS", "allowed_origins"),
            "Origins",
            "Such as <code>https://shop.example</code>, one a line.",
        ),
        lines(
            "cors_methods", ("CORS", "allowed_methods"), "Methods", "Such as <code>GET</code>, one a line."
        ),
        lines("cors_headers", ("CORS", "allowed_headers"), "Headers that they may send"),
        lines("cors_exposed", ("CORS", "exposed_headers"), "Headers that they may read"),
        switch("cors_credentials", ("CORS", "allow_credentials"), "With cookies and credentials"),
        Field("cors_age", ("CORS", "max_age"), "whole", "They keep the answer for", "Seconds.", most=HUGE),
        switch("cors_pass", ("CORS", "options_passthrough"), "Leave the answer to the target"),
    ),
    switches=("cors",),
)
CACHE = Section(
    "cache",
    "Cache",
    (
        switch("cache", ("cache_options", "enable_cache"), "Gateways keep responses"),
        Field("cache_timeout", ("cache_options", "cache_timeout"), "whole", "For", "Seconds.", most=HUGE),
        switch(
            "cache_safe",
            ("cache_options", "cache_all_safe_requests"),
            "Of all GET, HEAD and OPTIONS requests",
        ),
        switch(
            "cache_upstream",
            ("cache_options", "enable_upstream_cache_control"),
            "Where and as long as the target says so",
        ),
        Field(
            "cache_codes",
            ("cache_options", "cache_response_codes"),
            "codes",
            "Of these statuses alone",
            most=LONG,
        ),
        lines(
            "cache_headers", ("cache_options", "cache_by_headers"), "Apart for each value of these headers"
        ),
    ),
    switches=("cache",),
)
ADDRESSES = Section(
    "addresses",
    "IP addresses",
    (
        switch("enable_ip_whitelisting", ("enable_ip_whitelisting",), "Allow these callers alone"),
        lines(
            "allowed_ips",
            ("allowed_ips",),
            "Allowed",
            "Addresses or networks such as <code>10.0.0.0/8</code>, one a line.",
        ),
        switch("enable_ip_blacklisting", ("enable_ip_blacklisting",), "Refuse these callers"),
        lines("blacklisted_ips", ("blacklisted_ips",), "Refused", "Addresses or networks, one a line."),
    ),
    switches=("enable_ip_whitelisting", "enable_ip_blacklisting"),
)
TAGS = Section(
    "tags",
    "Tags",
    (
        lines(
            "tags", ("tags",), "Tags of segments", "Gateways that are segmented load it by these. One a line."
        ),
        lines("tag_headers", ("tag_headers",), "Headers kept in the records of traffic"),
    ),
)
HANDLERS = Section(
    "events",
    "Event handlers",
    (
        Rows(
            "events",
            ("event_handlers", "events"),
            "Handlers",
            "handler",
            (
                Field(
                    "event",
                    (),
                    "key",
                    "Event",
                    choices=(NONE, *((name, name) for name in EVENTS)),
                    required=True,
                ),
                Field(
                    "handler",
                    ("handler_name",),
                    "choice",
                    "What happens",
                    choices=(
                        NONE,
                        ("eh_web_hook_handler", "A webhook is called"),
                        ("eh_log_handler", "The gateway's log says so"),
                    ),
                    required=True,
                ),
                Field("target", ("handler_meta", "target_path"), "line", "URL of the webhook", most=LONG),
                Field(
                    "hook_method",
                    ("handler_meta", "method"),
                    "choice",
                    "Method",
                    choices=(
                        NONE,
                        *((name, name) for name in ("POST", "PUT", "PATCH", "DELETE", "GET")),
                    ),
                ),
                Field("prefix", ("handler_meta", "prefix"), "line", "What begins its line in the log"),
                Field(
                    "pause",
                    ("handler_meta", "event_timeout"),
                    "whole",
                    "Not again within",
                    "Seconds.",
                    most=HUGE,
                ),
            ),
            shape="lists",
            new={"handler_name": "", "handler_meta": {"prefix": ""}},
        ),
    ),
)

SECTIONS = (
    API, PATH, TARGET, CALLERS, JWT, LIMITS, VERSIONS, CORS, CACHE, *endpoints.SECTIONS, ADDRESSES, TAGS, HANDLERS,
)  # fmt: skip
