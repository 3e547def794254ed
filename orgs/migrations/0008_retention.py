"""How long an organisation keeps what its traffic leaves behind, and what has gone by that."""

from django.db import migrations, models

import orgs.models


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0007_audit_by_object'),
    ]

    operations = [
        migrations.AddField(
            model_name='organisation',
            name='gone_before',
            field=models.JSONField(default=dict, editable=False),
        ),
        migrations.AddField(
            model_name='organisation',
            name='kept_days',
            field=models.JSONField(blank=True, default=dict, editable=False, validators=[orgs.models.check_kept_days]),
        ),
    ]
