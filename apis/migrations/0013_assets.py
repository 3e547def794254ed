"""Templates, and references that organisations may use."""

import django.db.models.deletion
import django.utils.timezone
import orgs.ids
import orgs.models
import orgs.scope
from django.db import migrations, models


def _owned(name, fields, permissions=None):
    options = {'abstract': False, 'base_manager_name': 'objects', 'default_manager_name': 'objects'}
    return migrations.CreateModel(
        name=name,
        fields=[
            ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
            *fields,
            ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
        ],
        options=options | ({'default_permissions': permissions} if permissions else {}),
    )


class Migration(migrations.Migration):

    dependencies = [
        ('apis', '0011_draft'),
        ('orgs', '0006_chosen_ids'),
    ]

    operations = [
        _owned('Asset', [
            ('asset_id', models.CharField(max_length=200)),
            ('kind', models.CharField(max_length=20)),
            ('name', models.CharField(max_length=200)),
            ('description', models.CharField(blank=True, max_length=2000)),
            ('data_text', models.TextField()),
            ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
        ]),
        migrations.AddConstraint(
            model_name='asset',
            constraint=models.UniqueConstraint(fields=('org', 'asset_id'), name='asset_id_once_an_organisation'),
        ),
        _owned('AllowedReference', [
            ('text', models.CharField(max_length=500)),
            ('author', models.CharField(max_length=254)),
        ], ('add', 'delete', 'view')),
        migrations.AddConstraint(
            model_name='allowedreference',
            constraint=models.UniqueConstraint(fields=('org', 'text'), name='reference_allowed_once_an_organisation'),
        ),
    ]
