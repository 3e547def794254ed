from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orgs", "0002_limits")]

    operations = [
        migrations.AddField(
            model_name="organisation",
            name="change_number",
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name="organisation",
            name="form_token",
            field=models.CharField(editable=False, max_length=32, null=True, unique=True),
        ),
        migrations.AddField(
            model_name="user",
            name="change_number",
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
    ]
