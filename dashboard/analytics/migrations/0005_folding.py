"""Since when ids of letters and digits are folded in endpoints, and room for the endpoints that this makes.

Rollups stay as they are. The registry of endpoints has so many places an API: those of names that are not counted any
more are given back. A name that its gateway gave is entered again when it is next seen.
"""

from django.db import migrations, models

from dashboard.analytics.ingest import endpoint
from orgs import scope

AT_ONCE = 1_000


def folded_otherwise(name: str) -> bool:
    method, _, path = name.partition(" ")
    return path.startswith("/") and f"{method} {endpoint.fold(path)}" != name


def make_room(apps, schema_editor):
    with scope.every_org(), schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT org_id, api_id, endpoint FROM endpoint WHERE endpoint ~ '[0-9]'")
        gone = [row for row in cursor.fetchall() if folded_otherwise(row[2])]
        for start in range(0, len(gone), AT_ONCE):
            part = gone[start : start + AT_ONCE]
            cursor.execute(
                "DELETE FROM endpoint WHERE (org_id, api_id, endpoint) IN "
                "(SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))",
                [list(column) for column in zip(*part, strict=True)],
            )


class Migration(migrations.Migration):
    dependencies = [("analytics", "0004_names")]

    operations = [
        migrations.AddField("ingeststate", "folded_since", models.DateTimeField(null=True)),
        # Where no traffic has come yet, all of it will be folded.
        migrations.RunSQL(
            "UPDATE ingest_state SET folded_since = now() WHERE received_at IS NOT NULL",
            migrations.RunSQL.noop,
        ),
        migrations.RunPython(make_room, migrations.RunPython.noop),
    ]
