"""Whose a domain is, and what may be published on it."""

import importlib
import json
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from apis.domains import changes
from apis.models import ApiDefinition, Domain
from apis.publishing import publish, staging
from apis.publishing.refusals import ANOTHERS_DOMAIN, NO_OWN_DOMAIN, SAME_URL, Refused
from orgs import scope
from orgs.models import AuditEntry
from orgs.organisations import lifecycle
from tests.apis.examples import openapi, plain
from tests.concurrency import second_of_two

NO_OWN = NO_OWN_DOMAIN._replace(message=NO_OWN_DOMAIN.message.format(own="a.example"))


def given(org, *names):
    with scope.org(org.id):
        return [changes.give(org.id, name, author=None) for name in names]


def published(org, author, path, domain="", *, api=None, **members):
    """The problems for which it was refused, none if it was not."""
    definition = plain(path, domain=domain, **members)
    with scope.org(org.id):
        try:
            if api:
                publish.change(api, definition, author=author)
            else:
                publish.create(org.id, definition, author=author)
        except Refused as error:
            return error.problems
    return []


def owners():
    with scope.every_org():
        return set(Domain.objects.values_list("org__slug", "name"))


def test_an_organisation_listens_on_its_own_domains_and_on_nobody_else_s(cast):
    given(cast.acme, "a.example")
    given(cast.globex, "g.example")
    ada, sue = cast.acme_admin, cast.super_user
    tries = [
        (ada, "A.Example.:8080", []),
        (ada, "nobody.example", [NO_OWN]),
        (ada, "g.example", [NO_OWN]),
        (ada, "x.a.example", [NO_OWN]),
        (ada, "{x:[a-z]+}.a.example", [NO_OWN]),
        (sue, "g.example", [ANOTHERS_DOMAIN]),
        (None, "g.example", [ANOTHERS_DOMAIN]),
        (sue, "nobody.example", []),
    ]
    found = [published(cast.acme, author, f"/{n}/", domain) for n, (author, domain, _) in enumerate(tries)]
    assert found == [problems for *_, problems in tries]
    # Where an API is, it may stay, and is not moved from there to another.
    with scope.org(cast.acme.id):
        placed = ApiDefinition.objects.get(domain="nobody.example")
    assert published(cast.acme, ada, "/elsewhere/", "nobody.example", api=placed) == []
    assert published(cast.acme, ada, "/elsewhere/", "other.example", api=placed) == [NO_OWN]
    assert published(cast.acme, ada, "/off/", "other.example", domain_disabled=True) == []


def test_a_document_is_told_at_its_own_member(cast, rest):
    document = openapi(extension={"server": {"customDomain": {"enabled": True, "name": "a.example"}}})
    client = rest(cast.acme_admin)
    answer = client.post("/api/apis/oas", json.dumps(document), "application/json")
    assert (answer.status_code, answer.json()["Message"]) == (
        400,
        f"/x-tyk-api-gateway/server/customDomain/name: {NO_OWN_DOMAIN.message.format(own='none')}",
    )
    given(cast.acme, "a.example")
    assert client.post("/api/apis/oas", json.dumps(document), "application/json").status_code == 200


def test_on_its_own_domain_an_organisation_has_any_path_and_hinders_nobody_by_its_root(cast, settings):
    ada, gus = cast.acme_admin, cast.globex_admin
    assert published(cast.globex, gus, "/pay/") == []
    given(cast.acme, "a.example")
    for path in ("/", "/{x}/", "/{x:.+}/y", "/pay/", "/pay/v2/"):
        assert published(cast.acme, ada, path, "a.example") == [], path
    assert published(cast.globex, gus, "/more/") == []
    # Gateways before 5.4 choose the longest path whatever the domain.
    assert published(cast.globex, gus, "/pay/v2/orders/") == [SAME_URL]
    settings.GATEWAY_DOMAINS_FIRST = True
    assert published(cast.globex, gus, "/pay/v2/orders/") == []
    # A pattern could mean any domain, and what listens on a port has none.
    assert published(cast.globex, cast.super_user, "/pay/v2/", "{x:[a-z]+}.example") == [SAME_URL]
    assert published(cast.globex, cast.super_user, "/w/", "{x:[a-z]+}.example") == []
    assert published(cast.acme, ada, "/w/", "a.example") == [SAME_URL]
    tcp = {"protocol": "tcp", "listen_port": 6000}
    assert published(cast.globex, cast.super_user, "", **tcp) == []
    assert published(cast.acme, cast.super_user, "", "a.example", **tcp) == [SAME_URL]


def test_what_is_given_while_somebody_publishes_is_seen_under_the_feed_s_lock(cast, monkeypatch):
    given(cast.globex, "g.example")
    monkeypatch.setattr(staging.conflicts, "owners_of", lambda domains: {})
    assert published(cast.acme, cast.super_user, "/a/", "other.example") == []
    monkeypatch.undo()
    monkeypatch.setattr(staging, "_strange_domain", lambda *args, **options: [])
    assert published(cast.acme, cast.super_user, "/a/", "g.example") == [ANOTHERS_DOMAIN]


@pytest.mark.parametrize("comes_first", ["taking away", "publishing"])
def test_no_api_is_published_on_a_domain_that_is_taken_away_at_the_same_moment(committed, cast, comes_first):
    [row] = given(cast.acme, "a.example")

    def take_away():
        return changes.take_away(cast.acme.id, row.id, author=None)

    def publish_there():
        definition = plain("/a/", domain="a.example")
        return publish.create(cast.acme.id, definition, author=cast.acme_admin).name

    both = (take_away, publish_there) if comes_first == "taking away" else (publish_there, take_away)
    answer = second_of_two(cast.acme.id, *both)
    refused = Refused if comes_first == "taking away" else changes.Used
    assert isinstance(answer, refused), answer
    if comes_first == "taking away":
        assert answer.problems == [NO_OWN_DOMAIN._replace(message=NO_OWN_DOMAIN.message.format(own="none"))]
    with scope.org(cast.acme.id):
        left = (Domain.objects.exists(), ApiDefinition.objects.exists())
    assert left == ((False, False) if comes_first == "taking away" else (True, True))


def test_a_domain_is_one_organisation_s(cast):
    [row] = given(cast.acme, "a.example")
    assert given(cast.acme, "a.example") == [row]
    with pytest.raises(changes.Anothers, match="a domain of Acme Retail"):
        given(cast.globex, "a.example")
    assert published(cast.acme, cast.super_user, "/n/", "nobody.example") == []
    with pytest.raises(changes.Anothers, match="APIs of another organisation listen on"):
        given(cast.globex, "nobody.example")
    assert published(cast.acme, cast.acme_admin, "/a/", "a.example") == []
    with scope.org(cast.acme.id):
        with pytest.raises(changes.Used):
            changes.take_away(cast.acme.id, row.id, author=cast.super_user)
        publish.delete(ApiDefinition.objects.get(domain="a.example"), author=None)
        assert changes.take_away(cast.acme.id, row.id, author=cast.super_user) == "a.example"
        assert changes.take_away(cast.acme.id, row.id, author=cast.super_user) == ""
        said = AuditEntry.objects.filter(kind="domain").order_by("at", "id").values_list("action", "label")
        assert list(said) == [("domain.given", "a.example"), ("domain.taken-away", "a.example")]
    given(cast.globex, "a.example")
    with scope.org(cast.acme.id):
        assert changes.take_away(cast.acme.id, Domain.objects.none().first() or row.id, author=None) == ""
    lifecycle.delete(cast.globex)
    assert owners() == set()


def test_no_more_than_the_most(cast, monkeypatch):
    monkeypatch.setattr(changes, "MOST", 1)
    given(cast.acme, "a.example", "a.example")
    with pytest.raises(changes.Full):
        given(cast.acme, "b.example")


def test_a_custom_domain_that_is_used_is_the_organisation_s_if_nobody_has_it(cast):
    lifecycle.change(cast.acme, cname="A.example:443")
    assert owners() == set()
    lifecycle.change(cast.acme, cname_enabled=True)
    lifecycle.change(cast.globex, cname="a.example", cname_enabled=True)
    made = lifecycle.create(owner_name="Initech", cname="i.example", cname_enabled=True)
    lifecycle.create(owner_name="No host", cname="no host", cname_enabled=True)
    assert owners() == {("acme", "a.example"), ("initech", "i.example")}
    # Another is one more: what APIs listen on must not go with a word.
    lifecycle.change(made, cname="j.example")
    assert owners() == {("acme", "a.example"), ("initech", "i.example"), ("initech", "j.example")}


def test_organisations_begin_with_the_domains_that_they_alone_use_and_with_their_custom_ones(cast):
    for org, domain, path in (
        (cast.acme, "a.example", "/acme/"),
        (cast.acme, "both.example", "/a/"),
        (cast.globex, "both.example", "/g/"),
        (cast.globex, "{x:[a-z]+}.g.example", "/z/"),
    ):
        assert published(org, cast.super_user, path, domain) == []
    lifecycle.change(cast.globex, cname="a.example", cname_enabled=True)
    lifecycle.change(cast.acme, cname="both.example", cname_enabled=True)
    initech = lifecycle.create(owner_name="Initech", cname="I.example", cname_enabled=True)
    lifecycle.create(owner_name="Later", cname="i.example", cname_enabled=True)
    lifecycle.create(owner_name="Off", cname="off.example")
    with scope.every_org():
        Domain.objects.all().delete()
    importlib.import_module("apis.migrations.0014_domains").fill(apps, SimpleNamespace(connection=connection))
    assert owners() == {("acme", "a.example"), (initech.slug, "i.example")}
