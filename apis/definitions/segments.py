"""Which gateways load an API, by its `tags` and theirs. Pure.

Every gateway is sent every API; a segmented one (`db_app_conf_options.node_is_segmented`) loads those that share a
tag with it, letter for letter. Gateways tell nobody their tags.
"""

from collections.abc import Collection, Mapping
from typing import Any

from apis.definitions.oas.made import EXTENSION


def tags(definition: Mapping) -> list[str]:
    """Those of the definition, each once; none if it is not to be loaded by them."""
    found = definition.get("tags")
    return (
        list(dict.fromkeys(tag for tag in found if isinstance(tag, str))) if isinstance(found, list) else []
    )


def is_switched_off(definition: Mapping) -> bool:
    """Whether `tags_disabled` says that the tags mean nothing: segmented gateways of 5.x then do not load it, those of
    3.0 do not know that member and go by the tags."""
    return definition.get("tags_disabled") is True


def having(tag: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a definition of either form has in it that names the tag: the classic one, and a document."""
    return {"tags": [tag]}, {EXTENSION: {"server": {"gatewayTags": {"tags": [tag]}}}}


def switched_off() -> tuple[dict[str, Any], dict[str, Any]]:
    """The same of one whose tags mean nothing."""
    return {"tags_disabled": True}, {EXTENSION: {"server": {"gatewayTags": {"enabled": False}}}}


def with_tag(definition: dict[str, Any], tag: str) -> dict[str, Any]:
    """A copy of a valid definition with a tag more; its tags count from now on."""
    found = [*_listed(definition), tag]
    off = {"tags_disabled": False} if is_switched_off(definition) else {}
    return _retagged(definition, list(dict.fromkeys(found)), off, {"enabled": True})


def without_tag(definition: dict[str, Any], tag: str) -> dict[str, Any]:
    """A copy of a valid definition without a tag."""
    return _retagged(definition, [each for each in _listed(definition) if each != tag], {}, {})


def _listed(definition: Mapping[str, Any]) -> list[Any]:
    if EXTENSION in definition:
        found = ((definition[EXTENSION].get("server") or {}).get("gatewayTags") or {}).get("tags")
    else:
        found = definition.get("tags")
    return found or []


def _retagged(
    definition: dict[str, Any], tags: Collection[str], classic: dict[str, Any], document: dict[str, Any]
) -> dict[str, Any]:
    """classic, document: what stands beside the tags in a definition of either form."""
    if EXTENSION not in definition:
        return {**definition, "tags": tags, **classic}
    server = definition[EXTENSION].get("server") or {}
    gateway_tags = {**(server.get("gatewayTags") or {}), **document, "tags": tags}
    return {
        **definition,
        EXTENSION: {**definition[EXTENSION], "server": {**server, "gatewayTags": gateway_tags}},
    }
