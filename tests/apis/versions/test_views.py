"""The pages on which an API gets versions that are APIs of their own, and loses them."""

import pytest

from apis.definitions import kinds
from apis.definitions.document import pretty
from apis.definitions.oas import mcp
from apis.definitions.versions import NONE, Versioning
from apis.drafts import lifecycle as drafts
from apis.models import ApiDefinition
from apis.publishing import publish
from apis.publishing.refusals import Invalid
from apis.versions import lifecycle
from orgs import scope
from tests.apis.examples import openapi, plain
from tests.apis.pages import reviewed
from tests.apis.publishing.test_publish import served, stored

VERSION = {"version-name": "v2", "version-base_name": "v1"}


@pytest.fixture
def ada(cast, client_for):
    return client_for(cast.acme_admin)


def made(org, definition):
    with scope.org(org.id):
        return publish.create(org.id, definition, author=None)


def now(api):
    with scope.every_org():
        return ApiDefinition.objects.get(id=api.id)


def filled(page, **more):
    """What the form of a page sends, with what is typed into it."""
    form = page.context["form"]
    sent = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    if told := page.context.get("told"):
        sent["warned"] = told.digest
    return sent | more


@pytest.mark.parametrize("definition", [plain("/c/", tags=["eu"]), openapi("/c/")])
def test_a_version_starts_as_a_copy_of_its_base_and_is_published_with_it(cast, ada, definition):
    base = made(cast.acme, definition)
    before, address = stored(), f"/o/acme/apis/{base.id}/versions/new/"
    unnamed = filled(ada.get(address), listen_path="/c2/") | VERSION
    assert ada.post(address, unnamed).status_code == 400
    typed = unnamed | {"name": "Second"}
    for wrong in ("", "v1", "v\x1b", "self"):
        answer = ada.post(address, typed | {"version-name": wrong})
        assert (answer.status_code, list(answer.context["version"].errors)) == (400, ["name"])
    # A button that only draws the form again keeps what was typed, and finds no fault with it.
    drawn = ada.post(address, typed | {"show": "json", "version-name": ""})
    text = drawn.content.decode()
    assert (drawn.status_code, 'value="v1"' in text, "callout-bad" in text) == (200, True, False)
    assert stored() == before
    answer = ada.post(address, typed | {"version-default": "on"})
    if answer.status_code == 200:
        told = "Gateways of 3.x know no versions that are APIs of their own" in answer.content.decode()
        assert (stored(), told) == (before, True)
        answer = ada.post(address, filled(answer) | VERSION | {"version-default": "on"})
    with scope.org(cast.acme.id):
        second = ApiDefinition.objects.get(name="Second")
    assert answer.headers["Location"] == f"/o/acme/apis/{second.id}/"
    assert (second.target_url, second.auth, second.listen_path) == (base.target_url, base.auth, "/c2/")
    assert kinds.versioning(second.definition) == NONE
    assert kinds.versioning(now(base).definition) == Versioning("v1", "v2", {"v2": second.api_id})
    given = {each["api_definition"]["id"]: each["api_definition"]["definition"] for each in served()}
    assert given[base.id]["versions"] == {"v2": second.id}
    # The base has a name of its own from now on; a copy of it has none of its versions.
    page = ada.get(address)
    assert list(page.context["version"].fields) == ["name", "default"]
    taken = ada.post(address, filled(page, listen_path="/x/", name="Third") | {"version-name": "v2"})
    assert taken.context["version"].errors["name"] == [f"{base.name} has a version of this name already."]
    assert kinds.versioning(taken.context["form"].definition) == NONE


def test_a_version_is_of_its_base_s_kind(cast):
    proxy, document = mcp.marked(openapi("/m/")), openapi("/o/")
    for base, other in ((made(cast.acme, proxy), document), (made(cast.acme, document), proxy)):
        before, new = stored(), kinds.unnamed(other)
        with scope.org(cast.acme.id), pytest.raises(Invalid) as refused:
            lifecycle.create(base, new, name="v2", base_name="v1", author=cast.acme_admin)
        assert ([each.message for each in refused.value.problems], stored()) == (
            [lifecycle.OTHER_KIND],
            before,
        )


@pytest.mark.parametrize("make", [plain, openapi])
def test_the_default_is_chosen_and_a_version_taken_away_by_a_draft_that_is_reviewed(
    cast, ada, client_for, make
):
    child = made(cast.acme, make("/child/"))
    apart = Versioning("v1", "self", {"v2": child.api_id, "gone": "nowhere"})
    base = made(cast.acme, kinds.with_versioning(make("/base/"), apart))
    address = f"/o/acme/apis/{base.id}/versions/"
    page = ada.get(address).content.decode()
    assert page.count(f'<a class="cut" title="{child.name}" href="/o/acme/apis/{child.id}/">') == 1
    assert page.count("not there: <code>nowhere</code>") == 1
    # The base is the default, and no API is there for "gone".
    assert (page.count('value="default"'), page.count('value="removal"')) == (1, 2)

    def asked(do, name, **more):
        return ada.post(address, {"do": do, "name": name, "started_from": now(base).revision} | more)

    def chosen(do, name):
        answer = asked(do, name)
        assert answer.headers["Location"] == f"/o/acme/apis/review/?draft={base.id}"
        ada.post("/o/acme/apis/review/", reviewed(ada, answer.headers["Location"]))
        return kinds.versioning(now(base).definition)

    assert chosen("default", "v2") == apart._replace(default="v2")
    assert chosen("default", "") == apart
    assert chosen("default", "v2") == apart._replace(default="v2")
    for do, name in (("removal", ""), ("default", "v9"), ("rename", "v2"), ("removal", "v\0")):
        assert asked(do, name).status_code == 400
    stale = ada.get(asked("removal", "v2", started_from=1).headers["Location"]).content.decode()
    assert "Somebody published a newer revision meanwhile." in stale
    with scope.org(cast.acme.id):
        text, seen = pretty(now(base).definition), now(base).revision
        draft = drafts.save(now(base), text, author=cast.acme_admin, seen="", started_from=seen)
    drafted = ada.get(asked("removal", "v2").headers["Location"]).content.decode()
    assert "publish or discard it first" in drafted
    with scope.org(cast.acme.id):
        drafts.discard(now(base), author=cast.acme_admin, seen=draft.stamp)
    assert chosen("removal", "v2") == Versioning("v1", "self", {"gone": "nowhere"})
    assert chosen("removal", "gone") == NONE
    assert "There is none yet." in ada.get(address).content.decode()
    # The API of a version stays.
    assert now(child).revision == 1
    reader = client_for(cast.acme_member)
    said = {"do": "removal", "name": "v2", "started_from": 1}
    assert reader.post(address, said).status_code == 403
