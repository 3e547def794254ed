"""OAuth clients of APIs."""

import django.db.models.deletion
import django.utils.timezone
import orgs.ids
import orgs.models
import orgs.scope
import orgs.sealing
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('apis', '0007_notices'),
        ('keys', '0020_more_words'),
        ('orgs', '0005_policy_limits'),
    ]

    operations = [
        migrations.CreateModel(
            name='OAuthClient',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('served_api_id', models.CharField(editable=False, max_length=200, verbose_name='API')),
                ('client_id', models.CharField(editable=False, max_length=200, verbose_name='client ID')),
                ('sealed_secret', orgs.sealing.SealedField(null=True)),
                ('redirect_uri', models.CharField(max_length=2000, verbose_name='redirect URI')),
                ('description', models.CharField(blank=True, max_length=500)),
                ('meta_data', models.JSONField(blank=True, default=dict, verbose_name='metadata')),
                ('suspended', models.BooleanField(default=False)),
                ('deleted_at', models.DateTimeField(editable=False, null=True)),
                ('form_token', models.CharField(editable=False, max_length=32, null=True)),
                ('created_by', models.CharField(blank=True, editable=False, max_length=254)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('change_number', models.PositiveIntegerField(default=1, editable=False)),
                ('delivered_number', models.PositiveIntegerField(default=0, editable=False)),
                ('delivered_at', models.DateTimeField(editable=False, null=True)),
                ('api', orgs.models.OrgForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='apis.apidefinition')),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
                ('policy', orgs.models.OrgForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='oauth_clients', to='keys.policy')),
            ],
            options={
                'abstract': False,
                'default_permissions': ('add', 'view', 'change'),
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['org', '-created_at', '-id'], name='oauth_client_newest_first'), models.Index(fields=['org', 'policy'], name='oauth_clients_of_a_policy')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('org', 'served_api_id', 'client_id'), name='oauth_client_once_an_api'), models.UniqueConstraint(fields=('org', 'form_token'), name='oauth_client_once_a_form'), models.CheckConstraint(condition=models.Q(('deleted_at__isnull', False), models.Q(('api__isnull', False), ('policy__isnull', False), ('sealed_secret__isnull', False)), _connector='OR'), name='oauth_client_is_whole')],
            },
        ),
    ]
