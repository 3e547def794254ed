"""What is being done to many keys at once."""

import django.db.models.deletion
import django.utils.timezone
import orgs.ids
import orgs.models
import orgs.scope
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('keys', '0016_chosen_ids'),
        ('orgs', '0005_policy_limits'),
    ]

    operations = [
        migrations.CreateModel(
            name='BulkAction',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('action', models.CharField(max_length=20)),
                ('arguments', models.JSONField(default=dict)),
                ('created_by', models.CharField(max_length=254)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('total', models.PositiveIntegerField()),
                ('changed', models.PositiveIntegerField(default=0)),
                ('left', models.PositiveIntegerField(default=0)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
            ],
            options={
                'abstract': False,
                'default_permissions': ('add', 'view', 'change'),
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['org', '-created_at', '-id'], name='bulk_newest_first')],
            },
        ),
    ]
