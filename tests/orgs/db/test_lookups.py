"""What may be asked of a column beside what Django knows."""

from keys.models import Key, KeyRight
from orgs import scope
from tests.keys import build


def test_among_finds_what_in_finds_with_one_parameter_and_of_none_nothing(cast):
    orders = build.api(cast.acme, "Orders")
    ids = [build.key(cast.acme, orders)[0].id for _ in range(3)]
    asked = [*ids[:2], "0" * 24]
    with scope.org(cast.acme.id):
        for rows, column in ((Key.objects, "id"), (KeyRight.objects, "key_id")):
            found = rows.filter(**{f"{column}__among": asked}).values_list(column, flat=True)
            assert set(found) == set(ids[:2])
            assert str(found.query).count("0" * 24) == 1
            left = rows.exclude(**{f"{column}__among": set(asked)}).values_list(column, flat=True)
            assert list(left) == ids[2:]
            assert (rows.filter(**{f"{column}__among": ()}).count(), rows.count()) == (0, 3)
            assert rows.exclude(**{f"{column}__among": ()}).count() == 3
