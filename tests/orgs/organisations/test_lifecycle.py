"""Slugs of organisations have one case, at every door."""

import json
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction

from orgs import scope
from orgs.models import Organisation
from orgs.organisations import lifecycle
from orgs.organisations.limits import LIMITS
from tests import make

JSON = "application/json"


def test_a_slug_is_stored_in_lower_case_at_every_door(cast, client_for, admin_client):
    limits = {name: limit.default for name, limit in LIMITS.items()}
    form = {"owner_name": "A", "slug": "Big-A", "time_zone": "UTC", "enabled": "on", **limits}
    client_for(cast.super_user).post("/orgs/new/", form)
    client_for(cast.super_user).post("/django-admin/orgs/organisation/add/", {**form, "slug": "Big-B"})
    admin_client.post("/admin/organisations", {"owner_name": "C", "owner_slug": "Big-C"}, JSON)
    out = StringIO()
    call_command("bootstrap", "--neworg", "--org-name", "D", "--org-slug", "Big-D", "--json", stdout=out)
    assert json.loads(out.getvalue())["org_slug"] == "big-d"
    lifecycle.change(cast.globex, slug="Big-E")
    slugs = Organisation.everyone.filter(slug__istartswith="big-").order_by("slug")
    assert list(slugs.values_list("slug", flat=True)) == ["big-a", "big-b", "big-c", "big-d", "big-e"]


def test_two_organisations_cannot_differ_in_case_alone(cast):
    with pytest.raises(ValidationError):
        lifecycle.create(owner_name="Other", slug="ACME")
    with pytest.raises(IntegrityError), transaction.atomic():
        make.organisation("Other", "ACME")


@pytest.mark.parametrize("spelling", ["ACME", "Acme"])
def test_another_spelling_leads_to_the_address(cast, client_for, spelling):
    for user in (cast.acme_admin, cast.super_user):
        answer = client_for(user).get(f"/o/{spelling}/people/?q=%2F{spelling}%2F")
        assert (answer.status_code, answer["Location"]) == (307, f"/o/acme/people/?q=%2F{spelling}%2F")
        answer = client_for(user).post(f"/o/{spelling}/people/{cast.acme_member.pk}/activation/", {})
        assert answer["Location"] == f"/o/acme/people/{cast.acme_member.pk}/activation/"
    answers = [client_for(cast.globex_admin).get(f"/o/{slug}/people/") for slug in (spelling, "Nowhere")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_a_user_joins_by_a_slug_in_any_case(cast):
    call_command(
        "bootstrap", "--newuser", "--org", "ACME", "--email", "n@acme.example", "--json", stdout=StringIO()
    )
    assert cast.acme.users.filter(email="n@acme.example").count() == 1


STATEMENTS = {"creation": 9, "change": 10, "deletion": 13}


def write(name: str, row: Organisation) -> None:
    if name == "creation":
        lifecycle.create(owner_name="Nova", slug="nova")
    elif name == "change":
        lifecycle.change(row, owner_name="Late")
    else:
        lifecycle.delete(row)


@pytest.mark.parametrize("others", [0, 20])
@pytest.mark.parametrize("name", STATEMENTS)
def test_a_change_of_an_organisation_takes_its_statements_whichever_else_there_are(
    cast, django_assert_num_queries, name, others
):
    for number in range(others):
        make.organisation(f"Other {number}", f"other-{number}")
        make.user(f"more{number}@acme.example", cast.acme)
    row = Organisation.everyone.get(pk=cast.acme.pk)
    with scope.nobody(), transaction.atomic(), django_assert_num_queries(STATEMENTS[name]):
        write(name, row)
