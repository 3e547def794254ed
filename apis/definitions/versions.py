"""Versions of an API that are APIs of their own, as a base names them. Pure."""

from typing import NamedTuple

KEY, LOCATION, SELF = "x-api-version", "header", "self"


class Version(NamedTuple):
    """A further version: its name, the ID of its API, what the base itself is called, and whether callers who name none
    come to it."""

    name: str
    api_id: str
    base_name: str
    default: bool


class Versioning(NamedTuple):
    """What a base says. name: its own. default: which one is for callers who name none; "self" is the base.
    apis: {name of a version: the ID of its API}."""

    name: str
    default: str
    apis: dict[str, str]
