"""What a request to an MCP proxy called. Of records from before nothing is known."""

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
    (13, "primitive of an MCP proxy"),
]


class Migration(migrations.Migration):
    dependencies = [("analytics", "0014_rows_of_keys")]

    operations = [
        # PostgreSQL keeps it, so that no row is written, and so that workers of the version before go on.
        migrations.AddField("record", "mcp", models.TextField(db_default="")),
        migrations.AlterField("rollup", "dimension", models.SmallIntegerField(choices=DIMENSIONS)),
    ]
