"""The policies that a definition names, in a column, so that a policy which comes or goes finds those that name it."""

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
                api.policies = columns(json.loads(api.definition_text))["policies"]
            apis.bulk_update([api for api in found if api.policies], ["policies"])


class Migration(migrations.Migration):
    dependencies = [("apis", "0007_notices")]

    operations = [
        migrations.AddField("apidefinition", "policies", models.JSONField(default=list, editable=False)),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex(
            "apidefinition",
            models.Index(fields=["org"], condition=~models.Q(policies=[]), name="api_naming_policies"),
        ),
    ]
