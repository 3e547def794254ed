"""What a key signs in with: sealed secrets, hashes by every function of gateways."""

import orgs.sealing
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('keys', '0007_session_extra'),
        ('orgs', '0005_policy_limits'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='key',
            name='key_hashes_are_hex',
        ),
        migrations.AddField(
            model_name='key',
            name='credential',
            field=models.CharField(choices=[('token', 'Token'), ('basic', 'User name and password'), ('hmac', 'Signature'), ('jwt', 'JSON Web Token'), ('certificate', 'Client certificate')], default='token', editable=False, max_length=12),
        ),
        migrations.AddField(
            model_name='key',
            name='sealed_secrets',
            field=orgs.sealing.SealedField(null=True),
        ),
        migrations.AddField(
            model_name='key',
            name='short_cache_key',
            field=models.CharField(blank=True, default='', editable=False, max_length=16),
        ),
        migrations.AlterField(
            model_name='key',
            name='cache_key',
            field=models.CharField(blank=True, editable=False, max_length=16),
        ),
        migrations.AddConstraint(
            model_name='key',
            constraint=models.CheckConstraint(condition=models.Q(('cache_key__regex', '^([0-9a-f]{16})?$'), ('short_cache_key__regex', '^([0-9a-f]{16})?$'), ('token_hash__regex', '^([0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64})$')), name='key_hashes_are_hex'),
        ),
    ]
