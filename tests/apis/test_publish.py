"""Publishing: everything of a change is stored at once, or nothing."""

import json

import pytest

from apis import feed, publish
from apis.models import ApiDefinition, FeedVersion, Outbox, Revision, ServedApi
from orgs import scope
from orgs.models import AuditEntry
from tests.apis.definitions import plain


@pytest.fixture
def acme(cast):
    with scope.org(cast.acme.id):
        yield cast.acme


def served():
    return json.loads(feed.current().body)


def test_a_new_api_is_a_row_a_revision_an_audit_entry_a_feed_and_a_message(cast, acme):
    before = feed.current()
    api = publish.create(acme.id, plain(), author=cast.acme_admin)
    definition = plain() | {"id": api.id, "api_id": api.api_id, "org_id": acme.id}
    revision = Revision.objects.get()
    assert (api.definition, revision.definition) == (definition, definition)
    assert (revision.definition_id, revision.number, revision.author) == (api.id, 1, "ada@acme.example")
    assert list(AuditEntry.objects.values_list("action", "object_id")) == [("api.created", api.id)]
    assert list(Outbox.objects.values_list("kind", "subject")) == [("reload", api.api_id)]
    assert served() == [{"api_definition": definition, "oas": None}]
    after = feed.current()
    assert (after.version, after.count) == (before.version + 1, 1)
