"""One change leaves one entry, whichever door it came through."""

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from orgs import rights, scope
from orgs.models import AuditEntry, Organisation, PlatformAuditEntry, User
from orgs.organisations.limits import LIMITS
from tests import make

JSON = "application/json"
ADDRESS = "127.0.0.1"
DEFAULTS = {name: limit.default for name, limit in LIMITS.items()} | {"min_key_id_length": 16}
NEW_PASSWORD = "another long pass phrase"


def entries() -> list[dict]:
    """What was noted, oldest first, without what differs between any two entries."""
    with scope.every_org():
        found = [*AuditEntry.objects.values(), *PlatformAuditEntry.objects.values()]
    found.sort(key=lambda entry: (entry["at"], entry["id"]))
    assert all(len(entry["request_id"]) == 32 for entry in found)
    kept = (
        "action",
        "kind",
        "object_id",
        "label",
        "changes",
        "actor_id",
        "actor_email",
        "as_super_user",
        "address",
    )
    return [{name: entry[name] for name in kept} | {"org": entry.get("org_id")} for entry in found]


def by(actor: User | None) -> dict:
    """Who it was; None is the secret of the Admin API, which names nobody."""
    return {
        "actor_id": actor.id if actor else "",
        "actor_email": actor.email if actor else "admin API",
        "as_super_user": actor is None or actor.is_superuser,
        "address": ADDRESS,
    }


def admin_api() -> Client:
    return Client(headers={"admin-auth": settings.ADMIN_SECRET})


def about_user(user: User, action: str, actor: User | None, changes: dict) -> dict:
    facts = {"action": action, "kind": "user", "object_id": user.id, "label": user.email, "org": user.org_id}
    return {**facts, **by(actor), "changes": changes}


def test_a_new_name_and_a_deactivation_through_every_door(cast, client_for, rest):
    member, path = cast.acme_member, f"/o/acme/people/{cast.acme_member.id}/"
    wanted = {"email": member.email, "first_name": "Max", "last_name": ""}
    admin_path = f"/django-admin/orgs/user/{member.id}/change/"
    doors = {
        "page": (cast.acme_admin, lambda: client_for(cast.acme_admin).post(path, wanted)),
        "page as super-user": (cast.super_user, lambda: client_for(cast.super_user).post(path, wanted)),
        "REST": (
            cast.acme_admin,
            lambda: rest(cast.acme_admin).put(f"/api/users/{member.id}", {"first_name": "Max"}, JSON),
        ),
        "REST as super-user": (
            cast.super_user,
            lambda: rest(cast.super_user).put(f"/api/users/{member.id}", {"first_name": "Max"}, JSON),
        ),
        "Admin API": (
            None,
            lambda: admin_api().put(f"/admin/users/{member.id}", {"first_name": "Max"}, JSON),
        ),
        "Django admin": (
            cast.super_user,
            lambda: client_for(cast.super_user).post(
                admin_path, {**wanted, "is_active": "on", "permissions": "{}"}
            ),
        ),
        "profile": (
            member,
            lambda: client_for(member).post("/profile/", {"first_name": "Max", "last_name": ""}),
        ),
        "REST of oneself": (
            member,
            lambda: rest(member).put("/api/users/me", {"first_name": "Max"}, JSON),
        ),
    }
    for name, (actor, change) in doors.items():
        before = entries()
        assert change().status_code in (200, 302), name
        meant = about_user(member, "user.changed", actor, {"first_name": ["", "Max"]})
        assert (name, entries()[len(before) :]) == (name, [meant])
        User.everyone.filter(pk=member.pk).update(first_name="")


def test_rights_and_activation_through_every_door(cast, client_for, rest):
    member, path = cast.acme_member, f"/o/acme/people/{cast.acme_member.id}/"
    form = {"email": member.email, "first_name": "", "last_name": ""}
    admin_path = f"/django-admin/orgs/user/{member.id}/change/"
    granted, body = {"apis": "read"}, {"user_permissions": {"apis": "read"}}
    ada, sue = client_for(cast.acme_admin), client_for(cast.super_user)
    doors = [
        (cast.acme_admin, lambda: ada.post(path, {**form, "rights-apis": "read"})),
        (cast.acme_admin, lambda: rest(cast.acme_admin).put(f"/api/users/{member.id}", body, JSON)),
        (None, lambda: admin_api().put(f"/admin/users/{member.id}", body, JSON)),
        (
            cast.super_user,
            lambda: sue.post(admin_path, {**form, "is_active": "on", "permissions": '{"apis": "read"}'}),
        ),
    ]
    for actor, change in doors:
        before = entries()
        assert change().status_code in (200, 302)
        meant = about_user(member, "user.changed", actor, {"permissions": [{}, granted]})
        assert entries()[len(before) :] == [meant]
        User.everyone.filter(pk=member.pk).update(permissions={})
    doors = [
        (cast.acme_admin, lambda: ada.post(f"{path}activation/", {"active": "no"})),
        (
            cast.acme_admin,
            lambda: rest(cast.acme_admin).put(f"/api/users/{member.id}", {"active": False}, JSON),
        ),
        (None, lambda: admin_api().put(f"/admin/users/{member.id}", {"active": False}, JSON)),
        (cast.super_user, lambda: sue.post(admin_path, {**form, "permissions": "{}"})),
    ]
    for actor, change in doors:
        before = entries()
        assert change().status_code in (200, 302)
        meant = about_user(member, "user.changed", actor, {"is_active": [True, False]})
        assert entries()[len(before) :] == [meant]
        User.everyone.filter(pk=member.pk).update(is_active=True)


def test_a_password_and_an_access_key_on_ones_profile_and_over_rest(cast, client_for, rest):
    member = cast.acme_member
    profile = {"password-current": make.PASSWORD, "password-new": NEW_PASSWORD}
    body = {"current_password": make.PASSWORD, "new_password": NEW_PASSWORD}
    doors = [
        ("user.password-changed", lambda: client_for(member).post("/profile/password/", profile)),
        ("user.password-changed", lambda: rest(member).post("/api/users/me/actions/reset", body, JSON)),
        ("user.access-key-renewed", lambda: renewed_on_the_profile(client_for(member))),
        ("user.access-key-renewed", lambda: rest(member).put("/api/users/me/actions/key/reset")),
    ]
    for action, change in doors:
        before = entries()
        assert change().status_code in (200, 302)
        assert entries()[len(before) :] == [about_user(member, action, member, {})]
        User.everyone.filter(pk=member.pk).update(password=member.password, session_round=0)


def renewed_on_the_profile(client: Client):
    page = client.get("/profile/access-key/").content.decode()
    mark = page.split('name="replaces" value="')[1].split('"')[0]
    return client.post("/profile/access-key/", {"replaces": mark})


def test_a_new_person_through_every_door(cast, client_for, rest):
    doors = [
        (cast.acme_admin, lambda: client_for(cast.acme_admin).post("/o/acme/people/new/", {"email": EMAIL})),
        (cast.acme_admin, lambda: rest(cast.acme_admin).post("/api/users", {"email_address": EMAIL}, JSON)),
        (
            None,
            lambda: admin_api().post("/admin/users", {"email_address": EMAIL, "org_id": cast.acme.id}, JSON),
        ),
    ]
    supers = [
        (cast.super_user, lambda: client_for(cast.super_user).post("/super-users/new/", {"email": EMAIL})),
        (
            cast.super_user,
            lambda: client_for(cast.super_user).post("/django-admin/orgs/user/add/", {"email": EMAIL}),
        ),
        (cast.super_user, lambda: rest(cast.super_user).post("/api/users", {"email_address": EMAIL}, JSON)),
        (None, lambda: admin_api().post("/admin/users", {"email_address": EMAIL}, JSON)),
    ]
    changes = {
        "email": [None, EMAIL],
        "first_name": [None, ""],
        "last_name": [None, ""],
        "is_active": [None, True],
        "permissions": [None, {}],
    }
    for actor, add in doors + supers:
        before = entries()
        assert add().status_code in (200, 302)
        made = User.everyone.get(email=EMAIL)
        assert entries()[len(before) :] == [about_user(made, "user.created", actor, changes)]
        made.delete()


EMAIL = "nia@acme.example"


@pytest.mark.parametrize("new", [True, False])
def test_an_organisation_through_every_door(cast, client_for, new):
    sue = client_for(cast.super_user)
    form = {
        "owner_name": "Initech",
        "slug": "initech",
        "time_zone": "Europe/Oslo",
        "enabled": "on",
        **DEFAULTS,
    }
    body = {"owner_name": "Initech", "owner_slug": "initech", "time_zone": "Europe/Oslo"}
    imported = {**body, "id": "5e9d9544a1dcd60001d0ed20"}
    here = "5e9d9544a1dcd60001d0ed20"
    doors = [
        (cast.super_user, lambda: sue.post("/orgs/new/" if new else f"/orgs/{here}/", form)),
        (
            cast.super_user,
            lambda: sue.post(f"/django-admin/orgs/organisation/{'add' if new else f'{here}/change'}/", form),
        ),
        (None, lambda: admin_api().post("/admin/organisations/import", imported, JSON)),
    ]
    if new:
        doors.append((None, lambda: admin_api().post("/admin/organisations", body, JSON)))
    else:
        doors.append((None, lambda: admin_api().put(f"/admin/organisations/{here}", body, JSON)))
    before = {"owner_name": "Old", "slug": "old", "time_zone": "UTC"}
    after = {"owner_name": "Initech", "slug": "initech", "time_zone": "Europe/Oslo"}
    if new:
        after |= {
            "cname": "",
            "cname_enabled": False,
            "enabled": True,
            "extra": {},
            "kept_days": {},
            **DEFAULTS,
        }
    changes = {name: [None if new else before[name], value] for name, value in after.items()}
    action = "organisation.created" if new else "organisation.changed"
    for actor, act in doors:
        with transaction.atomic():
            if not new:
                Organisation.everyone.create(id=here, **before)
            assert act().status_code in (200, 302)
            made = Organisation.everyone.get(slug="initech").id
            meant = {
                "action": action,
                "kind": "organisation",
                "object_id": made,
                "label": "Initech",
                "org": made,
            }
            assert entries() == [{**meant, **by(actor), "changes": changes}]
            transaction.set_rollback(True)


def test_administrators_are_alike_through_every_door(cast, client_for, rest):
    ada, path = cast.acme_admin, f"/o/acme/people/{cast.acme_member.id}/"
    form = {"email": cast.acme_member.email, "first_name": "", "last_name": "", "rights-administrator": "on"}
    body = {"user_permissions": rights.ADMINISTRATOR}
    for change in (
        lambda: client_for(ada).post(path, form),
        lambda: rest(ada).put(f"/api/users/{cast.acme_member.id}", body, JSON),
    ):
        noted = entries()
        assert change().status_code in (200, 302)
        changes = {"permissions": [{}, rights.ADMINISTRATOR]}
        assert entries()[len(noted) :] == [about_user(cast.acme_member, "user.changed", ada, changes)]
        User.everyone.filter(pk=cast.acme_member.pk).update(permissions={})
