"""Super-users find, enter, create and change organisations."""

import re

from orgs import scope
from orgs.models import AuditEntry, Organisation
from orgs.organisations import lifecycle
from tests import make

FORM = {"owner_name": "Initech Ltd", "slug": "", "time_zone": "Europe/Oslo", "enabled": "on"}


def slugs(answer) -> list[str]:
    return re.findall(r'<span class="row-sub mono"[^>]*>([^<]*)</span>', answer.content.decode())


def test_the_list_holds_every_organisation_and_can_be_searched(cast, client_for):
    client = client_for(cast.super_user)
    assert slugs(client.get("/orgs/")) == ["acme", "globex"]
    assert slugs(client.get("/orgs/", {"q": "retail"})) == ["acme"]
    assert slugs(client.get("/orgs/", {"q": cast.globex.id})) == ["globex"]
    assert slugs(client.get("/orgs/", {"q": "%"})) == []


def test_the_list_has_pages_of_fifty(cast, client_for):
    for number in range(50):
        make.organisation(f"Later {number:02}", f"later-{number:02}")
    client = client_for(cast.super_user)
    assert len(slugs(client.get("/orgs/"))) == 50
    older = client.get("/orgs/").context["older"]
    assert slugs(client.get(f"/orgs/{older}")) == ["later-48", "later-49"]
    assert client.get("/orgs/", {"after": "x"}).status_code == 400


def test_the_list_asks_the_database_as_often_for_three_as_for_one(
    cast, client_for, django_assert_num_queries
):
    client = client_for(cast.super_user)
    client.get("/orgs/")  # the first request of a process checks the isolation too
    with django_assert_num_queries(10):
        assert slugs(client.get("/orgs/?q=glob")) == ["globex"]
    make.organisation("Globe Two", "globe-2")
    make.organisation("Globe Three", "globe-3")
    with django_assert_num_queries(10):
        assert slugs(client.get("/orgs/?q=glob")) == ["globe-3", "globe-2", "globex"]


def test_a_super_user_enters_an_organisation_by_its_address(cast, client_for):
    client = client_for(cast.super_user)
    assert client.get("/o/acme/people/").status_code == 200
    assert client.get("/o/nowhere/people/").status_code == 404


def test_creating_makes_a_slug_of_the_name_and_leaves_an_entry(cast, client_for):
    answer = client_for(cast.super_user).post("/orgs/new/", FORM)
    created = Organisation.everyone.get(slug="initech-ltd")
    assert (answer.status_code, answer["Location"]) == (302, f"/orgs/{created.id}/")
    assert (created.owner_name, created.time_zone, created.enabled) == ("Initech Ltd", "Europe/Oslo", True)
    with scope.org(created.id):
        entry = AuditEntry.objects.get()
    assert (entry.action, entry.as_super_user, entry.label) == ("organisation.created", True, "Initech Ltd")


def test_changing_says_before_and_after_in_the_log(cast, client_for):
    form = {
        "owner_name": "Acme",
        "slug": "acme",
        "time_zone": "UTC",
        "cname": "api.acme.example",
        "cname_enabled": "on",
    }
    client_for(cast.super_user).post(f"/orgs/{cast.acme.id}/", form)
    with scope.org(cast.acme.id):
        entry = AuditEntry.objects.get()
    assert entry.changes == {
        "cname": ["", "api.acme.example"],
        "cname_enabled": [False, True],
        "enabled": [True, False],
        "owner_name": ["Acme Retail", "Acme"],
    }


def test_a_disabled_organisation_signs_everybody_out(cast, client_for):
    member = client_for(cast.acme_member)
    assert member.get("/profile/").status_code == 200
    client_for(cast.super_user).post(
        f"/orgs/{cast.acme.id}/", {"owner_name": "Acme", "slug": "acme", "time_zone": "UTC"}
    )
    assert member.get("/profile/").status_code == 302


def test_a_taken_slug_an_unknown_zone_and_a_missing_name_are_refused_beside_their_fields(cast, client_for):
    client = client_for(cast.super_user)
    for form, field in (
        ({**FORM, "slug": "globex"}, "slug"),
        ({**FORM, "slug": "Not A Slug"}, "slug"),
        ({**FORM, "time_zone": "Mars/Olympus"}, "time_zone"),
        ({**FORM, "owner_name": ""}, "owner_name"),
        ({**FORM, "owner_name": "a\x00b"}, "owner_name"),
    ):
        page = client.post("/orgs/new/", form).content.decode()
        assert re.findall(r'class="field-errors" id="id_(\w+)_error"', page) == [field]
    assert Organisation.everyone.count() == 2


def test_a_deleted_organisation_is_not_there_and_nor_is_a_missing_one(cast, client_for):
    client = client_for(cast.super_user)
    lifecycle.delete(cast.acme)
    assert slugs(client.get("/orgs/")) == ["globex"]
    missing = [client.get(f"/orgs/{which}/") for which in (cast.acme.id, "0" * 24, "x")]
    assert [(answer.status_code, answer.content) for answer in missing] == [(404, missing[0].content)] * 3
