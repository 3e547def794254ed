"""Whose an API is and what people should know of it, in the browser."""

import pytest

from apis.definitions import kinds
from apis.definitions.versions import Versioning
from apis.models import ApiDefinition
from apis.publishing import publish
from orgs import scope
from orgs.models import AuditEntry
from tests.apis.examples import openapi, plain
from tests.apis.publishing.test_publish import served

SAID = {"owner": "Payments <team>", "notes": "Closed on Sundays.\nAsk <b>first</b>."}


@pytest.fixture
def api(cast):
    with scope.org(cast.acme.id):
        return publish.create(cast.acme.id, plain(), author=cast.acme_admin)


def kept(api):
    with scope.every_org():
        row = ApiDefinition.objects.get(id=api.id)
    return row.revision, row.wrapper


def test_owner_and_notes_are_shown_to_people_and_told_to_no_gateway(cast, client_for, api):
    ada, before = client_for(cast.acme_admin), served()
    answer = ada.post(f"/o/acme/apis/{api.id}/notes/", SAID | {"started_from": 1})
    page = ada.get(answer.url).content.decode()
    assert '<dd class="wrap">Payments &lt;team&gt;</dd>' in page
    assert "Closed on Sundays.<br>Ask &lt;b&gt;first&lt;/b&gt;." in page
    assert (kept(api), served()) == ((2, SAID), before)
    with scope.org(cast.acme.id):
        entry = AuditEntry.objects.get(action="api.published")
    assert entry.changes == {"revision": [1, 2], "notes": [None, "changed"], "owner": [None, "changed"]}
    ada.post(answer.request["PATH_INFO"], SAID | {"started_from": 2})
    assert kept(api) == (2, SAID)


def test_of_two_who_write_notes_at_once_the_second_sees_both(cast, client_for, api):
    ada, address = client_for(cast.acme_admin), f"/o/acme/apis/{api.id}/notes/"
    ada.post(address, SAID | {"started_from": 1})
    answer = ada.post(address, {"owner": "Ann", "notes": "Mine", "started_from": 1})
    page = answer.content.decode()
    assert (answer.status_code, kept(api)) == (409, (2, SAID))
    assert [text in page for text in ("Closed on Sundays.", "Mine", 'value="Ann"', 'value="2"')] == [True] * 4
    assert ada.post(address, {"owner": "Ann", "started_from": 2}).status_code == 302
    assert kept(api) == (3, {"owner": "Ann", "notes": ""})


def test_categories_are_written_shown_and_filtered_by_beside_those_in_the_name(cast, client_for, api):
    ada = client_for(cast.acme_admin)
    with scope.org(cast.acme.id):
        publish.create(cast.acme.id, plain("/b/") | {"name": "Other #north"}, author=cast.acme_admin)
    said = {
        "owner": "",
        "notes": "",
        "categories": "far, west\r\n\r\n billing \r\nbilling",
        "started_from": 1,
    }
    page = ada.get(ada.post(f"/o/acme/apis/{api.id}/notes/", said).url).content.decode()
    assert kept(api) == (2, {"owner": "", "notes": "", "categories": ["far, west", "billing"]})
    assert '<a href="/o/acme/apis/?category=far%2C%20west">far, west</a>' in page
    assert "\nfar, west\nbilling</textarea>" in ada.get(f"/o/acme/apis/{api.id}/notes/").content.decode()

    def found(category):
        answer = ada.get("/o/acme/apis/", {"category": category})
        return [row["api"].name for row in answer.context["rows"]], answer.context["categories"]

    offered = ["billing", "far, west", "north"]
    assert found("") == (["Other #north", api.name], offered)
    assert found("far, west") == ([api.name], offered)
    assert found("north") == (["Other #north"], offered)
    assert found("gone") == ([], ["billing", "far, west", "gone", "north"])


@pytest.mark.parametrize(
    "said",
    [
        {"owner": "x" * 101},
        {"notes": "x" * 4_001},
        {"notes": "a\0b"},
        {"owner": "\0"},
        {"categories": "x" * 101},
        {"categories": "\n".join(map(str, range(101)))},
        {"categories": "a\tb"},
    ],
)
def test_what_is_too_long_or_no_text_is_refused(cast, client_for, api, said):
    answer = client_for(cast.acme_admin).post(f"/o/acme/apis/{api.id}/notes/", said | {"started_from": 1})
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, list(said))
    assert kept(api) == (1, {})


def test_the_page_of_an_api_names_its_versions_and_leads_to_those_that_are_apis(cast, client_for):
    with scope.org(cast.acme.id):
        child = publish.create(cast.acme.id, openapi("/child/"), author=None)
        apart = Versioning("v1", "self", {"v2": child.api_id, "v3": "gone"})
        lost = kinds.with_versioning(openapi("/base/"), apart)
        base = publish.create(cast.acme.id, lost, author=None)
    page = client_for(cast.acme_admin).get(f"/o/acme/apis/{base.id}/").content.decode()
    assert f'<dd class="wrap">v1, <a href="/o/acme/apis/{child.id}/">v2</a>, v3</dd>' in page
    assert (
        "<dt>Versions</dt>"
        not in client_for(cast.acme_admin).get(f"/o/acme/apis/{child.id}/").content.decode()
    )
