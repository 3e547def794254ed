"""What a gateway checks of the key that a request brings. Pure.

As the sources of 3.0.12 and 5.14.0 have it (gateway/mw_auth_key.go, mw_key_expired_check.go, mw_access_rights.go,
mw_granular_access.go, mw_rate_limiting.go).
"""

from datetime import timedelta

from apis.definitions.authentication import TOKEN, token_settings, ways
from dashboard.analytics.explaining.facts import Opinion, Request, Window, World
from dashboard.analytics.explaining.of_api import (
    counted,
    has_apis_as_versions,
    is_versioned,
    listen_path,
    may_fall_back,
    named_version,
    whole,
)
from dashboard.analytics.explaining.patterns import matches

_STRANGE = (
    "Gateways knew the key. This organisation has no key with its hash, so what it was is not known here."
)
_OF_CLIENT = (
    "Gateways knew the token, which an OAuth client was given. What such a token may do they alone keep."
)


def sent(world: World, request: Request) -> Opinion:
    found = ways(dict(world.definition))
    if request.keyed:
        return Opinion(False, "A key was sent.")
    if found != TOKEN:
        return Opinion(None, f"Callers prove who they are by: {found}. What they sent is not told.")
    settings = token_settings(dict(world.definition))
    header = settings.get("auth_header_name") or settings.get("header_name") or "Authorization"
    if request.status != 401:
        return Opinion(False, "A key was sent.")
    return Opinion(True, f"No key was sent, or not where the API expects it: the header {header}.")


def known(world: World, request: Request) -> Opinion:
    if not request.keyed and request.status != 403 and ways(dict(world.definition)) == TOKEN:
        return Opinion(False, "A token that gateways do not know is refused with 403.")
    if not request.keyed:
        return Opinion(
            None,
            "A key that is unknown, revoked or has ended is refused here, and leaves no name in records.",
        )
    if world.holder is None:
        return Opinion(False, _OF_CLIENT if request.of_client else _STRANGE)
    return Opinion(False, f"Gateways knew it: {world.holder.name}.")


def state(world: World, request: Request) -> Opinion:
    holder, allowed = world.holder, world.allowed
    if holder is None or allowed is None:
        return _unknown(request)
    denying = [policy.name for policy in holder.policies if policy.denies]
    if request.status == 403 and allowed.inactive:
        why = f"its policy {denying[0]} denies" if denying and not holder.suspended else "it was suspended"
        return Opinion(True, f"The key was refused: {why}.")
    ends = holder.expires_at
    if ends and request.status == 401:
        if abs(ends - request.ts) < timedelta(seconds=2):
            return Opinion(None, "The key ended at that very moment.")
        verb = "had expired" if ends < request.ts else "expires"
        return Opinion(ends < request.ts, f"The key {verb} on {ends:%-d %B %Y %H:%M:%S} UTC.")
    return Opinion(False, "The key was neither suspended nor past its end.")


def rights(world: World, request: Request) -> Opinion:
    allowed = world.allowed
    if allowed is None:
        return _unknown(request)
    by = _policies(world)
    if allowed.refusal:
        return Opinion(None, f"Gateways should not have known the key: {allowed.refusal}.")
    if not allowed.opens:
        return Opinion(True, f"Neither rights of the key nor policies opened this API{by}.")
    if not is_versioned(world.definition):
        return Opinion(False, f"The key may call this API{by}.")
    if has_apis_as_versions(world.definition) or may_fall_back(world.definition):
        return Opinion(None, "Which version its rights were held against is not told.")
    wanted = named_version(world, request)
    may = "may" if wanted in allowed.versions else "may not"
    return Opinion(wanted not in allowed.versions, f"The key {may} call version {wanted}{by}.")


def right_paths(world: World, request: Request) -> Opinion:
    allowed = world.allowed
    if allowed is None:
        return _unknown(request)
    if not allowed.paths:
        return Opinion(False, "Its rights are not limited to single paths.")
    below = listen_path(world.definition)
    found = {
        _is_at(pattern, request.path, below, world.generation)
        for pattern, methods in allowed.paths
        if request.method in methods
    }
    said = f"{request.method} {request.path}"
    if True in found:
        return Opinion(False, f"{said} is among the paths that its rights open.")
    if None in found:
        return Opinion(None, f"Whether a path of its rights takes in {said} depends on the gateway.")
    return Opinion(True, f"{said} is not among the paths that its rights open.")


def _is_at(pattern: str, path: str, below: str, generation: str) -> bool | None:
    if generation == "3.0" and "{" in pattern:  # to which it is no parameter
        return None
    return matches(pattern, path, below, everywhere=generation == "3.0")


def rate(world: World, request: Request) -> Opinion:
    untold = world.allowed.rate_untold if world.allowed else ""
    return _used(world, request, untold, rate_window(world), limit="rate limit", what="Requests")


def rate_window(world: World) -> Window | None:
    allowed = world.allowed
    if allowed is None or world.definition.get("disable_rate_limit") or allowed.rate <= 0 or allowed.per <= 0:
        return None
    return Window(True, allowed.together, allowed.per, whole(allowed.rate))


def quota(world: World, request: Request) -> Opinion:
    untold = world.allowed.quota_untold if world.allowed else ""
    return _used(world, request, untold, quota_window(world), limit="quota", what="Quota")


def quota_window(world: World) -> Window | None:
    allowed = world.allowed
    if allowed is None or world.definition.get("disable_quota") or allowed.quota <= 0 or allowed.renewal <= 0:
        return None
    return Window(True, allowed.together, allowed.renewal, allowed.quota)


def _used(
    world: World, request: Request, untold: str, window: Window | None, *, limit: str, what: str
) -> Opinion:
    """untold: why the limit cannot be told, "" where it can. limit, what: what it and what it counts are called."""
    if world.allowed is None:
        return _unknown(request)
    if untold:
        return Opinion(None, untold)
    if window is None:
        return Opinion(False, f"The key has no {limit}.")
    return counted(world.counted.get(window), window, f"{what} of the key{_policies(world)}")


def _unknown(request: Request) -> Opinion:
    if not request.keyed:
        return Opinion(None, "The record names no key.")
    return Opinion(None, "What this key was then is not known here.")


def _policies(world: World) -> str:
    named = (
        [f"{each.name} (revision {each.revision})" for each in world.holder.policies] if world.holder else []
    )
    return f", by {', '.join(named)}" if named else ""
