"""What went over the wire, beside the records made in detail, and which organisations keep it."""

import django.db.models.deletion
from django.db import migrations, models

import orgs.ids
import orgs.models
import orgs.scope
from orgs.db import tenancy

RECORD_BODY = """
CREATE TABLE record_body (
    org_id text COLLATE "C" NOT NULL,
    ts timestamptz NOT NULL,
    id bigint NOT NULL,
    request text NOT NULL,
    response text NOT NULL,
    request_cut boolean NOT NULL,
    response_cut boolean NOT NULL,
    PRIMARY KEY (org_id, ts, id)
) PARTITION BY RANGE (ts);
"""


def make_table(apps, schema_editor):
    names = schema_editor.connection.settings_dict
    schema_editor.execute(RECORD_BODY)
    for statement in (
        *tenancy.policy_sql("record_body", names["SYSTEM_ROLE"]),
        *tenancy.grant_sql("record_body", ("view",), [names["APPLICATION_ROLE"]]),
        *tenancy.grant_sql("record_body", ("view", "add", "delete"), [names["SYSTEM_ROLE"]]),
    ):
        schema_editor.execute(statement)


def drop_table(apps, schema_editor):
    schema_editor.execute("DROP TABLE record_body CASCADE")


def organisation(**options):
    return models.ForeignKey(
        default=orgs.scope.org_id_or_none,
        editable=False,
        related_name="+",
        to="orgs.organisation",
        **options,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0008_bigint_sum"),
        ("orgs", "0007_audit_by_object"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(make_table, drop_table)],
            state_operations=[
                migrations.CreateModel(
                    name="RecordBody",
                    fields=[
                        ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("ts", models.DateTimeField()),
                        ("request", models.TextField()),
                        ("response", models.TextField()),
                        ("request_cut", models.BooleanField()),
                        ("response_cut", models.BooleanField()),
                        (
                            "org",
                            organisation(
                                db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING
                            ),
                        ),
                    ],
                    options={
                        "db_table": "record_body",
                        "abstract": False,
                        "default_permissions": ("view",),
                        "base_manager_name": "objects",
                        "default_manager_name": "objects",
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name="BodyKeeping",
            fields=[
                (
                    "id",
                    orgs.models.HexIdField(
                        default=orgs.ids.new_id,
                        editable=False,
                        max_length=24,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("enabled", models.BooleanField(default=False)),
                ("headers", models.JSONField(default=list)),
                ("members", models.JSONField(default=list)),
                ("change_number", models.PositiveIntegerField(default=1, editable=False)),
                ("org", organisation(db_index=False, on_delete=django.db.models.deletion.CASCADE)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "default_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(fields=("org",), name="body_keeping_once_an_organisation")
                ],
            },
        ),
    ]
