"""Rotation: former tokens of keys, and what all generations are counted under."""

import django.db.models.deletion
import orgs.ids
import orgs.models
import orgs.scope
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('keys', '0021_oauth'),
        ('orgs', '0006_chosen_ids'),
    ]

    operations = [
        migrations.AddField(
            model_name='key',
            name='allowance',
            field=models.CharField(blank=True, default='', editable=False, max_length=80),
        ),
        migrations.AddField(
            model_name='key',
            name='generation',
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name='key',
            name='token_made_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name='Generation',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField()),
                ('token_hash', models.CharField(max_length=64)),
                ('cache_key', models.CharField(blank=True, max_length=16)),
                ('short_cache_key', models.CharField(blank=True, max_length=16)),
                ('allowance', models.CharField(blank=True, max_length=80)),
                ('made_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('retired_at', models.DateTimeField(null=True)),
                ('form_token', models.CharField(max_length=64, null=True)),
                ('key', orgs.models.OrgForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='generations', to='keys.key')),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
            ],
            options={
                'abstract': False,
                'default_permissions': ('add', 'view', 'change'),
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['token_hash'], name='generation_by_hash'), models.Index(fields=['org', 'ends_at'], name='generation_ending')],
                'constraints': [models.UniqueConstraint(fields=('org', 'token_hash'), name='generation_once_a_token'), models.UniqueConstraint(fields=('org', 'key', 'number'), name='generation_numbered_once'), models.UniqueConstraint(fields=('org', 'form_token'), name='rotation_once_a_form'), models.CheckConstraint(condition=models.Q(('cache_key__regex', '^([0-9a-f]{16})?$'), ('short_cache_key__regex', '^([0-9a-f]{16})?$'), ('token_hash__regex', '^([0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64})$')), name='generation_hashes_are_hex')],
            },
        ),
    ]
