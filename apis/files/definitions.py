"""The definitions in the files of a gateway without a dashboard, as it would read them. Pure.

3.0 takes every `*.json` for a classic definition. 5.x passes `*-oas.json` and `*-mcp.json` over: such a one belongs to
the classic definition beside it which says `is_oas`, and is read with that (so do 3.0.12 and 5.14.0). Neither
asks whether a definition is active. What a dashboard exports says of many that they are not, and means it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from apis.definitions import kinds
from apis.definitions.oas import mcp
from apis.definitions.oas.document import is_document
from apis.definitions.oas.made import EXTENSION
from apis.definitions.pointer import Problem
from apis.files.reading import MOST_NAMED, File, object_in, short

_COMPANIONS = ("-oas.json", "-mcp.json")
ACTIVATED = "is inactive by its file, which gateways on files do not heed: it becomes active."
WITHOUT_ID = (
    "has no api_id, so gateways gave it another at each start, which no key can name: it is given one."
)

ALONE = "is an OpenAPI document, which gateways on files read only beside a classic definition."
FROM_DOCUMENT = (
    "gateways are given what is derived from the OpenAPI document, not the classic definition beside it."
)
WITH_CLIENTS = (
    "asks for tokens of OAuth clients, which are in the gateway's Redis and not taken over: make each again, with the "
    "ID and the secret that it has."
)


TABLE_OF_CONTENTS = ".tyk.json"
CONTENTS = "is a table of contents by tyk-sync: what it names is read without it"


class Found(NamedTuple):
    """One definition. file: its file's name; pointer: where in that it stands. definition: what is to be published, {}
    of one that cannot be read. problems: why it cannot be taken. notes: what becomes another with it, in sentences."""

    file: str
    definition: dict[str, Any]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    pointer: str = ""

    @property
    def place(self) -> str:
        return f"{self.file} {self.pointer}".rstrip()


def found(files: Iterable[File], *, served: bool = False) -> tuple[list[Found], list[File]]:
    """The definitions, and the files that are none and say why. served: whether a gateway is known to run on them as
    they are; else such a one that a database had may be exported, and inactive on purpose."""
    listed = list(files)
    by_name = {file.name: file for file in listed if not file.pointer}
    definitions, others = [], []
    for file in listed:
        if file.pointer:
            definitions.append(_found(file, {}, served))
        elif PurePosixPath(file.name).name == TABLE_OF_CONTENTS:
            others.append(file._replace(content=None, fault=CONTENTS))
        elif beside := _definition_of(file.name):
            why = f"belongs to {beside}" if beside in by_name else f"belongs to {beside}, which is not there"
            others.append(file._replace(content=None, fault=why))
        elif file.content is None and not file.name.endswith(".json"):
            others.append(file)
        else:
            stem = file.name.removesuffix(".json")
            beside_it = {ending: found for ending in _COMPANIONS if (found := by_name.get(f"{stem}{ending}"))}
            definitions.append(_found(file, beside_it, served))
    return _each_alone(definitions), others


def api_id(definition: dict[str, Any]) -> str:
    """The API ID that a definition of either kind has; "" if it has none."""
    return kinds.names(definition).api_id


def org_ids(named: Iterable[str]) -> dict[str, int]:
    """How many definitions or policies name each organisation."""
    return dict(sorted(Counter(named).items()))


def _definition_of(name: str) -> str:
    """The name of the classic definition that a file belongs to; "" for one that stands for itself."""
    ending = next((ending for ending in _COMPANIONS if name.endswith(ending)), "")
    return f"{name.removesuffix(ending)}.json" if ending else ""


def _found(file: File, beside_it: dict[str, File], served: bool) -> Found:
    """beside_it: the files beside it that belong to it, by their endings."""
    read, fault = object_in(file)
    if read is None:
        return Found(file.name, {}, (Problem("", fault),), (), file.pointer)
    if isinstance(exported := read.get("api_definition"), dict):
        return _exported(file, exported, read.get("oas"))
    if is_document(read):
        return Found(file.name, read, (), () if file.pointer else (ALONE,), file.pointer)
    if read.get("is_oas") is True and (document := beside_it.get(_ending(read))):
        return _with_document(file.name, read, document)
    # The id of a database, which no file has that was written for gateways.
    is_export = bool(file.pointer or (read.get("id") and not served))
    notes: tuple[str, ...] = ()
    if read.get("active") in (None, False) and not is_export:
        notes += (ACTIVATED,) if read.get("active") is False else ()
        read = {**read, "active": True}
    if not read.get("api_id") and not is_export:
        notes += (WITHOUT_ID,)
    if read.get("use_oauth2") is True:
        notes += (WITH_CLIENTS,)
    return Found(file.name, read, (), notes, file.pointer)


def _exported(file: File, exported: dict[str, Any], document: object) -> Found:
    """What dashboards export: a definition as clients read it, with the document that it may have beside it."""
    if exported.get("is_oas") is True and isinstance(document, dict) and is_document(document):
        return Found(file.name, document, (), (FROM_DOCUMENT,), f"{file.pointer}/oas")
    return Found(file.name, exported, (), (), f"{file.pointer}/api_definition")


def _ending(beside: dict[str, Any]) -> str:
    """Of the file that belongs to a classic definition which says `is_oas`."""
    return _COMPANIONS[beside.get("application_protocol") == "mcp"]


def _with_document(name: str, beside: dict[str, Any], file: File) -> Found:
    """The OpenAPI document in a file, whose ID the classic definition `beside` it has."""
    read, fault = object_in(file)
    if read is None:
        return Found(file.name, {}, (Problem("", fault),))
    extension = read.get(EXTENSION)
    if not isinstance(extension, dict):
        return Found(file.name, read)
    info = _object(extension.get("info"))
    state = _object(info.get("state"))
    forced = {"id": api_id(beside)} if api_id(beside) else {}
    info = {**info, **forced, "state": {**state, "active": True}}
    made = {**read, EXTENSION: {**extension, "info": info}}
    if _ending(beside) == "-mcp.json":
        made = mcp.marked(made)
    return Found(file.name, made, tuple(_otherwise(name, beside, made)), (FROM_DOCUMENT,))


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _otherwise(name: str, beside: dict[str, Any], document: dict[str, Any]) -> Iterator[Problem]:
    """What the classic definition, by which gateways on files go, says otherwise than the document."""
    if kinds.problems(document, may_use_references=True):
        return
    classic = {**beside, "is_oas": False}
    if found := kinds.problems(classic, may_use_references=True):
        yield Problem("", f"belongs to {name}, which is not sound: {found[0]}")
        return
    for what, of in (("address", kinds.address), ("authentication", kinds.auth), ("target", kinds.targets)):
        if of(classic) != of(document):
            yield Problem("", f"has another {what} than {name}, by which gateways on files go")


def _each_alone(definitions: list[Found]) -> list[Found]:
    """Refuse those which have an id or an address that another has too: which one counts only their order would say."""
    shared = defaultdict(list)
    for of, pointer, what in (
        (_api_id, "/api_id", "is the API ID"),
        (_address, "/proxy/listen_path", "is the address"),
    ):
        for place, together in _same(definitions, of).items():
            # Of a list of thousands with one id each is named beside the first few, not beside all.
            first = [definitions[other].place for other in together[: MOST_NAMED + 1] if other != place]
            names = short(first, len(together) - 1)
            shared[place].append(Problem(pointer, f"{what} of another file too: {names}"))
    return [
        each._replace(problems=each.problems + tuple(shared.get(place, ())))
        for place, each in enumerate(definitions)
    ]


def _same(definitions: list[Found], of: Callable[[Found], Hashable]) -> dict[int, list[int]]:
    """The places of those which others share something with, and all that share it."""
    places = defaultdict(list)
    for place, each in enumerate(definitions):
        if (value := of(each)) is not None:
            places[value].append(place)
    return {place: together for together in places.values() if len(together) > 1 for place in together}


def _api_id(found: Found) -> str | None:
    return api_id(found.definition) or None


def _address(found: Found) -> Hashable:
    if found.problems or kinds.problems(found.definition, may_use_references=True):
        return None
    return kinds.address(found.definition)
