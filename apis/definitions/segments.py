"""Which gateways load an API, by its `tags` and theirs. Pure.

Every gateway is sent every API; a segmented one (`db_app_conf_options.node_is_segmented`) loads those that share a
tag with it, letter for letter. Gateways tell nobody their tags.
"""

from collections.abc import Mapping


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
