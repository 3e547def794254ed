"""What gateways are given in the place of what was published, so that a caller cannot use it against its own or
another organisation. Pure; the stored definition stays as its author wrote it.
"""

import copy
import re
from collections.abc import Callable, Iterator, Mapping

from apis.definitions.rules import policies, targets, templates

# A URL that names a gateway's secret matches this first, without captures; groups keep their numbers.
_NO_SECRETS = r"^(?s:.*)\$secret_|"
# For internal targets: nor may a URL bring, in any spelling, how often a request may come back.
_LETTERS = "".join(f"(?:{letter}|%{ord(letter):02x})" for letter in targets.LOOP_LIMIT)
_NO_LOOP_LIMIT = f"^(?s:.*)(?i:{_LETTERS})|"
# Of several variables the second is looked for in what the first put in, too: then no URL may bring those.
_NO_SECRETS_OR_VARIABLES = r"^(?s:.*)\$(?:secret_|[{}])|"
_INTERNAL_HEADER = (
    "X-Tyk-Internal"  # to gateway 5.14: answer with the API that the host names, not the upstream
)


def for_gateways(definition: dict, id_of: Callable[[str], str | None], policy_ids: Mapping[str, str]) -> dict:
    """A copy of a valid definition as gateways are given it.

    id_of: the database id of an API of the same organisation by its id, None for one that is not there. policy_ids:
    the database ids of its policies by either of their IDs.
    """
    made = copy.deepcopy(definition)
    policies.resolve(made, policy_ids)
    for holder, name in internal_members(made):
        api, rest = targets.internal(holder[name])  # type: ignore[misc]  # internal_members are such
        if api != targets.SELF:
            holder[name] = (
                f"tyk://{id_of(api) or targets.NOWHERE}{rest if rest[:1] in ('', '/') else '/' + rest}"
            )
    versions = (made.get("definition") or {}).get("versions") or {}
    for name, api in versions.items():
        if api:
            versions[name] = id_of(api) or targets.NOWHERE
    for version in ((made.get("version_data") or {}).get("versions") or {}).values():
        _guard(version or {})
    return made


def called(definition: dict) -> list[str]:
    """The APIs that a definition sends requests to, by API id or database id, sorted; not itself."""
    found = [
        targets.internal(holder[name])[0]  # type: ignore[index]  # as above
        for holder, name in internal_members(definition)
    ]
    found += ((definition.get("definition") or {}).get("versions") or {}).values()
    return sorted({api for api in found if api and api != targets.SELF})


def internal_members(definition: dict) -> Iterator[tuple[dict, str]]:
    """Each (object, name of its member) whose text is an internal target that gateways follow."""
    for holder, name in _targets(definition):
        if isinstance(holder.get(name), str) and targets.internal(holder[name]):
            yield holder, name


def _targets(definition: dict) -> Iterator[tuple[dict, str]]:
    yield definition.get("proxy") or {}, "target_url"
    for version in ((definition.get("version_data") or {}).get("versions") or {}).values():
        for rewrite in _entries(version or {}, "url_rewrites"):
            yield rewrite, "rewrite_to"
            for trigger in rewrite.get("triggers") or []:
                yield trigger or {}, "rewrite_to"
    yield from _addresses(definition.get("graphql"))


def _addresses(value: object) -> Iterator[tuple[dict, str]]:
    """Every object with a member that graphql engines take for an address, whatever its case."""
    if isinstance(value, list):
        for below in value:
            yield from _addresses(below)
    elif isinstance(value, dict):
        for name, below in value.items():
            if name.casefold() == "url":
                yield value, name
            else:
                yield from _addresses(below)


def _guard(version: dict) -> None:
    for rewrite in _entries(version, "url_rewrites"):
        texts = [rewrite.get("rewrite_to") or ""]
        texts += [(trigger or {}).get("rewrite_to") or "" for trigger in rewrite.get("triggers") or []]
        several = {digit for text in texts if text.count("$") > 1 for digit in re.findall(r"\$([0-9])", text)}
        guard = _NO_SECRETS_OR_VARIABLES.format("".join(sorted(several))) if several else _NO_SECRETS
        if any(targets.is_internal(text) for text in texts):
            guard += _NO_LOOP_LIMIT
        rewrite["match_pattern"] = guard + (rewrite.get("match_pattern") or "")
    for transform in _entries(version, "transform"):
        template = transform.get("template_data") or {}
        if template.get("template_mode") == "blob":
            template["template_source"] = templates.guarded(template.get("template_source") or "")
    if version.get("global_headers_disabled"):
        version |= {"global_headers_disabled": False, "global_headers": {}, "global_headers_remove": []}
    version["global_headers_remove"] = [*(version.get("global_headers_remove") or []), _INTERNAL_HEADER]


def _entries(version: dict, name: str) -> list[dict]:
    """The entries of one kind of extended path."""
    return [entry for entry in (version.get("extended_paths") or {}).get(name) or [] if entry]
