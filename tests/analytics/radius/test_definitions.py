"""Which requests a change of a definition would have refused."""

import pytest
from django.utils import timezone

from apis.definitions.document import compact
from apis.drafts import lifecycle as drafts
from dashboard.analytics.dimensions import BASES
from dashboard.analytics.ingest import cuts
from dashboard.analytics.models import RollupCut
from dashboard.analytics.radius import definitions, reading
from orgs import scope
from orgs.models import Organisation
from orgs.providers.turned_away import Change, TurnedAway
from tests import make
from tests.analytics.screens import ago, push
from tests.apis.examples import plain
from tests.keys import build


def lists(name: str = "", *entries: dict) -> dict:
    paths = {"use_extended_paths": True, "extended_paths": {name: list(entries)} if name else {}}
    return {"version_data": {"not_versioned": True, "versions": {"Default": {"name": "Default", **paths}}}}


ITEMS = {
    "path": "/items/{n}",
    "method": "GET",
    "method_actions": {"GET": {"action": "no_action", "code": 200}},
}
OF_5 = {"path": "/items/{n}", "method": "GET"}


@pytest.mark.parametrize(
    ("before", "after", "endpoint", "closed"),
    [
        ({}, {}, "GET /payments/items", False),
        ({}, lists("black_list", ITEMS), "GET /payments/items/{id}", True),
        ({}, lists("black_list", ITEMS), "POST /payments/items/{id}", False),
        ({}, lists("white_list", ITEMS), "GET /payments/items/{id}", False),
        ({}, lists("white_list", ITEMS), "GET /payments/other", True),
        (lists("black_list", ITEMS), lists("black_list", ITEMS), "GET /payments/items/{id}", False),
        (lists("black_list", ITEMS), {}, "GET /payments/items/{id}", False),
        # Gateways of 3.0 take an entry of a method for one of all of them: they alone refuse, or they alone do not.
        ({}, lists("black_list", OF_5), "POST /payments/items/{id}", True),
        ({}, lists("white_list", OF_5), "POST /payments/items/{id}", True),
        # What cannot be told is not claimed.
        ({}, lists("black_list", {**ITEMS, "path": "(a+)+"}), "GET /payments/items/{id}", False),
        ({}, lists("white_list", ITEMS), "{other}", False),
    ],
)
def test_an_endpoint_closes_where_it_was_open_and_surely_is_no_more(before, after, endpoint, closed):
    pair = plain(**(lists() | before)), plain(**(lists() | after))
    assert definitions.closes(*pair, endpoint, timezone.now()) is closed


@pytest.mark.usefixtures("committed")
def test_a_review_says_whose_requests_would_have_been_refused(redis, cast, client_for, monkeypatch):
    monkeypatch.setattr(reading, "PATIENCE", "10s")
    api = build.api(cast.acme, use_keyless=True, use_standard_auth=False, **lists())
    common = {"OrgID": cast.acme.id, "APIID": api.api_id, "ResponseCode": 200, "Method": "GET"}
    paths = [("/items/4", "", 1), ("/items/5", "", 2), ("/other", "a" * 16, 1), ("/other", "", 7)]
    for path, key, days in paths:
        push(redis, {**common, "Path": path, "RawPath": path, "APIKey": key, "TimeStamp": ago(days=days)})
    push(redis, {**common, "OrgID": cast.globex.id, "RawPath": "/items/4", "TimeStamp": ago(days=1)})
    wanted = {**api.definition, "use_keyless": False, "use_standard_auth": True, **lists("black_list", ITEMS)}
    now, changes = timezone.now(), [Change(api.api_id, api.definition, wanted)]
    with scope.org(cast.acme.id):
        found = definitions.turned_away(cast.acme, changes, now)
        drafts.save(api, compact(wanted), author=cast.acme_admin, seen="", started_from=1)
    assert found == {api.api_id: TurnedAway((("GET /items/{id}", 2),), requests=3, keyless=2)}
    # Figures of another zone stand beside the former ones until those are gone.
    Organisation.everyone.filter(pk=cast.acme.id).update(time_zone="Asia/Kathmandu")
    while cuts.work(now):
        pass
    with scope.org(cast.acme.id):
        assert definitions.turned_away(cast.acme, changes, now) == found
        assert RollupCut.active(cast.acme)[1] != BASES[0]

    def warnings(user):
        [review] = client_for(user).get(f"/o/acme/apis/review/?draft={api.id}").context["reviews"]
        return review.warnings

    assert warnings(cast.acme_admin)[:2] == [
        "Asks everybody who he is, by: token. 2 of 3 requests of the last 7 days came without a key.",
        "Closes what was called in the last 7 days: GET /items/{id} (2 requests).",
    ]
    asks = "Asks everybody who he is, by: token. How many call without a key is not known."
    assert warnings(make.user("kim@acme.example", cast.acme, {"apis": "read"}))[0] == asks
    # Each endpoint is held against each entry, and nobody waits for that.
    with monkeypatch.context() as changed:
        changed.setattr(definitions, "SECONDS", -1)
        assert warnings(cast.acme_admin)[0] == asks
    monkeypatch.setattr(reading, "PATIENCE", "1ms")
    slow = definitions.zones.of
    monkeypatch.setattr(definitions.zones, "of", lambda *of: (slept(), slow(*of))[1])
    assert warnings(cast.acme_admin)[0] == asks


def slept() -> None:
    with definitions.connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.1)")
