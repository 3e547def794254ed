"""Whether the connected role is really bound by row-level security, read from PostgreSQL's catalogue, not our code."""

from django.apps import apps
from django.db import transaction

from orgs import scope
from orgs.db.schema import is_tenant

MOST_TOLD = 3
_ROLE = """
SELECT r.rolsuper, r.rolbypassrls,
       pg_has_role(r.rolname, %(system)s, 'USAGE'),
       has_database_privilege(r.rolname, current_database(), 'CREATE')
FROM pg_roles r WHERE r.rolname = session_user
"""
_TABLE = """
SELECT c.relrowsecurity, c.relforcerowsecurity, pg_has_role(session_user, c.relowner, 'MEMBER'),
       has_table_privilege(session_user, c.oid, 'TRUNCATE'),
       (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relname = %s
"""


class Unprotected(RuntimeError):
    """The database would not keep organisations apart; the message names the holes."""


def refuse_holes(connection) -> None:
    """Raises Unprotected, or DatabaseError if the database could not be asked."""
    if found := holes(connection):
        more = f"; and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
        raise Unprotected(f"Gatehouse refuses to run: {'; '.join(found[:MOST_TOLD])}{more}.")


def tenant_tables() -> list[str]:
    """The tables of every model that belongs to organisations."""
    return sorted({model._meta.db_table for model in apps.get_models() if is_tenant(model)})


def holes(connection) -> list[str]:
    """What would let the connection's role around tenancy; empty is the proof. Raises DatabaseError if unasked."""
    found = []
    with scope.nobody(), transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(_ROLE, {"system": connection.settings_dict["SYSTEM_ROLE"]})
        superuser, bypass, inherits, creates = cursor.fetchone()
        if superuser or bypass:
            found.append("the application's database role is a superuser or bypasses row-level security")
        if inherits:
            found.append("the application's database role inherits the role that sees every organisation")
        if creates:
            found.append("the application's database role may create schemas")
        for table in tenant_tables():
            found += _holes_of(cursor, table) or _shown_to_nobody(cursor, table)
        found += _holes_of(cursor, apps.get_model("orgs", "User")._meta.db_table)
    return found


def _holes_of(cursor, table: str) -> list[str]:
    cursor.execute(_TABLE, [table])
    row = cursor.fetchone()
    if row is None:
        return [f"the table {table} is missing: run `manage.py migrate`"]
    enabled, forced, owned, truncates, policies = row
    found = []
    if not (enabled and forced and policies == 2):
        found.append(f"{table} is not under forced row-level security with its two policies")
    if owned:
        found.append(f"the application's database role owns {table}")
    if truncates:
        found.append(f"the application's database role may truncate {table}")
    return found


def _shown_to_nobody(cursor, table: str) -> list[str]:
    cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}")')  # noqa: S608  a name from our own models
    return [f"{table} shows rows to nobody"] if cursor.fetchone()[0] else []
