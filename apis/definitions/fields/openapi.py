"""The form of an OpenAPI document with `x-tyk-api-gateway`: what that extension says. Data alone."""

from apis.definitions.fields import callers, operations, schemes
from apis.definitions.fields.description import (
    IN_DETAIL,
    LARGEST,
    NONE,
    Field,
    Rows,
    Section,
    Sections,
    lines,
    member,
    placed,
    switch,
)
from apis.definitions.oas.made import of_extension

LONG = 2_000  # characters
HUGE = 10**9
_EVENTS = of_extension("server/eventHandlers")
_DURATION = "Such as <code>60s</code> or <code>1m30s</code>."
_METHODS = tuple((name, name) for name in ("POST", "PUT", "PATCH", "DELETE", "GET"))


def _headers(name: str, path: str, label: str) -> Field:
    help = "One a line: <code>Name: value</code>."
    return Field(name, of_extension(path), "headers", label, help, most=LARGEST)


API = Section(
    "api",
    "API",
    (
        Field("name", of_extension("info/name"), "line", "Name", most=200, required=True),
        switch("active", of_extension("info/state/active"), "Active", "Gateways are given active APIs only."),
        switch("in_detail", of_extension("server/detailedActivityLogs/enabled"), *IN_DETAIL),
    ),
    is_open=True,
)
PATH = Section(
    "path",
    "Path and domain",
    (
        Field(
            "listen_path",
            of_extension("server/listenPath/value"),
            "line",
            "Listen path",
            "Where the gateway listens, such as <code>/orders/</code>. Everything below it is yours.",
            required=True,
        ),
        switch(
            "strip_listen_path",
            of_extension("server/listenPath/strip"),
            "Take the listen path off before sending on",
        ),
        switch("domain_on", of_extension("server/customDomain/enabled"), "Listen on a custom domain only"),
        Field(
            "domain",
            of_extension("server/customDomain/name"),
            "line",
            "Custom domain",
            "One of the organisation\u2019s own, which super-users give. Needs "
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
            of_extension("upstream/url"),
            "line",
            "Target URL",
            "Where requests are sent, such as <code>http://orders.internal/</code>.",
            most=LONG,
            required=True,
        ),
        switch(
            "preserve_host_header",
            of_extension("upstream/preserveHostHeader/enabled"),
            "Send the caller's Host header on",
        ),
    ),
    is_open=True,
)
LIMITS = Section(
    "limits",
    "Rate limit",
    (
        switch("limit", of_extension("upstream/rateLimit/enabled"), "Limit all callers together"),
        Field("rate", of_extension("upstream/rateLimit/rate"), "whole", "Requests", most=HUGE),
        Field("per", of_extension("upstream/rateLimit/per"), "duration", "in", _DURATION, most=50),
        switch(
            "skip_rate",
            of_extension("middleware/global/skipRateLimit"),
            "Do not heed the rate limits of keys",
        ),
        switch("skip_quota", of_extension("middleware/global/skipQuota"), "Do not count the quotas of keys"),
    ),
    switches=("limit",),
)
_CORS = "middleware/global/cors"
_VERSIONING = "info/versioning"
VERSIONS = Section(
    "versions",
    "Versions",
    (
        switch(
            "versioned",
            of_extension(f"{_VERSIONING}/enabled"),
            "This API has versions",
            "Each is an API of its own. Gateways of 3.x answer all callers by this one.",
        ),
        Field("version_name", of_extension(f"{_VERSIONING}/name"), "line", "This one is called"),
        Field(
            "default_version",
            of_extension(f"{_VERSIONING}/default"),
            "line",
            "Version of requests that name none",
            "<code>self</code> is this one.",
        ),
        Field(
            "version_location",
            of_extension(f"{_VERSIONING}/location"),
            "choice",
            "Requests name it in",
            choices=(
                NONE,
                ("header", "a header"),
                ("url-param", "the query"),
                ("url", "the first part of the path"),
            ),
        ),
        Field("version_key", of_extension(f"{_VERSIONING}/key"), "line", "Name of the header or parameter"),
        switch(
            "version_strip",
            of_extension(f"{_VERSIONING}/stripVersioningData"),
            "Take it out before sending on",
        ),
        switch(
            "version_fallback",
            of_extension(f"{_VERSIONING}/fallbackToDefault"),
            "One that is not known goes to the default",
        ),
        Rows(
            "versions",
            of_extension(f"{_VERSIONING}/versions"),
            "Further versions",
            "version",
            (
                member("name", "name", "line", "Version", most=200),
                member("api", "id", "line", "API ID", "Of the API that it is."),
            ),
        ),
    ),
    switches=("versioned",),
)
CORS = Section(
    "cors",
    "CORS",
    (
        switch("cors", of_extension(f"{_CORS}/enabled"), "Gateways answer browsers of other origins"),
        lines("cors_origins", of_extension(f"{_CORS}/allowedOrigins"), "Origins"),
        lines("cors_methods", of_extension(f"{_CORS}/allowedMethods"), "Methods"),
        lines("cors_headers", of_extension(f"{_CORS}/allowedHeaders"), "Headers that they may send"),
        lines("cors_exposed", of_extension(f"{_CORS}/exposedHeaders"), "Headers that they may read"),
        switch("cors_credentials", of_extension(f"{_CORS}/allowCredentials"), "With cookies and credentials"),
        Field(
            "cors_age",
            of_extension(f"{_CORS}/maxAge"),
            "whole",
            "They keep the answer for",
            "Seconds.",
            most=HUGE,
        ),
        switch("cors_pass", of_extension(f"{_CORS}/optionsPassthrough"), "Leave the answer to the target"),
    ),
    switches=("cors",),
)
_CACHE = "middleware/global/cache"
CACHE = Section(
    "cache",
    "Cache",
    (
        switch("cache", of_extension(f"{_CACHE}/enabled"), "Gateways keep responses"),
        Field("cache_timeout", of_extension(f"{_CACHE}/timeout"), "whole", "For", "Seconds.", most=HUGE),
        switch(
            "cache_safe",
            of_extension(f"{_CACHE}/cacheAllSafeRequests"),
            "Of all GET, HEAD and OPTIONS requests",
        ),
        switch(
            "cache_upstream",
            of_extension(f"{_CACHE}/enableUpstreamCacheControl"),
            "Where and as long as the target says so",
        ),
        Field(
            "cache_codes",
            of_extension(f"{_CACHE}/cacheResponseCodes"),
            "codes",
            "Of these statuses alone",
            most=LONG,
        ),
        lines(
            "cache_headers",
            of_extension(f"{_CACHE}/cacheByHeaders"),
            "Apart for each value of these headers",
        ),
    ),
    switches=("cache",),
)
_REQUEST, _RESPONSE = (
    "middleware/global/transformRequestHeaders",
    "middleware/global/transformResponseHeaders",
)
HEADERS = Section(
    "headers",
    "Headers",
    (
        switch("request_headers", of_extension(f"{_REQUEST}/enabled"), "Change the headers of every request"),
        _headers("global_headers", f"{_REQUEST}/add", "Set in every request"),
        lines("global_headers_remove", of_extension(f"{_REQUEST}/remove"), "Take out of every request"),
        switch(
            "response_headers", of_extension(f"{_RESPONSE}/enabled"), "Change the headers of every response"
        ),
        _headers("global_response_headers", f"{_RESPONSE}/add", "Set in every response"),
        lines(
            "global_response_headers_remove",
            of_extension(f"{_RESPONSE}/remove"),
            "Take out of every response",
        ),
    ),
    switches=("request_headers", "response_headers"),
)
_ACCESS = "server/ipAccessControl"
ADDRESSES = Section(
    "addresses",
    "IP addresses",
    (
        switch("addresses", of_extension(f"{_ACCESS}/enabled"), "Look at the addresses of callers"),
        lines("allowed_ips", of_extension(f"{_ACCESS}/allow"), "Allow these alone"),
        lines("blacklisted_ips", of_extension(f"{_ACCESS}/block"), "Refuse these"),
    ),
    switches=("addresses",),
)
TAGS = Section(
    "tags",
    "Tags",
    (
        switch(
            "tags_on",
            of_extension("server/gatewayTags/enabled"),
            "Gateways that are segmented load it by tags",
        ),
        lines("tags", of_extension("server/gatewayTags/tags"), "Tags of segments"),
    ),
    switches=("tags_on",),
)
HANDLERS = Section(
    "events",
    "Event handlers",
    (
        Rows(
            "events",
            _EVENTS,
            "Handlers",
            "handler",
            (
                member("on", "enabled", "switch", "On"),
                Field(
                    "trigger", ("trigger",), "line", "Event", "Such as <code>HostDown</code>.", required=True
                ),
                Field(
                    "handler",
                    ("type",),
                    "choice",
                    "What happens",
                    choices=(NONE, ("webhook", "A webhook is called"), ("log", "The gateway's log says so")),
                    required=True,
                ),
                member("target", "url", "line", "URL of the webhook", most=LONG),
                Field("hook_method", ("method",), "choice", "Method", choices=(NONE, *_METHODS)),
                member("prefix", "logPrefix", "line", "What begins its line in the log"),
                member("pause", "cooldownPeriod", "duration", "Not again within", _DURATION, most=50),
            ),
        ),
    ),
)

SECTIONS = (
    API, PATH, TARGET, *callers.SECTIONS, LIMITS, VERSIONS, CORS, CACHE, HEADERS, *operations.SECTIONS, ADDRESSES, TAGS,
    HANDLERS,
)  # fmt: skip


def sections(document: dict) -> Sections:
    """The form of a document, in which each scheme is called as it is there."""
    return placed(
        SECTIONS, {step: schemes.scheme_name(document, kind) for step, kind in callers.NAMED.items()}
    )
