"""What is kept of the feeds that nodes run."""

from datetime import UTC, datetime, timedelta

import pytest

from apis.models import Outbox, ServedApi
from apis.publishing import publish
from dashboard.nodes import registry
from dashboard.nodes.models import Node, PulledFeed, PulledRevisions, wanted_version
from dashboard.nodes.registry import Caller
from dashboard.nodes.reloads import signals
from dashboard.nodes.revisions import pulled
from orgs import scope
from tests.keys import build
from tests.keys.policies import build as policies

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _every_organisation(db):
    with scope.every_org():
        yield


def kept():
    rows = PulledRevisions.objects.order_by("number", "org_id")
    return [(row.number, row.org_id, row.apis, row.policies) for row in rows]


def renamed(api, name):
    return publish.change(api, api.definition | {"name": name}, author=None)


def caller(session):
    return Caller(session, "", "", "", None)


def test_the_first_node_that_pulls_a_version_has_what_is_in_it_kept_by_organisation(cast):
    orders, theirs = build.api(cast.acme), build.api(cast.globex)
    gold = policies.policy(cast.acme, orders)
    for session in ("a", "b"):
        registry.register(caller(session), NOW)
        registry.pull_policies(caller(session), NOW, wanted_version())
        registry.pull(caller(session), NOW, wanted_version())
    expected = [
        (wanted_version(), cast.acme.id, {orders.id: 1}, {gold.id: 1}),
        (wanted_version(), cast.globex.id, {theirs.id: 1}, {}),
    ]
    assert kept() == sorted(expected)
    assert list(PulledFeed.objects.values_list("number", "pulled_at")) == [(wanted_version(), NOW)]


def test_a_version_that_was_superseded_in_that_moment_is_not_taken_for_it(cast):
    api = build.api(cast.acme)
    number = wanted_version()
    renamed(api, "Orders 2")
    pulled.note(number, NOW)
    assert (kept(), PulledFeed.objects.count()) == ([], 0)


def test_only_what_a_node_may_run_is_kept(cast):
    api, numbers = build.api(cast.acme), []
    for session in ("a", "b", "c"):
        numbers.append(wanted_version())
        registry.register(caller(session), NOW)
        registry.pull(caller(session), NOW, wanted_version())
        api = renamed(api, f"for {session}")
    Node.objects.filter(session_id="a").delete()
    registry.pull(caller("b"), NOW, wanted_version())
    assert [number for number, *_ in kept()] == [numbers[2], wanted_version()]
    assert PulledFeed.objects.count() == 2
    # A node that has pulled the policies of a version runs that, whatever APIs it is given afterwards.
    policies_of = wanted_version()
    registry.pull_policies(caller("c"), NOW, policies_of)
    renamed(api, "again")
    registry.pull(caller("b"), NOW, wanted_version())
    registry.pull(caller("c"), NOW, wanted_version())
    assert policies_of in [number for number, *_ in kept()]
    assert Node.objects.get(session_id="c").served_version == policies_of


def test_the_message_of_the_next_version_says_since_when_there_is_one(cast, redis):
    api = build.api(cast.acme)
    first = wanted_version()
    pulled.note(first, NOW)
    for name in ("2", "3"):
        api = renamed(api, name)
    assert pulled.behind_since([first, None, 99]) == {}
    rows = list(Outbox.objects.filter(kind="reload"))
    at = {row.payload: NOW + timedelta(minutes=row.payload - first) for row in rows}
    for row in rows:
        row.created_at = at[row.payload]
    signals.confirm(rows[::-1], redis)
    signals.confirm([row for row in rows if row.payload == first + 2], redis)
    assert pulled.behind_since([first, None, 99]) == {first: NOW + timedelta(minutes=1)}


def test_what_is_not_active_any_more_is_not_in_it(cast):
    api = build.api(cast.acme)
    publish.set_active(api, False, author=None)
    assert not ServedApi.objects.exists()
    pulled.note(wanted_version(), NOW)
    assert (kept(), PulledFeed.objects.count()) == ([], 1)
