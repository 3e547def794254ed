"""Policies, their revisions, what gateways get of them, and which keys have them."""

import django.db.models.deletion
import django.utils.timezone
import orgs.ids
import orgs.models
import orgs.scope
from django.db import migrations, models


def make_the_one_list(apps, schema_editor):
    apps.get_model("keys", "PolicyFeed").objects.using(schema_editor.connection.alias).create()


class Migration(migrations.Migration):

    dependencies = [
        ('apis', '0006_packed_feed'),
        ('keys', '0005_key_for_all'),
        ('orgs', '0005_policy_limits'),
    ]

    operations = [
        migrations.CreateModel(
            name='PolicyFeed',
            fields=[
                ('id', orgs.models.HexIdField(default='policies', editable=False, max_length=24, primary_key=True, serialize=False)),
                ('stamp', models.CharField(default=orgs.ids.new_id, max_length=24)),
                ('policies', models.PositiveIntegerField(default=0)),
            ],
            options={
                'default_permissions': ('view', 'change'),
            },
        ),
        migrations.CreateModel(
            name='Policy',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('document_text', models.TextField(editable=False)),
                ('policy_id', models.CharField(max_length=200)),
                ('name', models.CharField(max_length=200)),
                ('state', models.CharField(max_length=10)),
                ('tags', models.JSONField(default=list)),
                ('grants_rights', models.BooleanField()),
                ('key_expires_in', models.BigIntegerField(default=0)),
                ('revision', models.PositiveIntegerField()),
                ('size', models.PositiveIntegerField()),
                ('form_token', models.CharField(editable=False, max_length=32, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='KeyPolicy',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('position', models.PositiveSmallIntegerField()),
                ('key', orgs.models.OrgForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='policies', to='keys.key')),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
                ('policy', orgs.models.OrgForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='keys', to='keys.policy')),
            ],
            options={
                'abstract': False,
                'default_permissions': ('add', 'view', 'delete'),
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='PolicyRevision',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('document_text', models.TextField(editable=False)),
                ('policy_row_id', models.CharField(max_length=24)),
                ('policy_id', models.CharField(max_length=200)),
                ('number', models.PositiveIntegerField()),
                ('author_id', models.CharField(blank=True, max_length=24)),
                ('author', models.CharField(max_length=254)),
                ('message', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
            ],
            options={
                'abstract': False,
                'default_permissions': ('add', 'view'),
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='PolicyRight',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('api', orgs.models.OrgForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='apis.apidefinition')),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
                ('policy', orgs.models.OrgForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rights', to='keys.policy')),
            ],
            options={
                'abstract': False,
                'default_permissions': ('add', 'view', 'delete'),
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='ServedPolicy',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('sort_key', models.CharField(max_length=200)),
                ('body', models.BinaryField()),
                ('packed', models.BinaryField()),
                ('made_by', models.CharField(max_length=16)),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
                ('policy', orgs.models.OrgForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='keys.policy')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.AddIndex(
            model_name='policy',
            index=models.Index(fields=['org', '-updated_at', '-id'], name='policy_last_changed_first'),
        ),
        migrations.AddIndex(
            model_name='policy',
            index=models.Index(fields=['policy_id'], name='policy_by_policy_id'),
        ),
        migrations.AddIndex(
            model_name='policy',
            index=models.Index(fields=['id'], name='policy_by_id'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.UniqueConstraint(fields=('org', 'policy_id'), name='policy_id_once_an_organisation'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.UniqueConstraint(fields=('org', 'name'), name='policy_name_once_an_organisation'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.UniqueConstraint(fields=('org', 'form_token'), name='policy_once_a_form'),
        ),
        migrations.AddConstraint(
            model_name='keypolicy',
            constraint=models.UniqueConstraint(fields=('org', 'key', 'policy'), name='policy_once_a_key'),
        ),
        migrations.AddIndex(
            model_name='policyrevision',
            index=models.Index(fields=['policy_id', 'org'], name='policy_revision_by_policy_id'),
        ),
        migrations.AddIndex(
            model_name='policyrevision',
            index=models.Index(fields=['policy_row_id', 'org'], name='policy_revision_by_row'),
        ),
        migrations.AddConstraint(
            model_name='policyrevision',
            constraint=models.UniqueConstraint(fields=('org', 'policy_row_id', 'number'), name='policy_revision_numbered_once'),
        ),
        migrations.AddConstraint(
            model_name='policyright',
            constraint=models.UniqueConstraint(fields=('org', 'policy', 'api'), name='api_once_a_policy'),
        ),
        migrations.AddIndex(
            model_name='servedpolicy',
            index=models.Index(fields=['sort_key', 'id'], name='policies_in_order'),
        ),
        migrations.AddConstraint(
            model_name='servedpolicy',
            constraint=models.UniqueConstraint(fields=('org', 'policy'), name='policy_served_once'),
        ),
        migrations.RunPython(make_the_one_list, migrations.RunPython.noop),
    ]
