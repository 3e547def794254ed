"""With which set of dimensions the rollups of an organisation were made: so far with the first.

The worker then counts anew what records cover (ingest/cuts.py). Until then pages read what there was.
"""

from django.db import migrations, models

DIMENSIONS = [
    (0, "all requests"),
    (1, "API"),
    (2, "status"),
    (3, "endpoint"),
    (4, "status and endpoint of an error"),
    (5, "version of an API"),
    (6, "key"),
    (7, "key of an API"),
    (8, "country"),
    (9, "country, by API"),
    (10, "tag"),
    (11, "OAuth client, by API"),
    (12, "tag, by API"),
]


class Migration(migrations.Migration):
    dependencies = [("analytics", "0010_rebuild")]

    operations = [
        # With a default in the database: a worker that still runs an earlier version begins cuts of the first set.
        migrations.AddField("rollupcut", "dimension_set", models.SmallIntegerField(db_default=1)),
        migrations.AddField("rollupcut", "dimensions_from", models.DateTimeField(null=True)),
        migrations.AlterField("rollup", "dimension", models.SmallIntegerField(choices=DIMENSIONS)),
    ]
