"""Up to which hour rows of days count an organisation's traffic: so far all of it.

The worker then says since when hours alone do, and closes them into days (ingest/closing.py).
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0015_mcp")]

    operations = [
        migrations.AddField("rollupcut", "days_until", models.DateTimeField(null=True)),
    ]
