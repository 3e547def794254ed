"""Sessions that others made."""

import django.db.models.deletion
import django.utils.timezone
import orgs.ids
import orgs.models
import orgs.scope
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('keys', '0018_organisation_keys'),
        ('orgs', '0005_policy_limits'),
    ]

    operations = [
        migrations.AddField(
            model_name='sweep',
            name='strays',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.CreateModel(
            name='FoundSession',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=64)),
                ('kind', models.CharField(max_length=8)),
                ('verdict', models.CharField(max_length=8)),
                ('why_not', models.CharField(blank=True, max_length=300)),
                ('alias', models.CharField(blank=True, max_length=200)),
                ('apis', models.PositiveIntegerField(default=0)),
                ('strangers', models.PositiveIntegerField(default=0)),
                ('policies', models.PositiveIntegerField(default=0)),
                ('opens_all', models.BooleanField(default=False)),
                ('found_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['org', '-found_at', '-id'], name='found_newest_first'), models.Index(fields=['name'], name='found_by_name')],
                'constraints': [models.UniqueConstraint(fields=('org', 'name'), name='session_found_once')],
            },
        ),
    ]
