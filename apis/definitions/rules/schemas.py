"""JSON schemas that a gateway checks bodies with. Pure.

Seen on 3.0.12: one body checked with a schema that leads back to itself in the same place ends the process, and so
does a reference out of the schema. A schema that comes back below (`properties`, `items`: a tree) is fine.
"""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from apis.definitions.pointer import at, walk

# Members whose schemas hold for the same value as the schema they stand in.
_LISTS = ("allOf", "anyOf", "oneOf")
_SINGLE = ("not", "if", "then", "else")


def faults(schema: object) -> Iterator[str]:
    """What makes a gateway open or follow something without end, as sentence parts."""
    if not all(reference.startswith("#/") for reference in _references(schema)):
        yield "must have no $ref but such that begin with #/"
    elif _returns(schema):
        yield "must not lead back to itself by $ref in the same place"


def _references(schema: object) -> Iterator[str]:
    return (value["$ref"] for value in _objects(schema) if isinstance(value.get("$ref"), str))


def _returns(schema: object) -> bool:
    """Whether references and combinations that hold in one place form a ring."""
    following = {id(value): {id(below) for below in _in_place(value, schema)} for value in _objects(schema)}
    try:
        TopologicalSorter(following).prepare()
    except CycleError:
        return True
    return False


def _objects(schema: object) -> Iterator[dict]:
    return (value for _, _, value in walk(schema) if isinstance(value, dict))


def _in_place(schema: dict, root: object) -> list[dict]:
    found = [schema.get(name) for name in _SINGLE]
    for name in _LISTS:
        found += schema[name] if isinstance(schema.get(name), list) else []
    if isinstance(schema.get("dependencies"), dict):
        found += schema["dependencies"].values()
    if isinstance(schema.get("$ref"), str):
        found.append(at(root, schema["$ref"]))
    return [below for below in found if isinstance(below, dict)]
