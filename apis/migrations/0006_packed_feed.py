"""The feed's elements, each compressed once, when it is published."""

from django.db import migrations, models

from apis.publishing.packing import pack
from orgs import scope

AT_ONCE = 50  # elements held in memory: each has a megabyte at most


def fill(apps, schema_editor):
    served = apps.get_model("apis", "ServedApi").objects.using(schema_editor.connection.alias)
    with scope.every_org():
        last = ""
        while found := list(served.filter(id__gt=last).order_by("id")[:AT_ONCE]):
            for row in found:
                row.packed = pack(bytes(row.body))
            served.bulk_update(found, ["packed"])
            last = found[-1].id


class Migration(migrations.Migration):
    dependencies = [("apis", "0005_message_claims")]

    operations = [
        migrations.AddField("servedapi", "packed", models.BinaryField(default=b"")),
        migrations.AddField("servedapi", "made_by", models.CharField(default="", max_length=16)),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex("servedapi", models.Index(fields=["sort_key", "id"], name="served_in_order")),
    ]
