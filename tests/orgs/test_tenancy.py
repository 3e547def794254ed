"""Each layer of tenancy, and each hole that row-level security leaves, with the layers above switched off."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.db.models import Max

from orgs import scope
from orgs.db.proof import holes, tenant_tables
from orgs.models import AuditEntry, User


def entry(org_id: str, **facts) -> AuditEntry:
    return AuditEntry(
        org_id=org_id, actor_email="a@b.example", action="key.created", kind="key", object_id="1", **facts
    )


@pytest.fixture
def entries(cast):
    """One entry of each organisation."""
    with scope.every_org():
        return AuditEntry.objects.bulk_create(
            [entry(cast.acme.id, label="of acme"), entry(cast.globex.id, label="of globex")]
        )


def test_a_queryset_without_a_scope_raises_whatever_is_asked_of_it(entries):
    asked = [
        lambda rows: list(rows.all()),
        lambda rows: rows.exists(),
        lambda rows: rows.count(),
        lambda rows: rows.first(),
        lambda rows: rows.update(label="x"),
        lambda rows: rows.filter(label="of acme").exclude(kind="x").exists(),
        lambda rows: rows.explain(),
        lambda rows: list(rows.values_list("id")),
        lambda rows: rows.aggregate(newest=Max("at")),
        lambda rows: rows.get(pk=entries[0].pk),
        lambda rows: rows.in_bulk([entries[0].pk]),
        lambda rows: rows.select_for_update().first(),
        lambda rows: AuditEntry._base_manager.count(),
        lambda rows: entries[0].refresh_from_db(),
    ]
    raised = []
    for ask in asked:
        try:
            ask(AuditEntry.objects)
        except scope.OutOfScope:
            raised.append(ask)
    assert raised == asked


def test_each_organisation_sees_its_own_rows_and_every_org_sees_all(cast, entries):
    rows = AuditEntry.objects.order_by("label").values_list("label", flat=True)
    with scope.org(cast.acme.id):
        assert list(rows.all()) == ["of acme"]
    with scope.org(cast.globex.id):
        assert list(rows.all()) == ["of globex"]
    with scope.every_org():
        assert list(rows.all()) == ["of acme", "of globex"]


def test_raw_sql_sees_only_the_entered_organisation(cast, entries):
    def seen():
        with connection.cursor() as cursor:
            cursor.execute("SELECT label FROM orgs_auditentry ORDER BY label")
            return [label for (label,) in cursor.fetchall()]

    assert seen() == []
    with scope.org(cast.acme.id):
        assert seen() == ["of acme"]
    with scope.every_org():
        assert seen() == ["of acme", "of globex"]
    assert seen() == []


def test_a_row_of_another_organisation_cannot_be_written(cast, entries):
    for write in (
        lambda: entry(cast.globex.id).save(),
        lambda: AuditEntry.objects.bulk_create([entry(cast.globex.id)]),
        lambda: connection.cursor().execute(
            "INSERT INTO orgs_auditentry (id, org_id, at, actor_id, actor_email, as_super_user, action, kind,"
            " object_id, label, changes, request_id) SELECT 'x', %s, at, actor_id, actor_email, as_super_user,"
            " action, kind, object_id, label, changes, request_id FROM orgs_auditentry LIMIT 1",
            [cast.globex.id],
        ),
    ):
        with scope.org(cast.acme.id), pytest.raises(DatabaseError), transaction.atomic():
            write()


def test_the_scope_is_sent_again_after_a_savepoint_rolled_back(cast, entries):
    labels = AuditEntry.objects.order_by("label").values_list("label", flat=True)
    with scope.org(cast.acme.id):
        assert list(labels.all()) == ["of acme"]
        with pytest.raises(ZeroDivisionError), transaction.atomic(), scope.org(cast.globex.id):
            assert list(labels.all()) == ["of globex"]
            1 / 0  # noqa: B018
        assert list(labels.all()) == ["of acme"]


def test_audit_entries_cannot_be_changed_deleted_or_truncated(cast, entries):
    for statement in (
        "UPDATE orgs_auditentry SET label = 'forged'",
        "DELETE FROM orgs_auditentry",
        "TRUNCATE orgs_auditentry",
    ):
        with scope.every_org(), pytest.raises(DatabaseError), transaction.atomic():
            connection.cursor().execute(statement)


def test_the_suite_runs_as_the_application_role():
    assert connection.settings_dict["USER"] == "gatehouse_app"


def test_the_database_proves_its_isolation(db):
    assert "orgs_auditentry" in tenant_tables()
    assert holes(connection) == []


def test_the_proof_fails_for_a_role_which_owns_the_tables(committed):
    found = holes(connections["owner"])
    assert "the application's database role owns orgs_auditentry" in found


def test_a_table_whose_policy_was_dropped_is_found(committed):
    with connections["owner"].cursor() as cursor:
        cursor.execute("DROP POLICY tenant ON orgs_auditentry")
    assert holes(connection) == [
        "orgs_auditentry is not under forced row-level security with its two policies"
    ]


def test_a_super_user_and_only_a_super_user_has_no_organisation(cast):
    assert cast.super_user.is_superuser and not cast.acme_admin.is_superuser
    with pytest.raises(IntegrityError), transaction.atomic():
        User.everyone.filter(pk=cast.acme_admin.pk).update(is_superuser=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.everyone.filter(pk=cast.acme_admin.pk).update(org=None)
