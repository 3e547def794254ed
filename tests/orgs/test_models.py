"""Every model is a tenant's or on the short list of global ones; the lists only change on purpose."""

from django.apps import apps
from django.db import connection

from orgs.db.schema import is_tenant

GLOBAL = {
    # What a scope is made of, and who signs in.
    "orgs.Organisation",
    "orgs.User",
    "orgs.SignInFailure",
    "orgs.KnownAddress",
    # Read by super-users only.
    "orgs.PlatformAuditEntry",
    "admin.LogEntry",
    # The gateways', shared by all organisations.
    "apis.FeedVersion",
    "nodes.Node",
    "nodes.FormerNode",
    "nodes.NodeSignal",
    "nodes.PulledFeed",
    "nodes.GatewayControl",
    "keys.PolicyFeed",
    "keys.Sweep",
    # The drain's own books, read in the whole-fleet role.
    "analytics.Batch",
    "analytics.DeadLetter",
    "analytics.IngestState",
    "analytics.Rebuild",
    # Django's.
    "auth.Group",
    "auth.Permission",
    "contenttypes.ContentType",
    "sessions.Session",
}
# Too many rows for constraints, and they outlive what they speak of; the drain joins the organisation instead.
WITHOUT_FOREIGN_KEYS = {"record", "record_body", "rollup", "endpoint", "rollup_cut"}


def test_every_model_is_a_tenants_or_pinned_as_global():
    assert {m._meta.label for m in apps.get_models() if not is_tenant(m)} == GLOBAL


def test_every_tenant_table_is_keyed_by_its_organisation_first(db):
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.relname, array_agg(a.attname ORDER BY k.place)
            FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
            CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(number, place)
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
            WHERE i.indisprimary GROUP BY c.relname
            """
        )
        keys = dict(cursor.fetchall())
    tables = {m._meta.db_table for m in apps.get_models() if is_tenant(m)}
    assert {table: keys[table][0] for table in tables} == dict.fromkeys(tables, "org_id")


def test_every_unique_index_of_a_tenant_table_starts_with_the_organisation(db):
    tables = [m._meta.db_table for m in apps.get_models() if is_tenant(m)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
            WHERE i.indisunique AND c.relname = ANY(%s) AND a.attname <> 'org_id'
            """,
            [tables],
        )
        assert cursor.fetchall() == []


def test_foreign_keys_between_tenant_tables_carry_the_organisation(db):
    tables = [m._meta.db_table for m in apps.get_models() if is_tenant(m)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT conname FROM pg_constraint
            WHERE contype = 'f' AND conrelid = ANY(%s::regclass[]) AND confrelid = ANY(%s::regclass[])
              AND array_length(conkey, 1) < 2
            """,
            [tables, tables],
        )
        assert cursor.fetchall() == []
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname = ANY(%s) AND NOT EXISTS"
            " (SELECT FROM pg_constraint WHERE conrelid = pg_class.oid AND contype = 'f')",
            [tables],
        )
        assert {name for (name,) in cursor.fetchall()} == WITHOUT_FOREIGN_KEYS | {"orgs_auditentry"}


def test_nothing_may_be_truncated_by_the_application(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
            " AND has_table_privilege(session_user, oid, 'TRUNCATE')"
        )
        assert cursor.fetchall() == []


def test_partitions_cannot_be_read_directly(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relispartition AND relkind IN ('r', 'p')"
            " AND has_table_privilege('gatehouse_app', oid, 'SELECT')"
        )
        assert cursor.fetchall() == []
