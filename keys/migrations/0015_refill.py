"""The round that fills an empty Redis, whether Redis tells of changes, and keys by the names of their sessions."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("keys", "0008_credentials")]

    operations = [
        migrations.AddField(
            model_name="sweep", name="total", field=models.PositiveIntegerField(default=0)
        ),
        migrations.AddField(
            model_name="sweep",
            name="unheard",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddIndex(
            model_name="key", index=models.Index(fields=["token_hash"], name="key_by_hash")
        ),
    ]
