"""Where a field's value stands in what holds it, a definition or an entry of one, and how it is put there. Pure."""

from collections.abc import Callable
from typing import Any, NamedTuple

from apis.definitions.authentication import KEYLESS, OTHERS, TOKEN, token_settings
from apis.definitions.fields import schemes
from apis.definitions.fields.description import Field
from apis.definitions.fields.members import SEVERAL, put_at, value_at
from apis.definitions.fields.texts import KINDS, Kind, Shown, Unshowable
from apis.definitions.oas.security import SCHEMES


class _Special(NamedTuple):
    """kind: as which its text is read. get: the value. put: sets it."""

    kind: str
    get: Callable[[dict], Any]
    put: Callable[[dict, Any], None]


def kind(field: Field) -> Kind:
    special = _SPECIAL.get(field.kind)
    return KINDS[special.kind if special else field.kind]


def shown(field: Field, holder: Any) -> Shown:
    """What a field says of its holder. Raises Unshowable."""
    special = _SPECIAL.get(field.kind)
    return kind(field).shown(special.get(holder) if special else value_at(holder, field.path))


def put(field: Field, holder: dict, value: Any) -> None:
    special = _SPECIAL.get(field.kind)
    if special:
        special.put(holder, value)
    else:
        put_at(holder, field.path, value)


def _way(definition: dict) -> str:
    """The one way to authenticate: "token", "keyless", the member that switches on another, or SEVERAL."""
    if definition.get("use_keyless"):
        return KEYLESS
    others = [name for name in OTHERS if definition.get(name)]
    if token_settings(definition).get("use_certificate"):
        return SEVERAL
    if others and (len(others) > 1 or definition.get("use_standard_auth")):
        return SEVERAL
    return others[0] if others else TOKEN


def _authenticate_by(definition: dict, way: str) -> None:
    definition["use_keyless"] = way == KEYLESS
    definition["use_standard_auth"] = way == TOKEN
    for name in OTHERS:
        if definition.get(name) or name == way:
            definition[name] = name == way
    if token_settings(definition).get("use_certificate"):
        token_settings(definition)["use_certificate"] = False


def _token(definition: dict) -> dict | None:
    """What gateways prefer to `auth`, where it is there."""
    return value_at(definition, ("auth_configs", "authToken"))


def _header(definition: dict) -> Any:
    return value_at(_token(definition), ("auth_header_name",)) or value_at(
        definition, ("auth", "auth_header_name")
    )


def _put_header(definition: dict, name: str) -> None:
    put_at(definition, ("auth", "auth_header_name"), name)
    if _token(definition) is not None:
        put_at(definition, ("auth_configs", "authToken", "auth_header_name"), name)


def _action(method: str) -> dict:
    """The one form that gateways of 3.x and 5.x both read."""
    return {method: {"action": "no_action", "code": 200, "data": "", "headers": {}}}


def _method(entry: dict) -> Any:
    """The one method that an entry of a list of endpoints is about."""
    actions = value_at(entry, ("method_actions",))
    if not actions:
        return entry.get("method")
    if not isinstance(actions, dict) or len(actions) > 1:
        raise Unshowable
    [(method, action)] = actions.items()
    if not isinstance(action, dict) or action.get("action") != "no_action":
        raise Unshowable
    return method


def _put_method(entry: dict, method: str) -> None:
    entry["method"] = method
    entry["method_actions"] = _action(method) if method else {}


_TEMPLATE = ("template_data", "template_source")


def _template(entry: dict) -> Any:
    if value_at(entry, ("template_data", "template_mode")) not in (None, "", "blob"):
        raise Unshowable
    return value_at(entry, _TEMPLATE)


def _put_template(entry: dict, blob: str) -> None:
    put_at(entry, ("template_data", "template_mode"), "blob")
    put_at(entry, _TEMPLATE, blob)


def _key_name(document: dict) -> Any:
    return value_at(document, (*SCHEMES, schemes.scheme_name(document, TOKEN), "name"))


def _put_key_name(document: dict, name: str) -> None:
    put_at(document, (*schemes.component(document, TOKEN), "name"), name)


_SPECIAL = {
    "scheme": _Special("choice", schemes.way, schemes.authenticate_by),
    "key name": _Special("line", _key_name, _put_key_name),
    "way": _Special("choice", _way, _authenticate_by),
    "token header": _Special("line", _header, _put_header),
    "endpoint method": _Special("choice", _method, _put_method),
    "template": _Special("blob", _template, _put_template),
}
