"""How callers of an API prove who they are, once more for those that ask for a client certificate in place of the token."""

import json

from django.db import migrations

from apis.publishing.columns import columns
from orgs import scope

AT_ONCE = 50  # definitions held in memory: each has a megabyte at most


def fill(apps, schema_editor):
    apis = apps.get_model("apis", "ApiDefinition").objects.using(schema_editor.connection.alias)
    with scope.every_org():
        asking = apis.filter(definition_text__contains='"use_certificate":true').order_by("id")
        last = ""
        while found := list(asking.filter(id__gt=last)[:AT_ONCE]):
            for api in found:
                api.auth = columns(json.loads(api.definition_text))["auth"]
            apis.bulk_update(found, ["auth"])
            last = found[-1].id


class Migration(migrations.Migration):
    dependencies = [("apis", "0008_named_policies")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
