"""What takes away much of what an organisation serves: it must not happen by a click on the wrong thing, so whoever
wants it types how many routes go."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from django.db import transaction

from apis.definitions.listen_path import Address
from apis.models import ApiDefinition
from orgs.refusals import Invalid

# Of all routes. The last one is always more than that.
MUCH = 0.2


class Loss(NamedTuple):
    """removed: how many routes go; of: of how many."""

    removed: int
    of: int

    @property
    def share(self) -> int:
        """Per cent."""
        return round(100 * self.removed / self.of)


def loss(before: Mapping[str, Address], after: Mapping[str, Address]) -> Loss | None:
    """The Loss from the routes that an organisation has to those that it would have, by the database ids of its APIs;
    None for one that nobody is asked about. Pure."""
    there = set(before.values())
    removed = len(there - set(after.values()))
    return Loss(removed, len(there)) if removed > MUCH * len(there) else None


def routes(org_id: str) -> dict[str, Address]:
    """Where the active APIs of an organisation listen, by their database ids."""
    active = ApiDefinition.objects.filter(org_id=org_id, active=True)
    found = active.values_list("id", "domain", "listen_path", "listen_port")
    return {id: Address(*place) for id, *place in found}


def loss_without(org_id: str, *gone: str) -> Loss | None:
    """The Loss if gateways are given these APIs (database ids) no more."""
    before = routes(org_id)
    return loss(before, {id: place for id, place in before.items() if id not in gone})


@contextmanager
def guarded(org_id: str, typed: int | None) -> Iterator[None]:
    """A transaction that may take away so many routes as somebody typed. Raises orgs.refusals.Invalid."""
    with transaction.atomic():
        before = routes(org_id)
        yield
        found = loss(before, routes(org_id))
        if found and typed != found.removed:
            raise Invalid(f"Type {found.removed}, the number of routes that go.", "removed")
