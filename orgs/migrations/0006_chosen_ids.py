"""How short an id may be that somebody chooses for a key."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0005_policy_limits'),
    ]

    operations = [
        migrations.AddField(
            model_name='organisation',
            name='min_key_id_length',
            field=models.PositiveSmallIntegerField(default=16, validators=[django.core.validators.MinValueValidator(4), django.core.validators.MaxValueValidator(100)], verbose_name='shortest key id that one may choose'),
        ),
    ]
