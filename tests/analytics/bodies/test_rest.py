"""Whether an organisation keeps requests and answers, over REST."""

import pytest

from dashboard.analytics.models import BodyKeeping
from orgs import scope
from orgs.models import AuditEntry
from tests import make

KEEPING = "/api/logs/keeping"
JSON = "application/json"


def test_administrators_switch_it_and_it_is_noted(cast, rest):
    client = rest(make.user("l@acme.example", cast.acme, {"log": "write"}))
    off = {"org_id": cast.acme.id, "enabled": False, "headers": [], "members": [], "days": 7}
    before = client.get(KEEPING)
    assert (before.json(), before["ETag"]) == (off, '"0"')
    sent = {"enabled": True, "headers": [" X-Pin ", "X-Pin"]}
    answer = client.put(KEEPING, sent, JSON, headers={"If-Match": '"0"'})
    on = off | {"enabled": True, "headers": ["X-Pin"]}
    assert (answer.status_code, answer.json()["Meta"], answer["ETag"]) == (200, on, '"1"')
    assert client.put(KEEPING, sent, JSON, headers={"If-Match": '"0"'}).status_code == 412
    # What is not named stays.
    answer = client.put(KEEPING, {"enabled": True, "members": ["pin"]}, JSON)
    assert answer.json()["Meta"] == on | {"members": ["pin"]}
    assert client.get(KEEPING, headers={"If-None-Match": '"2"'}).status_code == 304
    reader = rest(make.user("r@acme.example", cast.acme, {"log": "read"}))
    assert (reader.get(KEEPING).json()["enabled"], reader.put(KEEPING, sent, JSON).status_code) == (True, 403)
    stranger = rest(cast.globex_admin)
    assert stranger.get(KEEPING).json()["enabled"] is False
    assert stranger.put(f"{KEEPING}?org_id={cast.acme.id}", {"enabled": False}, JSON).status_code == 200
    platform = rest(cast.super_user)
    assert platform.get(KEEPING).status_code == 400
    assert platform.get(KEEPING, {"org_id": cast.acme.id}).json()["enabled"] is True
    with scope.org(cast.acme.id):
        actions = AuditEntry.objects.filter(kind="bodies").order_by("at").values_list("action", "actor_email")
        assert list(actions) == [
            ("bodies.switched-on", "l@acme.example"),
            ("bodies.changed", "l@acme.example"),
        ]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "enabled: "),
        ({"enabled": "yes"}, "enabled must be "),
        ({"enabled": True, "headers": "X-Pin"}, "headers must be "),
        ({"enabled": True, "headers": [1]}, "headers must be "),
        ({"enabled": True, "headers": ["a b"]}, "headers: "),
        ({"enabled": True, "members": ["\u200b"]}, "members: "),
        ({"enabled": True, "members": [f"name{number}" for number in range(51)]}, "members: "),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(cast, rest, sent, said):
    answer = rest(cast.acme_admin).put(KEEPING, sent, JSON)
    assert (answer.status_code, answer.json()["Message"][: len(said)]) == (400, said)
    with scope.org(cast.acme.id):
        assert not BodyKeeping.objects.exists()
