"""The members of a document at paths of names. Pure."""

from typing import Any

from apis.definitions.fields.texts import Unshowable
from apis.definitions.pointer import Path

SEVERAL = "several"  # ways to authenticate at once, which no choice of one can say


def value_at(holder: Any, path: Path) -> Any:
    """The member at a path of names; None where there is none. Raises Unshowable where something else is in the way."""
    for step in path:
        if holder is None:
            return None
        if not isinstance(holder, dict):
            raise Unshowable
        holder = holder.get(step)
    return holder


def put_at(holder: dict, path: Path, value: Any) -> None:
    for step in path[:-1]:
        if not isinstance(holder.get(step), dict):
            holder[step] = {}
        holder = holder[step]
    holder[path[-1]] = value
