"""How far a rebuild of the rollups is."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0009_bodies'),
    ]

    operations = [
        migrations.CreateModel(
            name='Rebuild',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.TextField()),
                ('asked_first', models.DateField(null=True)),
                ('asked_last', models.DateField(null=True)),
                ('first', models.DateField()),
                ('last', models.DateField()),
                ('began_at', models.DateTimeField()),
                ('moved_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('org', models.CharField(default='', max_length=24)),
                ('day', models.DateField(null=True)),
                ('days', models.IntegerField(default=0)),
                ('left', models.IntegerField(null=True)),
                ('hits', models.BigIntegerField(default=0)),
            ],
        ),
    ]
