"""Signing in: addresses and slugs in one spelling, salts by address, known addresses of callers."""

import django.db.models.functions
import django.utils.timezone
from django.db import migrations, models

import orgs.email_address
from orgs.email_address import normal_address


def one_spelling(apps, schema_editor):
    """Bring e-mail addresses and slugs into the spelling in which they are looked for. Where two differ in nothing but
    that, the older keeps it; the other's slug gets a number, the other's address stays what it is."""
    alias = schema_editor.connection.alias
    everyone = apps.get_model("orgs", "User").everyone.using(alias)
    for user in everyone.order_by("created_at", "id").iterator():
        address = normal_address(user.email)
        if address != user.email and not everyone.filter(org=user.org_id, email=address).exists():
            everyone.filter(pk=user.pk).update(email=address)
    organisations = apps.get_model("orgs", "Organisation").everyone.using(alias)
    for organisation in organisations.order_by("created_at", "id"):
        slug = organisation.slug.lower()
        if slug != organisation.slug:
            organisations.filter(pk=organisation.pk).update(slug=free(slug, organisations))


def free(slug, organisations):
    found, number = slug, 1
    while organisations.filter(slug=found).exists():
        number += 1
        found = f"{slug[:50]}-{number}"
    return found


def salted_by_address(apps, schema_editor):
    everyone = apps.get_model("orgs", "User").everyone.using(schema_editor.connection.alias)
    everyone.update(password_email=models.F("email"))


class Migration(migrations.Migration):
    dependencies = [("orgs", "0003_change_numbers")]

    operations = [
        migrations.AlterField(
            model_name="user",
            name="email",
            field=models.CharField(
                max_length=254,
                validators=[orgs.email_address.validate_address],
                verbose_name="e-mail address",
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="password_email",
            field=models.CharField(blank=True, db_default="", editable=False, max_length=254),
        ),
        migrations.CreateModel(
            name="KnownAddress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("account", models.CharField(max_length=64)),
                ("address", models.CharField(max_length=64)),
            ],
            options={
                "verbose_name_plural": "known addresses",
                "indexes": [models.Index(fields=["at"], name="orgs_knowna_at_41ba42_idx")],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "address"), name="one_row_a_known_address")
                ],
            },
        ),
        migrations.RunPython(one_spelling, migrations.RunPython.noop),
        migrations.RunPython(salted_by_address, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="organisation",
            constraint=models.CheckConstraint(
                condition=models.Q(("slug", models.functions.Lower("slug"))), name="slug_is_lower_case"
            ),
        ),
    ]
