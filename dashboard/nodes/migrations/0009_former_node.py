"""Gateway processes that have ended, for as long as charts mark them."""

from django.db import migrations, models

import orgs.ids
import orgs.models


class Migration(migrations.Migration):
    dependencies = [("nodes", "0008_run_otherwise_policies"), ("orgs", "0006_chosen_ids")]

    operations = [
        migrations.CreateModel(
            "FormerNode",
            [
                ("id", orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ("hostname", models.CharField(blank=True, max_length=253)),
                ("registered_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
