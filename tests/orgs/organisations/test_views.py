"""Super-users find, enter, create and change organisations."""

import re
from datetime import UTC, datetime

from django.db import connection
from django.test.utils import CaptureQueriesContext

from orgs import scope
from orgs.models import AuditEntry, Organisation
from orgs.organisations import lifecycle
from tests import make
from tests.orgs.http.files import file_of

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
    older = client.get("/orgs/").context["page"].older
    assert slugs(client.get(f"/orgs/{older}")) == ["later-48", "later-49"]
    assert client.get("/orgs/", {"after": "x"}).status_code == 400


def test_the_list_asks_the_database_as_often_for_three_as_for_one(
    cast, client_for, django_assert_num_queries
):
    client = client_for(cast.super_user)
    client.get("/orgs/")  # the first request of a process checks the isolation too
    with django_assert_num_queries(11):
        assert slugs(client.get("/orgs/?q=glob")) == ["globex"]
    make.organisation("Globe Two", "globe-2")
    make.organisation("Globe Three", "globe-3")
    with django_assert_num_queries(11):
        assert slugs(client.get("/orgs/?q=glob")) == ["globe-3", "globe-2", "globex"]


def people_in(answer) -> list[str]:
    return re.findall(r'data-label="People" class="number">(\d+)<', answer.content.decode())


def test_people_are_counted_of_the_organisations_of_the_page_alone(cast, client_for):
    make.organisation("Empty", "empty")
    client = client_for(cast.super_user)
    client.get("/orgs/")
    with CaptureQueriesContext(connection) as asked:
        assert people_in(client.get("/orgs/")) == ["2", "0", "2"]
    grouped = [each["sql"] for each in asked.captured_queries if "GROUP BY" in each["sql"]]
    assert [sql.count(cast.acme.id) for sql in grouped if "orgs_user" in sql] == [1]
    assert [sql for sql in grouped if "orgs_organisation" in sql] == []


def test_the_list_is_sorted_by_name_and_by_age(cast, client_for):
    make.organisation("Bmidst", "bmidst", created_at=datetime(2020, 1, 2, tzinfo=UTC))
    client = client_for(cast.super_user)
    assert slugs(client.get("/orgs/?sort=name")) == ["acme", "bmidst", "globex"]
    assert slugs(client.get("/orgs/?sort=-name")) == ["globex", "bmidst", "acme"]
    assert slugs(client.get("/orgs/?sort=created")) == ["bmidst", "acme", "globex"]
    assert slugs(client.get("/orgs/?sort=-created&q=b")) == ["globex", "bmidst"]
    heads = client.get("/orgs/?sort=-created").context["heads"]
    assert [(head.label, head.direction) for head in heads if head.address] == [
        ("Organisation", "none"),
        ("Created", "descending"),
    ]
    assert client.get("/orgs/?sort=people").status_code == 400
    assert client.get("/orgs/?q=" + "x" * 201).status_code == 400


def test_the_file_holds_every_organisation_that_is_found_and_is_a_super_users_alone(cast, client_for):
    make.organisation(
        "=cmd()", "initech", time_zone="Europe/Oslo", created_at=datetime(2020, 1, 2, tzinfo=UTC)
    )
    for number in range(60):
        make.organisation(f"Later {number:02}", f"later-{number:02}")
    client = client_for(cast.super_user)
    lines = file_of(client.get("/orgs/?format=csv"))
    assert len(lines) == 1 + 3 + 60
    header, *found = file_of(client.get("/orgs/?format=csv&q=initech"))
    assert header == ["id", "name", "slug", "enabled", "people", "time zone", "custom domain", "created"]
    assert [line[1:] for line in found] == [
        ["'=cmd()", "initech", "yes", "0", "Europe/Oslo", "", "2020-01-02T00:00:00+00:00"]
    ]
    assert [line[4] for line in file_of(client.get("/orgs/?format=csv&q=acme"))] == ["people", "2"]
    assert client_for(cast.acme_admin).get("/orgs/?format=csv").status_code == 404


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
        entry = AuditEntry.objects.get(kind="organisation")
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


def test_where_its_first_administrator_comes_from_is_said_as_long_as_it_has_nobody(cast, client_for):
    client, empty = client_for(cast.super_user), make.organisation("Initech", "initech")
    for organisation, said in ((empty, True), (cast.acme, False)):
        form = client.get(f"/orgs/{organisation.id}/").content.decode()
        people = client.get(f"/o/{organisation.slug}/people/").content.decode()
        assert ["bootstrap --newuser" in page for page in (form, people)] == [said, said]
