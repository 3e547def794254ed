"""The tables of design: partitioned, under row-level security, granted on the parents only."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import orgs.scope
from orgs.db import tenancy

RECORD = """
CREATE TABLE record (
    org_id text COLLATE "C" NOT NULL,
    ts timestamptz NOT NULL,
    id bigint NOT NULL,
    sent_at timestamptz,
    status smallint NOT NULL,
    lat_total integer NOT NULL,
    lat_up integer NOT NULL,
    timed boolean NOT NULL,
    size bigint NOT NULL,
    api_id text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    method text COLLATE "C" NOT NULL,
    host text COLLATE "C" NOT NULL,
    track boolean NOT NULL,
    endpoint text COLLATE "C" NOT NULL,
    path text NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text NOT NULL,
    oauth text COLLATE "C" NOT NULL,
    country text COLLATE "C" NOT NULL,
    user_agent text NOT NULL,
    ip inet,
    tags text[] NOT NULL,
    PRIMARY KEY (org_id, ts, id)
) PARTITION BY RANGE (ts);
CREATE INDEX record_key ON record (org_id, key, ts) WHERE key <> '';
CREATE INDEX record_errors ON record (org_id, ts) WHERE status >= 400;
"""

ROLLUP = """
CREATE TABLE rollup (
    org_id text COLLATE "C" NOT NULL,
    grain "char" NOT NULL,
    dim smallint NOT NULL,
    api_id text COLLATE "C" NOT NULL,
    ts timestamptz NOT NULL,
    val text COLLATE "C" NOT NULL,
    hits bigint NOT NULL,
    s3 bigint NOT NULL,
    s4 bigint NOT NULL,
    s5 bigint NOT NULL,
    limited bigint NOT NULL,
    timed bigint NOT NULL,
    lat_sum bigint NOT NULL,
    up_hits bigint NOT NULL,
    up_sum bigint NOT NULL,
    lat_max integer NOT NULL,
    lat bytea NOT NULL,
    PRIMARY KEY (org_id, grain, dim, api_id, ts, val)
) PARTITION BY LIST (grain);
CREATE TABLE rollup_m PARTITION OF rollup FOR VALUES IN ('m') PARTITION BY RANGE (ts);
CREATE TABLE rollup_h PARTITION OF rollup FOR VALUES IN ('h') PARTITION BY RANGE (ts);
CREATE TABLE rollup_x PARTITION OF rollup FOR VALUES IN ('x') PARTITION BY RANGE (ts);
CREATE TABLE rollup_d PARTITION OF rollup FOR VALUES IN ('d') PARTITION BY RANGE (ts);
CREATE TABLE rollup_k PARTITION OF rollup FOR VALUES IN ('k') PARTITION BY RANGE (ts);
CREATE INDEX rollup_x_key ON rollup_x (org_id, val, ts) WHERE dim IN (6, 7);
CREATE INDEX rollup_k_key ON rollup_k (org_id, val, ts) WHERE dim IN (6, 7);
"""

ENDPOINT = """
CREATE TABLE endpoint (
    org_id text COLLATE "C" NOT NULL,
    api_id text COLLATE "C" NOT NULL,
    endpoint text COLLATE "C" NOT NULL,
    first_seen timestamptz NOT NULL,
    PRIMARY KEY (org_id, api_id, endpoint)
);
"""

BOOKS = """
CREATE TABLE batch (
    no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    claim text COLLATE "C" NOT NULL,
    pos integer NOT NULL,
    n integer NOT NULL,
    done boolean NOT NULL DEFAULT false,
    received_at timestamptz NOT NULL,
    first_ts timestamptz,
    last_ts timestamptz,
    rejected integer NOT NULL DEFAULT 0,
    UNIQUE (claim, pos)
);
CREATE INDEX batch_waiting ON batch (no) WHERE NOT done;
CREATE TABLE dead_letter (
    id bigint PRIMARY KEY,
    reason text NOT NULL,
    detail text NOT NULL,
    org_ref text NOT NULL,
    received_at timestamptz NOT NULL,
    payload bytea
);
CREATE INDEX dead_letter_reason ON dead_letter (reason, received_at);
CREATE TABLE ingest_state (
    id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    up_to timestamptz,
    checked_at timestamptz,
    received_at timestamptz,
    waiting bigint NOT NULL DEFAULT 0,
    alarms jsonb NOT NULL DEFAULT '{}',
    counters jsonb NOT NULL DEFAULT '{}'
);
INSERT INTO ingest_state DEFAULT VALUES;
"""

# dashboard/analytics/histogram.py in SQL. 32 buckets an octave from 64 ms on.
OCTAVES = "\n".join(
    f"        WHEN ms < {1 << (octave + 6)} THEN {octave << 5} + (ms >> {octave})" for octave in range(1, 15)
)
LAT_BUCKET = f"""
CREATE FUNCTION lat_bucket(ms integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN ms < 0 THEN 0
        WHEN ms < 64 THEN ms
{OCTAVES}
        ELSE 511
    END
$$
"""
# least(): one count above what int4send takes would make a whole batch fail.
LAT_COMPACT = """
CREATE FUNCTION lat_compact(lat bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(
        string_agg(int2send(bucket::smallint) || int4send(least(n, 2147483647)::integer), ''::bytea ORDER BY bucket),
        ''::bytea
    )
    FROM (
        SELECT (get_byte(lat, at) << 8) + get_byte(lat, at + 1) AS bucket,
               sum((get_byte(lat, at + 2)::bigint << 24) + (get_byte(lat, at + 3) << 16)
                   + (get_byte(lat, at + 4) << 8) + get_byte(lat, at + 5)) AS n
        FROM generate_series(0, octet_length(lat) - 6, 6) AS at
        GROUP BY 1
    ) AS pairs
$$
"""


def make_tables(apps, schema_editor):
    names = schema_editor.connection.settings_dict
    application, system = names["APPLICATION_ROLE"], names["SYSTEM_ROLE"]
    for statement in (RECORD, ROLLUP, ENDPOINT, BOOKS, LAT_BUCKET, LAT_COMPACT):
        schema_editor.execute(statement)
    for table, of_system in (
        ("record", ("view", "add", "delete")),
        ("rollup", ("view", "add", "change", "delete")),
        ("endpoint", ("view", "add", "delete")),
    ):
        for statement in (
            *tenancy.policy_sql(table, system),
            *tenancy.grant_sql(table, ("view",), [application]),
            *tenancy.grant_sql(table, of_system, [system]),
        ):
            schema_editor.execute(statement)
    for table in ("batch", "dead_letter", "ingest_state"):
        for statement in tenancy.grant_sql(table, ("view", "add", "change", "delete"), [system]):
            schema_editor.execute(statement)
    for statement in tenancy.grant_sql("ingest_state", ("view",), [application]):
        schema_editor.execute(statement)


def drop_tables(apps, schema_editor):
    schema_editor.execute(
        "DROP TABLE record, rollup, endpoint, batch, dead_letter, ingest_state CASCADE;"
        "DROP FUNCTION lat_bucket(integer); DROP FUNCTION lat_compact(bytea)"
    )


STATE = [
    migrations.CreateModel(
        name="Batch",
        fields=[
            ("no", models.BigIntegerField(primary_key=True, serialize=False)),
            ("claim", models.TextField()),
            ("pos", models.IntegerField()),
            ("n", models.IntegerField()),
            ("done", models.BooleanField(default=False)),
            ("received_at", models.DateTimeField()),
            ("first_ts", models.DateTimeField(null=True)),
            ("last_ts", models.DateTimeField(null=True)),
            ("rejected", models.IntegerField(default=0)),
        ],
        options={
            "db_table": "batch",
            "default_permissions": (),
        },
    ),
    migrations.CreateModel(
        name="DeadLetter",
        fields=[
            ("id", models.BigIntegerField(primary_key=True, serialize=False)),
            (
                "reason",
                models.TextField(
                    choices=[
                        ("undecodable", "Undecodable"),
                        ("unknown_org", "Unknown Org"),
                        ("too_old", "Too Old"),
                        ("database", "Database"),
                    ]
                ),
            ),
            ("detail", models.TextField()),
            ("org_ref", models.TextField()),
            ("received_at", models.DateTimeField()),
            ("payload", models.BinaryField(null=True)),
        ],
        options={
            "db_table": "dead_letter",
            "default_permissions": (),
        },
    ),
    migrations.CreateModel(
        name="IngestState",
        fields=[
            ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
            ("up_to", models.DateTimeField(null=True)),
            ("checked_at", models.DateTimeField(null=True)),
            ("received_at", models.DateTimeField(null=True)),
            ("waiting", models.BigIntegerField(default=0)),
            ("alarms", models.JSONField(default=dict)),
            ("counters", models.JSONField(default=dict)),
        ],
        options={
            "db_table": "ingest_state",
            "default_permissions": ("view",),
        },
    ),
    migrations.CreateModel(
        name="Endpoint",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "org_id",
                    "api_id",
                    "endpoint",
                    blank=True,
                    editable=False,
                    primary_key=True,
                    serialize=False,
                ),
            ),
            ("api_id", models.TextField()),
            ("endpoint", models.TextField()),
            ("first_seen", models.DateTimeField()),
            (
                "org",
                models.ForeignKey(
                    db_constraint=False,
                    default=orgs.scope.org_id_or_none,
                    editable=False,
                    on_delete=django.db.models.deletion.DO_NOTHING,
                    related_name="+",
                    to="orgs.organisation",
                ),
            ),
        ],
        options={
            "db_table": "endpoint",
            "abstract": False,
            "default_permissions": ("view",),
            "base_manager_name": "objects",
            "default_manager_name": "objects",
        },
    ),
    migrations.CreateModel(
        name="Record",
        fields=[
            ("id", models.BigIntegerField(primary_key=True, serialize=False)),
            ("ts", models.DateTimeField()),
            ("sent_at", models.DateTimeField(null=True)),
            ("status", models.SmallIntegerField()),
            ("lat_total", models.IntegerField()),
            ("lat_up", models.IntegerField()),
            ("timed", models.BooleanField()),
            ("size", models.BigIntegerField()),
            ("api_id", models.TextField()),
            ("version", models.TextField()),
            ("method", models.TextField()),
            ("host", models.TextField()),
            ("track", models.BooleanField()),
            ("endpoint", models.TextField()),
            ("path", models.TextField()),
            ("key", models.TextField()),
            ("alias", models.TextField()),
            ("oauth", models.TextField()),
            ("country", models.TextField()),
            ("user_agent", models.TextField()),
            ("ip", models.GenericIPAddressField(null=True)),
            ("tags", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
            (
                "org",
                models.ForeignKey(
                    db_constraint=False,
                    default=orgs.scope.org_id_or_none,
                    editable=False,
                    on_delete=django.db.models.deletion.DO_NOTHING,
                    related_name="+",
                    to="orgs.organisation",
                ),
            ),
        ],
        options={
            "db_table": "record",
            "abstract": False,
            "default_permissions": ("view",),
            "base_manager_name": "objects",
            "default_manager_name": "objects",
        },
    ),
    migrations.CreateModel(
        name="Rollup",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "org_id",
                    "grain",
                    "dim",
                    "api_id",
                    "ts",
                    "val",
                    blank=True,
                    editable=False,
                    primary_key=True,
                    serialize=False,
                ),
            ),
            (
                "grain",
                models.CharField(
                    choices=[
                        ("m", "minute (UTC)"),
                        ("h", "hour in the organisation's zone"),
                        ("x", "hour in the organisation's zone, kept for days"),
                        ("d", "the organisation's day"),
                        ("k", "the organisation's day, of dimensions with many values"),
                    ],
                    max_length=1,
                ),
            ),
            (
                "dim",
                models.SmallIntegerField(
                    choices=[
                        (0, "Total"),
                        (1, "Api"),
                        (2, "Status"),
                        (3, "Endpoint"),
                        (4, "Error"),
                        (6, "Key"),
                        (7, "Key Api"),
                    ]
                ),
            ),
            ("api_id", models.TextField()),
            ("ts", models.DateTimeField()),
            ("val", models.TextField()),
            ("hits", models.BigIntegerField()),
            ("s3", models.BigIntegerField()),
            ("s4", models.BigIntegerField()),
            ("s5", models.BigIntegerField()),
            ("limited", models.BigIntegerField()),
            ("timed", models.BigIntegerField()),
            ("lat_sum", models.BigIntegerField()),
            ("up_hits", models.BigIntegerField()),
            ("up_sum", models.BigIntegerField()),
            ("lat_max", models.IntegerField()),
            ("lat", models.BinaryField()),
            (
                "org",
                models.ForeignKey(
                    db_constraint=False,
                    default=orgs.scope.org_id_or_none,
                    editable=False,
                    on_delete=django.db.models.deletion.DO_NOTHING,
                    related_name="+",
                    to="orgs.organisation",
                ),
            ),
        ],
        options={
            "db_table": "rollup",
            "abstract": False,
            "default_permissions": ("view",),
            "base_manager_name": "objects",
            "default_manager_name": "objects",
        },
    ),
]


class Migration(migrations.Migration):
    initial = True

    dependencies = [("orgs", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(make_tables, drop_tables)],
            state_operations=STATE,
        )
    ]
