"""Versions of an API that are APIs of their own, as a base names them. Pure."""

from typing import NamedTuple

KEY, LOCATION, SELF = "x-api-version", "header", "self"


class Versioning(NamedTuple):
    """What a base says. name: its own. default: which one is for callers who name none; "self" is the base.
    apis: {name of a version: the ID of its API}."""

    name: str
    default: str
    apis: dict[str, str]

    def added(self, name: str, api_id: str, *, default: bool) -> "Versioning":
        """With a further version; default: whether callers who name none come to it."""
        return Versioning(self.name, name if default else self.default, {**self.apis, name: api_id})

    def without(self, name: str) -> "Versioning":
        """Without a version; callers who come to it because they name none come to the base."""
        left = {other: api_id for other, api_id in self.apis.items() if other != name}
        return Versioning(self.name, SELF if self.default == name else self.default, left)


NONE = Versioning("", SELF, {})
