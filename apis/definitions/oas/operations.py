"""What the extension says of single operations, as extended paths of a classic definition. Pure.

An operation is found by its `operationId`. A classic definition has it by path and method; a path's parameters, `{id}`,
stand for anything without a slash in both.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from apis.definitions.oas.made import (
    VERSION,
    VERSION_PATH,
    Convert,
    Made,
    duration,
    headers,
    of_extension,
    processor,
    seconds,
    whole_seconds,
)
from apis.definitions.pointer import Path
from orgs.http.strict_json import printable

OPERATIONS = of_extension("middleware/operations")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_EXTENDED: Path = (*VERSION_PATH, "extended_paths")
# What gateways of 3.x cannot do for a single operation, and what that means there.
ONLY_5 = {
    "mockResponse": "send requests on to the upstream instead of answering",
    "validateRequest": "check no request before it is sent on",
    "rateLimit": "limit no single operation",
    "postPlugins": "run no plugin there",
}
_NOT_THERE = "There is no operation {id!r} in `paths`: what the extension says of it has no effect."

_ALLOWANCES = {"allow": "white_list", "block": "black_list", "ignoreAuthentication": "ignored"}
# member: (kind of extended path, its members)
_PLAIN: dict[str, tuple[str, tuple[tuple[str, str, Convert], ...]]] = {
    "internal": ("internal", ()),
    "trackEndpoint": ("track_endpoints", ()),
    "doNotTrackEndpoint": ("do_not_track_endpoints", ()),
    "transformRequestMethod": ("method_transforms", (("toMethod", "to_method", None),)),
    "cache": (
        "advance_cache_config",
        (
            ("cacheByRegex", "cache_key_regex", None),
            ("cacheResponseCodes", "cache_response_codes", None),
            ("timeout", "timeout", None),
        ),
    ),
    "circuitBreaker": (
        "circuit_breakers",
        (
            ("threshold", "threshold_percent", None),
            ("sampleSize", "samples", None),
            ("coolDownPeriod", "return_to_service_after", None),
        ),
    ),
    "requestSizeLimit": ("size_limits", (("value", "size_limit", None),)),
    "rateLimit": ("rate_limit", (("rate", "rate", None), ("per", "per", seconds))),
}
_MATCHES = {
    "query": "query_val_matches",
    "path": "path_part_matches",
    "header": "header_matches",
    "sessionMetadata": "session_meta_matches",
    "requestContext": "request_context_matches",
}


class Operation(NamedTuple):
    """One operation of `paths`. place: its path in the document."""

    path: str
    method: str
    place: Path


def found(document: dict) -> dict[str, Operation]:
    """Those that have an `operationId`, by it; longer paths first, as gateways sort them."""
    paths = document.get("paths")
    every = paths.items() if isinstance(paths, dict) else ()
    made: dict[str, Operation] = {}
    for path, item in sorted(every, key=lambda each: (-len(each[0]), each[0])):
        for method in METHODS:
            operation = item.get(method) if isinstance(item, dict) else None
            if isinstance(operation, dict) and isinstance(operation.get("operationId"), str):
                made.setdefault(
                    operation["operationId"], Operation(path, method.upper(), ("paths", path, method))
                )
    return made


def derive(made: Made) -> None:
    """The extended paths of all operations of the extension."""
    made.definition["version_data"]["versions"][VERSION] |= {
        "name": VERSION,
        "use_extended_paths": True,
        "extended_paths": {},
    }
    said = made.at(OPERATIONS) or {}
    named = found(made.document)
    for id in said:
        if id not in named:
            made.used.add((*OPERATIONS, id))
            made.warnings.append(_NOT_THERE.format(id=printable(id)))
    for id, operation in named.items():
        if said.get(id):
            plugins(made, (*OPERATIONS, id), operation)


def plugins(made: Made, source: Path, operation: Operation) -> None:
    """The extended paths of what the document says at `source` of one operation."""
    for name in made.at(source):
        if name == "postPlugins":
            _post_plugin(made, (*source, name), operation)
        elif made.enabled((*source, name)):
            here = (*source, name)
            if name in _ALLOWANCES:
                _allowance(made, here, operation, _ALLOWANCES[name])
            elif name in _PLAIN:
                kind, members = _PLAIN[name]
                to = _entry(made, here, operation, kind)
                for member, classic, convert in members:
                    made.copy((*here, member), (*to, classic), convert)
                if name == "circuitBreaker":
                    half_open = (*here, "halfOpenStateEnabled")
                    made.put((*to, "disable_half_open_state"), not made.at(half_open), half_open)
            elif name in _OTHERS:
                _OTHERS[name](made, here, operation)
            elif name in ONLY_5:
                made.used.add(here)  # apis.definitions.oas.sibling
            else:
                made.used.discard((*here, "enabled"))


def _entry(made: Made, source: Path, operation: Operation, kind: str) -> Path:
    """The path of a new extended path."""
    there = made.definition["version_data"]["versions"][VERSION]["extended_paths"].get(kind, [])
    to = (*_EXTENDED, kind, len(there))
    made.begin(to, source)
    made.put((*to, "path"), operation.path, operation.place)
    made.put((*to, "method"), operation.method, operation.place)
    return to


def _allowance(made: Made, source: Path, operation: Operation, kind: str) -> None:
    to = _entry(made, source, operation, kind)
    made.copy((*source, "ignoreCase"), (*to, "ignore_case"))
    # The one form that gateways of 3.x and 5.x both read.
    action = {"action": "no_action", "code": 200, "data": "", "headers": {}}
    made.put((*to, "method_actions"), {operation.method: action}, operation.place)


def _headers(kind: str) -> Callable[[Made, Path, Operation], None]:
    def derived(made: Made, source: Path, operation: Operation) -> None:
        to = _entry(made, source, operation, kind)
        made.begin((*to, "add_headers"), (*source, "add"))
        headers(made, (*source, "add"), (*to, "add_headers"))
        made.copy((*source, "remove"), (*to, "delete_headers"))
        if kind == "transform_response_headers":
            processor(made, source, "header_injector")

    return derived


def _body(kind: str) -> Callable[[Made, Path, Operation], None]:
    def derived(made: Made, source: Path, operation: Operation) -> None:
        to = (*_entry(made, source, operation, kind), "template_data")
        made.copy((*source, "format"), (*to, "input_type"))
        made.put((*to, "enable_session"), True, (*source, "enabled"))
        text = "body" if made.at((*source, "body")) else "path"
        made.put((*to, "template_mode"), "blob" if text == "body" else "file", (*source, text))
        made.copy((*source, text), (*to, "template_source"))
        if kind == "transform_response":
            processor(made, source, "response_body_transform")

    return derived


def _rewrite(made: Made, source: Path, operation: Operation) -> None:
    to = _entry(made, source, operation, "url_rewrites")
    made.copy((*source, "pattern"), (*to, "match_pattern"))
    made.copy((*source, "rewriteTo"), (*to, "rewrite_to"))
    for index, trigger in enumerate(made.at((*source, "triggers")) or []):
        here, there = (*source, "triggers", index), (*to, "triggers", index)
        made.begin(there, here)
        made.copy((*here, "condition"), (*there, "on"))
        made.copy((*here, "rewriteTo"), (*there, "rewrite_to"))
        made.begin((*there, "options"), (*here, "rules"))
        for place, rule in enumerate((trigger or {}).get("rules") or []):
            _rule(made, (*here, "rules", place), (*there, "options"), rule or {})


def _rule(made: Made, source: Path, to: Path, rule: dict[str, Any]) -> None:
    if rule.get("in") == "requestBody":
        matches: Path = (*to, "payload_matches")
    elif rule.get("in") in _MATCHES:
        matches = (*to, _MATCHES[rule["in"]], rule.get("name") or "")
    else:
        made.read((*source, "in"), _no_place)
        return
    made.copy((*source, "pattern"), (*matches, "match_rx"))
    made.put((*matches, "reverse"), bool(rule.get("negate")), (*source, "negate"))
    made.used.add(source)


def _no_place(text: str) -> str:
    raise ValueError(f"must be requestBody, {', '.join(_MATCHES)}")


def _timeout(made: Made, source: Path, operation: Operation) -> None:
    to = _entry(made, source, operation, "hard_timeouts")
    made.copy((*source, "value"), (*to, "timeout"))
    if made.at((*source, "duration")):
        made.copy((*source, "duration"), (*to, "timeout"), whole_seconds)
        made.copy((*source, "duration"), (*to, "duration"), duration)


def _virtual(made: Made, source: Path, operation: Operation) -> None:
    to = _entry(made, source, operation, "virtual")
    for name in ("name", "functionName"):
        if made.at((*source, name)):
            made.copy((*source, name), (*to, "response_function_name"))
    text = "body" if made.at((*source, "body")) else "path"
    made.put((*to, "function_source_type"), "blob" if text == "body" else "file", (*source, text))
    made.copy((*source, text), (*to, "function_source_uri"))
    made.copy((*source, "requireSession"), (*to, "use_session"))
    made.copy((*source, "proxyOnError"), (*to, "proxy_on_error"))


def _post_plugin(made: Made, source: Path, operation: Operation) -> None:
    """The first alone, as gateways take it."""
    here = (*source, 0)
    if made.at(source) and made.enabled(here):
        to = _entry(made, here, operation, "go_plugin")
        for name in ("name", "functionName"):
            if made.at((*here, name)):
                made.copy((*here, name), (*to, "func_name"))
        made.copy((*here, "path"), (*to, "plugin_path"))


_OTHERS: dict[str, Callable[[Made, Path, Operation], None]] = {
    "transformRequestHeaders": _headers("transform_headers"),
    "transformResponseHeaders": _headers("transform_response_headers"),
    "transformRequestBody": _body("transform"),
    "transformResponseBody": _body("transform_response"),
    "urlRewrite": _rewrite,
    "enforceTimeout": _timeout,
    "virtualEndpoint": _virtual,
}
