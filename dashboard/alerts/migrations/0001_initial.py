"""What alerts watch, what was found, and what is to be sent of it."""

import django.db.models.deletion
import django.utils.timezone
import orgs.ids
import orgs.models
import orgs.scope
import orgs.sealing
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('apis', '0014_domains'),
        ('orgs', '0007_audit_by_object'),
    ]

    operations = [
        migrations.CreateModel(
            name='Rule',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('kind', models.CharField(max_length=20)),
                ('threshold', models.FloatField(null=True)),
                ('window', models.PositiveIntegerField(default=10)),
                ('least', models.PositiveIntegerField(default=20)),
                ('quiet', models.PositiveIntegerField(default=60)),
                ('enabled', models.BooleanField(default=True)),
                ('mails', models.JSONField(default=list)),
                ('outside', models.JSONField(default=list)),
                ('webhook', models.CharField(blank=True, max_length=2000)),
                ('sealed_secret', orgs.sealing.SealedField(null=True)),
                ('state', models.CharField(choices=[('ok', 'calm'), ('firing', 'firing'), ('unknown', 'not known')], default='unknown', max_length=10)),
                ('value', models.FloatField(null=True)),
                ('note', models.CharField(blank=True, max_length=300)),
                ('looked_at', models.DateTimeField(null=True)),
                ('looked_until', models.DateTimeField(null=True)),
                ('due_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('tested_at', models.DateTimeField(null=True)),
                ('form_token', models.CharField(editable=False, max_length=32, null=True)),
                ('change_number', models.PositiveIntegerField(default=1)),
                ('created_by', models.CharField(max_length=254)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('api', orgs.models.OrgForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='apis.apidefinition')),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('told', models.CharField(choices=[('began', 'began'), ('ended', 'ended'), ('test', 'test')], max_length=10)),
                ('channel', models.CharField(choices=[('mail', 'mail'), ('webhook', 'webhook')], max_length=10)),
                ('address', models.CharField(blank=True, max_length=254)),
                ('facts', models.JSONField()),
                ('digest', models.CharField(blank=True, max_length=24)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('due_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('claimed_until', models.DateTimeField(null=True)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('last_error', models.CharField(blank=True, max_length=300)),
                ('done_at', models.DateTimeField(null=True)),
                ('given_up_at', models.DateTimeField(null=True)),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
                ('rule', orgs.models.OrgForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='alerts.rule')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Incident',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('subject', models.CharField(blank=True, max_length=24)),
                ('label', models.CharField(blank=True, max_length=300)),
                ('began_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('first', models.FloatField()),
                ('worst', models.FloatField()),
                ('told_at', models.DateTimeField(null=True)),
                ('acknowledged_by', models.CharField(blank=True, max_length=254)),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
                ('rule', orgs.models.OrgForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='incidents', to='alerts.rule')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.AddIndex(
            model_name='rule',
            index=models.Index(fields=['org', 'name', 'id'], name='alert_by_name'),
        ),
        migrations.AddIndex(
            model_name='rule',
            index=models.Index(condition=models.Q(('enabled', True)), fields=['due_at'], name='alert_due'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.UniqueConstraint(fields=('org', 'form_token'), name='alert_once_a_form'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('done_at', None), ('given_up_at', None)), fields=['org', 'due_at', 'id'], name='message_by_turn'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['org', 'rule', '-created_at', '-id'], name='message_newest_first'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['created_at'], name='message_oldest'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['org', 'rule', '-began_at', '-id'], name='incident_newest_first'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['org', 'began_at'], name='incident_by_time'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('org', 'rule', 'subject'), name='incident_goes_on_once'),
        ),
    ]
