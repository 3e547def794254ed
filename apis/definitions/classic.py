"""A classic API definition: what makes it publishable, and its normal form.

One definition that a gateway cannot read keeps every API of every organisation from loading, so a fault is
found here, before anything is stored. Others ask by way of apis.definitions.kinds, which says what is answered.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from apis.definitions import document, listen_path
from apis.definitions.authentication import ways
from apis.definitions.facts import Names, Targets
from apis.definitions.listen_path import Address
from apis.definitions.pointer import Path, Problem, child, pointer, walk
from apis.definitions.rules import guard, members, references, shape, trusted
from apis.definitions.rules.policies import named
from apis.definitions.rules.targets import NOWHERE, outside_fault, target_fault
from apis.definitions.versions import KEY, LOCATION, NONE, SELF, Versioning
from orgs.http.strict_json import BadJson

MEMBER = "api_definition"
ID = "/api_id"
LONGEST_NAME = 1_000  # characters of a member's name, which the pointer of everything below it repeats
DEFAULT_VERSION = "Default"
DEFAULT_ADDED = (
    f"It had no version, and no gateway serves such a one: it was given the version {DEFAULT_VERSION!r}."
)
HEADER_KEPT = "{place}: gateways of 3.x take a credential from the header all the same."
GRAPHQL_KINDS = {"executionEngine": "udg", "supergraph": "supergraph", "subgraph": "subgraph"}
PROTOCOLS = ("", "http", "https", "h2c", "tcp", "tls")
_API_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._~:=@+-]*")
# What stands, or does in other dashboards of this API, in the place of an id below /api/apis/.
_ROUTES = ("keys", "categories", "groups", "import", "mcps", "oas", "oauth", "search", "streams")
_LIKE_AN_ID = re.compile(r"[0-9a-fA-F]{24}")
_DOMAIN = re.compile(r"[a-z0-9_{}*]([a-z0-9_.{}:+*\\\[\]-]{0,251}[a-z0-9_{}])?", re.IGNORECASE)


def problems(
    definition: object, *, may_use_references: bool, org_id: str = "", allowed: Collection[str] = ()
) -> list[Problem]:
    try:
        document.faithful(definition)
    except BadJson as error:
        return [Problem("", str(error))]
    for path, key, _ in walk(definition):
        if key and len(key) > LONGEST_NAME:
            fault = f"has a member whose name is longer than {LONGEST_NAME:,} characters"
            return [Problem(pointer(path[:-1]), fault)]
    found = shape.problems(definition)
    if not found and isinstance(definition, dict):
        for rule in (_identity, _address, _target, _versions, trusted.problems):
            found += rule(definition)
        judged = members.problems(definition, org_id, trusted=may_use_references)
        found += [Problem(pointer(path), fault) for path, fault in islice(judged, shape.MOST)]
    if isinstance(definition, dict) and not may_use_references:
        found += references.problems(definition, allowed)
    return found


def normal_form(definition: dict, *, id: str, api_id: str, org_id: str, active: bool | None = None) -> dict:
    given = is_active(definition) if active is None else active
    forced = {"id": id, "api_id": api_id, "org_id": org_id, "active": given, **_version_added(definition)}
    return {**{name: forced.get(name, value) for name, value in definition.items()}, **forced}


def unnamed(definition: dict) -> dict:
    kept = {
        name: value for name, value in definition.items() if name not in ("id", "api_id", "org_id", "slug")
    }
    proxy = {"proxy": {**_proxy(definition), "listen_path": ""}} if _proxy(definition) else {}
    return {**kept, "name": "", **proxy}


def additions(definition: dict) -> list[str]:
    added = [DEFAULT_ADDED] if _version_added(definition) else []
    return [*added, *(HEADER_KEPT.format(place=place) for place in kept_headers(definition))]


def _version_added(definition: dict) -> dict[str, Any]:
    """The members that have a version which a definition lacks: gateways answer 403 to all that call one without."""
    given = definition.get("version_data") or {}
    if not isinstance(given, dict) or given.get("versions"):
        return {}
    only = {"name": DEFAULT_VERSION, "use_extended_paths": True, "extended_paths": {}}
    return {"version_data": {**given, "not_versioned": True, "versions": {DEFAULT_VERSION: only}}}


def kind(definition: dict) -> str:
    graphql = definition.get("graphql")
    if isinstance(graphql, dict) and graphql.get("enabled"):
        return GRAPHQL_KINDS.get(str(graphql.get("execution_mode") or ""), "graphql")
    return "tcp" if definition.get("protocol") in ("tcp", "tls") else "classic"


def categories(definition: dict) -> list[str]:
    """Words at the end of the name, each after a "#"."""
    _, *found = (definition.get("name") or "").split(" #")
    return list(dict.fromkeys(word.strip() for word in found if word.strip()))


def names(definition: dict) -> Names:
    return Names(*(str(definition.get(name) or "") for name in Names._fields))


def versions(definition: dict) -> list[str]:
    """Gateways compare the member `name`, not the key that it stands under."""
    found = (definition.get("version_data") or {}).get("versions")
    if not isinstance(found, dict):
        found = {}
    named = [(isinstance(entry, dict) and entry.get("name")) or key for key, entry in found.items()]
    return named or [DEFAULT_VERSION]


def versioning(definition: dict) -> Versioning:
    said = definition.get("definition") or {}
    if not said.get("enabled"):
        return NONE
    return Versioning(said.get("name") or "", said.get("default") or SELF, said.get("versions") or {})


def with_versioning(definition: dict, versioning: Versioning) -> dict:
    said = definition.get("definition") or {}
    if not versioning.apis:
        named = ("enabled", "name", "default", "versions")
        kept = {name: value for name, value in said.items() if name not in named}
        return {**definition, "definition": kept} if said else definition
    made = {"location": LOCATION, "key": KEY, **{name: value for name, value in said.items() if value}}
    made |= {"enabled": True, "name": versioning.name, "default": versioning.default}
    return {**definition, "definition": {**made, "versions": versioning.apis}}


def kept_headers(definition: dict) -> Iterator[str]:
    """The pointer of each `disable_header` beside another place for the credential: gateways of 3.x, which do not know
    it, go on reading the header."""
    places: list[tuple[Path, object]] = [(("auth",), definition.get("auth"))]
    places += [
        (("auth_configs", name), each) for name, each in (definition.get("auth_configs") or {}).items()
    ]
    for path, settings in places:
        found = settings if isinstance(settings, dict) else {}
        if found.get("disable_header") and (found.get("use_param") or found.get("use_cookie")):
            yield pointer((*path, "disable_header"))


def address(definition: dict) -> Address:
    if definition.get("protocol") in ("tcp", "tls"):
        return Address(_domain(definition), "", definition.get("listen_port") or 0)
    return Address(_domain(definition), listen_path.normalise(_proxy(definition).get("listen_path") or ""))


def _domain(definition: dict) -> str:
    if definition.get("domain_disabled"):
        return ""
    domain = (definition.get("domain") or "").lower()
    # A gateway matches a domain without a port on every port, so a port keeps nobody apart.
    return domain if "{" in domain else domain.partition(":")[0].rstrip(".")


def is_active(definition: dict) -> bool:
    return bool(definition.get("active"))


def auth(definition: dict) -> str:
    return ways(definition)


def authorize_types(definition: dict) -> list[str]:
    return (definition.get("oauth_meta") or {}).get("allowed_authorize_types") or []


def targets(definition: dict) -> Targets:
    return Targets(_proxy(definition).get("target_url") or "", guard.called(definition))


def policies(definition: dict) -> list[tuple[str, str]]:
    return named(definition)


def classic_for_gateways(
    definition: dict, id_of: Callable[[str], str | None], policy_ids: Mapping[str, str]
) -> dict:
    return guard.for_gateways(definition, id_of, policy_ids)


def document_for_gateways(definition: dict) -> None:
    return None


def as_classic(definition: dict) -> dict:
    return definition


def place(definition: dict, pointer: str) -> str:
    return pointer


def _identity(definition: dict) -> Iterator[Problem]:
    name = definition.get("name") or ""
    if not name.strip():
        yield Problem("/name", "must not be empty")
    elif len(name) > 200:
        yield Problem("/name", "must not be longer than 200 characters")
    elif name.startswith("#"):
        # "#" begins a category; with nothing before it, a gateway that looks for an API by name panics.
        yield Problem("/name", "must not begin with #")
    elif any(_LIKE_AN_ID.fullmatch(text) for text in _as_looked_for(name)):
        # A gateway looks for APIs by id or name, whichever comes first.
        yield Problem("/name", "must not be 24 hexadecimal digits, as ids are")
    if fault := _api_id_fault(definition.get("api_id") or ""):
        yield Problem("/api_id", fault)
    if definition.get("is_oas"):
        yield Problem(
            "/is_oas", "must not be true: an OpenAPI document is published as it is, without this one"
        )


def _as_looked_for(name: str) -> tuple[str, str]:
    """Gateways look for a name without its categories, which begin with "#": the character before it goes too."""
    before, category, _ = name.partition("#")
    return before.strip(), before[:-1] if category else name


def _api_id_fault(api_id: str) -> str | None:
    """Every API is reached by its id in a path: /api/apis/<id>, /api/apis/<id>/keys."""
    if len(api_id) > 200:
        return "must not be longer than 200 characters"
    if api_id and not _API_ID.fullmatch(api_id):
        return "must be letters, digits and . _ ~ : = @ + - after a letter, digit or _"
    if api_id == NOWHERE:
        return "must not be all zeros"
    if api_id in _ROUTES:
        return "must not be a word that stands for something else in the paths of the REST API"
    return None


def _address(definition: dict) -> Iterator[Problem]:
    protocol = definition.get("protocol") or ""
    if protocol not in PROTOCOLS:
        yield Problem("/protocol", f"must be one of {', '.join(PROTOCOLS[1:])}")
    port = definition.get("listen_port") or 0
    if protocol in ("tcp", "tls"):
        if not 1 <= port <= 65535:
            yield Problem("/listen_port", f"must be a port from 1 to 65535 for {protocol}")
    else:
        if not 0 <= port <= 65535:
            yield Problem("/listen_port", "must be a port from 0 to 65535")
        for fault in listen_path.faults(_proxy(definition).get("listen_path") or ""):
            yield Problem("/proxy/listen_path", fault)
    domain = definition.get("domain") or ""
    if domain and not _DOMAIN.fullmatch(domain):
        yield Problem("/domain", "must be a host name")
    else:
        for fault in listen_path.pattern_faults(domain):
            yield Problem("/domain", fault)


def _target(definition: dict) -> Iterator[Problem]:
    proxy = _proxy(definition)
    target = proxy.get("target_url") or ""
    discovery = proxy.get("service_discovery") or {}
    dials_others = proxy.get("enable_load_balancing") or discovery.get("use_discovery_service")
    if not target and (dials_others or _answers_itself(definition)):
        return
    # What is not dialled need not say how.
    fault = outside_fault(target) if dials_others and "://" not in target else target_fault(target)
    if fault:
        yield Problem("/proxy/target_url", fault)


def _answers_itself(definition: dict) -> bool:
    """Whether gateways put the answers together from the data sources of a GraphQL schema."""
    engine = definition.get("graphql") or {}
    return bool(engine.get("enabled")) and engine.get("execution_mode") in members.SAFE_MODES


def _versions(definition: dict) -> Iterator[Problem]:
    versions = (definition.get("version_data") or {}).get("versions") or {}
    for name, version in versions.items():
        if version is None:
            yield Problem(child("/version_data/versions", name), "must be an object")


def _proxy(definition: dict) -> dict:
    return definition.get("proxy") or {}
