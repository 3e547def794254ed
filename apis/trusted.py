"""Members whose contents a gateway takes on trust: a surprise inside them ends its process."""

from collections.abc import Iterator

from apis.pointer import Problem, child

# What a gateway reads from `handler_meta` as text while it loads the API; seen to end 3.0.12, some 5.14 too.
_TEXTS = {
    "eh_log_handler": ("prefix",),
    "eh_dynamic_handler": ("name", "path"),
    "cp_dynamic_handler": ("name",),
}
# Keys are delivered to the gateways' Redis. "rpc" was seen to end both versions; "ldap" trusts its settings.
_ENGINES = ("", "redis")


def problems(definition: dict) -> Iterator[Problem]:
    """The Problems of event handlers and stores, for a definition whose types are right (apis.shape)."""
    for name in ("auth_provider", "session_provider"):
        if ((definition.get(name) or {}).get("storage_engine") or "") not in _ENGINES:
            yield Problem(f"/{name}/storage_engine", "must be redis")
    events = (definition.get("event_handlers") or {}).get("events") or {}
    for event, handlers in events.items():
        for index, handler in enumerate(handlers or []):
            pointer = child(child("/event_handlers/events", event), index)
            yield from _handler(handler or {}, pointer)


def _handler(handler, pointer):
    meta = handler.get("handler_meta") or {}
    for member in _TEXTS.get(handler.get("handler_name") or "", ()):
        if not isinstance(meta.get(member), str):
            yield Problem(f"{pointer}/handler_meta/{member}", "must be text")
