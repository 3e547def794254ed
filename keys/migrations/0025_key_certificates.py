"""Which certificates keys need."""

import django.db.models.deletion
import orgs.ids
import orgs.models
import orgs.scope
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('keys', '0024_certificates'),
        ('orgs', '0006_chosen_ids'),
    ]

    operations = [
        migrations.CreateModel(
            name='KeyCertificate',
            fields=[
                ('id', orgs.models.HexIdField(default=orgs.ids.new_id, editable=False, max_length=24, primary_key=True, serialize=False)),
                ('member', models.CharField(max_length=40)),
                ('certificate', orgs.models.OrgForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='keys', to='keys.certificate')),
                ('key', orgs.models.OrgForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='certificates', to='keys.key')),
                ('org', models.ForeignKey(db_index=False, default=orgs.scope.org_id_or_none, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organisation')),
            ],
            options={
                'abstract': False,
                'default_permissions': ('add', 'view', 'delete'),
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['org', 'certificate'], name='keys_of_a_certificate')],
                'constraints': [models.UniqueConstraint(fields=('org', 'key', 'certificate', 'member'), name='certificate_once_a_key')],
            },
        ),
    ]
