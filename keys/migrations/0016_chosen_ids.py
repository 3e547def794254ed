"""Ids that somebody chose are looked up over all organisations."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('keys', '0015_refill'),
        ('orgs', '0006_chosen_ids'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='key',
            index=models.Index(condition=models.Q(('revoked_at', None), models.Q(('short_cache_key', ''), _negated=True)), fields=['short_cache_key'], name='key_by_short_cache_key'),
        ),
    ]
