"""Members whose contents a gateway takes on trust: where it looks inside without asking, and a surprise ends it."""

from apis.pointer import Problem, child

# What a gateway of 3.x reads from `handler_meta` as text while it loads the API; anything else there ends the process.
_TEXTS = {
    "eh_log_handler": ("prefix",),
    "eh_dynamic_handler": ("name", "path"),
    "cp_dynamic_handler": ("name",),
}
# Keys are delivered to the gateways' Redis; "ldap" reads its settings unchecked, "rpc" changes settings of all APIs.
_ENGINES = ("", "redis")


def problems(definition):
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
