"""The audit log: each change leaves one entry, in the transaction of the change and in the function that makes it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from orgs import declarations, scope
from orgs.http.address import client_address
from orgs.ids import NEW_ID_SQL
from orgs.models import AuditEntry, PlatformAuditEntry, User

# Members whose values are never written down, only that they changed.
SECRET = frozenset(
    {"password", "access_key", "access_key_hash", "token", "token_hash", "secret", "auth_value"}
)

_request: ContextVar[HttpRequest | None] = ContextVar("audited request", default=None)
_dated: ContextVar[datetime | None] = ContextVar("time of invented changes", default=None)


@contextmanager
def dated(at: datetime) -> Iterator[None]:
    """Changes made inside are recorded as of `at`: for invented ones that shall lie in the past."""
    token = _dated.set(at)
    try:
        yield
    finally:
        _dated.reset(token)


def moment() -> datetime:
    """When a change is made: now, unless it is `dated`."""
    return _dated.get() or timezone.now()


def changes_between(before: dict, after: dict) -> dict[str, list]:
    """{member: [before, after]} of what differs; the values of secrets are left out."""
    found = {}
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            found[name] = ["…", "…"] if name in SECRET else [before.get(name), after.get(name)]
    return found


def record(
    action: str,
    kind: str,
    object_id: str,
    label: str,
    *,
    actor: User | None = None,
    org: str | None = None,
    before: dict | None = None,
    after: dict | None = None,
    at: datetime | None = None,
) -> None:
    """Write one entry.

    action: `kind.past-tense`, e.g. "key.revoked". kind: one that an app declares (orgs.declarations). org: the
    organisation's id, by default the entered one; with neither the entry goes to the platform's own log. actor: by
    default the request's user; without a request (the command line) the entry says so. at: when, by default now.
    Raises ValueError for an undeclared kind.
    """
    facts = _by_whom(action, kind, actor, at) | {"object_id": object_id, "label": label[:255]}
    facts["changes"] = changes_between(before or {}, after or {})
    org_id = org or scope.org_id_or_none()
    if org_id is None:
        PlatformAuditEntry.objects.create(**facts)
    else:
        with scope.org(org_id):
            AuditEntry.objects.create(org_id=org_id, **facts)


def record_selected(action: str, kind: str, select: str, params: Mapping[str, object], *, org: str) -> None:
    """Write an entry for each row of (id, label, changes) that a query answers, of one organisation: as `record` does,
    in one statement however many there are.

    select: SQL written by us, with `params`; changes as jsonb, {member: [before, after]}, and never of SECRET.
    """
    facts = _by_whom(action, kind)
    columns = ", ".join(facts)
    values = ", ".join(f"%({name})s" for name in facts)
    with scope.org(org), connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO {AuditEntry._meta.db_table} (id, org_id, object_id, label, changes, {columns})
                SELECT {NEW_ID_SQL}, %(audited_org)s, s.id, left(s.label, 255), s.changes, {values}
                FROM ({select}) AS s (id, label, changes)""",  # noqa: S608  only what we have written
            {**params, **facts, "audited_org": org},
        )


def record_many(
    action: str,
    kind: str,
    entries: Iterable[tuple[str, str, dict, dict]],
    *,
    actor: User | None = None,
    org: str,
    at: datetime | None = None,
) -> None:
    """Write an entry for each (id, label, before, after) of things of one organisation, as `record` does, in one
    statement."""
    changes = ((id, label, changes_between(before, after)) for id, label, before, after in entries)
    record_noted(_by_whom(action, kind, actor, at), changes, org=org)


def noted(action: str, kind: str, actor: User | None = None) -> dict[str, object]:
    """What entries about many things, which `record_noted` writes later, have to say of a change made now: as JSON."""
    facts = _by_whom(action, kind, actor)
    return facts | {"at": facts["at"].isoformat()}


def record_noted(
    facts: Mapping[str, object], entries: Iterable[tuple[str, str, dict[str, list]]], *, org: str
) -> None:
    """Write an entry for each (id, label, changes) of a change of which `noted` told the facts; changes as
    `changes_between` answers them."""
    with scope.org(org):
        AuditEntry.objects.bulk_create(
            AuditEntry(org_id=org, object_id=object_id, label=label[:255], changes=changes, **facts)
            for object_id, label, changes in entries
        )


def whoever(actor: User | None = None) -> tuple[str, str]:
    """(id, address) of who makes a change: `actor`, by default the request's user; if that is nobody, ("", what it
    is)."""
    actor = actor or _asking()
    return (actor.id, actor.email) if actor else ("", "admin API" if _request.get() else "command line")


def _asking() -> User | None:
    """The request's user."""
    user = getattr(_request.get(), "user", None)
    return user if user is not None and user.is_authenticated else None


def _by_whom(action: str, kind: str, actor: User | None = None, at: datetime | None = None) -> dict:
    """The fields of an entry that do not speak of one thing."""
    if kind not in declarations.audit_kinds():
        raise ValueError(f"{kind} is no kind that an app declares changes of")
    request = _request.get()
    actor = actor or _asking()
    actor_id, actor_email = whoever(actor)
    return {
        "actor_id": actor_id,
        "actor_email": actor_email,
        "as_super_user": actor.is_superuser if actor else True,
        "action": action,
        "kind": kind,
        "at": at or moment(),
        "address": client_address(request) if request else None,
        "request_id": request.id if request else "",
    }


class AuditMiddleware:
    """Remembers the request, so that the functions which change something need not be handed it."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        token = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(token)
