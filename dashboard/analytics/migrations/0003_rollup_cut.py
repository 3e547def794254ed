"""In which zone the rollups of an organisation are cut: so far in the one that it has."""

import django.db.models.deletion
from django.db import migrations, models

import orgs.scope
from orgs.db import tenancy

CUT = """
CREATE TABLE rollup_cut (
    org_id text COLLATE "C" NOT NULL,
    base smallint NOT NULL,
    zone text NOT NULL,
    state text NOT NULL,
    until timestamptz,
    exact_from timestamptz,
    PRIMARY KEY (org_id, base)
);
INSERT INTO rollup_cut (org_id, base, zone, state) SELECT id, 0, time_zone, 'active' FROM orgs_organisation;
CREATE UNIQUE INDEX rollup_cut_active ON rollup_cut (org_id) WHERE state = 'active';
CREATE INDEX rollup_x_key_again ON rollup_x (org_id, val, ts) WHERE dim IN (106, 107);
CREATE INDEX rollup_k_key_again ON rollup_k (org_id, val, ts) WHERE dim IN (106, 107);
"""


def make_table(apps, schema_editor):
    names = schema_editor.connection.settings_dict
    application, system = names["APPLICATION_ROLE"], names["SYSTEM_ROLE"]
    for statement in (
        CUT,
        *tenancy.policy_sql("rollup_cut", system),
        *tenancy.grant_sql("rollup_cut", ("view",), [application]),
        *tenancy.grant_sql("rollup_cut", ("view", "add", "change", "delete"), [system]),
    ):
        schema_editor.execute(statement)


def drop_table(apps, schema_editor):
    schema_editor.execute("DROP TABLE rollup_cut; DROP INDEX rollup_x_key_again, rollup_k_key_again")


STATE = [
    migrations.CreateModel(
        name="RollupCut",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "org_id", "base", blank=True, editable=False, primary_key=True, serialize=False
                ),
            ),
            ("base", models.SmallIntegerField()),
            ("zone", models.TextField()),
            (
                "state",
                models.TextField(
                    choices=[("active", "Active"), ("building", "Building"), ("retired", "Retired")]
                ),
            ),
            ("until", models.DateTimeField(null=True)),
            ("exact_from", models.DateTimeField(null=True)),
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
            "db_table": "rollup_cut",
            "abstract": False,
            "default_permissions": ("view",),
            "base_manager_name": "objects",
            "default_manager_name": "objects",
        },
    ),
]


class Migration(migrations.Migration):
    dependencies = [("analytics", "0002_clock_in_doubt"), ("orgs", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(make_table, drop_table)], state_operations=STATE
        )
    ]
