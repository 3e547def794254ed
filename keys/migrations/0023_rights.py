"""What a right says besides its versions: limits, paths, methods, types."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('keys', '0022_rotation'),
    ]

    operations = [
        migrations.AddField(
            model_name='keyright',
            name='members',
            field=models.JSONField(blank=True, default=dict),
        ),
    ]
