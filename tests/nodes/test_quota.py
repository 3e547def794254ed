"""What a gateway tells of a quota, in the words of 3.0.12 and 5.14.0, and what is written down of it."""

import json
import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard.nodes import quota
from orgs import scope
from orgs.models import AuditEntry
from tests.keys import build


def told(org, token, **members):
    """As recorded."""
    said = {"Message": "Quota trigger reached", "OriginatingRequest": "", "org_id": org.id, "key": token}
    return json.dumps(said | {"trigger_limit": 50, "usage_percentage": 52} | members)


def entries():
    with scope.every_org():
        rows = AuditEntry.objects.filter(action=quota.ACTION).order_by("at", "id")
        return [(row.org_id, row.object_id, row.label, row.changes) for row in rows]


@pytest.fixture
def tell(node_client, cast, caplog):
    def telling(body):
        with caplog.at_level(logging.DEBUG):
            answer = node_client.post(
                "/system/key/quota_trigger",
                body,
                content_type="application/json",
                headers={"X-Tyk-Nonce": "n1"},
            )
        assert (answer.status_code, answer.content) == (200, b'{"Status":"OK","Message":null,"Nonce":"n1"}')

    return telling


def test_a_key_that_reaches_a_share_is_noted_once_an_hour_for_each_share_without_its_token(
    cast, tell, client_for, caplog
):
    key, token = build.key(cast.acme, build.api(cast.acme))
    changes = {"trigger_limit": [None, 50], "usage_percentage": [None, 52]}
    first = (cast.acme.id, key.id, str(key), changes)
    for usage in (52, 53, 54):
        tell(told(cast.acme, token, usage_percentage=usage))
    assert entries() == [first]
    tell(told(cast.acme, token, trigger_limit=80, usage_percentage=81))
    assert [row[3]["trigger_limit"][1] for row in entries()] == [50, 80]
    assert token not in caplog.text + str(entries())
    page = client_for(cast.acme_admin).get("/o/acme/audit/").content.decode()
    assert (page.count(quota.ACTION), token in page) == (2, False)
    with scope.every_org():
        assert set(AuditEntry.objects.filter(action=quota.ACTION).values_list("actor_email", "actor_id")) == {
            ("gateway", "")
        }


def test_it_is_noted_again_after_an_hour(cast):
    _, token = build.key(cast.acme, build.api(cast.acme))
    now = timezone.now()
    with scope.every_org():
        for minutes in (0, 59, 61, 62):
            quota.note(told(cast.acme, token).encode(), now + timedelta(minutes=minutes))
    assert len(entries()) == 2


def test_only_a_key_of_the_organisation_that_is_named_is_noted(cast, tell):
    key, token = build.key(cast.acme, build.api(cast.acme))
    strange = [{"org_id": cast.globex.id}, {"key": token[:-4]}, {"key": "x"}, {"org_id": ""}]
    odd = [{"org_id": 7}, {"org_id": "\ud800"}, {"key": None}, {"key": ""}, {"key": "\ud800"}]
    odd += [{"key": "a\0"}, {"key": "k" * 1001}]
    odd += [{"trigger_limit": number} for number in (-1, 1.5, "50", None, True, 1 << 31)]
    for members in strange + odd:
        tell(told(cast.acme, token, **members))
    for body in (
        "",
        "null",
        "[]",
        "{",
        "[" * 9_000,
        "x" * 10_001,
        told(cast.acme, token, Message="m" * 10_000),
    ):
        tell(body)
    assert entries() == []
    tell(told(cast.acme, key.token_hash))
    assert len(entries()) == 1
