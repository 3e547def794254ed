"""The policies in the files of a gateway without a dashboard, as it would read them. Pure.

One file holds an object whose members are policies; a policy's ID is the name of its member, whatever `id` and `_id`
say, and whether it denies is its `is_inactive` (so do 3.0.12 and 5.14.0). Gateways of 5.x also read a directory with
one policy a file, whose ID is its `id`. What a dashboard exports has the ID of its database, too.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from apis.definitions.pointer import Problem, child
from apis.files.reading import File, object_in
from orgs.http.strict_json import plain

# What nothing else has that has rights: neither a definition nor the session of a key.
_OTHERS = {
    "allowance",
    "api_definition",
    "apply_policies",
    "openapi",
    "proxy",
    "quota_renews",
    "session_lifetime",
}
OTHER_ID = "its _id is '{other}', by which no key can name it here: its ID is '{id}'."
_STATES = {True: "deny", False: "active"}


class Found(NamedTuple):
    """One policy. pointer: where it stands in its file. id: what sessions name it by. document: what is to be stored,
    {} of one that cannot be read. problems, notes: as of apis.files.definitions.Found."""

    file: str
    pointer: str
    id: str
    document: dict[str, Any]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def in_one(file: File) -> list[Found]:
    """Those in one file."""
    read, fault = object_in(file)
    if read is None:
        return [Found(file.name, "", "", {}, (Problem("", fault),))]
    return [_found(file.name, child("", name), name, document) for name, document in read.items()]


def one_each(files: Iterable[File]) -> tuple[list[Found], list[File]]:
    """Those of a directory, and the files in it that are none and say why."""
    listed = list(files)
    others = [file for file in listed if file.content is None and not file.name.endswith(".json")]
    return each_alone(_each(file for file in listed if file not in others)), others


def exported(files: Iterable[File]) -> tuple[list[Found], list[File]]:
    """Those that are policies of a dashboard beyond doubt, and the other files."""
    found, others = [], []
    for file in files:
        read = object_in(file)[0] if b'"access_rights"' in (file.content or b"") else None
        if read is not None and _is_policy(read):
            found.append(_exported(file, read))
        else:
            others.append(file)
    return found, others


def _is_policy(read: dict[str, Any]) -> bool:
    return (
        isinstance(read.get("access_rights"), dict)
        and isinstance(read.get("name"), str)
        and bool(_exported_id(read))
        and not read.keys() & _OTHERS
    )


def _exported_id(read: dict[str, Any]) -> str:
    """By which keys name it: the one that somebody chose, or else its database's."""
    return next((id for name in ("id", "_id") if isinstance(id := read.get(name), str) and id), "")


def _exported(file: File, read: dict[str, Any]) -> Found:
    kept = {name: value for name, value in read.items() if name != "_id"}
    id = _exported_id(read)
    notes = (
        ()
        if read.get("_id") in (None, "", id)
        else (OTHER_ID.format(other=plain(str(read["_id"]))[:60], id=id),)
    )
    return Found(file.name, file.pointer, id, {**kept, "id": id}, (), notes)


def each_alone(policies: Iterable[Found]) -> list[Found]:
    """Refuse those of several files which share an ID: which one counts only their order would say."""
    found = list(policies)
    often = Counter(policy.id for policy in found if policy.id)
    shared = Problem("/id", "is the ID of a policy in another file too")
    return [
        policy._replace(problems=(*policy.problems, shared))
        if often[policy.id] > 1 and shared not in policy.problems
        else policy
        for policy in found
    ]


def _each(files: Iterable[File]) -> Iterator[Found]:
    for file in files:
        read, fault = object_in(file)
        if read is None:
            yield Found(file.name, "", "", {}, (Problem("", fault),))
        else:
            id = read.get("id")
            yield _found(file.name, "", id if isinstance(id, str) else "", read)


def _found(file: str, pointer: str, id: str, document: Any) -> Found:
    if not isinstance(document, dict):
        return Found(file, pointer, id, {}, (Problem("", "must be an object"),))
    if not id:
        return Found(file, pointer, id, {}, (Problem("", "has no ID: no key can name it"),))
    notes = [
        f"its {name} is {plain(str(document[name]))[:60]!r}, by which gateways on files do not go: its ID is {id!r}."
        for name in ("id", "_id")
        if document.get(name) not in (None, "", id)
    ]
    # An ID that gateways can read as an object id becomes both, so that those of every version know it by one name.
    kept = {name: value for name, value in document.items() if name != "_id"}
    denies = document.get("is_inactive") is True
    if document.get("state") and (document["state"] == "deny") != denies:
        notes.append(f"gateways on files go by is_inactive and not by state: it becomes {_STATES[denies]}.")
        kept["state"] = _STATES[denies]
    if not kept.get("name"):
        notes.append("has no name: it is called by its ID.")
        kept["name"] = id
    return Found(file, pointer, id, {**kept, "id": id}, (), tuple(notes))
