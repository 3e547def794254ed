"""What each app declares of itself in its AppConfig, so that no app has to name another's.

entries: its pages in the side column, which dashboard.navigation puts in order. audit_kinds: the kinds of object that
it records changes of, with the pages of their objects. rights: the permissions that its pages ask for, in the words of
the pages. first_steps: what a new organisation does first. attention, usage, blast_radius, callers, called_apis,
client_names, last_week, turned_away, dry_run, openers, holders, own_policies, own_certificates, marks, fullest,
going_on: dotted names of functions that the modules of orgs.providers ask.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.apps import apps
from django.utils.module_loading import import_string

from orgs.rights import known


@dataclass(frozen=True)
class Entry:
    """name: the section a page says it belongs to. permission: what reading it needs, "" for nothing; instead:
    another that lets in as well.

    Raises ValueError for a name that is no permission.
    """

    name: str
    label: str
    icon: str
    url_name: str
    permission: str = ""
    instead: str = ""

    def __post_init__(self):
        for name in filter(None, (self.permission, self.instead)):
            known(name)


@dataclass(frozen=True)
class Step:
    """A step from an empty organisation to its first request. place: its number; model: of what there is one when the
    step is done, "app.Model"; permission and level: what its page needs."""

    place: int
    title: str
    text: str
    url_name: str
    permission: str
    level: str
    model: str

    def is_done(self) -> bool:
        return apps.get_model(self.model).objects.exists()


def first_steps() -> list[Step]:
    """Those of all apps in their order."""
    return sorted(_declared("first_steps"), key=lambda step: step.place)


def entries() -> dict[str, Entry]:
    """Those of all apps, by their names."""
    return {entry.name: entry for entry in _declared("entries")}


@dataclass(frozen=True)
class Page:
    """Where one object of a kind is looked at: the page's URL name, whose last argument is the object's id; the model,
    "app.Model"; and what opening the page needs."""

    url_name: str
    model: str
    permission: str
    level: str = "read"


def audit_kinds() -> list[str]:
    """Those of all apps, sorted."""
    return sorted(kind for kind, _ in _declared("audit_kinds"))


def audit_pages() -> dict[str, Page]:
    """Of each kind whose objects have a page in an organisation."""
    return {kind: page for kind, page in _declared("audit_kinds") if page}


def rights() -> dict[str, str]:
    """{permission: its words} of all apps, in the order of the words. Raises ValueError for one that is none."""
    worded = {known(name): words for declared in _declared("rights") for name, words in [declared]}
    return dict(sorted(worded.items(), key=lambda item: item[1].casefold()))


# What the modules of orgs.providers ask.
ASKED = (
    *("attention", "usage", "blast_radius", "callers", "called_apis", "client_names"),
    *("last_week", "turned_away", "dry_run", "openers", "holders"),
    *("own_policies", "own_certificates", "marks", "fullest", "going_on"),
)


def functions(attribute: str) -> list[Callable]:
    """Those that all apps name under `attribute`. Raises ImportError for one that does not exist."""
    return [import_string(name) for name in _declared(attribute)]


def function(attribute: str) -> Callable | None:
    """The one that an app names under `attribute`, where one alone can answer; None without such an app."""
    return next(iter(functions(attribute)), None)


def _declared(attribute: str) -> Iterator:
    for config in apps.get_app_configs():
        declared = getattr(config, attribute, ())
        yield from declared.items() if isinstance(declared, dict) else declared
