"""Keys are found by their owner, their tags and what their metadata says, too.

Of keys that there are already this writes the words a batch at a time, each in a transaction of its own: broken off, it
begins again and finds most of it done, and nothing is locked meanwhile but the keys of one batch.
"""

import re

import orgs.ids
from django.db import connections, migrations, models, transaction
from orgs import scope

AT_ONCE = 1_000
LONGEST, MOST = 64, 500
BLANKS = "\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
BETWEEN = re.compile(rf"[\s{BLANKS}!-/:-@\[-`{{-~]+")


# As keys.keys.words has it at the time.
def of_key(alias, owner, tags, meta_data):
    marks = [f"#{tag.lower()}"[:LONGEST] for tag in tags]
    found = [*words(alias, owner), *marks, *words(*tags, *texts(meta_data))]
    return list(dict.fromkeys(found))[:MOST]


def words(*said):
    return sorted({word[:LONGEST] for text in said for word in BETWEEN.split(text.lower())} - {""})


def texts(value):
    if isinstance(value, dict):
        for name, entry in value.items():
            yield name
            yield from texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from texts(entry)
    elif value is not None:
        yield str(value)


def fill(apps, schema_editor):
    alias = schema_editor.connection.alias
    keys = apps.get_model("keys", "Key").objects.using(alias).exclude(tags=[], meta_data={})
    last = ("", "")
    while last:
        with scope.every_org(), transaction.atomic(using=alias):
            last = _fill(keys, alias, last)


def _fill(keys, alias, last):
    """The words of the keys after the last one; the last of them, None if there are no more."""
    after = models.Q(org_id__gt=last[0]) | models.Q(org_id=last[0], id__gt=last[1])
    following = keys.filter(after, org_id__gte=last[0]).order_by("org_id", "id").select_for_update(no_key=True)
    columns = ("org_id", "id", "alias", "owner", "tags", "meta_data")
    found = list(following.values_list(*columns)[:AT_ONCE])
    rows = [(org, orgs.ids.new_id(), id, word) for org, id, *facts in found for word in of_key(*facts)]
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "INSERT INTO keys_keyword (org_id, id, key_id, word)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])"
            " ON CONFLICT (org_id, word, key_id) DO NOTHING",
            [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []],
        )
    return found[-1][:2] if found else None


class Migration(migrations.Migration):

    atomic = False

    dependencies = [('keys', '0019_adoption')]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='key',
            index=models.Index(fields=['org', 'owner', '-created_at', '-id'], name='key_by_owner'),
        ),
    ]
