"""What publishing repeats of a definition in columns, filled for what was published before, and indexes to look it up by."""

import json

from django.db import migrations, models

from apis.publishing.columns import columns
from orgs import scope

ADDED = ("claimed_domain", "path_head", "versions", "auth", "target_url", "calls")
AT_ONCE = 50  # definitions held in memory: each has a megabyte at most


def fill(apps, schema_editor):
    apis = apps.get_model("apis", "ApiDefinition").objects.using(schema_editor.connection.alias)
    with scope.every_org():
        last = ""
        while found := list(apis.filter(id__gt=last).order_by("id")[:AT_ONCE]):
            for api in found:
                said = columns(json.loads(api.definition_text))
                for name in ADDED:
                    setattr(api, name, said[name])
            apis.bulk_update(found, ADDED)
            last = found[-1].id


class Migration(migrations.Migration):
    dependencies = [("apis", "0003_later_messages")]

    operations = [
        *(
            migrations.AddField(model_name="apidefinition", name=name, field=field)
            for name, field in {
                "claimed_domain": models.CharField(blank=True, default="", editable=False, max_length=255),
                "path_head": models.CharField(blank=True, default="", editable=False, max_length=500),
                "versions": models.JSONField(default=list, editable=False),
                "auth": models.CharField(default="", editable=False, max_length=200),
                "target_url": models.CharField(blank=True, default="", editable=False, max_length=2000),
                "calls": models.JSONField(default=list, editable=False),
            }.items()
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        *(
            migrations.AddIndex(model_name="apidefinition", index=index)
            for index in (
                models.Index(fields=["org", "listen_path", "id"], name="api_by_listen_path"),
                models.Index(fields=["org"], condition=~models.Q(calls=[]), name="api_calling_others"),
                models.Index(fields=["api_id"], name="api_by_api_id"),
                models.Index(fields=["id"], name="api_by_id"),
                models.Index(
                    fields=["listen_port", "path_head"],
                    opclasses=["int4_ops", "varchar_pattern_ops"],
                    name="api_by_path_head",
                ),
                models.Index(
                    fields=["listen_port", "claimed_domain", "path_head"],
                    opclasses=["int4_ops", "varchar_ops", "varchar_pattern_ops"],
                    name="api_by_claim",
                ),
            )
        ),
    ]
