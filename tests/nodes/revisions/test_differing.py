"""What a node was served and what is desired, thing by thing."""

from datetime import UTC, datetime

import pytest

from apis.definitions.difference import Row
from apis.publishing import publish
from dashboard.nodes.models import wanted_version
from dashboard.nodes.revisions import differing, pulled
from dashboard.nodes.revisions.differing import Change
from keys.policies import lifecycle
from orgs import scope
from tests import make
from tests.keys import build
from tests.keys.policies import build as policies

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def served(cast):
    """A version of the feed with two APIs and a policy of acme and an API of globex, each changed or gone since."""
    with scope.every_org():
        orders, bills, theirs = build.api(cast.acme), build.api(cast.acme, "Bills"), build.api(cast.globex)
        gold = policies.policy(cast.acme, orders)
        number = wanted_version()
        pulled.note(number, NOW)
        changed = orders.definition
        changed["proxy"]["target_url"] = "http://new.example/"
        publish.change(orders, changed, author=None)
        publish.delete(bills, author=None)
        publish.set_active(theirs, False, author=None)
        lifecycle.change(gold, gold.document | {"rate": 7, "per": 1}, author=None)
        new = build.api(cast.acme, "New")
    return number, orders, bills, theirs, gold, new


def test_each_sees_what_is_of_his_organisation_and_what_he_may_see(cast, served):
    number, orders, bills, theirs, gold, new = served
    acme, globex = cast.acme.id, cast.globex.id
    apis = [
        Change("api", acme, orders.id, 1, 2),
        Change("api", acme, bills.id, 1, None),
        Change("api", acme, new.id, None, 1),
    ]
    apis.sort(key=lambda change: change.id)
    gold_change, their_change = (
        Change("policy", acme, gold.id, 1, 2),
        Change("api", globex, theirs.id, 1, None),
    )
    operator = make.user("o@acme.example", cast.acme, {"system": "read"})
    writer = make.user("w@acme.example", cast.acme, {"system": "read", "apis": "read"})
    with scope.org(acme):
        assert differing.changes(number, cast.acme_admin) == [*apis, gold_change]
        assert differing.changes(number, writer) == apis
        assert differing.changes(number, operator) == []
        assert differing.changes(number - 1, cast.acme_admin) is None
    with scope.org(globex):
        assert differing.changes(number, cast.globex_admin) == [their_change]
    with scope.every_org():
        every = sorted([*apis, their_change], key=lambda change: (change.org_id, change.id))
        assert differing.changes(number, cast.super_user) == [*every, gold_change]


def test_what_is_in_both_is_compared_field_by_field(cast, served):
    number, orders, bills, _, gold, new = served
    with scope.org(cast.acme.id):
        found = differing.explained(differing.changes(number, cast.acme_admin))
    explained = {each["change"].id: (each["name"], each["difference"]) for each in found}
    rows = {id: difference and difference["rows"] for id, (_, difference) in explained.items()}
    target = Row("/proxy/target_url", '"http://upstream.example/"', '"http://new.example/"')
    assert (rows[orders.id], rows[bills.id], rows[new.id]) == ([target], None, None)
    assert {row.pointer for row in rows[gold.id]} == {"/rate", "/per"}
    names = {id: name for id, (name, _) in explained.items()}
    assert names == {orders.id: "Orders", bills.id: "Bills", new.id: "New", gold.id: "Gold"}
