"""Days that somebody has asked on a page to be counted anew."""

import django.db.models.deletion
import orgs.ids
import orgs.models
import orgs.scope
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0011_dimension_set'),
        ('orgs', '0008_retention'),
    ]

    operations = [
        migrations.CreateModel(
            name='Recount',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('first', models.DateField()),
                ('last', models.DateField()),
                ('asked_by', models.CharField(max_length=254)),
                ('asked_at', models.DateTimeField()),
                ('moved_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('day', models.DateField(null=True)),
                ('days', models.IntegerField(default=0)),
                ('left', models.IntegerField(null=True)),
                ('hits', models.BigIntegerField(default=0)),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('org',), name='recount_once_at_a_time')],
            },
        ),
    ]
