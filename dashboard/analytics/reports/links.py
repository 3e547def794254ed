"""Links that keep the rest of the URL's state. Pure."""

from collections.abc import Mapping
from urllib.parse import urlencode

RANGE = ("range", "from", "to")
KEPT = (*RANGE, "api", "key", "measure")
LOG_FILTERS = ("status", "method", "path", "least_ms")


def state(params: Mapping[str, str], names: tuple[str, ...] = KEPT) -> dict[str, str]:
    """The parameters of a URL that are state of the page, in a fixed order, empty ones left out."""
    return {name: params[name] for name in names if params.get(name)}


def link(path: str, kept: Mapping[str, str], /, **changes: str) -> str:
    """`path` with the kept parameters; a change to "" takes one away. `from_` stands for `from`."""
    wanted = {**kept, **{name.rstrip("_"): value for name, value in changes.items()}}
    query = urlencode({name: value for name, value in wanted.items() if value})
    return f"{path}?{query}" if query else path


def range_link(path: str, kept: Mapping[str, str], name: str) -> str:
    """The same page for one of the named ranges."""
    rest = {name: value for name, value in kept.items() if name not in RANGE}
    return link(path, {"range": name}, **rest)
