"""Certificates."""

import django.db.models.deletion
import django.utils.timezone
import orgs.ids
import orgs.models
import orgs.scope
import orgs.sealing
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('keys', '0023_rights'),
        ('orgs', '0006_chosen_ids'),
    ]

    operations = [
        migrations.CreateModel(
            name='Certificate',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('fingerprint', models.CharField(editable=False, max_length=64)),
                ('is_public_key', models.BooleanField(default=False, editable=False)),
                ('pem', models.TextField(editable=False)),
                ('sealed_key', orgs.sealing.SealedField(null=True)),
                ('has_key', models.BooleanField(default=False, editable=False, verbose_name='private key')),
                ('subject', models.CharField(blank=True, max_length=500)),
                ('common_name', models.CharField(blank=True, max_length=500)),
                ('issuer', models.CharField(blank=True, max_length=500)),
                ('names', models.JSONField(blank=True, default=list)),
                ('is_ca', models.BooleanField(default=False, verbose_name='certificate authority')),
                ('not_before', models.DateTimeField(null=True, verbose_name='valid from')),
                ('not_after', models.DateTimeField(null=True, verbose_name='valid until')),
                ('deleted_at', models.DateTimeField(editable=False, null=True)),
                ('created_by', models.CharField(blank=True, editable=False, max_length=254)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('change_number', models.PositiveIntegerField(default=1, editable=False)),
                ('delivered_number', models.PositiveIntegerField(default=0, editable=False)),
                ('delivered_at', models.DateTimeField(editable=False, null=True)),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
            ],
            options={
                'abstract': False,
                'default_permissions': ('add', 'view', 'change'),
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['org', '-created_at', '-id'], name='certificate_newest_first'), models.Index(condition=models.Q(('deleted_at', None)), fields=['org', 'not_after'], name='certificate_ending')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('org', 'fingerprint'), name='certificate_once'), models.CheckConstraint(condition=models.Q(('fingerprint__regex', '^[0-9a-f]{64}$')), name='certificate_fingerprint_is_hex')],
            },
        ),
    ]
