"""What a gateway checks of a request by the definition alone, before it looks for a key, and after. Pure.

As the sources of 3.0.12 and 5.14.0 have it (gateway/api_loader.go, mw_version_check.go, mw_ip_whitelist.go,
mw_ip_blacklist.go, mw_api_rate_limit.go).
"""

import ipaddress
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from apis.definitions.authentication import KEYLESS, ways
from dashboard.analytics.explaining.facts import Opinion, Request, Window, World
from dashboard.analytics.explaining.patterns import matches

_LONGEST_VERSION = 100  # characters that are kept of it
_LISTS = ("ignored", "black_list", "white_list")
# Members of extended paths by which an API answers some requests itself.
_OWN_ANSWERS = {
    "virtual": "virtual endpoints",
    "validate_json": "validation of bodies",
    "validate_request": "validation of requests",
    "persist_graphql": "persisted GraphQL",
    "go_plugin": "plugins of endpoints",
}


def is_versioned(definition: Mapping[str, Any]) -> bool:
    return not (definition.get("version_data") or {}).get("not_versioned")


def _versions(definition: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found = (definition.get("version_data") or {}).get("versions") or {}
    return {name: version or {} for name, version in found.items()}


def has_apis_as_versions(definition: Mapping[str, Any]) -> bool:
    """Whether versions of it are APIs of their own."""
    return bool((definition.get("definition") or {}).get("enabled"))


def may_fall_back(definition: Mapping[str, Any]) -> bool:
    """Whether a version that it has not may be taken for the default."""
    return bool((definition.get("definition") or {}).get("fallback_to_default"))


def listen_path(definition: Mapping[str, Any]) -> str:
    return (definition.get("proxy") or {}).get("listen_path") or "/"


def named_version(world: World, request: Request) -> str:
    """The version that a request is for; "" for none."""
    return request.named or (world.definition.get("version_data") or {}).get("default_version") or ""


def version(world: World, request: Request) -> Opinion:
    if has_apis_as_versions(world.definition):
        return Opinion(None, "Its versions are APIs of their own; which one a request named is not told.")
    if not is_versioned(world.definition):
        return _expired(world.definition.get("expiration"), "The API has no versions.", "The API", request)
    if len(request.version) >= _LONGEST_VERSION:
        return Opinion(None, "The name of the version is too long to be kept whole.")
    wanted = named_version(world, request)
    if not wanted:
        return Opinion(True, "The request named no version, and the API has no default.")
    return _is_there(world, wanted, request)


def _is_there(world: World, wanted: str, request: Request) -> Opinion:
    versions = _versions(world.definition)
    how = (
        f"The request named version {wanted}"
        if request.named
        else f"No version was named, so {wanted} counted"
    )
    if wanted in versions:
        return _expired(
            versions[wanted].get("expires"), f"{how}, which the API has.", f"Version {wanted}", request
        )
    if may_fall_back(world.definition):
        return Opinion(None, f"{how}, which the API has not; gateways of 5.x may take the default.")
    return Opinion(True, f"{how}, which the API has not.")


def _expired(end: str | None, fine: str, what: str, request: Request) -> Opinion:
    if end in (None, "", "-1"):
        return Opinion(False, fine)
    try:
        at = datetime.strptime(str(end), "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    except ValueError:
        return Opinion(None, f"{what} has an end that cannot be read.")
    if abs(request.ts - at) < timedelta(seconds=2):
        return Opinion(None, f"{what} ended at that very moment.")
    return Opinion(
        at < request.ts, f"{what} {'had ended' if at < request.ts else 'ends'} on {at:%-d %B %Y %H:%M} UTC."
    )


def paths(world: World, request: Request) -> Opinion:
    """Lists of paths, and endpoints for the API's own requests."""
    info = _version_info(world, request)
    if info is None:
        return Opinion(None, "Which version's lists of paths counted is not told.")
    said = f"{request.method} {request.path}"
    ignored, blocked, allowed = (_listed(world, request, info, name) for name in _LISTS)
    internal = _any(
        each.get("method") == request.method and _is_at(world, request, each)
        for each in _entries(info, "internal")
    )
    closed = not allowed if _entries(info, "white_list") else False
    ordered = (
        (internal, Opinion(True, f"{said} is for requests of the API's own alone.")),
        (ignored, Opinion(False, f"{said} is open to everybody: it is on the list of ignored paths.")),
        (blocked, Opinion(True, f"{said} is on the list of blocked paths.")),
        (allowed, Opinion(False, f"{said} is on the list of allowed paths.")),
        (closed, Opinion(True, f"{said} is not on the list of allowed paths, and nothing else is open.")),
        (True, Opinion(False, f"No list of paths has {said}.")),
    )
    decided, opinion = next(each for each in ordered if each[0] is not False)
    if decided is None or _answers_by_itself(info):
        return Opinion(
            None, f"Whether a pattern of its lists of paths takes in {said} depends on the gateway."
        )
    return opinion


def is_open(world: World, request: Request) -> bool | None:
    """Whether no key was asked for: None if that cannot be told."""
    if ways(dict(world.definition)) == KEYLESS:
        return True
    info = _version_info(world, request)
    return None if info is None else _listed(world, request, info, "ignored")


def _version_info(world: World, request: Request) -> Mapping[str, Any] | None:
    """Empty for a version that is not there; None for one that cannot be told."""
    versions = _versions(world.definition)
    if has_apis_as_versions(world.definition) or world.definition.get("application_protocol") == "mcp":
        return None
    if is_versioned(world.definition):
        return versions.get(named_version(world, request), {})
    return next(iter(versions.values())) if len(versions) == 1 else None


def _entries(info: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    if not info.get("use_extended_paths"):
        return [{"path": each} for each in (info.get("paths") or {}).get(name) or () if isinstance(each, str)]
    found = (info.get("extended_paths") or {}).get(name) or ()
    return [each for each in found if isinstance(each, dict) and not each.get("disabled")]


def _answers_by_itself(info: Mapping[str, Any]) -> bool:
    """Whether an entry of its lists answers in place of the upstream, as those of older definitions may."""
    return any(
        (action or {}).get("action", "no_action") not in ("no_action", "")
        for name in _LISTS
        for each in _entries(info, name)
        for action in (each.get("method_actions") or {}).values()
    )


def _listed(world: World, request: Request, info: Mapping[str, Any], name: str) -> bool | None:
    return _any(
        _asks_for(each, request.method, world.generation) and _is_at(world, request, each)
        for each in _entries(info, name)
    )


def _asks_for(entry: Mapping[str, Any], method: str, generation: str) -> bool:
    """Gateways of 3.0 know `method_actions` alone, and take an entry without for one of every method."""
    if actions := entry.get("method_actions"):
        return method in actions
    named = entry.get("method") if generation != "3.0" else ""
    return not named or named == method


def _is_at(world: World, request: Request, entry: Mapping[str, Any]) -> bool | None:
    below, pattern = listen_path(world.definition), entry.get("path")
    if not isinstance(pattern, str) or "{" in below:
        return None
    return matches(pattern, request.path, below, everywhere=world.generation == "3.0")


def _any(found: Iterable[bool | None]) -> bool | None:
    seen = set(found)
    return True if True in seen else None if None in seen else False


def addresses(world: World, request: Request) -> Opinion:
    allowed = world.definition.get("allowed_ips") if world.definition.get("enable_ip_whitelisting") else None
    blocked = (
        world.definition.get("blacklisted_ips") if world.definition.get("enable_ip_blacklisting") else None
    )
    if not allowed and not blocked:
        return Opinion(False, "Every address may call it.")
    if not request.address:
        return Opinion(None, "The record names no address.")
    caller = ipaddress.ip_address(request.address)
    if allowed and not _among(caller, allowed):
        return Opinion(True, f"{request.address} is not on the list of allowed addresses.")
    if blocked and _among(caller, blocked):
        return Opinion(True, f"{request.address} is on the list of blocked addresses.")
    return Opinion(False, f"Its lists of addresses let {request.address} pass.")


def _among(caller: ipaddress.IPv4Address | ipaddress.IPv6Address, listed: Iterable[object]) -> bool:
    for each in listed:
        try:
            if caller in ipaddress.ip_network(str(each), strict=False):
                return True
        except ValueError:
            continue
    return False


def certificates(world: World, request: Request) -> Opinion:
    if not world.definition.get("use_mutual_tls_auth"):
        return Opinion(False, "No client certificate is asked for.")
    return Opinion(None, "A client certificate is asked for; which one a caller showed is not told.")


def organisation(world: World, request: Request) -> Opinion:
    if not world.limited:
        return Opinion(False, "The organisation's requests are not limited together.")
    return Opinion(None, "The organisation's requests are limited together, if gateways are told to.")


def size(world: World, request: Request) -> Opinion:
    versions = _versions(world.definition).values()
    limits = [each for each in versions if each.get("global_size_limit") or _entries(each, "size_limits")]
    if not limits:
        return Opinion(False, "The API sets no limit to the size of requests.")
    return Opinion(None, "The API limits the size of requests; how large this one was in all is not told.")


def mocks(world: World, request: Request) -> Opinion:
    versions = _versions(world.definition).values()
    if not any(_entries(each, "mock_response") for each in versions):
        return Opinion(False, "It has no mock responses.")
    return Opinion(None, "Some paths are answered with a mock response, before a key is looked for.")


def plugins(world: World, request: Request) -> Opinion:
    found = world.definition.get("custom_middleware") or {}
    named = [found.get(name) for name in ("pre", "post", "post_key_auth")]
    named += [(found.get("auth_check") or {}).get("name"), world.definition.get("custom_middleware_bundle")]
    if not any(named):
        return Opinion(False, "It has no plugins.")
    return Opinion(
        None, "It has plugins, which may refuse a request for any reason; they leave none in records."
    )


def rate(world: World, request: Request) -> Opinion:
    """Of all requests to the API together."""
    if has_limited_paths(world.definition) and world.generation != "3.0":
        return Opinion(None, "Single paths of the API have limits; how much of those was used is not told.")
    window = rate_window(world, request)
    if window is None:
        return Opinion(False, "The API has no rate limit of its own.")
    return counted(world.counted.get(window), window, "All requests to the API together")


def rate_window(world: World, request: Request) -> Window | None:
    limit = world.definition.get("global_rate_limit") or {}
    most, per = limit.get("rate") or 0, limit.get("per") or 0
    if world.definition.get("disable_rate_limit") or most <= 0 or per <= 0:
        return None
    if limit.get("disabled") and world.generation != "3.0":
        return None
    return Window(False, (request.api_id,), per, whole(most))


def has_limited_paths(definition: Mapping[str, Any]) -> bool:
    versions = _versions(definition).values()
    return any(_entries(each, "rate_limit") for each in versions)


def counted(found: int | None, window: Window, whose: str) -> Opinion:
    """What the requests that were let through before say of a limit. Fewer than it allows do not rule it out: several
    gateways share a limit."""
    limit = f"{whose}: {window.most:,} in {span(window.seconds)}"
    if found is None:
        return Opinion(None, f"{limit}. What was used of it could not be counted.")
    many = f"{'at least ' if found > window.most else ''}{min(found, window.most):,}"
    said = f"{limit}; {many} let through in the {span(window.seconds)} before are recorded."
    return Opinion(True if found >= window.most else None, said)


def whole(most: float) -> int:
    """The fewest requests that use it up."""
    return int(most) + (most > int(most))


def span(seconds: float) -> str:
    for unit, noun in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= unit and seconds % unit == 0:
            return f"{int(seconds // unit):,} {noun}{'s' if seconds > unit else ''}"
    return f"{seconds:,g} s"


def own_answers(world: World, request: Request) -> Opinion:
    versions = _versions(world.definition).values()
    found = [words for name, words in _OWN_ANSWERS.items() if any(_entries(each, name) for each in versions)]
    found += ["GraphQL"] if (world.definition.get("graphql") or {}).get("enabled") else []
    found += ["what its document checks or answers"] if world.document else []
    if not found:
        return Opinion(False, "The API answers nothing itself.")
    return Opinion(None, f"The API may answer by itself, which records do not tell: {', '.join(found)}.")
