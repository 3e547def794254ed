"""The periods that deletion goes by, of the installation."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0012_recount")]

    operations = [
        migrations.AddField("ingeststate", "periods", models.JSONField(default=dict)),
    ]
