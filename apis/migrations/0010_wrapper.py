"""What is kept of an API beside its definition, its categories, and which kind it is."""

import json

from django.db import migrations, models

from apis.publishing.columns import columns
from orgs import scope

AT_ONCE = 50  # definitions held in memory: each has a megabyte at most


def fill(apps, schema_editor):
    apis = apps.get_model("apis", "ApiDefinition").objects.using(schema_editor.connection.alias)
    with scope.every_org():
        last = ""
        while found := list(apis.filter(id__gt=last).order_by("id")[:AT_ONCE]):
            last = found[-1].id
            for api in found:
                said = columns(json.loads(api.definition_text))
                api.kind, api.categories = said["kind"], said["categories"]
            apis.bulk_update(found, ["kind", "categories"])


class Migration(migrations.Migration):
    dependencies = [("apis", "0009_client_certificates")]

    operations = [
        migrations.AddField(
            "apidefinition", "kind", models.CharField(max_length=20, default="classic", editable=False)
        ),
        migrations.AddField("apidefinition", "categories", models.JSONField(default=list, editable=False)),
        migrations.AddField("apidefinition", "wrapper", models.JSONField(default=dict, editable=False)),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
