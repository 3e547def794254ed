"""What limits all requests of an organisation together."""

import django.db.models.deletion
import django.utils.timezone
import orgs.ids
import orgs.models
import orgs.scope
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('keys', '0017_bulk_actions'),
        ('orgs', '0005_policy_limits'),
    ]

    operations = [
        migrations.CreateModel(
            name='OrganisationKey',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('members', models.JSONField(default=dict)),
                ('change_number', models.PositiveIntegerField(default=1)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ended_at', models.DateTimeField(null=True)),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('org',), name='key_once_an_organisation')],
            },
        ),
    ]
