"""Traffic spread over the workers of a Citus cluster, by organisation; all other tables stay on its coordinator.

Two things of these tables Citus does not take (14.0, as it was tried): partitions of partitions, and policies with a
sub-select. So rollups are partitioned by grain and time at once, and the setting is compared without the sub-select,
which makes PostgreSQL look at it once a row where it is no condition of an index.
"""

import re
from functools import cache

from django.db import connections, transaction

from dashboard.analytics.dimensions import KEY_COLUMNS, Grain
from orgs import scope
from orgs.db import tenancy

OWNER = "owner"
# The first is what the others lie beside: a row of each is where the records of its organisation are.
TABLES = ("record", "rollup")


class NoCluster(Exception):
    """Why the traffic cannot be spread, in a sentence."""


@cache
def is_distributed() -> bool:
    """Whether traffic is spread over workers: as it was when this process first asked."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT to_regclass('rollup_m') IS NULL")
        return cursor.fetchone()[0]


def distribute() -> list[str]:
    """Spread what is not spread yet, with the rows that it has, and return its names. All or nothing; whoever reads or
    writes traffic waits meanwhile. Raises NoCluster."""
    owner = connections[OWNER]
    with scope.nobody(), transaction.atomic(using=OWNER), owner.cursor() as cursor:
        _refuse_unfit(cursor, owner.settings_dict["SYSTEM_ROLE"])
        cursor.execute("SELECT logicalrelid::text FROM pg_dist_partition WHERE partmethod = 'h'")
        spread = {name for (name,) in cursor.fetchall()}
        wanted = [name for name in TABLES if name not in spread]
        for name in wanted:
            if name == "rollup":
                _partition_by_grain_and_time(cursor, owner.settings_dict)
            for statement in tenancy.comparing_directly_sql(name):
                cursor.execute(statement)
            beside = "default" if name == TABLES[0] else TABLES[0]
            cursor.execute(
                "SELECT create_distributed_table(%s, 'org_id', colocate_with => %s)", [name, beside]
            )
    return wanted


def _refuse_unfit(cursor, system_role: str) -> None:
    cursor.execute("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')")
    if not cursor.fetchone()[0]:
        raise NoCluster("This database is no coordinator of a Citus cluster: it lacks the extension citus.")
    cursor.execute(
        """SELECT (SELECT count(*) FROM pg_dist_node WHERE isactive AND shouldhaveshards),
            current_setting('citus.propagate_set_commands'),
            (SELECT rolcanlogin AND rolbypassrls FROM pg_roles WHERE rolname = %s)""",
        [system_role],
    )
    workers, propagated, may_copy = cursor.fetchone()
    if not workers:
        raise NoCluster("The cluster has no workers: add them with citus_add_node.")
    if propagated != "local":
        raise NoCluster(
            "Workers would not be told the organisation: set citus.propagate_set_commands to local."
        )
    if not may_copy:
        raise NoCluster(
            f"Rows could not be brought to workers: the role {system_role} needs LOGIN and BYPASSRLS."
        )


def _partition_by_grain_and_time(cursor, settings: dict) -> None:
    """Put a table in the place of `rollup` that has its partitions of a day or a month itself."""
    cursor.execute(
        f"""CREATE TABLE rollup_flat (LIKE rollup INCLUDING DEFAULTS, PRIMARY KEY ({", ".join(KEY_COLUMNS)}))
            PARTITION BY RANGE (grain, ts)"""
    )
    indexes = []
    for grain in Grain:
        indexes += _indexes(cursor, grain)
        for name, bounds in _partitions(cursor, grain):
            both = bounds.replace("('", f"('{grain}', '")
            cursor.execute(f'ALTER TABLE "rollup_{grain}" DETACH PARTITION "{name}"')
            cursor.execute(f'ALTER TABLE rollup_flat ATTACH PARTITION "{name}" {both}')
    cursor.execute("DROP TABLE rollup")
    cursor.execute("ALTER TABLE rollup_flat RENAME TO rollup")
    system, application = settings["SYSTEM_ROLE"], settings["APPLICATION_ROLE"]
    for statement in (
        *indexes,
        *tenancy.policy_sql("rollup", system),
        *tenancy.grant_sql("rollup", ("view",), [application]),
        *tenancy.grant_sql("rollup", ("view", "add", "change", "delete"), [system]),
    ):
        cursor.execute(statement)


def _partitions(cursor, grain: str) -> list[tuple[str, str]]:
    """Name and bounds of each partition of a grain."""
    cursor.execute(
        """SELECT c.relname::text, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits
           JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = %s::regclass ORDER BY 1""",
        [f"rollup_{grain}"],
    )
    return cursor.fetchall()


def _indexes(cursor, grain: str) -> list[str]:
    """What makes the indexes of a grain, all of which are partial, on the table of all grains."""
    cursor.execute(
        """SELECT pg_get_indexdef(indexrelid) FROM pg_index
           WHERE indrelid = %s::regclass AND indpred IS NOT NULL ORDER BY 1""",
        [f"rollup_{grain}"],
    )
    return [
        f"{re.sub(' ON (ONLY )?[^ ]+ USING', ' ON rollup USING', definition)} AND grain = '{grain}'"
        for (definition,) in cursor.fetchall()
    ]
