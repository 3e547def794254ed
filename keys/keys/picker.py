"""Choosing a key's APIs, or policies, among any number of them: those ticked, and the first of those that a search
finds. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from keys.keys.session import Api, PolicyFacts

SHOWN = 20
LONGEST_SEARCH = 200  # characters


@dataclass(frozen=True)
class Option:
    """What can be chosen: `value` is sent. note: what else there is to know."""

    value: str
    name: str
    words: str
    note: str = ""


@dataclass(frozen=True)
class Choice:
    """ticked: those already chosen; found: the first of the others that the search finds, and how many `more` do."""

    ticked: list[Option]
    found: list[Option]
    more: int

    @property
    def searchable(self) -> bool:
        """Whether there are more than one sees at once."""
        return len(self.ticked) + len(self.found) + self.more > SHOWN


def choice(options: Iterable[Option], ticked: Collection[str], query: str = "") -> Choice:
    """ticked: values of the chosen. query: words that must all be in the name or the id; empty finds all."""
    words = query.casefold().split()
    chosen, others = [], []
    for option in options:
        if option.value in ticked:
            chosen.append(option)
        elif all(word in option.words.casefold() for word in words):
            others.append(option)
    return Choice(chosen, others[:SHOWN], max(0, len(others) - SHOWN))


def of_apis(apis: Iterable[Api]) -> list[Option]:
    """The APIs of an organisation as a key's rights name them."""
    return [Option(api.api_id, api.name or api.api_id, f"{api.name} {api.api_id}") for api in apis]


def of_policies(policies: Iterable[PolicyFacts]) -> list[Option]:
    """The policies that a key may have, by their rows."""
    return [
        Option(policy.id, policy.name, f"{policy.name} {policy.policy_id}", _note(policy))
        for policy in policies
    ]


def _note(policy: PolicyFacts) -> str:
    notes = ["" if policy.grants_rights else "limits only", "" if policy.state == "active" else policy.state]
    return ", ".join(note for note in notes if note)


def offered(policies: Iterable[PolicyFacts], has: Collection[PolicyFacts] = ()) -> list[PolicyFacts]:
    """The policies that a page lets a key have: active ones, and those that it has."""
    kept = {policy.id for policy in has}
    return [policy for policy in policies if policy.state == "active" or policy.id in kept]
