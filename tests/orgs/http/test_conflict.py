"""Two fill in one form about a person or an organisation: the later one sees both changes and loses nothing."""

import re
from html import unescape

import pytest

from orgs.http.conflict import differences
from orgs.models import Organisation, User
from orgs.organisations import lifecycle
from orgs.people import accounts
from tests import make

NOTHING = "\N{EN DASH}"


def now(row):
    return type(row).everyone.get(pk=row.pk)


def cells(answer, heading: str) -> list[list[str]]:
    """The rows of the table under a heading of the conflict page, as text."""
    section = re.search(f'id="{heading}".*?</section>', answer.content.decode(), re.DOTALL)[0]
    rows = re.findall(r"<tr><th scope=\"row\".*?</tr>", section, re.DOTALL)
    return [
        [unescape(re.sub(r"<[^>]*>", "", cell)) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)]
        for row in rows
    ]


def seen(answer) -> str:
    return re.findall(r'name="seen" value="(\d+)"', answer.content.decode())[0]


PERSON = {"email": "max@acme.example", "first_name": "Max", "last_name": ""}


def test_the_later_of_two_editors_of_a_person_sees_both_changes_and_then_decides(cast, client_for):
    client, path = client_for(cast.acme_admin), f"/o/acme/people/{cast.acme_member.pk}/"
    form = {**PERSON, "rights-keys": "read", "seen": seen(client.get(path))}
    accounts.change_user(now(cast.acme_member), last_name="Moor", permissions={"apis": "deny"})
    refused = client.post(path, form)
    assert (refused.status_code, now(cast.acme_member).first_name) == (409, "")
    assert cells(refused, "theirs-heading") == [
        ["last_name", NOTHING, "Moor"],
        ["permissions.apis", NOTHING, "deny"],
    ]
    assert cells(refused, "yours-heading") == [
        ["first_name", NOTHING, "Max"],
        ["last_name", "Moor", NOTHING],
        ["permissions.keys", NOTHING, "read"],
    ]
    page = refused.content.decode()
    assert 'name="first_name" value="Max"' in page
    assert re.findall(r'name="rights-keys" value="(\w*)" checked', page) == ["read"]
    assert re.findall(r'name="rights-apis" value="(\w*)" checked', page) == ["deny"]
    answer = client.post(path, {**form, "seen": seen(refused)})
    changed = now(cast.acme_member)
    assert (answer.status_code, changed.first_name, changed.last_name, changed.permissions) == (
        302,
        "Max",
        "",
        {"apis": "deny", "keys": "read"},
    )


def test_who_does_not_say_what_he_saw_saw_the_person_as_the_request_began(cast, client_for):
    answer = client_for(cast.acme_admin).post(f"/o/acme/people/{cast.acme_member.pk}/", PERSON)
    assert (answer.status_code, now(cast.acme_member).first_name) == (302, "Max")


def test_the_same_form_twice_is_saved_once_and_no_conflict(cast, client_for):
    client, path = client_for(cast.acme_admin), f"/o/acme/people/{cast.acme_member.pk}/"
    form = {**PERSON, "seen": seen(client.get(path))}
    assert [client.post(path, form).status_code for _ in range(2)] == [302, 302]
    assert now(cast.acme_member).change_number == 2


def test_an_activation_from_an_older_page_is_refused_with_a_message(cast, client_for):
    client, path = client_for(cast.acme_admin), f"/o/acme/people/{cast.acme_member.pk}/"
    accounts.change_user(now(cast.acme_member), permissions={"apis": "deny"})
    for old in ("0", "1", "x", "-1", "9" * 40):
        answer = client.post(f"{path}activation/", {"active": "no", "seen": old}, follow=True)
        assert "Somebody else changed this person meanwhile: look again." in answer.content.decode()
        assert now(cast.acme_member).is_active
    client.post(f"{path}activation/", {"active": "no", "seen": seen(answer)})
    assert not now(cast.acme_member).is_active


def test_the_later_of_two_editors_of_a_super_user_and_of_ones_own_names_too(cast, client_for):
    client, other = client_for(cast.super_user), make.user("sam@platform.example", None)
    path = f"/super-users/{other.pk}/"
    form = {"email": other.email, "first_name": "Sam", "last_name": "", "seen": seen(client.get(path))}
    own = {"first_name": "Sue", "last_name": "", "seen": seen(client.get("/profile/"))}
    accounts.change_user(now(other), last_name="Hill")
    accounts.change_user(now(cast.super_user), last_name="Hill")
    for address, sent in ((path, form), ("/profile/", own)):
        refused = client.post(address, sent)
        assert (refused.status_code, cells(refused, "theirs-heading")) == (
            409,
            [["last_name", NOTHING, "Hill"]],
        )
        assert cells(refused, "yours-heading")[-1] == ["last_name", "Hill", NOTHING]
    assert (now(other).first_name, now(cast.super_user).first_name) == ("", "")


def test_the_later_of_two_editors_of_an_organisation_too(cast, client_for):
    client, path = client_for(cast.super_user), f"/orgs/{cast.acme.id}/"
    form = {
        "owner_name": "Acme",
        "slug": "",
        "time_zone": "UTC",
        "enabled": "on",
        "seen": seen(client.get(path)),
    }
    lifecycle.change(now(cast.acme), time_zone="Europe/Oslo", actor=cast.super_user)
    refused = client.post(path, form)
    assert (refused.status_code, now(cast.acme).owner_name) == (409, "Acme Retail")
    assert cells(refused, "theirs-heading") == [["time_zone", "UTC", "Europe/Oslo"]]
    assert cells(refused, "yours-heading") == [
        ["owner_name", "Acme Retail", "Acme"],
        ["time_zone", "Europe/Oslo", "UTC"],
    ]
    assert client.post(path, {**form, "seen": seen(refused)}).status_code == 302
    assert (now(cast.acme).owner_name, now(cast.acme).slug, now(cast.acme).time_zone) == (
        "Acme",
        "acme",
        "UTC",
    )


def test_markup_in_what_the_other_typed_is_text(cast, client_for):
    client, path = client_for(cast.acme_admin), f"/o/acme/people/{cast.acme_member.pk}/"
    accounts.change_user(now(cast.acme_member), last_name="<script>x</script>")
    page = client.post(path, {**PERSON, "seen": "1"}).content.decode()
    assert ("<script>x" in page, "&lt;script&gt;x" in page) == (False, True)


def test_a_change_of_names_leaves_the_rights_of_an_administrator_as_they_are(cast, client_for):
    form = {"email": "ada@acme.example", "first_name": "Ada", "last_name": "", "rights-administrator": "on"}
    client_for(cast.acme_admin).post(f"/o/acme/people/{cast.acme_admin.pk}/", form)
    assert (now(cast.acme_admin).first_name, now(cast.acme_admin).permissions) == (
        "Ada",
        {"IsAdmin": "admin"},
    )


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": None}, {"a": "x"}, [("a", "", "x")]),
        ({"a": True}, {"a": False}, [("a", "true", "false")]),
        ({"p": None}, {"p": {"x": "read"}}, [("p.x", "", "read")]),
        ({"p": {"x": "read", "y": "deny"}}, {"p": {"x": "read"}}, [("p.y", "deny", "")]),
    ],
)
def test_differences_name_members_and_single_levels(before, after, found):
    assert differences(before, after) == found


def test_the_form_of_a_new_organisation_sent_twice_makes_one(cast, client_for):
    client = client_for(cast.super_user)
    token = re.findall(
        r'name="form_token" value="([0-9a-f]{32})"', client.get("/orgs/new/").content.decode()
    )[0]
    form = {"owner_name": "Initech", "slug": "", "time_zone": "UTC", "enabled": "on", "form_token": token}
    answers = [client.post("/orgs/new/", form) for _ in range(2)]
    made = Organisation.everyone.get(owner_name="Initech")
    assert [(answer.status_code, answer["Location"]) for answer in answers] == [
        (302, f"/orgs/{made.id}/")
    ] * 2
    again = client.post("/orgs/new/", {**form, "form_token": token[::-1]})
    assert (again.status_code, Organisation.everyone.filter(owner_name="Initech").count()) == (302, 2)


def test_a_person_form_sent_twice_makes_one(cast, client_for):
    client = client_for(cast.acme_admin)
    form = {"email": "new@acme.example", "first_name": "", "last_name": ""}
    for _ in range(2):
        client.post("/o/acme/people/new/", form)
    assert User.everyone.filter(email="new@acme.example").count() == 1
