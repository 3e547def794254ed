from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("apis", "0004_definition_columns"), ("orgs", "0004_sign_in")]

    operations = [
        migrations.AddField(
            model_name="outbox", name="claimed_until", field=models.DateTimeField(null=True)
        ),
        migrations.AlterField(model_name="outbox", name="kind", field=models.CharField(max_length=20)),
        migrations.AddIndex(
            model_name="outbox",
            index=models.Index(
                fields=["kind", "org", "due_at", "id"],
                condition=models.Q(done_at=None),
                name="outbox_by_turn",
            ),
        ),
        migrations.RemoveIndex(model_name="outbox", name="outbox_waiting"),
    ]
