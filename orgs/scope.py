"""Whose data the running code may touch: one organisation, every organisation, or nobody's.

A context variable holds the answer. The managers of tenant models read it when their SQL is compiled and the database
backend sends it to PostgreSQL, whose row-level security is the last word. Code that has no scope reaches no tenant row.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from orgs.ids import is_id

EVERY_ORG: Final = "every organisation"

_current: ContextVar[str | None] = ContextVar("organisation scope", default=None)


class OutOfScope(RuntimeError):
    """A query on tenant data was about to run with no organisation entered."""


def current() -> str | None:
    """The id of the entered organisation, EVERY_ORG, or None where nothing was entered."""
    return _current.get()


def org_id_or_none() -> str | None:
    """The id of the one entered organisation: the default of a new tenant row's `org`."""
    entered = _current.get()
    return None if entered == EVERY_ORG else entered


@contextmanager
def org(org_id: str) -> Iterator[None]:
    """Enter one organisation by id. Raises ValueError for anything that is not an id."""
    if not is_id(org_id):
        raise ValueError("an organisation is entered by its id")
    token = _current.set(org_id)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def every_org() -> Iterator[None]:
    """Enter all organisations at once. A test lists the few modules which may."""
    token = _current.set(EVERY_ORG)
    try:
        yield
    finally:
        _current.reset(token)


def enter(entered: str) -> None:
    """Enter an organisation, or EVERY_ORG, until the surrounding `nobody()` ends: for the access middleware alone."""
    _current.set(entered)


@contextmanager
def nobody() -> Iterator[None]:
    """Leave every scope."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)
