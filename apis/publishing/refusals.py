"""Why nothing was published: kinds of orgs.refusals."""

from collections.abc import Mapping

from apis.definitions.pointer import Problem, summary
from apis.models import ApiDefinition, Draft
from orgs import refusals
from orgs.http.strict_json import printable


class Refused(refusals.Refusal):
    """problems: list of Problem, in the author's words. member: of a request's body, in which the definition stands."""

    def __init__(self, problems: list[Problem], member: str = "api_definition"):
        super().__init__("; ".join(summary(problems, 5)))
        self.problems = problems
        self.member = member

    def for_machines(self) -> str:
        """As the Dashboard API says it: a conflict in Tyk's own words, a fault with the place in the body."""
        if [problem.message for problem in self.problems] in ([SAME_ID.message], [SAME_URL.message]):
            return self.problems[0].message
        places = [
            f"{self.member}{problem.pointer}: {problem.message}".removeprefix(": ")
            for problem in self.problems
        ]
        return "; ".join(summary(places, 5))


class Invalid(Refused, refusals.Invalid):
    """The definition is not one that gateways could be given."""


class Taken(Refused, refusals.Taken):
    """An API ID or an address is somebody's already; nothing is said of whose."""


class Stale(refusals.Stale):
    """Somebody else published since the revision that a change started from; `api` is what there is now."""

    def __init__(self, api: ApiDefinition):
        super().__init__(f"revision {api.revision} was published meanwhile")
        self.api = api


class ManyRefused(refusals.Invalid):
    """Of many changes these were refused, so that none was made. by_place: the refusal of each, by its place among
    them; names: what each API is called."""

    def __init__(self, by_place: Mapping[int, refusals.Refusal], names: Mapping[int, str]):
        self.by_place = dict(sorted(by_place.items()))
        self.names = dict(names)
        said = [f"{printable(names[place])!r}: {refusal}" for place, refusal in self.by_place.items()]
        super().__init__("; ".join(summary(said, 5)))


class DraftMoved(refusals.Stale):
    """The draft of `api` is not as it was when it was looked at; `draft` is the one of now, None for none."""

    def __init__(self, api: ApiDefinition, draft: Draft | None):
        super().__init__("the draft was saved, published or discarded meanwhile")
        self.api = api
        self.draft = draft


class Deleted(refusals.Missing):
    """Somebody deleted the API meanwhile."""

    def __init__(self):
        super().__init__("API not found")


SAME_ID = Problem("/api_id", "Found API with the same ID")
ANOTHERS_DOMAIN = Problem("/domain", "is a domain of another organisation")
NO_OWN_DOMAIN = Problem(
    "/domain", "is not a domain of this organisation, which has {own}: super-users give them"
)
SAME_URL = Problem("/proxy/listen_path", "Found API with same url")
