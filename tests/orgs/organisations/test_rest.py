"""The Admin API: organisations, and the users they begin with."""

import pytest
from django.test import Client

from apis.models import ApiDefinition
from apis.publishing import feed
from keys.models import Key
from orgs import rights, scope
from orgs.models import AuditEntry, Organisation, User
from orgs.organisations.limits import LIMITS
from tests.keys import build

JSON = "application/json"


def organisation(**members) -> dict:
    """The organisation object as it is answered, with `members` in place of the defaults."""
    return {
        "id": "",
        "owner_name": "",
        "owner_slug": "",
        "cname_enabled": False,
        "cname": "",
        "time_zone": "UTC",
        **{name: limit.default for name, limit in LIMITS.items()},
        "min_key_id_length": 16,
        "kept_days": {},
        "developer_quota": 0,
        "developer_count": 0,
        "event_options": {},
        "hybrid_enabled": False,
        "ui": {},
        "org_options_meta": {},
        "open_policy": {"enabled": False, "rules": ""},
        "additional_permissions": {},
        "sso_enabled": False,
    } | members


def test_an_organisation_is_created_read_changed_and_listed(admin_client, db):
    made = admin_client.post(
        "/admin/organisations", {"owner_name": "Initech Ltd", "hybrid_enabled": True}, JSON
    ).json()
    assert (made["Message"], list(made)) == ("Org created", ["Status", "Message", "Meta"])
    path = f"/admin/organisations/{made['Meta']}"
    shown = organisation(
        id=made["Meta"], owner_name="Initech Ltd", owner_slug="initech-ltd", hybrid_enabled=True
    )
    assert admin_client.get(path).json() == shown
    changed = admin_client.put(path, {"cname": "api.initech.example", "cname_enabled": True}, JSON)
    assert changed.json() == {"Status": "OK", "Message": "Org updated", "Meta": None}
    shown |= {"cname": "api.initech.example", "cname_enabled": True}
    assert admin_client.get("/admin/organisations").json() == {"organisations": [shown], "pages": 1}


def test_the_time_zone_is_heeded_by_every_way_of_making_and_changing(admin_client, db):
    body = {"id": "5e9d9544a1dcd60001d0ed20", "owner_name": "Initech", "time_zone": "Europe/Oslo"}
    made = admin_client.post("/admin/organisations", body, JSON).json()["Meta"]
    admin_client.post("/admin/organisations/import", body, JSON)
    admin_client.put(f"/admin/organisations/{made}", {"time_zone": "Asia/Tokyo"}, JSON)
    assert [
        admin_client.get(f"/admin/organisations/{each}").json()["time_zone"] for each in (made, body["id"])
    ] == [
        "Asia/Tokyo",
        "Europe/Oslo",
    ]
    for zone, said in (
        ("Mars/Olympus", "time_zone: This is not a time zone."),
        ("CET", "time_zone: This is not a time zone."),
        (5, "time_zone must be a string"),
    ):
        answer = admin_client.put(f"/admin/organisations/{made}", {"time_zone": zone}, JSON)
        assert (answer.status_code, answer.json()["Message"]) == (400, said)
    assert Organisation.everyone.get(pk=made).time_zone == "Asia/Tokyo"


def test_a_slug_is_made_of_the_name_and_never_taken_twice(admin_client, db):
    for _ in range(3):
        admin_client.post("/admin/organisations", {"owner_name": "Acme"}, JSON)
    assert list(Organisation.everyone.order_by("slug").values_list("slug", flat=True)) == [
        "acme",
        "acme-2",
        "acme-3",
    ]
    clash = admin_client.post("/admin/organisations", {"owner_name": "Other", "owner_slug": "acme"}, JSON)
    assert (clash.status_code, clash.json()["Message"]) == (
        400,
        "owner_slug: Organisation with this Slug already exists.",
    )


def test_an_import_keeps_the_id_and_does_not_double_it(admin_client, db):
    body = {"id": "5e9d9544a1dcd60001d0ed20", "owner_name": "Imported"}
    for name in ("Imported", "Imported again"):
        answer = admin_client.post("/admin/organisations/import", body | {"owner_name": name}, JSON).json()
        assert answer == {"Status": "OK", "Message": "Org imported", "Meta": body["id"]}
    assert list(Organisation.everyone.values_list("id", "owner_name")) == [(body["id"], "Imported again")]
    assert admin_client.post("/admin/organisations/import", {"id": "zz"}, JSON).status_code == 400


def test_a_deleted_organisation_is_gone_with_all_that_it_opened(admin_client, cast, rest):
    build.api(cast.acme)
    key, _ = build.key(cast.acme)
    client = rest(cast.acme_admin)
    assert client.get("/api/users/me").status_code == 200
    path = f"/admin/organisations/{cast.acme.id}"
    assert admin_client.delete(path).json() == {"Status": "OK", "Message": "Org deleted", "Meta": None}
    assert admin_client.get(path).status_code == 404
    assert admin_client.delete(path).status_code == 404
    assert client.get("/api/users/me").status_code == 401
    assert feed.current().count == 0
    with scope.org(cast.acme.id):
        assert ApiDefinition.objects.count() == 0
        assert Key.objects.get(pk=key.pk).revoked_at is not None
        assert AuditEntry.objects.filter(action="organisation.deleted").count() == 1
    assert Organisation.everyone.present().count() == 1


def test_the_id_of_a_deleted_organisation_is_not_imported_again(admin_client, cast):
    admin_client.delete(f"/admin/organisations/{cast.acme.id}")
    answer = admin_client.post(
        "/admin/organisations/import", {"id": cast.acme.id, "owner_name": "Back"}, JSON
    )
    said = "id belongs to a deleted organisation"
    assert (answer.status_code, answer.json()["Message"]) == (409, said)
    assert Organisation.everyone.present().count() == 1


def test_the_slug_of_a_deleted_organisation_is_free_again(admin_client, cast):
    admin_client.delete(f"/admin/organisations/{cast.acme.id}")
    admin_client.post("/admin/organisations", {"owner_name": "Another", "owner_slug": "acme"}, JSON)
    assert Organisation.everyone.present().get(slug="acme").owner_name == "Another"


def test_nobody_of_a_deleted_or_disabled_organisation_gets_in(cast, client_for, admin_client):
    browser = client_for(cast.globex_admin)
    assert browser.get("/o/globex/people/").status_code == 200
    Organisation.everyone.filter(pk=cast.globex.pk).update(enabled=False)
    assert browser.get("/o/globex/people/").status_code == 302
    assert browser.post("/sign-in/", {"email": cast.globex_admin.email, "password": "x"}).status_code == 200


def test_a_user_is_created_in_an_organisation_or_as_a_super_user(admin_client, cast):
    body = {"first_name": "Nia", "email_address": "Nia@Acme.example", "org_id": cast.acme.id, "active": True}
    answer = admin_client.post("/admin/users", body | {"user_permissions": rights.ADMINISTRATOR}, JSON).json()
    user = User.everyone.get(email="nia@acme.example")
    assert (answer["Meta"]["id"], answer["Meta"]["org_id"]) == (user.id, cast.acme.id)
    assert answer["Meta"]["user_permissions"] == rights.ADMINISTRATOR
    assert Client(headers={"Authorization": answer["Message"]}).get("/api/users/me").json()["id"] == user.id
    admin_client.post("/admin/users", {"email_address": "root@platform.example"}, JSON)
    assert User.everyone.get(email="root@platform.example").is_superuser is True


def test_a_user_without_a_map_may_nothing(admin_client, cast):
    body = {"email_address": "nia@acme.example", "org_id": cast.acme.id}
    key = admin_client.post("/admin/users", body, JSON).json()["Message"]
    client = Client(headers={"Authorization": key})
    assert [client.get(path).status_code for path in ("/api/users/me", "/api/apis", "/api/users")] == [
        200,
        403,
        403,
    ]


def test_a_duplicate_address_is_403_in_its_organisation_and_free_in_another(admin_client, cast):
    body = {"email_address": cast.acme_admin.email, "org_id": cast.acme.id}
    answer = admin_client.post("/admin/users", body, JSON)
    assert (answer.status_code, answer.json()["Message"]) == (403, "User email already exists for this Org")
    assert admin_client.post("/admin/users", body | {"org_id": cast.globex.id}, JSON).status_code == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"email_address": "x"}, "email_address: Enter a valid email address."),
        ({}, "email_address: This field cannot be blank."),
        (
            {"email_address": "a@b.example", "org_id": "5e9d9544"},
            "org_id: there is no such organisation",
        ),
        ({"email_address": "a@b.example", "password": "short"}, "password: This password is too short."),
        ({"email_address": "a@b.example", "active": 1}, "active must be true or false"),
    ],
)
def test_what_is_wrong_with_a_new_user_is_named(admin_client, db, body, said):
    answer = admin_client.post("/admin/users", body, JSON)
    assert (answer.status_code, answer.json()["Message"][: len(said)]) == (400, said)
    assert User.everyone.count() == 0


def test_a_user_is_read_and_changed(admin_client, cast):
    path = f"/admin/users/{cast.acme_member.id}"
    admin_client.put(path, {"last_name": "Meyer", "user_permissions": {"log": "read"}}, JSON)
    shown = admin_client.get(path).json()
    assert (shown["last_name"], shown["user_permissions"], shown["access_key"]) == (
        "Meyer",
        {"log": "read"},
        "",
    )
    assert shown["created_at"][:2] == "20"
    assert admin_client.get("/admin/users/5e9d9544a1dcd60001d0ed20").status_code == 404


def test_resetting_passwords_is_allowed_and_disallowed(admin_client, cast):
    path = f"/admin/users/{cast.acme_member.id}/actions"
    allowed = admin_client.put(f"{path}/allow_reset_passwords", {}, JSON).json()
    assert (allowed["Message"], allowed["Meta"]["user_permissions"]) == (
        "User updated",
        {"ResetPassword": "admin"},
    )
    admin_client.put(f"{path}/disallow_reset_passwords", {}, JSON)
    assert User.everyone.get(pk=cast.acme_member.pk).permissions == {}
