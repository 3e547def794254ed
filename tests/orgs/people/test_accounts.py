"""What a change of a person costs the database: as much with many others as with none."""

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from orgs import scope
from orgs.models import User
from orgs.people import accounts
from tests import make

STATEMENTS = {
    "addition": 9,
    "change": 7,
    "another address": 8,
    "deactivation": 7,
    "password": 8,
    "access key": 7,
    "sessions": 7,
    "deletion": 6,
}


def write(name: str, row: User, actor: User) -> None:
    if name == "addition":
        accounts.create_user(org=row.org, email="nia@acme.example", actor=actor)
    elif name == "change":
        accounts.change_user(row, first_name="Late", actor=actor)
    elif name == "another address":
        accounts.change_user(row, email="late@acme.example", actor=actor)
    elif name == "deactivation":
        accounts.change_user(row, is_active=False, actor=actor)
    elif name == "password":
        accounts.set_password(row, make.PASSWORD, actor=actor)
    elif name == "access key":
        accounts.renew_access_key(row, actor=actor)
    elif name == "sessions":
        accounts.end_sessions(row, actor=actor)
    else:
        accounts.delete_user(row, actor=actor)


@pytest.mark.parametrize("others", [0, 20])
@pytest.mark.parametrize("name", STATEMENTS)
def test_a_change_of_a_person_takes_its_statements_whoever_else_there_is(
    cast, django_assert_num_queries, name, others
):
    for number in range(others):
        User.everyone.create(org=cast.acme, email=f"other{number}@acme.example")
    row, actor = (User.everyone.get(pk=user.pk) for user in (cast.acme_member, cast.acme_admin))
    assert row.org == actor.org
    with scope.org(cast.acme.id), transaction.atomic(), django_assert_num_queries(STATEMENTS[name]):
        write(name, row, actor)


def test_a_change_is_judged_by_what_it_changes(cast):
    """An earlier version may have let in what none would let in today."""
    User.everyone.filter(pk=cast.acme_member.pk).update(email="no address")
    row = User.everyone.get(pk=cast.acme_member.pk)
    with scope.org(cast.acme.id), transaction.atomic():
        accounts.change_user(row, first_name="Late", actor=cast.acme_admin)
        with pytest.raises(ValidationError) as refused:
            accounts.change_user(row, email="none either", first_name="x" * 151, actor=cast.acme_admin)
    assert refused.value.message_dict.keys() == {"email", "first_name"}
    stored = User.everyone.get(pk=row.pk)
    assert (stored.first_name, stored.email) == ("Late", "no address")
