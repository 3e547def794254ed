"""An OpenAPI document with `x-tyk-api-gateway` as an API: by way of the classic definition that is derived from it.

Gateways run such an API by its classic half (apis.definitions.oas.sibling says what else), so that half is what every
rule judges. What is stored is the author's own document. Others ask by way of apis.definitions.kinds, which says what
is answered. Pure.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from apis.definitions import classic
from apis.definitions import document as text
from apis.definitions.facts import Names, Targets
from apis.definitions.listen_path import Address
from apis.definitions.oas import document as openapi
from apis.definitions.oas import lists, mcp, members, operations, security, sibling, streams
from apis.definitions.oas.made import EXTENSION, VERSION, Made, of_extension
from apis.definitions.pointer import Path, Problem, pointer, steps, walk
from apis.definitions.rules import references, shape
from apis.definitions.versions import KEY, LOCATION, Versioning
from orgs.http.strict_json import BadJson, printable

MEMBER = ""
ID = pointer((EXTENSION, "info", "id"))
_NOT_DERIVED = "{place}: gateways are not told of it, for nothing in a classic definition says the same."
_NOT_KNOWN = "{place}: is not known here. It is kept, and gateways are not told of it."
_UNCHECKED = "{place}: gateways do not look at this when they check a request."
# What a classic definition of 5.x has and one of 3.x has not.
_ONLY_5 = {
    "errorOverrides": "answer with their own errors",
    "upstream/authentication": "send no credentials to the upstream",
    "upstream/enforceTimeout": "have no time-out for all of an API",
    "middleware/global/ignoreCase": "tell upper and lower case apart",
    "info/versioning": "know no versions that are APIs of their own",
}
_IN_3 = "{place}: gateways of 3.x {what}."


def derived(definition: dict) -> Made:
    """The classic definition of a document whose types are right, and where its members come from."""
    made = Made(definition)
    members.derive(made)
    lists.derive(made)
    _versioning(made)
    security.derive(made)
    operations.derive(made)
    mcp.derive(made)
    return made


def _versioning(made: Made) -> None:
    source = of_extension("info/versioning")
    if not made.enabled(source):
        return
    made.put(("definition", "enabled"), True, (*source, "enabled"))
    for name, to in (
        ("name", "name"),
        ("default", "default"),
        ("location", "location"),
        ("key", "key"),
        ("stripVersioningData", "strip_versioning_data"),
        ("urlVersioningPattern", "url_versioning_pattern"),
        ("fallbackToDefault", "fallback_to_default"),
    ):
        made.copy((*source, name), ("definition", to))
    for index, each in enumerate(made.at((*source, "versions")) or []):
        made.used.add((*source, "versions", index))
        version = ("definition", "versions", (each or {}).get("name") or "")
        made.put(version, (each or {}).get("id"), (*source, "versions", index, "id"))


def problems(
    definition: dict, *, may_use_references: bool, org_id: str = "", allowed: Collection[str] = ()
) -> list[Problem]:
    try:
        text.faithful(definition)
    except BadJson as error:
        return [Problem("", str(error))]
    for path, key, _ in walk(definition):
        if key and len(key) > classic.LONGEST_NAME:
            fault = f"has a member whose name is longer than {classic.LONGEST_NAME:,} characters"
            return [Problem(pointer(path[:-1]), fault)]
    found = openapi.problems(definition) or _derived_problems(definition, may_use_references, org_id, allowed)
    if not may_use_references:
        found += references.problems(definition, allowed)
    return list(dict.fromkeys(found))


def _derived_problems(
    definition: dict, trusted: bool, org_id: str, allowed: Collection[str]
) -> list[Problem]:
    made = derived(definition)
    beside = [*mcp.problems(definition), *islice(streams.problems(definition, trusted=trusted), shape.MOST)]
    found = [
        *made.faults,
        *sibling.codes(definition),
        *(Problem(pointer(path), fault) for path, fault in beside),
    ]
    if found:
        return found
    judged = classic.problems(made.definition, may_use_references=trusted, org_id=org_id, allowed=allowed)
    # A stream needs no upstream: what runs it sends nothing there.
    needless = "/proxy/target_url" if streams.is_without_upstream(definition) else ""
    found = [
        Problem(_place(made, problem.pointer), problem.message)
        for problem in judged
        if problem.pointer != (needless or None)
    ]
    return found + sibling.of(definition, _jwt(made), security.alternatives(made), judged=True).problems


def place(definition: dict, at: str) -> str:
    """The pointer in the document of what stands at a pointer of the derived definition."""
    return _place(derived(definition), at)


def _place(made: Made, at: str) -> str:
    path: Path = ()
    holder: Any = made.definition
    for step in steps(at):
        path = (*path, int(step) if isinstance(holder, list) and step.isdigit() else step)
        holder = _below(holder, path[-1])
    return pointer(made.place(path))


def _below(holder: Any, step: Any) -> Any:
    if isinstance(holder, dict):
        return holder.get(step)
    return holder[step] if isinstance(holder, list) and isinstance(step, int) and step < len(holder) else None


def _sibling(made: Made) -> sibling.Sibling:
    return sibling.of(made.document, _jwt(made), security.alternatives(made))


def _jwt(made: Made) -> str:
    """The name of the scheme by which JSON Web Tokens are judged, "" for none."""
    return ((made.definition.get("auth_configs") or {}).get("jwt") or {}).get("name") or ""


def normal_form(definition: dict, *, id: str, api_id: str, org_id: str, active: bool | None = None) -> dict:
    extension = definition[EXTENSION]
    info = extension.get("info") or {}
    state = info.get("state") or {}
    given = is_active(definition) if active is None else active
    forced = {"id": api_id, "dbId": id, "orgId": org_id, "state": {**state, "active": given}}
    kept = {name: forced.get(name, value) for name, value in info.items()}
    return {**definition, EXTENSION: {**extension, "info": {**kept, **forced}}}


def unnamed(definition: dict) -> dict:
    extension = definition[EXTENSION]
    info, server = extension.get("info") or {}, extension.get("server") or {}
    kept = {name: value for name, value in info.items() if name not in ("id", "dbId", "orgId")}
    path = {"listenPath": {**(server.get("listenPath") or {}), "value": ""}}
    return {
        **definition,
        EXTENSION: {**extension, "info": {**kept, "name": ""}, "server": {**server, **path}},
    }


def additions(definition: dict) -> list[str]:
    """What gateways do otherwise than the document says."""
    made = derived(definition)
    given = _sibling(made)
    found = [*made.warnings, *streams.remarks(definition), *mcp.remarks(definition)]
    for path in _unused(made):
        known = _is_known(path[1:], openapi.types())
        found.append((_NOT_DERIVED if known else _NOT_KNOWN).format(place=_said(path)))
    found += [_UNCHECKED.format(place=_said(path)) for path in given.unchecked]
    kept = [
        classic.HEADER_KEPT.format(place=_place(made, at)) for at in classic.kept_headers(made.definition)
    ]
    return list(dict.fromkeys([*found, *_of_3(made), *kept]))


def _said(path: Path) -> str:
    """A path as a pointer, fit for a message."""
    return pointer(tuple(printable(str(step)) for step in path))


def _of_3(made: Made) -> Iterator[str]:
    for name, what in _ONLY_5.items():
        source = of_extension(name)
        if made.at((*source, "enabled")):
            yield _IN_3.format(place=_said(source), what=what)
    jwt = _jwt(made)
    for name in sibling.CLAIMS_OF_5 if jwt else ():
        source = (*security.AUTHENTICATION, "securitySchemes", jwt, name)
        if made.at(source):
            yield _IN_3.format(place=_said(source), what="do not look at this of a token")
    for id, operation in (made.at(operations.OPERATIONS) or {}).items():
        for name, what in operations.ONLY_5.items():
            said = (operation or {}).get(name)
            if isinstance(said, dict) and said.get("enabled"):
                yield _IN_3.format(place=_said((*operations.OPERATIONS, id, name)), what=what)


def _unused(made: Made) -> Iterator[Path]:
    """The members of the extension that nothing was derived from, each with all below it as one."""
    stack: list[Path] = [(EXTENSION,)]
    while stack:
        path = stack.pop()
        value = made.at(path)
        if path in made.used or value in (None, "", False, 0, [], {}):
            continue
        known = _is_known(path[1:], openapi.types())
        if known and isinstance(value, dict):
            stack += [(*path, name) for name in reversed(value)]
        elif known and isinstance(value, list) and any(isinstance(each, dict) for each in value):
            stack += [(*path, index) for index in reversed(range(len(value)))]
        elif path not in _GIVEN_BESIDE and not _is_claim(path):
            yield path


_GIVEN_BESIDE = {(EXTENSION, "info", "versioning", "enabled")}


def _is_claim(path: Path) -> bool:
    """Whether it is what gateways are given of a scheme in the sibling."""
    return path[1:4] == ("server", "authentication", "securitySchemes") and (
        path[5:6] == ("scopes",) or bool(set(path[5:6]) & set(sibling.CLAIMS))
    )


def _is_known(path: Path, types: Any) -> bool:
    for step in path:
        if isinstance(types, list):
            types = types[0]
        elif isinstance(types, dict):
            types = types.get(step, types.get("*"))
        if types is None:
            return False
        if types == "any":
            return True
    return True


def kind(definition: dict) -> str:
    return "mcp" if mcp.is_mcp(definition) else "streams" if streams.STREAMING in definition else "oas"


def categories(definition: dict) -> list[str]:
    """None: clients keep those of such an API beside it."""
    return []


def names(definition: dict) -> Names:
    extension = definition.get(EXTENSION)
    said = extension.get("info") if isinstance(extension, dict) else None
    info = said if isinstance(said, dict) else {}
    return Names(*(str(info.get(name) or "") for name in ("name", "id", "orgId")))


def is_active(definition: dict) -> bool:
    return bool((((definition.get(EXTENSION) or {}).get("info") or {}).get("state") or {}).get("active"))


def as_classic(definition: dict) -> dict:
    return derived(definition).definition


def versions(definition: dict) -> list[str]:
    return [VERSION]


def with_versioning(definition: dict, versioning: Versioning) -> dict:
    extension = definition[EXTENSION]
    info = extension.get("info") or {}
    said = info.get("versioning") or {}
    if not versioning.apis:
        kept = {name: value for name, value in info.items() if name != "versioning"}
        return {**definition, EXTENSION: {**extension, "info": kept}}
    made = {"location": LOCATION, "key": KEY, **{name: value for name, value in said.items() if value}}
    made |= {"enabled": True, "name": versioning.name, "default": versioning.default}
    entries = {each["name"]: each for each in said.get("versions") or [] if each and each.get("name")}
    made["versions"] = [
        {**entries.get(name, {}), "name": name, "id": id} for name, id in versioning.apis.items()
    ]
    return {**definition, EXTENSION: {**extension, "info": {**info, "versioning": made}}}


def address(definition: dict) -> Address:
    return classic.address(as_classic(definition))


def auth(definition: dict) -> str:
    return classic.auth(as_classic(definition))


def authorize_types(definition: dict) -> list[str]:
    return classic.authorize_types(as_classic(definition))


def targets(definition: dict) -> Targets:
    return classic.targets(as_classic(definition))


def policies(definition: dict) -> list[tuple[str, str]]:
    made = derived(definition)
    return [(_place(made, at), id) for at, id in classic.policies(made.definition)]


def classic_for_gateways(
    definition: dict, id_of: Callable[[str], str | None], policy_ids: Mapping[str, str]
) -> dict:
    made = derived(definition)
    served = classic.classic_for_gateways(made.definition, id_of, policy_ids)
    return served | {"is_oas": True} if _sibling(made).document else served


def document_for_gateways(definition: dict) -> dict | None:
    return _sibling(derived(definition)).document
