import re
from html import unescape

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse

from orgs import scope
from orgs.models import AuditEntry, Organisation, PlatformAuditEntry, User
from orgs.organisations import lifecycle
from orgs.organisations.limits import LIMITS
from orgs.people import accounts
from tests.keys import build
from tests.make import PASSWORD

DEFAULTS = {name: limit.default for name, limit in LIMITS.items()} | {"min_key_id_length": 16}


def test_only_super_users_get_in_and_a_stranger_is_told_nothing(cast, client_for):
    assert client_for(cast.super_user).get("/django-admin/").status_code == 200
    assert client_for(cast.acme_admin).get("/django-admin/").status_code == 404
    assert client_for(None).get("/django-admin/")["Location"] == "/sign-in/?next=/django-admin/"


def test_whoever_is_added_is_a_super_user(cast, client_for):
    client_for(cast.super_user).post(
        "/django-admin/orgs/user/add/",
        {"email": "New@Platform.example", "first_name": "Nia", "password": PASSWORD, "org": cast.acme.id},
    )
    user = User.everyone.get(email="new@platform.example")
    assert (user.org, user.is_superuser, user.check_password(PASSWORD)) == (None, True, True)
    entry = PlatformAuditEntry.objects.get()
    assert (entry.action, entry.actor_email, entry.label) == (
        "user.created",
        cast.super_user.email,
        user.email,
    )


def test_a_weak_password_or_unknown_permission_is_refused(cast, client_for):
    client = client_for(cast.super_user)
    client.post("/django-admin/orgs/user/add/", {"email": "new@platform.example", "password": "short"})
    client.post(
        f"/django-admin/orgs/user/{cast.acme_member.id}/change/",
        {"email": cast.acme_member.email, "is_active": "on", "permissions": '{"apis": "root"}'},
    )
    assert not User.everyone.filter(email="new@platform.example").exists()
    assert User.everyone.get(pk=cast.acme_member.pk).permissions == {}


def test_a_change_goes_through_the_products_rules_and_is_audited(cast, client_for):
    client = client_for(cast.super_user)
    path = f"/django-admin/orgs/user/{cast.acme_member.id}/change/"
    answer = client.post(
        path, {"email": cast.acme_member.email, "is_active": "on", "permissions": '{"apis": "read"}'}
    )
    assert answer.status_code == 302
    with scope.org(cast.acme.id):
        entry = AuditEntry.objects.get()
    assert (entry.action, entry.as_super_user, entry.changes) == (
        "user.changed",
        True,
        {"permissions": [{}, {"apis": "read"}]},
    )


def test_the_last_administrator_and_the_last_super_user_stay(cast, client_for):
    client = client_for(cast.super_user)
    for user in (cast.acme_admin, cast.super_user):
        answer = client.post(
            f"/django-admin/orgs/user/{user.id}/change/", {"email": user.email, "permissions": "{}"}
        )
        assert answer.status_code == 200
        assert User.everyone.get(pk=user.pk).is_active is True


def test_an_organisation_is_made_and_changed_with_an_audit_entry_each(cast, client_for):
    client = client_for(cast.super_user)
    filled = {
        "enabled": "on",
        **{name: limit.default for name, limit in LIMITS.items()} | {"min_key_id_length": 16},
    }
    client.post(
        "/django-admin/orgs/organisation/add/", {"owner_name": "Initech", "time_zone": "UTC", **filled}
    )
    made = Organisation.everyone.get(owner_name="Initech")
    client.post(
        f"/django-admin/orgs/organisation/{made.id}/change/",
        {"owner_name": "Initech Ltd", "slug": "initech", "time_zone": "Europe/Berlin", **filled},
    )
    with scope.org(made.id):
        actions = list(AuditEntry.objects.order_by("at").values_list("action", "changes"))
    assert [action for action, _ in actions] == ["organisation.created", "organisation.changed"]
    assert actions[1][1] == {"owner_name": ["Initech", "Initech Ltd"], "time_zone": ["UTC", "Europe/Berlin"]}


@pytest.mark.parametrize("model", sorted(m._meta.label_lower for m in admin.site._registry))
def test_every_list_opens_and_offers_no_deletion(cast, client_for, model):
    client = client_for(cast.super_user)
    name = "admin:" + model.replace(".", "_")
    page = client.get(reverse(f"{name}_changelist"))
    assert (page.status_code, "delete_selected" in page.content.decode()) == (200, False)
    assert client.get(reverse(f"{name}_delete", args=["6b06e0000000000000000000"])).status_code in (
        302,
        403,
        404,
    )


def test_a_deleted_organisation_is_not_there(cast, client_for):
    lifecycle.delete(Organisation.everyone.get(pk=cast.acme.pk))
    client = client_for(cast.super_user)
    page = client.get("/django-admin/orgs/organisation/").content.decode()
    assert (cast.globex.owner_name in page, cast.acme.owner_name in page) == (True, False)
    form = {"owner_name": "Back", "slug": "back", "time_zone": "UTC", "enabled": "on", **DEFAULTS}
    client.post(f"/django-admin/orgs/organisation/{cast.acme.pk}/change/", form)
    kept = Organisation.everyone.get(pk=cast.acme.pk)
    assert (kept.owner_name, kept.enabled) == (cast.acme.owner_name, False)


def test_what_gateways_are_given_is_shown_and_cannot_be_changed(cast, client_for):
    api = build.api(cast.acme)
    key, _ = build.key(cast.acme, api)
    client = client_for(cast.super_user)
    for path in (f"apis/apidefinition/{api.id}", f"keys/key/{key.id}"):
        assert client.get(f"/django-admin/{path}/change/").status_code == 200
        assert client.post(f"/django-admin/{path}/change/", {"name": "x", "alias": "x"}).status_code == 403


def test_a_forged_deletion_deletes_nothing(cast, client_for):
    client = client_for(cast.super_user)
    forged = {"action": "delete_selected", "_selected_action": cast.acme_member.id, "post": "yes"}
    client.post("/django-admin/orgs/user/", forged)
    client.post(f"/django-admin/orgs/user/{cast.acme_member.id}/delete/", {"post": "yes"})
    assert User.everyone.filter(pk=cast.acme_member.pk).exists()


def test_no_secret_is_on_any_page(cast, client_for):
    page = (
        client_for(cast.super_user)
        .get(f"/django-admin/orgs/user/{cast.acme_admin.id}/change/")
        .content.decode()
    )
    stored = User.everyone.get(pk=cast.acme_admin.pk)
    assert stored.password not in page
    assert "access_key" not in page


def test_passwords_are_not_changed_past_the_audit_log(cast, client_for):
    client = client_for(cast.super_user)
    client.post(
        "/django-admin/password_change/",
        {
            "old_password": PASSWORD,
            "new_password1": "another long password",
            "new_password2": "another long password",
        },
    )
    assert User.everyone.get(pk=cast.super_user.pk).check_password(PASSWORD)


@pytest.mark.parametrize(
    "query",
    [
        "password__startswith=argon2",
        "access_key_hash__regex=^0",
        "org__users__password__startswith=a",
        "org__extra__has_key=x",
        "permissions__IsAdmin=admin",
        "email__startswith=a",
        "id__gt=0",
        "pk__in=1",
        "is_active__exact=1&password__gte=a",
    ],
)
def test_nothing_is_looked_up_by_the_address_but_what_a_list_filters_by(cast, client_for, query):
    client = client_for(cast.super_user)
    assert client.get(f"/django-admin/orgs/user/?{query}").status_code == 400
    assert client.get("/django-admin/orgs/user/?is_active__exact=1&is_superuser__exact=0").status_code == 200


@pytest.mark.parametrize("model", sorted(m._meta.label_lower for m in admin.site._registry))
def test_no_list_takes_a_look_up_through_a_column_or_to_another_table(cast, client_for, model):
    client, path = client_for(cast.super_user), reverse("admin:" + model.replace(".", "_") + "_changelist")
    model_admin = admin.site._registry[apps.get_model(model)]
    names = [field.name for field in apps.get_model(model)._meta.get_fields()]
    filters = {each if isinstance(each, str) else each[0] for each in model_admin.list_filter}
    for name in names:
        for how in ("startswith", "regex", "contains", "range", "password__startswith", "id__startswith"):
            assert (name, how, client.get(path, {f"{name}__{how}": "a"}).status_code) == (name, how, 400)
        if name not in filters:
            assert (name, client.get(path, {name: "a"}).status_code) == (name, 400)


def test_every_filter_that_a_list_offers_works(cast, client_for):
    build.key(cast.acme, build.api(cast.acme))
    client = client_for(cast.super_user)
    for model in admin.site._registry:
        path = reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")
        links = re.findall(r'href="(\?[^"]*)"', client.get(path).content.decode())
        assert [link for link in links if client.get(path + unescape(link)).status_code != 200] == []


def test_a_change_from_an_older_form_is_refused_with_a_message_and_keeps_what_was_typed(cast, client_for):
    client = client_for(cast.super_user)
    accounts.change_user(cast.acme_member, permissions={"apis": "deny"})
    lifecycle.change(cast.acme, cname="a.example")
    for path, form, typed in (
        (
            f"/django-admin/orgs/user/{cast.acme_member.id}/change/",
            {"email": "other@acme.example", "permissions": "{}"},
            "other@acme.example",
        ),
        (
            f"/django-admin/orgs/organisation/{cast.acme.id}/change/",
            {"owner_name": "Other", "slug": "acme", "time_zone": "UTC", **DEFAULTS},
            "Other",
        ),
    ):
        assert re.findall(r'name="seen" value="(\d+)"', client.get(path).content.decode()) == ["2"]
        page = client.post(path, {**form, "seen": "1"}).content.decode()
        assert ("Somebody else changed this meanwhile: reload the page" in page, typed in page) == (
            True,
            True,
        )
    assert User.everyone.get(pk=cast.acme_member.pk).permissions == {"apis": "deny"}
    assert Organisation.everyone.get(pk=cast.acme.pk).owner_name == "Acme Retail"
    assert client.post(path, {**form, "seen": "2"}).status_code == 302
    assert Organisation.everyone.get(pk=cast.acme.pk).owner_name == "Other"


def test_a_slug_cleared_stays_and_a_taken_one_is_refused_beside_its_field(cast, client_for):
    client, path = client_for(cast.super_user), f"/django-admin/orgs/organisation/{cast.acme.id}/change/"
    form = {"owner_name": "Acme", "slug": "", "time_zone": "UTC", "enabled": "on", **DEFAULTS}
    assert client.post(path, form).status_code == 302
    acme = Organisation.everyone.get(pk=cast.acme.pk)
    assert (acme.owner_name, acme.slug) == ("Acme", "acme")
    assert client.post(path, {**form, "slug": "globex"}).status_code == 200
    assert client.post(path, {**form, "slug": "a b"}).status_code == 200
    assert Organisation.everyone.get(pk=cast.acme.pk).slug == "acme"


def test_the_form_of_a_new_organisation_sent_twice_makes_one(cast, client_for):
    client, path = client_for(cast.super_user), "/django-admin/orgs/organisation/add/"
    token = re.findall(r'name="sent_once" value="([0-9a-f]{32})"', client.get(path).content.decode())[0]
    form = {"owner_name": "Initech", "time_zone": "UTC", "enabled": "on", "sent_once": token, **DEFAULTS}
    statuses = [client.post(path, form).status_code for _ in range(2)]
    assert (statuses, Organisation.everyone.filter(owner_name="Initech").count()) == ([302, 302], 1)


def test_a_password_is_not_among_what_the_form_of_a_person_changes(cast, client_for):
    held = User.everyone.get(pk=cast.acme_member.pk).password
    client_for(cast.super_user).post(
        f"/django-admin/orgs/user/{cast.acme_member.id}/change/",
        {
            "email": cast.acme_member.email,
            "first_name": "Mo",
            "is_active": "on",
            "password": PASSWORD,
            "seen": "1",
        },
    )
    changed = User.everyone.get(pk=cast.acme_member.pk)
    assert (changed.first_name, changed.password) == ("Mo", held)
