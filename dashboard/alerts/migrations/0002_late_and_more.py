"""What looks of alerts remember to tell late requests, and how many bad things are not named."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='rule',
            name='counted',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='rule',
            name='more',
            field=models.PositiveIntegerField(default=0),
        ),
    ]
