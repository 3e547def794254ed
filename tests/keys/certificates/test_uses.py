"""Definitions name certificates of their own organisation only."""

import pytest
from django.db import transaction

from apis.definitions.rules.members import NONE_OWN, NOT_OWN
from apis.publishing import publish
from apis.publishing.refusals import Invalid
from keys.certificates import lifecycle
from orgs import scope
from tests.concurrency import second_of_two
from tests.keys import build as keys
from tests.keys.certificates.build import made, uploaded

OURS, THEIRS = made("ours"), made("theirs")


def publish_as(author, members):
    with scope.org(author.org_id), transaction.atomic():
        definition = keys.definition("Orders", "/orders/", **members)
        return publish.create(author.org_id, definition, author=author)


@pytest.mark.parametrize(
    ("pointer", "member", "said"),
    [
        ("/certificates/0", lambda id: {"certificates": [id]}, NOT_OWN),
        ("/client_certificates/0", lambda id: {"client_certificates": [id]}, NOT_OWN),
        ("/upstream_certificates/*", lambda id: {"upstream_certificates": {"*": id}}, NOT_OWN),
        ("/pinned_public_keys/*", lambda id: {"pinned_public_keys": {"*": f"{'0' * 64}, {id}"}}, NONE_OWN),
    ],
)
def test_an_unknown_certificate_and_a_strangers_are_refused_in_the_same_words(cast, pointer, member, said):
    ours, theirs = uploaded(cast.acme, OURS.pem), uploaded(cast.globex, THEIRS.pem)
    refusals = []
    for id in (theirs.served_id, cast.acme.id + theirs.fingerprint, cast.acme.id + "0" * 64):
        with pytest.raises(Invalid) as refused:
            publish_as(cast.acme_admin, member(id))
        refusals.append([(problem.pointer, problem.message) for problem in refused.value.problems])
    assert refusals == [[(pointer, said)]] * 3
    with scope.org(cast.acme.id), transaction.atomic(), pytest.raises(Invalid) as refused:
        foreign = keys.definition("Orders", "/orders/", **member(theirs.served_id))
        publish.create(cast.acme.id, foreign, author=None)
    assert [(problem.pointer, problem.message) for problem in refused.value.problems] == [(pointer, said)]
    assert publish_as(cast.acme_admin, member(ours.served_id)).revision == 1


@pytest.mark.parametrize("changed", [False, True])
def test_a_certificate_that_goes_while_a_definition_is_published_is_refused(cast, committed, changed):
    ours = uploaded(cast.acme, OURS.pem)
    named = {"client_certificates": [ours.served_id]}
    api = keys.api(cast.acme)

    def publishes():
        if changed:
            return publish.change(api, api.definition | named, author=None)
        return publish.create(cast.acme.id, keys.definition("Late", "/late/", **named), author=None)

    refused = second_of_two(cast.acme.id, lambda: lifecycle.delete(ours), publishes)
    assert [(problem.pointer, problem.message) for problem in refused.problems] == [
        ("/client_certificates/0", NOT_OWN)
    ]


def test_what_a_definition_names_already_stays_and_nothing_is_added(cast):
    api, id = keys.api(cast.acme), cast.acme.id + "0" * 64
    stored = api.definition | {"client_certificates": [id]}
    api.definition = stored
    with scope.org(cast.acme.id), transaction.atomic():
        api.save()
        assert publish.change(api, stored | {"name": "New"}, author=None).name == "New"
        with pytest.raises(Invalid):
            more = stored | {"client_certificates": [id, cast.acme.id + "1" * 64]}
            publish.change(api, more, author=None)
