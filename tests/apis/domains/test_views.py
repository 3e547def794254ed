"""Super-users say which domains are an organisation's."""

import re

import pytest

from apis.domains import changes
from apis.models import Domain
from apis.publishing import publish
from orgs import scope
from tests.apis.examples import openapi, plain

PAGE = "/o/acme/apis/domains/"


def test_a_super_user_gives_and_takes_away_domains(cast, client_for):
    sue = client_for(cast.super_user)
    with scope.org(cast.acme.id):
        publish.create(cast.acme.id, plain(domain="b.example"), author=cast.super_user)
    for name in ("A.Example.:80", "b.example"):
        assert sue.post(PAGE, {"name": name}).status_code == 302
    with scope.org(cast.acme.id):
        publish.create(cast.acme.id, plain(domain="c.example"), author=None)
        row, _ = Domain.objects.order_by("name")
    shown = sue.get(PAGE)
    assert [(each.name, each.apis, each.author) for each in shown.context["rows"]] == [
        ("a.example", 0, "sue@platform.example"),
        ("b.example", 1, "sue@platform.example"),
    ]
    assert shown.context["others"] == {"c.example": 1}
    assert sue.post(f"{PAGE}withdrawal/", {"id": row.id}).status_code == 302
    assert sue.post(f"{PAGE}withdrawal/", {"id": "no id"}).status_code == 400
    again = sue.post("/o/globex/apis/domains/", {"name": "b.example"})
    assert (again.status_code, again.context["form"].errors["name"]) == (
        400,
        ["b.example is a domain of Acme Retail: take it away from there first."],
    )
    with scope.every_org():
        assert list(Domain.objects.values_list("org__slug", "name")) == [("acme", "b.example")]


def test_the_form_of_an_api_offers_the_organisation_s_own_domains(cast, client_for):
    for org, name in ((cast.acme, "a.example"), (cast.globex, "g.example")):
        with scope.org(org.id):
            changes.give(org.id, name, author=None)
    with scope.org(cast.acme.id):
        document = publish.create(cast.acme.id, openapi("/oas/"), author=None)
    ada = client_for(cast.acme_admin)
    for page in ("/o/acme/apis/new/", f"/o/acme/apis/{document.id}/edit/"):
        text = ada.get(page).content.decode()
        [offered] = re.findall(r'<datalist id="domains">(.*?)</datalist>', text)
        assert re.findall('value="([^"]*)"', offered) == ["a.example"]
        assert re.search('<input[^>]* name="domain"[^>]* list="domains"', text)


@pytest.mark.parametrize("name", ["", "*.example", "https://a.example", "{x}.example", "a b"])
def test_what_is_no_host_name_is_refused(cast, client_for, name):
    answer = client_for(cast.super_user).post(PAGE, {"name": name})
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, ["name"])
