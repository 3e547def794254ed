import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("keys", "0002_limits")]

    operations = [
        migrations.CreateModel(
            name="Sweep",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("after_org", models.CharField(blank=True, max_length=24)),
                ("after_id", models.CharField(blank=True, max_length=24)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
                ("checked", models.PositiveIntegerField(default=0)),
                ("rewritten", models.PositiveIntegerField(default=0)),
                ("removed", models.PositiveIntegerField(default=0)),
            ],
            options={"default_permissions": ("add", "view", "change")},
        ),
    ]
