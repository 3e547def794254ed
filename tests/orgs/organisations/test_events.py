"""What apps above hear of an organisation, in the transaction of the change."""

import pytest
from django.db import transaction

from apis.models import ApiDefinition, ServedApi
from keys.models import Key
from orgs import scope
from orgs.models import Organisation
from orgs.organisations import events, lifecycle
from tests.keys import build


@pytest.fixture
def receiver():
    """Connects a receiver of the departure for one test."""
    connected = []

    def connect(function):
        connected.append(function)
        events.organisation_departing.connect(function)

    yield connect
    for function in connected:
        events.organisation_departing.disconnect(function)


def state(org):
    with scope.org(org.id):
        counts = (ApiDefinition.objects.count(), ServedApi.objects.count())
        living = Key.objects.filter(revoked_at=None).count()
    return (*counts, living, Organisation.everyone.get(pk=org.id).deleted_at is None)


def test_a_departing_organisation_takes_its_apis_and_keys_with_it_and_leaves_others_alone(cast):
    for org in (cast.acme, cast.globex):
        build.key(org, build.api(org))
    lifecycle.delete(cast.acme)
    assert (state(cast.acme), state(cast.globex)) == ((0, 0, 0, False), (1, 1, 1, True))


def test_receivers_are_called_in_the_scope_of_the_organisation_that_departs(cast, receiver):
    heard = []

    def hearing(organisation, **_):
        heard.append((organisation.id, scope.current()))

    receiver(hearing)
    lifecycle.delete(cast.acme)
    assert heard == [(cast.acme.id, cast.acme.id)]


def test_a_receiver_that_fails_keeps_the_organisation_and_all_it_has(cast, receiver):
    def failing(**_):
        raise RuntimeError

    build.key(cast.acme, build.api(cast.acme))
    receiver(failing)
    with pytest.raises(RuntimeError), transaction.atomic():
        lifecycle.delete(cast.acme)
    assert state(cast.acme) == (1, 1, 1, True)
