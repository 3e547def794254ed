"""What others ask of a definition: the shapes of the answers. Pure."""

from typing import NamedTuple


class Names(NamedTuple):
    """What a definition says of itself; "" where it says nothing. org_id: what its author wrote there."""

    name: str
    api_id: str
    org_id: str


class Targets(NamedTuple):
    """Where requests are sent. url: as its author wrote it. apis: the own APIs among it, by whichever id, sorted."""

    url: str
    apis: list[str]
