"""Users over REST: whose they become, who may do what to whom, and that it binds at once."""

import pytest
from django.test import Client

from orgs import rights, scope
from orgs.models import AuditEntry, PlatformAuditEntry, User
from orgs.people import accounts
from orgs.signing_in.credentials import access_key_hash
from tests.make import PASSWORD

JSON = "application/json"
NEW = "another long and good password"


def post(client, **body):
    return client.post("/api/users", {"email_address": "nia@new.example"} | body, JSON)


def test_the_list_is_of_the_callers_organisation_and_a_super_users_of_all(cast, rest):
    def listed(user):
        return [row["email_address"] for row in rest(user).get("/api/users?p=-1").json()["users"]]

    assert listed(cast.acme_admin) == ["ada@acme.example", "max@acme.example"]
    assert listed(cast.globex_admin) == ["gus@globex.example", "mia@globex.example"]
    assert listed(cast.super_user) == sorted(User.everyone.values_list("email", flat=True))


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_asks_the_database_as_often_for_three_as_for_one(
    cast, rest, rows, django_assert_num_queries
):
    for number in range(rows):
        accounts.create_user(org=cast.acme, email=f"p{number}@acme.example")
    client = rest(cast.acme_admin)
    client.get("/api/users")  # a new client asks the database for its isolation first
    # The caller, the scope, the count and the rows, in a savepoint.
    with django_assert_num_queries(5):
        client.get("/api/users")


def test_whoever_is_added_belongs_where_the_caller_does_whatever_the_body_says(cast, rest):
    answer = post(rest(cast.acme_admin), org_id=cast.globex.id, user_permissions={"apis": "read"}).json()
    user = User.everyone.get(pk=answer["Meta"])
    assert answer == {"Status": "OK", "Message": "User and session have been created", "Meta": user.id}
    assert (user.org_id, user.permissions) == (cast.acme.id, {"apis": "read"})
    with scope.org(cast.acme.id):
        assert list(AuditEntry.objects.values_list("action", "actor_email")) == [
            ("user.created", "ada@acme.example")
        ]


def test_whoever_a_super_user_adds_is_a_super_user(cast, rest):
    answer = post(rest(cast.super_user), org_id=cast.acme.id, user_permissions={"apis": "read"}).json()
    user = User.everyone.get(pk=answer["Meta"])
    assert (user.org, user.is_superuser, user.permissions) == (None, True, {})
    assert PlatformAuditEntry.objects.get().action == "user.created"


def test_nobody_grants_what_he_lacks(cast, rest):
    cast.acme_member.permissions = {"users": "write", "apis": "read"}
    cast.acme_member.save()
    client = rest(cast.acme_member)
    refused = [
        post(client, user_permissions=granted)
        for granted in ({"IsAdmin": "admin"}, {"ResetPassword": "admin"}, {"apis": "write"}, {"keys": "read"})
    ]
    assert [answer.status_code for answer in refused] == [403] * 4
    assert refused[2].json()["Message"] == "You cannot grant what you do not hold: apis"
    assert post(client, user_permissions={"apis": "read", "keys": "deny"}).status_code == 200


def test_nobody_raises_himself(cast, rest):
    cast.acme_member.permissions = {"users": "write"}
    cast.acme_member.save()
    client = rest(cast.acme_member)
    for path in ("/api/users/me", f"/api/users/{cast.acme_member.id}"):
        assert client.put(path, {"user_permissions": {"IsAdmin": "admin"}}, JSON).status_code == 403
    assert User.everyone.get(pk=cast.acme_member.pk).permissions == {"users": "write"}


def test_nobody_takes_away_what_is_denied_to_him(cast, rest):
    cast.acme_admin.permissions = {"IsAdmin": "admin", "keys": "deny"}
    cast.acme_admin.save()
    client = rest(cast.acme_admin)
    for granted in ({"IsAdmin": "admin"}, {"IsAdmin": "admin", "keys": "write"}):
        answer = client.put("/api/users/me", {"user_permissions": granted}, JSON)
        assert (answer.status_code, answer.json()["Message"]) == (
            403,
            "You cannot grant what you do not hold: keys",
        )
    kept = rights.ADMINISTRATOR | {"keys": "deny"}
    assert client.put("/api/users/me", {"user_permissions": kept}, JSON).status_code == 200
    assert client.get("/api/keys").status_code == 403


def test_a_change_from_an_old_copy_does_not_bring_a_renewed_key_or_password_back(cast):
    old = User.everyone.get(pk=cast.acme_member.pk)
    key = accounts.renew_access_key(User.everyone.get(pk=cast.acme_member.pk))
    accounts.set_password(User.everyone.get(pk=cast.acme_member.pk), NEW)
    accounts.change_user(old, first_name="Maxine")
    now = User.everyone.get(pk=cast.acme_member.pk)
    assert (now.first_name, now.access_key_hash, now.check_password(NEW)) == (
        "Maxine",
        access_key_hash(key),
        True,
    )


def test_who_holds_more_is_out_of_reach(cast, rest):
    cast.acme_member.permissions = {"users": "write", "ResetPassword": "admin"}
    cast.acme_member.save()
    client = rest(cast.acme_member)
    path = f"/api/users/{cast.acme_admin.id}"
    answers = [
        client.put(path, {"active": False}, JSON),
        client.delete(path),
        client.put(f"{path}/actions/key/reset", {}, JSON),
        client.put(f"{path}/actions/revoke", {}, JSON),
        client.post(f"{path}/actions/reset", {"new_password": NEW}, JSON),
    ]
    assert [answer.status_code for answer in answers] == [403] * 5
    kept = User.everyone.get(pk=cast.acme_admin.pk)
    assert (kept.is_active, kept.check_password(PASSWORD)) == (True, True)


def test_everyone_reads_and_names_himself_without_any_right(cast, rest):
    client = rest(cast.acme_member)
    assert client.get("/api/users/me").json()["id"] == cast.acme_member.id
    assert client.put("/api/users/me", {"first_name": "Maxine"}, JSON).status_code == 200
    assert client.put("/api/users/me", {"email_address": "boss@acme.example"}, JSON).status_code == 403
    assert client.get(f"/api/users/{cast.acme_admin.id}").status_code == 403
    user = User.everyone.get(pk=cast.acme_member.pk)
    assert (user.first_name, user.email) == ("Maxine", "max@acme.example")


def test_renewing_ones_key_ends_the_old_one_at_once(cast, rest):
    client = rest(cast.acme_member)
    answer = client.put("/api/users/me/actions/key/reset", {}, JSON).json()
    assert answer["Message"] == "User session renewed"
    assert client.get("/api/users/me").status_code == 401
    assert (
        Client(headers={"Authorization": answer["Meta"]}).get("/api/users/me").json()["id"]
        == cast.acme_member.id
    )


def test_ones_own_password_is_changed_with_the_current_one(cast, rest):
    client = rest(cast.acme_member)
    path = "/api/users/me/actions/reset"
    wrong = client.post(path, {"new_password": NEW, "current_password": "no"}, JSON)
    assert (wrong.status_code, wrong.json()["Message"]) == (403, "current_password is wrong")
    right = client.post(path, {"new_password": NEW, "current_password": PASSWORD}, JSON)
    assert right.json()["Message"] == "User password updated"
    assert User.everyone.get(pk=cast.acme_member.pk).check_password(NEW)


def test_a_first_password_needs_no_old_one(cast, rest):
    cast.acme_member.set_unusable_password()
    cast.acme_member.save()
    answer = rest(cast.acme_member).post("/api/users/me/actions/reset", {"new_password": NEW}, JSON)
    assert answer.status_code == 200


def test_somebody_elses_password_needs_the_right_to_reset_passwords(cast, rest):
    path = f"/api/users/{cast.acme_member.id}/actions/reset"
    assert rest(cast.acme_admin).post(path, {"new_password": NEW}, JSON).status_code == 403
    cast.acme_admin.permissions = rights.ADMINISTRATOR
    cast.acme_admin.save()
    assert rest(cast.acme_admin).post(path, {"new_password": NEW}, JSON).status_code == 200


@pytest.mark.parametrize("password", ["short", "12345678901234567890", "x" * 2_000])
def test_a_bad_password_is_refused(cast, rest, password):
    body = {"new_password": password, "current_password": PASSWORD}
    answer = rest(cast.acme_member).post("/api/users/me/actions/reset", body, JSON)
    assert (answer.status_code, answer.json()["Message"][:14]) == (400, "new_password: ")


def test_a_deactivated_user_is_refused_on_the_next_request(cast, rest, client_for):
    key, browser = rest(cast.acme_member), client_for(cast.acme_member)
    assert (key.get("/api/users/me").status_code, browser.get("/profile/").status_code) == (200, 200)
    rest(cast.acme_admin).put(f"/api/users/{cast.acme_member.id}", {"active": False}, JSON)
    assert (key.get("/api/users/me").status_code, browser.get("/profile/").status_code) == (401, 302)


def test_changed_rights_bind_on_the_next_request(cast, rest):
    cast.acme_member.permissions = {"users": "read"}
    cast.acme_member.save()
    client = rest(cast.acme_member)
    assert client.get("/api/users").status_code == 200
    rest(cast.acme_admin).put(f"/api/users/{cast.acme_member.id}", {"user_permissions": {}}, JSON)
    assert client.get("/api/users").status_code == 403


def test_revoking_ends_key_and_sessions(cast, rest, client_for):
    key, browser = rest(cast.acme_member), client_for(cast.acme_member)
    answer = rest(cast.acme_admin).put(f"/api/users/{cast.acme_member.id}/actions/revoke", {}, JSON)
    assert answer.json()["Message"] == "User revoked"
    assert (key.get("/api/users/me").status_code, browser.get("/profile/").status_code) == (401, 302)


def test_the_last_administrator_and_the_last_super_user_stay(cast, rest):
    admin = rest(cast.acme_admin)
    for answer in (
        admin.delete("/api/users/me"),
        admin.put("/api/users/me", {"active": False}, JSON),
        admin.put("/api/users/me", {"user_permissions": {}}, JSON),
        rest(cast.super_user).delete("/api/users/me"),
    ):
        assert (answer.status_code, answer.json()["Message"][:8]) == (403, "The last")
    assert User.everyone.get(pk=cast.acme_admin.pk).is_administrator is True


def test_one_deletes_himself(cast, rest):
    assert rest(cast.acme_member).delete("/api/users/me").json()["Message"] == "User deleted"
    assert not User.everyone.filter(pk=cast.acme_member.pk).exists()


def test_a_strangers_user_is_like_a_missing_one(cast, rest):
    client = rest(cast.acme_admin)
    for method in ("get", "delete"):
        other = getattr(client, method)(f"/api/users/{cast.globex_member.id}")
        missing = getattr(client, method)("/api/users/5e9d9544a1dcd60001d0ed20")
        assert (other.status_code, other.content) == (404, missing.content)
    assert User.everyone.filter(pk=cast.globex_member.pk).exists()


def test_search_finds_by_a_part_of_address_or_name_within_the_organisation(cast, rest):
    client = rest(cast.acme_admin)
    found = client.get("/api/users/search", {"q": "m"}).json()["users"]
    assert [row["email_address"] for row in found] == ["ada@acme.example", "max@acme.example"]
    found = client.post("/api/users/search", {"q": "max"}, JSON).json()["users"]
    assert [row["email_address"] for row in found] == ["max@acme.example"]
    assert client.get("/api/users/search", {"q": "globex"}).json()["users"] == []
