"""Words and indexes by which keys are found. For a million keys it takes about a minute, during which keys are read but
not changed."""

import re

import django.db.models.deletion
from django.db import connections, migrations, models

import orgs.ids
import orgs.models
import orgs.scope
from orgs import scope

AT_ONCE = 10_000
# As keys.keys.words had it when this was written.
BETWEEN, LONGEST = re.compile(r"[\s!-/:-@\[-`{-~]+"), 64


def words(*texts):
    return {word[:LONGEST] for text in texts for word in BETWEEN.split(text.lower())} - {""}


def fill(apps, schema_editor):
    alias = schema_editor.connection.alias
    keys = apps.get_model("keys", "Key").objects.using(alias)
    last = ("", "")
    with scope.every_org():
        while found := list(_following(keys, *last).values_list("org_id", "id", "alias", "owner")[:AT_ONCE]):
            rows = [(org, orgs.ids.new_id(), id, word) for org, id, *texts in found for word in words(*texts)]
            with connections[alias].cursor() as cursor:
                cursor.execute(
                    "INSERT INTO keys_keyword (org_id, id, key_id, word)"
                    " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])",
                    [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []],
                )
            last = found[-1][:2]


def _following(keys, org_id, id):
    after = models.Q(org_id__gt=org_id) | models.Q(org_id=org_id, id__gt=id)
    return keys.filter(after, org_id__gte=org_id).order_by("org_id", "id")


class Migration(migrations.Migration):
    dependencies = [("keys", "0003_sweep")]

    operations = [
        migrations.CreateModel(
            name="KeyWord",
            fields=[
                (
                    "id",
                    orgs.models.HexIdField(
                        default=orgs.ids.new_id,
                        editable=False,
                        max_length=24,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("word", models.CharField(db_collation="C", max_length=64)),
                (
                    "key",
                    orgs.models.OrgForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="keys.key",
                    ),
                ),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False,
                        default=orgs.scope.org_id_or_none,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="orgs.organisation",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": ("add", "view", "delete"),
                "base_manager_name": "objects",
                "default_manager_name": "objects",
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="keyword",
            constraint=models.UniqueConstraint(fields=("org", "word", "key"), name="word_once_a_key"),
        ),
        *(
            migrations.AddIndex(model_name=model, index=index)
            for model, index in (
                ("keyword", models.Index(fields=["org", "key"], name="words_of_a_key")),
                ("key", models.Index(fields=["org", "alias", "id"], name="key_by_name")),
                (
                    "key",
                    models.Index(
                        fields=["org", "-created_at", "-id"],
                        condition=models.Q(revoked_at__isnull=False),
                        name="key_revoked",
                    ),
                ),
                (
                    "key",
                    models.Index(
                        fields=["org", "-created_at", "-id"],
                        condition=models.Q(suspended=True, revoked_at=None),
                        name="key_suspended",
                    ),
                ),
                (
                    "key",
                    models.Index(
                        fields=["org", "expires_at"],
                        condition=models.Q(suspended=False, revoked_at=None),
                        name="key_ending",
                    ),
                ),
                (
                    "key",
                    models.Index(
                        fields=["org"],
                        condition=models.Q(all_apis=True, revoked_at=None),
                        name="key_for_all_apis",
                    ),
                ),
            )
        ),
    ]
