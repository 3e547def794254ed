"""Something is done to many APIs: it is said before what, and then done to all of them or none."""

import io
import re
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apis.actions import views
from apis.actions.kinds import KINDS
from apis.definitions import kinds, segments
from apis.models import ApiDefinition, Revision
from apis.publishing import bulk, feed, publish
from apis.publishing.refusals import ManyRefused
from orgs import scope
from tests import make
from tests.apis.examples import openapi, plain

SERVER = openapi()["x-tyk-api-gateway"]["server"]
PLACE = "/o/acme/apis/actions/"


@pytest.fixture
def acme(cast, client_for):
    return client_for(cast.acme_admin)


@pytest.fixture
def made(cast):
    """APIs of acme: one, inactive two, and three, which has the category x by its name and y beside it."""
    with scope.org(cast.globex.id):
        foreign = publish.create(cast.globex.id, plain("/foreign/", api_id="foreign"), author=None)
    with scope.org(cast.acme.id):
        return {
            "one": publish.create(cast.acme.id, named("one"), author=None),
            "two": publish.create(cast.acme.id, named("two", active=False), author=None),
            "three": publish.create(
                cast.acme.id, named("three", name="three #x"), author=None, wrapper={"categories": ["y"]}
            ),
            "foreign": foreign,
        }


def named(api_id, **members):
    return plain(f"/{api_id}/", **{"name": api_id, "api_id": api_id, **members})


def sent_on(page):
    """What the button that confirms sends."""
    fields = {}
    text = page.content.decode().partition("<main")[2]
    for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', text):
        fields.setdefault(name, []).append(value)
    if loss := page.context["loss"]:
        fields["do-removed"] = [loss.removed]
    return {name: values for name, values in fields.items() if name != "csrfmiddlewaretoken"}


def there():
    with scope.every_org():
        rows = ApiDefinition.objects.values_list("api_id", "active", "categories", "revision")
        return {
            api_id: (active, sorted(categories), revision) for api_id, active, categories, revision in rows
        }


BEFORE = {
    "one": (True, [], 1),
    "two": (False, [], 1),
    "three": (True, ["x", "y"], 1),
    "foreign": (True, [], 1),
}
ON, THREE = (True, [], 2), (True, ["x", "y"], 2)


@pytest.mark.parametrize(
    ("asked", "counts", "changed"),
    [
        ({"action": "activate"}, (3, 1, 2), {"two": (True, [], 2)}),
        ({"action": "deactivate"}, (3, 2, 1), {"one": (False, [], 2), "three": (False, ["x", "y"], 2)}),
        (
            {"action": "category", "category": " y "},
            (3, 2, 1),
            {"one": (True, ["y"], 2), "two": (False, ["y"], 2)},
        ),
        ({"action": "no-category", "category": "y"}, (3, 1, 2), {"three": (True, ["x"], 2)}),
        ({"action": "no-category", "category": "x"}, (3, 0, 3), {}),
        ({"action": "tag", "tag": " eu "}, (3, 3, 0), {"one": ON, "two": (False, [], 2), "three": THREE}),
        ({"action": "no-tag", "tag": "eu"}, (3, 0, 3), {}),
        ({"action": "deactivate", "q": "thr"}, (1, 1, 0), {"three": (False, ["x", "y"], 2)}),
        ({"action": "deactivate", "ticked": ("one", "foreign")}, (1, 1, 0), {"one": (False, [], 2)}),
    ],
)
def test_it_is_said_what_an_action_touches_and_then_done_to_these_alone(  # noqa: PLR0917
    cast, acme, made, asked, counts, changed
):
    ticked = asked.get("ticked", ())
    sent = {
        ("q" if name == "q" else f"do-{name}"): value for name, value in asked.items() if name != "ticked"
    } | {
        "do-which": "ticked" if ticked else "filter",
        "api": [made[name].id for name in ticked],
    }
    before = feed.current().version
    page = acme.post(PLACE, sent)
    said = page.context["counts"]
    assert (page.status_code, said["all"], said["touched"], said["otherwise"]) == (200, *counts)
    assert there() == BEFORE
    if changed:
        done = acme.post(PLACE, sent_on(page))
        assert done.headers["Location"] == "/o/acme/apis/" + ("?q=thr" if "q" in asked else "")
        told = "Gateways load it" in acme.get(done.headers["Location"]).content.decode()
        assert told is ("category" not in asked)
    assert (there(), feed.current().version - before) == (
        BEFORE | changed,
        bool(changed and "category" not in asked),
    )
    with scope.org(cast.acme.id):
        authors = Revision.objects.filter(number=2).values_list("api_id", "author_id")
        assert dict(authors) == dict.fromkeys(changed, cast.acme_admin.id)


def test_whoever_ticked_nothing_is_told_so_and_led_back_to_the_list(acme, made):
    sent = {"do-action": "activate", "do-which": "ticked"}

    def way_on(came_from):
        answer = acme.post(PLACE, sent, headers={"Referer": came_from})
        assert (answer.status_code, b"Tick the APIs that you mean." in answer.content) == (400, True)
        return re.findall(r'class="button" href="([^"]*)"', answer.content.decode())

    assert way_on("http://testserver/o/acme/apis/?q=o") == ["http://testserver/o/acme/apis/?q=o"]
    for elsewhere in ("https://elsewhere.example/o/acme/apis/", f"http://testserver{PLACE}", ""):
        assert way_on(elsewhere) == ["/"]


def test_how_many_become_open_to_everyone_is_said_before_they_are_activated(cast, acme, made):
    with scope.org(cast.acme.id):
        for n in range(2):
            publish.create(cast.acme.id, plain(f"/o{n}/", use_keyless=True, active=False), author=None)
    said = "2 of them open to everyone: nobody needs a key."
    pages = [
        acme.post(PLACE, {"do-action": action, "do-which": "filter"}) for action in ("activate", "deactivate")
    ]
    assert [said in page.content.decode() for page in pages] == [True, False]


def test_tags_of_segments_are_found_and_changed_in_definitions_of_both_forms(cast, acme):
    def document(path, **tags):
        return openapi(path, extension={"server": {**SERVER, "listenPath": {"value": path}, **tags}})

    def published(**definitions):
        with scope.org(cast.acme.id):
            return {
                name: publish.create(cast.acme.id, definition, author=None)
                for name, definition in definitions.items()
            }

    made = published(
        tagged=named("tagged", tags=["eu", "us"]),
        off=named("off", tags=["eu"], tags_disabled=True),
        document=document("/d/", gatewayTags={"enabled": True, "tags": ["eu"]}),
        document_off=document("/o/", gatewayTags={"enabled": False, "tags": ["eu", "us"]}),
        plain=named("plain", name="eu", config_data={"tags": ["eu"]}),
    )

    def done(action):
        page = acme.post(PLACE, {"do-action": action, "do-tag": "eu", "do-which": "filter"})
        assert acme.post(PLACE, sent_on(page)).status_code == 302
        with scope.org(cast.acme.id):
            rows = {name: ApiDefinition.objects.get(id=api.id) for name, api in made.items()}
        found = {name: kinds.as_classic(row.definition) for name, row in rows.items()}
        return {name: (row.revision, segments.tags(found[name])) for name, row in rows.items()}, [
            name for name, classic in found.items() if segments.is_switched_off(classic)
        ]

    assert done("tag") == (
        {
            "tagged": (1, ["eu", "us"]),
            "off": (2, ["eu"]),
            "document": (1, ["eu"]),
            "document_off": (2, ["eu", "us"]),
            "plain": (2, ["eu"]),
        },
        [],
    )
    assert done("no-tag")[0] == {
        "tagged": (2, ["us"]),
        "off": (3, []),
        "document": (2, []),
        "document_off": (3, ["us"]),
        "plain": (3, []),
    }


def test_no_more_are_changed_or_exported_at_once_than_the_most(acme, made, monkeypatch):
    monkeypatch.setattr(views, "MOST", 2)
    monkeypatch.setattr(views, "MOST_FILES", 2)
    for action, status, said in (
        ("deactivate", 200, ""),
        ("category", 400, "More than 2 APIs would be changed."),
        ("export", 400, "More than 2 APIs would be exported."),
    ):
        answer = acme.post(PLACE, {"do-action": action, "do-which": "filter", "do-category": "z"})
        assert (answer.status_code, said in answer.content.decode()) == (status, True), action


def test_what_changed_since_it_was_seen_is_shown_again(cast, acme, made, monkeypatch):
    page = acme.post(PLACE, {"do-action": "deactivate", "do-which": "filter"})
    assert "that takes seconds" not in page.content.decode()
    monkeypatch.setattr(views, "LONG", 2)
    with scope.org(cast.acme.id):
        publish.set_active(made["two"], True, author=None)
    again = acme.post(PLACE, sent_on(page))
    assert (again.status_code, again.context["counts"]["touched"], there()["one"]) == (409, 3, BEFORE["one"])
    assert "that takes seconds" in again.content.decode()
    # As many as were seen, but others.
    with scope.org(cast.acme.id):
        publish.set_active(made["one"], False, author=None)
    page = acme.post(PLACE, {"do-action": "deactivate", "do-which": "filter"})
    with scope.org(cast.acme.id):
        publish.set_active(made["two"], False, author=None)
        publish.set_active(made["one"], True, author=None)
    before = there()
    again = acme.post(PLACE, sent_on(page))
    assert (page.context["counts"]["touched"], again.context["counts"]["touched"]) == (2, 2)
    assert (again.status_code, there()) == (409, before)
    assert acme.post(PLACE, sent_on(again)).status_code == 302


def test_all_that_a_list_finds_by_owner_are_meant_when_it_is_confirmed_too(cast, acme, made):
    with scope.org(cast.acme.id):
        publish.keep(made["one"], {"owner": "Payments"}, author=None)
    page = acme.post(PLACE, {"do-action": "deactivate", "do-which": "filter", "owner": "payments"})
    assert acme.post(PLACE, sent_on(page)).status_code == 302
    assert [there()[name][0] for name in ("one", "three")] == [False, True]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_somebody_published_since_it_was_read_is_never_overwritten(cast, made, kind):
    with scope.org(cast.acme.id):
        change = kind.change(made["three"], {"category": "z", "tag": "z"})
        publish.keep(made["three"], {"categories": ["theirs"]}, author=None)
        with pytest.raises(ManyRefused, match="revision 2 was published meanwhile"):
            bulk.publish(cast.acme.id, [change], author=None)


def test_apis_are_exported_as_an_archive_that_is_taken_over_unchanged(cast, acme, made):
    with scope.org(cast.acme.id):
        document = openapi("/oas/", extension={"info": {"name": "../É x", "id": "doc"}})
        publish.create(cast.acme.id, document, author=None)
        stored = {api.id: api.definition for api in ApiDefinition.objects.all()}
    answer = acme.post(PLACE, {"do-action": "export", "do-which": "filter"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    assert answer["Content-Disposition"] == 'attachment; filename="apis-acme.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        names = opened.namelist()
    assert {re.fullmatch(r"([a-z0-9-]+)-[0-9a-f]{24}\.json", name)[1] for name in names} == {
        "one",
        "two",
        "three-x",
        "x",
    }
    sent = SimpleUploadedFile("files.zip", answer.content)
    review = acme.post("/o/acme/files/", {"archive": sent})
    outcomes = {result.id: result.outcome for result in review.context["report"].results}
    assert outcomes == {"one": "same", "two": "same", "three": "same", "doc": "same"}
    with scope.org(cast.acme.id):
        assert {api.id: api.definition for api in ApiDefinition.objects.all()} == stored


def test_what_nobody_could_have_meant_or_may_do_is_refused(cast, acme, made, client_for):
    for sent in (
        {"do-action": "deactivate"},
        {"do-action": "burn", "do-which": "filter"},
        {"do-action": "category", "do-which": "filter"},
        {"do-action": "category", "do-which": "filter", "do-category": "\u202e"},
        {"do-action": "deactivate", "do-which": "ticked"},
        {"do-action": "deactivate", "do-which": "ticked", "api": ["x"]},
        {"do-action": "deactivate", "do-which": "filter", "active": "perhaps"},
    ):
        assert acme.post(PLACE, sent).status_code == 400, sent
    reader = make.user("reader@acme.example", cast.acme, {"apis": "read"})
    sent = {"do-action": "deactivate", "do-which": "filter"}
    assert client_for(reader).post(PLACE, sent).status_code == 403
    assert 'form="bulk"' not in client_for(reader).get("/o/acme/apis/").content.decode()
    assert 'form="bulk"' in acme.get("/o/acme/apis/").content.decode()
    assert client_for(cast.globex_admin).post(PLACE, sent).status_code == 404
    assert there() == BEFORE


def test_no_api_gets_more_categories_than_a_client_may_send(cast, acme, made):
    with scope.org(cast.acme.id):
        publish.keep(made["two"], {"categories": [f"c{number}" for number in range(100)]}, author=None)
    before = there()
    page = acme.post(PLACE, {"do-action": "category", "do-category": "z", "do-which": "filter"})
    assert page.context["counts"]["touched"] == 3
    refused = acme.post(PLACE, sent_on(page))
    assert "'two': category: has 100 categories, and must not have more" in str(refused.context["refused"])
    assert (refused.status_code, there()) == (409, before)


def test_many_routes_go_only_by_their_number(acme, made):
    page = acme.post(PLACE, {"do-action": "deactivate", "do-which": "filter"})
    sent, before = sent_on(page), there()
    assert (sent["do-removed"], page.context["loss"]) == ([2], (2, 2))
    for typed, status in (({}, 400), ({"do-removed": "1"}, 400), ({"do-removed": "x"}, 400)):
        refused = acme.post(PLACE, {name: sent[name] for name in sent if name != "do-removed"} | typed)
        assert (refused.status_code, there()) == (status, before)
    assert acme.post(PLACE, sent).status_code == 302
    assert (
        acme.post(PLACE, {"do-action": "category", "do-which": "filter", "do-category": "z"}).context["loss"]
        is None
    )
