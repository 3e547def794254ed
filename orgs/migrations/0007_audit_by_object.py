"""Whoever asks what happened to one thing finds its entries without those of all others."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0006_chosen_ids'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['org', 'object_id', '-at', '-id'], name='audit_of_one_object'),
        ),
    ]
