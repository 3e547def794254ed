"""Until when the clock was believed: what was last looked at by it is the beginning of that trail."""

from django.db import migrations, models

TRAIL = """
ALTER TABLE ingest_state
    ADD COLUMN witnessed_at timestamptz,
    ADD COLUMN steady_since timestamptz,
    ADD COLUMN vouched boolean NOT NULL DEFAULT false,
    ADD COLUMN doubt text NOT NULL DEFAULT '';
UPDATE ingest_state SET witnessed_at = checked_at, steady_since = checked_at;
"""
NO_TRAIL = """
ALTER TABLE ingest_state
    DROP COLUMN witnessed_at, DROP COLUMN steady_since, DROP COLUMN vouched, DROP COLUMN doubt
"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0001_initial")]

    operations = [
        migrations.RunSQL(
            TRAIL,
            NO_TRAIL,
            state_operations=[
                migrations.AddField("ingeststate", "witnessed_at", models.DateTimeField(null=True)),
                migrations.AddField("ingeststate", "steady_since", models.DateTimeField(null=True)),
                migrations.AddField("ingeststate", "vouched", models.BooleanField(default=False)),
                migrations.AddField("ingeststate", "doubt", models.TextField(default="")),
            ],
        )
    ]
