"""Each layer of tenancy, and each hole that row-level security leaves, with the layers above switched off."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, models, transaction
from django.db.models import Max
from django.http import StreamingHttpResponse
from django.test.utils import isolate_apps
from psycopg.errors import CheckViolation, InsufficientPrivilege

from apis.models import Outbox, ServedApi
from orgs import scope
from orgs.db.checks import faults
from orgs.db.proof import holes, tenant_tables
from orgs.middleware import AccessMiddleware
from orgs.models import AuditEntry, OrgOwned, User


@contextmanager
def refused(kind: type[psycopg.Error]) -> Iterator[None]:
    """PostgreSQL refuses what happens in here for just that reason: a misspelt name would be an error too."""
    with pytest.raises(DatabaseError) as error, transaction.atomic():
        yield
    assert type(error.value.__cause__) is kind


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
        with scope.org(cast.acme.id), refused(InsufficientPrivilege):
            write()


def test_the_scope_is_sent_again_after_a_savepoint_rolled_back(cast, entries):
    labels = AuditEntry.objects.order_by("label").values_list("label", flat=True)
    with scope.org(cast.acme.id):
        assert list(labels.all()) == ["of acme"]
        with pytest.raises(ZeroDivisionError), transaction.atomic(), scope.org(cast.globex.id):
            assert list(labels.all()) == ["of globex"]
            1 / 0  # noqa: B018
        assert list(labels.all()) == ["of acme"]


def test_a_savepoint_of_another_scope_rolled_back_does_not_bring_it_back(cast, entries):
    labels = AuditEntry.objects.order_by("label").values_list("label", flat=True)
    with scope.org(cast.acme.id):
        savepoint = transaction.savepoint()
    with scope.org(cast.globex.id):
        assert list(labels.all()) == ["of globex"]
        transaction.savepoint_rollback(savepoint)
        assert list(labels.all()) == ["of globex"]


def test_the_scope_is_sent_again_after_a_transaction_rolled_back(committed, entries):
    labels = AuditEntry.objects.order_by("label").values_list("label", flat=True)
    with scope.every_org():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            assert list(labels.all()) == ["of acme", "of globex"]
            1 / 0  # noqa: B018
        assert list(labels.all()) == ["of acme", "of globex"]


def test_a_single_message_is_asked_in_the_entered_scope_and_once_more_where_the_connection_was_cut(
    committed, cast, entries
):
    def seen(but: str) -> tuple:
        return connection.ask(
            "SELECT string_agg(label, ',') FROM orgs_auditentry WHERE label <> %(but)s", locals()
        )

    with scope.org(cast.acme.id):
        assert (seen(""), seen("of acme")) == (("of acme",), (None,))
        before = connection.connection.info.backend_pid
        with psycopg.connect(os.environ["SCRATCH_SUPERUSER_URL"], autocommit=True) as superuser:
            superuser.execute("SELECT pg_terminate_backend(%s)", [before])
        assert seen("") == ("of acme",)
        assert connection.connection.info.backend_pid != before
    with pytest.raises(DatabaseError, match="division by zero"):
        connection.ask("SELECT 1 / 0")
    assert (connection.ask("SELECT 1"), connection.ask("SELECT 1 WHERE false")) == ((1,), None)


def test_audit_entries_cannot_be_changed_deleted_or_truncated(cast, entries):
    for statement in (
        "UPDATE orgs_auditentry SET label = 'forged'",
        "DELETE FROM orgs_auditentry",
        "TRUNCATE orgs_auditentry",
    ):
        with scope.every_org(), refused(InsufficientPrivilege):
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
    with refused(CheckViolation):
        User.everyone.filter(pk=cast.acme_admin.pk).update(is_superuser=True)
    with refused(CheckViolation):
        User.everyone.filter(pk=cast.acme_admin.pk).update(org=None)


def test_whoever_has_entered_an_organisation_sees_and_changes_its_people_alone(cast):
    def emails():
        with connection.cursor() as cursor:
            cursor.execute("SELECT email FROM orgs_user ORDER BY email")
            return [email for (email,) in cursor.fetchall()]

    everybody = sorted(User.everyone.values_list("email", flat=True))
    assert emails() == everybody
    with scope.every_org():
        assert emails() == everybody
    with scope.org(cast.acme.id):
        assert emails() == ["ada@acme.example", "max@acme.example"]
        assert User.everyone.filter(pk=cast.globex_admin.pk).update(is_active=False) == 0
        with refused(InsufficientPrivilege):
            User.everyone.filter(pk=cast.acme_member.pk).update(org=cast.globex)


def test_an_id_tells_nothing_of_another_organisations_row_with_the_same_id(cast):
    same = "6b06e0000000000000000001"
    with scope.org(cast.globex.id):
        entry(cast.globex.id, id=same).save(force_insert=True)
    with scope.org(cast.acme.id):
        entry(cast.acme.id, id=same).save(force_insert=True)
    with scope.every_org():
        assert AuditEntry.objects.filter(pk=same).count() == 2


def test_a_row_loaded_elsewhere_is_neither_changed_nor_deleted_in_an_organisation(cast):
    with scope.every_org():
        row = Outbox.objects.create(org=cast.globex, kind="key", subject="theirs")
    with scope.org(cast.acme.id):
        assert Outbox.objects.filter(pk=row.pk).update(subject="ours") == 0
        assert row.delete()[0] == 0
        row.subject = "ours"
        with pytest.raises(DatabaseError, match="did not affect any rows"), transaction.atomic():
            row.save(force_update=True)
    with scope.org(cast.globex.id):
        assert Outbox.objects.get().subject == "theirs"


def test_copying_out_shows_nothing_until_the_scope_is_sent_and_copying_in_is_refused(cast, entries):
    def copied(cursor):
        with cursor.copy("COPY (SELECT label FROM orgs_auditentry) TO STDOUT") as out:
            return list(out.rows())

    User.everyone.count()  # tells the transaction that nobody is entered
    with scope.org(cast.acme.id), connection.cursor() as cursor:
        # copy() passes Django's execute wrappers by, so it sees what was told last.
        assert copied(cursor) == []
        connection.send_scope()
        assert copied(cursor) == [("of acme",)]
        refused = pytest.raises(psycopg.errors.FeatureNotSupported)
        with refused, transaction.atomic(), cursor.copy("COPY orgs_auditentry FROM STDIN"):
            pass


def test_a_new_thread_carries_no_scope(cast, entries):
    raised = []

    def ask():
        try:
            AuditEntry.objects.count()
        except scope.OutOfScope as error:
            raised.append(error)
        finally:
            connections.close_all()

    with scope.org(cast.acme.id):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert len(raised) == 1


def test_what_streams_after_the_request_has_no_scope(cast, entries, rf):
    def answer(request):
        scope.enter(cast.acme.id)
        return StreamingHttpResponse(str(AuditEntry.objects.count()) for _ in range(1))

    response = AccessMiddleware(answer)(rf.get("/"))
    with pytest.raises(scope.OutOfScope):
        b"".join(response.streaming_content)


def test_a_callback_after_the_commit_asks_under_the_scope_it_runs_in(
    cast, entries, django_capture_on_commit_callbacks
):
    counted = []
    with django_capture_on_commit_callbacks(execute=False) as callbacks, scope.org(cast.acme.id):
        transaction.on_commit(lambda: counted.append(AuditEntry.objects.count()))
    with pytest.raises(scope.OutOfScope):
        callbacks[0]()
    with scope.org(cast.globex.id):
        callbacks[0]()
    assert counted == [1]


@isolate_apps("orgs")
def test_models_that_tenancy_could_not_protect_are_refused_by_the_system_check():
    class Unsafe(OrgOwned):
        friends = models.ManyToManyField("self")
        code = models.CharField(max_length=5, unique=True)

        class Meta(OrgOwned.Meta):
            app_label = "orgs"
            constraints = [models.UniqueConstraint(fields=["code", "org"], name="wrong_way_round")]

    assert [error.id for error in faults(Unsafe)] == ["orgs.E001", "orgs.E002", "orgs.E003"]


def test_a_join_between_tenant_tables_compares_the_organisation_too(cast):
    with scope.org(cast.acme.id):
        statement = str(ServedApi.objects.select_related("api").query)
    assert '"apis_apidefinition"."org_id" = ("apis_servedapi"."org_id")' in statement
