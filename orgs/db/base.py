"""Django's PostgreSQL backend which tells the database, once a transaction, whose data the code may touch."""

from collections.abc import Mapping
from functools import lru_cache

from django.db import DatabaseError, transaction
from django.db.backends.postgresql import base
from psycopg import ClientCursor, sql

from orgs import scope
from orgs.db.features import DatabaseFeatures
from orgs.db.schema import DatabaseSchemaEditor

_NOBODY = None
_UNKNOWN = object()


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
    features_class = DatabaseFeatures

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # What the current transaction has been told; a new transaction starts with nobody.
        self._in_force: object = _NOBODY
        self.execute_wrappers.append(self._execute_in_scope)

    def _execute_in_scope(self, execute, statement, params, many, context):
        if scope.current() == self._in_force:
            return execute(statement, params, many, context)
        if not self.get_autocommit():
            self.send_scope()
            return execute(statement, params, many, context)
        # SET LOCAL lasts a transaction, and in autocommit a statement is one of its own.
        with transaction.atomic(using=self.alias):
            self.send_scope()
            return execute(statement, params, many, context)

    def send_scope(self) -> None:
        """Tell the open transaction the entered scope, if it does not know it yet.

        Public for `cursor.copy()`, which passes Django's execute wrappers by. SET LOCAL, not set_config(): nothing
        outlives COMMIT, so pools and PgBouncer are safe, and only statements reach Citus workers.
        """
        entered = scope.current()
        if entered == self._in_force:
            return
        with self.wrap_database_errors:
            self.connection.execute(self._telling(entered))
        self._in_force = entered

    def _telling(self, entered: str | None) -> str:
        return _telling(self.settings_dict["SYSTEM_ROLE"], entered)

    def ask(self, query: str, params: Mapping[str, object] | None = None) -> tuple | None:
        """The first row of a query in the entered scope, None if it has none: for what is asked so often that it is
        worth being written for it. params: by their names, as `%(name)s`.

        Outside a transaction all of one, scope included, is a single message to the server and back. The connection
        may have been cut since it was used last; then the query goes to a new one, so running it twice must do no harm.
        """
        if self.in_atomic_block:
            with self.cursor() as cursor:
                cursor.execute(query, params)
                return cursor.fetchone()
        kept = self.connection is not None
        try:
            return self._asked(query, params)
        except DatabaseError:
            cut = self.connection is not None and self.connection.closed
            self.close()  # one that is not cut is left in a transaction that failed
            if not (kept and cut):
                raise
        return self.ask(query, params)

    def _asked(self, query: str, params: Mapping[str, object] | None) -> tuple | None:
        self.ensure_connection()
        with self.wrap_database_errors:
            cursor = ClientCursor(self.connection)
            asked = cursor.mogrify(query, params) if params else query
            cursor.execute(f"BEGIN; {self._telling(scope.current())}; {asked}; COMMIT")
            while cursor.description is None:
                cursor.nextset()
            return cursor.fetchone()

    def _commit(self):
        try:
            return super()._commit()
        finally:
            self._in_force = _NOBODY

    def _rollback(self):
        try:
            return super()._rollback()
        finally:
            self._in_force = _NOBODY

    def _savepoint_rollback(self, sid):
        # A failed transaction takes nothing but the rollback itself, so nothing may be sent before it; afterwards
        # PostgreSQL is back at what was in force at the savepoint, which nobody noted down.
        self._in_force = scope.current()
        try:
            return super()._savepoint_rollback(sid)
        finally:
            self._in_force = _UNKNOWN

    def connect(self):
        self._in_force = _NOBODY
        return super().connect()

    def get_new_connection(self, conn_params):
        connection = super().get_new_connection(conn_params)
        # With each BEGIN, not once for the session: so pools and PgBouncer are safe here too.
        connection.read_only = self.settings_dict.get("READ_ONLY")
        return connection


@lru_cache(maxsize=1_000)
def _telling(system_role: str, entered: str | None) -> str:
    if entered == scope.EVERY_ORG:
        role, org_id = sql.Identifier(system_role), ""
    else:
        role, org_id = sql.SQL("NONE"), entered or ""
    return sql.SQL("SET LOCAL ROLE {}; SET LOCAL app.org = {}").format(role, sql.Literal(org_id)).as_string()
