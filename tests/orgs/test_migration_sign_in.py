"""Addresses and slugs of before are brought into one spelling."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.db import connections

from orgs.models import Organisation, User
from tests.make import PASSWORD

migration = import_module("orgs.migrations.0004_sign_in")


@pytest.fixture
def before(committed):
    """Without the constraints that came with the migration, as a table of before is."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE orgs_organisation DROP CONSTRAINT slug_is_lower_case")


def migrate() -> None:
    with connections["owner"].schema_editor() as editor:
        migration.one_spelling(apps, editor)
        migration.salted_by_address(apps, editor)


def test_slugs_are_lowered_and_where_that_is_taken_numbered(before):
    for number, slug in enumerate(("acme", "Acme", "ACME", "Acme-2", "Globex", "GLOBEX")):
        Organisation.everyone.create(owner_name=str(number), slug=slug)
    migrate()
    slugs = Organisation.everyone.order_by("owner_name").values_list("slug", flat=True)
    assert list(slugs) == ["acme", "acme-2", "acme-3", "acme-2-2", "globex", "globex-2"]


def test_addresses_get_their_spelling_unless_somebody_has_it(before):
    first, second = (Organisation.everyone.create(owner_name=name, slug=name) for name in ("one", "two"))
    rows = [
        (first, "ada@xn--mnchen-3ya.example", "ada@münchen.example"),
        (second, "ada@xn--mnchen-3ya.example", "ada@münchen.example"),
        (None, "ada@xn--mnchen-3ya.example", "ada@münchen.example"),
        (first, "max@mu\u0308nchen.example", "max@mu\u0308nchen.example"),
        (first, "max@münchen.example", "max@münchen.example"),
        (first, "max@acme.example", "max@acme.example"),
    ]
    users = [
        User.everyone.create(org=org, email=email, is_superuser=org is None, password=make_password(PASSWORD))
        for org, email, _ in rows
    ]
    migrate()
    now = {user.pk: user for user in User.everyone.all()}
    assert [now[user.pk].email for user in users] == [email for _, _, email in rows]
    assert [now[user.pk].password_email for user in users] == [email for _, _, email in rows]
