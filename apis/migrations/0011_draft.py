"""What is meant to be published, until it is."""

import django.utils.timezone
from django.db import migrations, models

import orgs.ids
import orgs.models
import orgs.scope


class Migration(migrations.Migration):
    dependencies = [("apis", "0010_wrapper"), ("orgs", "0006_chosen_ids")]

    operations = [
        migrations.CreateModel(
            "Draft",
            [
                ("id", orgs.models.HexIdField(serialize=False)),
                ("text", models.TextField(editable=False)),
                ("message", models.CharField(max_length=500, blank=True)),
                ("started_from", models.PositiveIntegerField()),
                ("author_id", models.CharField(max_length=24, blank=True)),
                ("author", models.CharField(max_length=254)),
                ("saved_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("stamp", models.CharField(max_length=24, default=orgs.ids.new_id)),
                (
                    "api",
                    orgs.models.OrgForeignKey("apis.apidefinition", models.CASCADE, related_name="+"),
                ),
                (
                    "org",
                    models.ForeignKey(
                        "orgs.organisation",
                        models.CASCADE,
                        default=orgs.scope.org_id_or_none,
                        editable=False,
                        related_name="+",
                        db_index=False,
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "default_manager_name": "objects",
                "indexes": [models.Index(fields=["org", "saved_at", "id"], name="draft_by_time")],
                "constraints": [models.UniqueConstraint(fields=("org", "api"), name="draft_once_an_api")],
            },
        ),
    ]
