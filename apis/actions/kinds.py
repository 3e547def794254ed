"""What can be done to many APIs at once: to which of them, and what becomes of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F, JSONField, Q
from django.db.models.fields.json import DataContains
from django.db.models.functions import Cast

from apis import wrapper
from apis.definitions import segments
from apis.models import ApiDefinition
from apis.publishing.refusals import ManyRefused
from apis.publishing.staging import Change
from orgs.refusals import Invalid

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """words: for a button. done: what the history says of it. applies: which APIs it changes at all; otherwise: what is
    said of the others. change: of one of them. needs: the argument that it has."""

    words: str
    done: str
    applies: Callable[[Arguments], Q]
    otherwise: str
    change: Callable[[ApiDefinition, Arguments], Change]
    needs: str = ""

    @property
    def is_of_gateways(self) -> bool:
        """Whether gateways are told."""
        return self.needs != "category"


def _with_category(api: ApiDefinition, arguments: Arguments) -> Change:
    names = [*api.wrapper.get("categories", ()), arguments["category"]]
    if len(names) > wrapper.MOST:
        # Clients could not send back what they read.
        full = Invalid(f"has {wrapper.MOST} categories, and must not have more", "category")
        raise ManyRefused({0: full}, {0: api.name})
    return _in_categories(api, names)


def _without_category(api: ApiDefinition, arguments: Arguments) -> Change:
    kept = [name for name in api.wrapper.get("categories", ()) if name != arguments["category"]]
    return _in_categories(api, kept)


def _in_categories(api: ApiDefinition, names: list[str]) -> Change:
    return Change(api, wrapper={"categories": names}, started_from=api.revision)


def _says_any(parts: tuple[dict[str, Any], ...]) -> Q:
    """Those whose definitions have one of these in them."""
    found = Q()
    for part in parts:
        found |= Q(DataContains(Cast(F("definition_text"), JSONField()), part))
    return found


def _with_tag(api: ApiDefinition, arguments: Arguments) -> Change:
    return Change(api, segments.with_tag(api.definition, arguments["tag"]), started_from=api.revision)


def _without_tag(api: ApiDefinition, arguments: Arguments) -> Change:
    return Change(api, segments.without_tag(api.definition, arguments["tag"]), started_from=api.revision)


KINDS = {
    "activate": Kind(
        "Activate",
        "Activated with others",
        lambda _: Q(active=False),
        "active already",
        lambda api, _: Change(api, active=True, started_from=api.revision),
    ),
    "deactivate": Kind(
        "Deactivate",
        "Deactivated with others",
        lambda _: Q(active=True),
        "inactive already",
        lambda api, _: Change(api, active=False, started_from=api.revision),
    ),
    "category": Kind(
        "Add a category",
        "Changed what is kept beside the definition, with others",
        lambda arguments: ~Q(categories__contains=[arguments["category"]]),
        "that have the category already",
        _with_category,
        needs="category",
    ),
    "no-category": Kind(
        "Remove a category",
        "Changed what is kept beside the definition, with others",
        # Those that a definition names in its name stay.
        lambda arguments: Q(wrapper__categories__contains=[arguments["category"]]),
        "without the category, or that have it by their names",
        _without_category,
        needs="category",
    ),
    "tag": Kind(
        "Add a segment's tag",
        "Given a segment's tag, with others",
        lambda arguments: ~_says_any(segments.having(arguments["tag"])) | _says_any(segments.switched_off()),
        "that have the tag already",
        _with_tag,
        needs="tag",
    ),
    "no-tag": Kind(
        "Remove a segment's tag",
        "A segment's tag removed, with others",
        lambda arguments: _says_any(segments.having(arguments["tag"])),
        "without the tag",
        _without_tag,
        needs="tag",
    ),
}
# Changes nothing, and is answered with a file.
EXPORT = "export"
