"""Lists of `x-tyk-api-gateway` in a classic definition: targets, certificates, checks, events, plugins. Pure."""

from apis.definitions.oas.made import Convert, Made, headers, nanoseconds, of_extension, path, whole_seconds
from apis.definitions.oas.members import DISCOVERY, negated
from apis.definitions.pointer import Path

MOST_TARGETS = 10_000
_PLUGINS = {
    "prePlugin": "pre",
    "postAuthenticationPlugin": "post_key_auth",
    "postPlugin": "post",
    "responsePlugin": "response",
}
_PLUGIN = (
    ("functionName", "name"),
    ("path", "path"),
    ("rawBodyOnly", "raw_body_only"),
    ("requireSession", "require_session"),
)


def derive(made: Made) -> None:
    for derived in (_balancing, _certificates, _uptime, _events, _plugins, _errors):
        derived(made)


def _balancing(made: Made) -> None:
    source = of_extension("upstream/loadBalancing")
    if not made.enabled(source):
        return
    made.copy((*source, "skipUnavailableHosts"), path("proxy/check_host_against_uptime_tests"))
    place = 0
    for index, target in enumerate(made.at((*source, "targets")) or []):
        here = (*source, "targets", index)
        made.used.add(here)
        weight = (target or {}).get("weight") or 0
        if not 0 <= weight <= MOST_TARGETS - place:
            made.read((*here, "weight"), _too_many)
            return
        for _ in range(weight):
            made.put(("proxy", "target_list", place), (target.get("url") or ""), (*here, "url"))
            place += 1
    if place:
        made.put(path("proxy/enable_load_balancing"), True, (*source, "enabled"))


def _too_many(weight: int) -> int:
    raise ValueError(f"must not be below 0 nor, with the others, above {MOST_TARGETS:,}")


def _certificates(made: Made) -> None:
    source = of_extension("upstream/mutualTLS")
    if made.enabled(source):
        for index, each in enumerate(made.at((*source, "domainToCertificateMapping")) or []):
            here = (*source, "domainToCertificateMapping", index)
            made.used.add(here)
            to = ("upstream_certificates", (each or {}).get("domain") or "")
            made.put(to, (each or {}).get("certificate"), (*here, "certificate"))
    source = of_extension("upstream/certificatePinning")
    if made.enabled(source):
        for index, each in enumerate(made.at((*source, "domainToPublicKeysMapping")) or []):
            here = (*source, "domainToPublicKeysMapping", index)
            made.used.add(here)
            keys = ",".join(filter(None, (each or {}).get("publicKeys") or []))
            made.put(("pinned_public_keys", (each or {}).get("domain") or ""), keys, (*here, "publicKeys"))


_CHECK: tuple[tuple[str, str, Convert], ...] = (
    ("url", "url", None),
    ("timeout", "timeout", nanoseconds),
    ("method", "method", None),
    ("headers", "headers", None),
    ("body", "body", None),
    ("commands", "commands", None),
    ("enableProxyProtocol", "enable_proxy_protocol", None),
)


def _uptime(made: Made) -> None:
    source = of_extension("upstream/uptimeTests")
    if not made.enabled(source):
        return
    made.copy((*source, "hostDownRetestPeriod"), path("uptime_tests/config/recheck_wait"), whole_seconds)
    made.copy((*source, "logRetentionPeriod"), path("uptime_tests/config/expire_utime_after"), whole_seconds)
    for index, test in enumerate(made.at((*source, "tests")) or []):
        here = (*source, "tests", index)
        to: Path = ("uptime_tests", "check_list", index)
        made.begin(to, here)
        for name, member, convert in _CHECK:
            made.copy((*here, name), (*to, member), convert)
        protocol = ((test or {}).get("url") or "").partition("://")
        made.put((*to, "protocol"), protocol[0] if protocol[1] else "", (*here, "url"))
    discovery = (*source, "serviceDiscovery")
    if made.enabled(discovery):
        to = path("uptime_tests/config/service_discovery")
        made.put((*to, "use_discovery_service"), True, (*discovery, "enabled"))
        for name, member in DISCOVERY:
            if made.at((*discovery, *path(name))) is not None:
                convert = negated if member == "cache_disabled" else None
                made.copy((*discovery, *path(name)), (*to, member), convert)


_HANDLERS = {
    "webhook": (
        "eh_web_hook_handler",
        (
            ("id", "id", None),
            ("name", "name", None),
            ("method", "method", None),
            ("url", "target_path", None),
            ("cooldownPeriod", "event_timeout", whole_seconds),
            ("bodyTemplate", "template_path", None),
        ),
    ),
    "custom": (
        "eh_dynamic_handler",
        (("id", "id", None), ("functionName", "name", None), ("path", "path", None)),
    ),
    "log": ("eh_log_handler", (("logPrefix", "prefix", None),)),
}


def _events(made: Made) -> None:
    source = of_extension("server/eventHandlers")
    events: dict[str, int] = {}
    for index, handler in enumerate(made.at(source) or []):
        here = (*source, index)
        if (handler or {}).get("type") not in _HANDLERS or not made.enabled(here):
            continue
        trigger = handler.get("trigger") or ""
        name, members = _HANDLERS[handler["type"]]
        to: Path = ("event_handlers", "events", trigger, events.setdefault(trigger, 0))
        events[trigger] += 1
        made.put((*to, "handler_name"), name, (*here, "type"))
        made.begin((*to, "handler_meta"), here)
        made.used |= {(*here, "trigger"), (*here, "name"), (*here, "id")}
        for member, meta, convert in members:
            made.copy((*here, member), (*to, "handler_meta", meta), convert)
        if name == "eh_log_handler" and not handler.get("logPrefix"):
            made.put((*to, "handler_meta", "prefix"), "", (*here, "logPrefix"))
        headers(made, (*here, "headers"), (*to, "handler_meta", "header_map"))


def _plugins(made: Made) -> None:
    for name, to in _PLUGINS.items():
        source = of_extension(f"middleware/global/{name}s")
        if made.at(source) is None:
            source = of_extension(f"middleware/global/{name}/plugins")
        place = 0
        for index, _ in enumerate(made.at(source) or []):
            here = (*source, index)
            if made.enabled(here):
                made.begin(("custom_middleware", to, place), here)
                for member, classic in _PLUGIN:
                    made.copy((*here, member), ("custom_middleware", to, place, classic))
                place += 1


_ERROR = (
    ("match/flag", "match/flag"),
    ("match/messagePattern", "match/message_pattern"),
    ("match/bodyField", "match/body_field"),
    ("match/bodyValue", "match/body_value"),
    ("response/statusCode", "response/status_code"),
    ("response/body", "response/body"),
    ("response/message", "response/message"),
    ("response/template", "response/template"),
    ("response/headers", "response/headers"),
)


def _errors(made: Made) -> None:
    source = of_extension("errorOverrides")
    if not made.enabled(source):
        return
    for code, overrides in (made.at((*source, "value")) or {}).items():
        for index, _ in enumerate(overrides or []):
            here, to = (*source, "value", code, index), ("error_overrides", code, index)
            made.begin(to, here)
            for name, member in _ERROR:
                if made.at((*here, *path(name))) is not None:
                    made.copy((*here, *path(name)), (*to, *path(member)))
