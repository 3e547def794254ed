"""Members whose contents a gateway takes on trust: a surprise inside them ends its process."""

import json
from collections.abc import Iterator

from apis.definitions.pointer import Problem, child
from apis.definitions.rules import schemas, templates

# What a gateway reads from `handler_meta` as text while it loads the API; seen to end 3.0.12, some 5.14 too.
_TEXTS = {
    "eh_log_handler": ("prefix",),
    "eh_dynamic_handler": ("name", "path"),
    "cp_dynamic_handler": ("name",),
}
# Keys are delivered to the gateways' Redis. "rpc" was seen to end both versions; "ldap" trusts its settings.
_ENGINES = ("", "redis")


def problems(definition: dict) -> Iterator[Problem]:
    """The Problems of event handlers, stores and schemas, for a definition whose types are right (shape)."""
    for name in ("auth_provider", "session_provider"):
        if ((definition.get(name) or {}).get("storage_engine") or "") not in _ENGINES:
            yield Problem(f"/{name}/storage_engine", "must be redis")
    events = (definition.get("event_handlers") or {}).get("events") or {}
    for event, handlers in events.items():
        for index, handler in enumerate(handlers or []):
            pointer = child(child("/event_handlers/events", event), index)
            yield from _handler(handler or {}, pointer)
    for name, version in ((definition.get("version_data") or {}).get("versions") or {}).items():
        pointer = child("/version_data/versions", name) + "/extended_paths/validate_json"
        checks = ((version or {}).get("extended_paths") or {}).get("validate_json") or []
        for index, check in enumerate(checks):
            yield from _schemas(check or {}, child(pointer, index))


def _schemas(check: dict, pointer: str) -> Iterator[Problem]:
    try:
        blob = json.loads(templates.decoded(check.get("schema_b64") or "") or "null")
    except (ValueError, RecursionError):
        blob = None  # no schema; a gateway says so too
    for member, schema in (("schema", check.get("schema")), ("schema_b64", blob)):
        for fault in schemas.faults(schema):
            yield Problem(f"{pointer}/{member}", fault)


def _handler(handler: dict, pointer: str) -> Iterator[Problem]:
    meta = handler.get("handler_meta") or {}
    for member in _TEXTS.get(handler.get("handler_name") or "", ()):
        if not isinstance(meta.get(member), str):
            yield Problem(f"{pointer}/handler_meta/{member}", "must be text")
