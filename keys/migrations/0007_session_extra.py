"""Members of a session beyond those that the form has."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('keys', '0006_policies'),
    ]

    operations = [
        migrations.AddField(
            model_name='key',
            name='session_extra',
            field=models.JSONField(blank=True, default=dict),
        ),
    ]
