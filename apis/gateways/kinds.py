"""Which kinds of message there are, who delivers each, and what goes first. Every app registers its own in
`AppConfig.ready`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis import Redis

if TYPE_CHECKING:
    from apis.models import Outbox

# What somebody must not be able to do any more, and what gateways wait for; then single things; then what is said of
# very many at once, a chunk of them a message (apis.gateways.outbox.add_chunks); last what only looks once more.
FIRST, SOON, LATER, LAST = range(4)

# Delivers messages of its kinds, in the scope of every organisation and in no transaction, and may be given one again.
# Answers why, by message id, some are to be tried again, if any are; an exception fails all of them.
Handler = Callable[[list["Outbox"], Redis], Mapping[str, str] | None]


@dataclass(frozen=True)
class Kind:
    """`rests`: seconds between a message and the first attempt to deliver it."""

    name: str
    handler: Handler
    urgency: int
    rests: float


_registered: dict[str, Kind] = {}


def register(name: str, handler: Handler, *, urgency: int, rests: float = 0) -> None:
    """Make messages of a kind known. Raises ValueError for a name that has another handler already."""
    if name in _registered and _registered[name].handler is not handler:
        raise ValueError(f"two apps deliver messages of kind {name!r}")
    _registered[name] = Kind(name, handler, urgency, rests)


def get(name: str) -> Kind:
    """Raises KeyError for a kind that nobody registered."""
    return _registered[name]


def names(urgency: int | None = None) -> list[str]:
    """The kinds of one urgency, or all."""
    return sorted(kind.name for kind in _registered.values() if urgency in (None, kind.urgency))
