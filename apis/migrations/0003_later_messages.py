from django.db import migrations, models

KINDS = ("reload", "key", "key-removed", "key-again")


class Migration(migrations.Migration):
    dependencies = [("apis", "0002_limits")]

    operations = [
        migrations.AlterField(
            model_name="outbox",
            name="kind",
            field=models.CharField(choices=[(kind, kind) for kind in KINDS], max_length=20),
        ),
    ]
