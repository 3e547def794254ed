"""Whole words for the columns of records and rollups.

Names alone change, in the catalogue: no row is read or written, whatever the size of the tables. The letters that
stand for grains are values of rows and stay (dimensions.py).
"""

import django.db.models.deletion
from django.db import migrations, models

import orgs.scope

NAMES = {
    "record": {"lat_total": "latency", "lat_up": "upstream_latency"},
    "rollup": {
        "dim": "dimension",
        "val": "value",
        "s3": "status_3xx",
        "s4": "status_4xx",
        "s5": "status_5xx",
        "lat_sum": "latency_sum",
        "up_hits": "upstream_hits",
        "up_sum": "upstream_sum",
        "lat_max": "latency_max",
        "lat": "latency_histogram",
    },
}
FUNCTIONS = {"lat_bucket(integer)": "latency_bucket", "lat_compact(bytea)": "histogram_compact"}


def rename(apps, schema_editor):
    for table, names in NAMES.items():
        for old, new in names.items():
            schema_editor.execute(f'ALTER TABLE "{table}" RENAME COLUMN "{old}" TO "{new}"')
    for old, new in FUNCTIONS.items():
        schema_editor.execute(f"ALTER FUNCTION {old} RENAME TO {new}")


def rename_back(apps, schema_editor):
    for table, names in NAMES.items():
        for old, new in names.items():
            schema_editor.execute(f'ALTER TABLE "{table}" RENAME COLUMN "{new}" TO "{old}"')
    for old, new in FUNCTIONS.items():
        name, arguments = old.split("(")
        schema_editor.execute(f"ALTER FUNCTION {new}({arguments} RENAME TO {name}")


# A composite key names its columns, so the state of the model is made anew.
STATE = [
    migrations.RenameField("record", "lat_total", "latency"),
    migrations.RenameField("record", "lat_up", "upstream_latency"),
    migrations.DeleteModel("Rollup"),
    migrations.CreateModel(
        name="Rollup",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "org_id",
                    "grain",
                    "dimension",
                    "api_id",
                    "ts",
                    "value",
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
                "dimension",
                models.SmallIntegerField(
                    choices=[
                        (0, "all requests"),
                        (1, "API"),
                        (2, "status"),
                        (3, "endpoint"),
                        (4, "status and endpoint of an error"),
                        (6, "key"),
                        (7, "key of an API"),
                    ]
                ),
            ),
            ("api_id", models.TextField()),
            ("ts", models.DateTimeField()),
            ("value", models.TextField()),
            ("hits", models.BigIntegerField()),
            ("status_3xx", models.BigIntegerField()),
            ("status_4xx", models.BigIntegerField()),
            ("status_5xx", models.BigIntegerField()),
            ("limited", models.BigIntegerField()),
            ("timed", models.BigIntegerField()),
            ("latency_sum", models.BigIntegerField()),
            ("upstream_hits", models.BigIntegerField()),
            ("upstream_sum", models.BigIntegerField()),
            ("latency_max", models.IntegerField()),
            ("latency_histogram", models.BinaryField()),
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
    dependencies = [("analytics", "0003_rollup_cut")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(rename, rename_back)], state_operations=STATE
        )
    ]
