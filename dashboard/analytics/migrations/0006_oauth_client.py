"""Records by the OAuth client of their token.

Where there are many, those of days past stay without: to index them takes minutes in which nothing is stored. They are
searched by their time until they are over; days to come have the index.
"""

from django.db import migrations

AT_ONCE = 256 * 1024 * 1024  # bytes, some seconds


def index(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree('record')")
        [size] = cursor.fetchone()
        only = "ONLY" if size > AT_ONCE else ""
        cursor.execute(f"CREATE INDEX record_oauth ON {only} record (org_id, oauth, ts) WHERE oauth <> ''")


class Migration(migrations.Migration):
    dependencies = [("analytics", "0005_folding")]

    operations = [
        migrations.RunPython(index, lambda _, editor: editor.execute("DROP INDEX record_oauth")),
    ]
