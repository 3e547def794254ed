"""Whose a domain is. Organisations begin with their custom domains, and with those on which they alone have APIs."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import orgs.ids
import orgs.models
import orgs.scope
from apis.domains.names import host
from orgs import scope


def fill(apps, schema_editor):
    alias = schema_editor.connection.alias
    domains, definitions, organisations = (
        apps.get_model(*label)._base_manager.using(alias)
        for label in (("apis", "Domain"), ("apis", "ApiDefinition"), ("orgs", "Organisation"))
    )
    with scope.every_org():
        users = {}
        for name, org_id in definitions.exclude(claimed_domain="").values_list("claimed_domain", "org_id").distinct():
            users.setdefault(name, set()).add(org_id)
        owners = {name: next(iter(ids)) for name, ids in users.items() if len(ids) == 1 and host(name) == name}
        named = organisations.filter(deleted_at=None, cname_enabled=True).exclude(cname="").order_by("created_at", "id")
        for org_id, cname in named.values_list("id", "cname"):
            name = host(cname)
            if name and users.get(name, {org_id}) == {org_id}:
                owners.setdefault(name, org_id)
        model = apps.get_model("apis", "Domain")
        domains.bulk_create(
            [model(org_id=org_id, name=name, author="in use before") for name, org_id in owners.items()],
            batch_size=1_000,
        )


class Migration(migrations.Migration):
    dependencies = [("apis", "0013_assets"), ("orgs", "0006_chosen_ids")]

    operations = [
        migrations.CreateModel(
            "Domain",
            [
                ("id", orgs.models.HexIdField(serialize=False)),
                ("name", models.CharField(max_length=253)),
                ("author", models.CharField(max_length=254)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "org",
                    models.ForeignKey(
                        "orgs.organisation",
                        django.db.models.deletion.CASCADE,
                        default=orgs.scope.org_id_or_none,
                        editable=False,
                        related_name="+",
                        db_index=False,
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "default_manager_name": "objects",
                "default_permissions": ("add", "delete", "view"),
                "indexes": [models.Index(fields=["name"], name="domain_by_name")],
                "constraints": [
                    models.UniqueConstraint(fields=("org", "name"), name="domain_once_an_organisation")
                ],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
