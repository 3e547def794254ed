"""Domains over the Admin API."""

from apis.models import Domain
from apis.publishing import publish
from orgs import scope
from tests import make
from tests.apis.examples import plain


def test_domains_are_listed_given_and_taken_away(cast, admin_client, rest):
    at = f"/admin/organisations/{cast.acme.id}/domains"

    def given(name, address=at):
        answer = admin_client.post(address, {"name": name}, "application/json")
        return answer.status_code, answer.json()["Message"], answer.json()["Meta"]

    assert given("A.Example.:80") == given("a.example") == (200, "Domain given", "a.example")
    assert given("b.example")[0] == 200
    assert given("*.example") == (400, "name: must be a host name", None)
    assert given(1)[0] == 400
    theirs = f"/admin/organisations/{cast.globex.id}/domains"
    taken = "name: a.example is a domain of Acme Retail: take it away from there first."
    assert given("a.example", theirs) == (400, taken, None)
    assert given("c.example", f"/admin/organisations/{'0' * 24}/domains")[0] == 404
    listed = admin_client.get(at).json()["domains"]
    assert [(row["name"], row["given_by"]) for row in listed] == [("a.example", ""), ("b.example", "")]
    with scope.org(cast.acme.id):
        publish.create(cast.acme.id, plain(domain="a.example"), author=cast.acme_admin)
    statuses = [
        admin_client.delete(address).status_code
        for address in (f"{at}/a.example", f"{at}/B.example", f"{at}/b.example", f"{theirs}/a.example")
    ]
    assert statuses == [409, 200, 404, 404]
    outsider = rest(make.user("ruth@acme.example", cast.acme, {"IsAdmin": "admin"}))
    assert outsider.get(at).status_code == outsider.post(at, {"name": "x.example"}).status_code
    assert outsider.get(at).status_code in (401, 403, 404)
    with scope.every_org():
        assert list(Domain.objects.values_list("name", flat=True)) == ["a.example"]
