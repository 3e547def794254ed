"""Drafts on the pages: saved, met by a second person, reviewed, published, discarded."""

import json

import pytest

from apis.allowances.changes import allow
from apis.definitions.document import compact
from apis.models import ApiDefinition, Draft, Revision
from apis.publishing import publish
from orgs import scope
from tests import make
from tests.apis.examples import openapi, plain
from tests.apis.pages import reviewed
from tests.apis.publishing.test_publish import stored
from tests.apis.test_views import text_of

REVIEW = "/o/acme/apis/review/"


@pytest.fixture
def ada(cast, client_for):
    return client_for(cast.acme_admin)


@pytest.fixture
def bea(cast, client_for):
    return client_for(make.user("bea@acme.example", cast.acme, {"apis": "write"}))


@pytest.fixture
def api(cast):
    with scope.org(cast.acme.id):
        return publish.create(cast.acme.id, plain(), author=cast.acme_admin)


def place(api, page="edit/?as=json"):
    return f"/o/acme/apis/{api.id}/{page}"


def draft_of(api):
    with scope.every_org():
        return Draft.objects.filter(api_id=api.id).first()


def sent(definition, **more):
    return {"text": compact(definition), "started_from": 1, "seen": "", **more}


def rows(difference):
    return [tuple(row) for row in difference["rows"]]


def test_a_draft_may_be_half_done_and_is_shown_to_whoever_edits_next(ada, bea, api):
    before = stored()[1]
    half = plain(name="", zebra=1)
    answer = ada.post(place(api), sent(half, save="draft", message="Not yet"), follow=True)
    said = "The draft is saved. Gateways are given it once it is published."
    assert (answer.status_code, said in text_of(answer)) == (200, True)
    assert stored()[1] == before
    note = "ada@acme.example saved a draft of this API"
    shown = bea.get(place(api, ""))
    assert note in text_of(shown) and "This page shows what is published." in text_of(shown)
    form = bea.get(place(api)).context["form"]
    assert [form[name].value() for name in ("text", "message", "started_from", "seen")] == [
        compact(half),
        "Not yet",
        1,
        draft_of(api).stamp,
    ]
    review = bea.get(REVIEW, {"draft": api.id})
    assert "Line 1: /name: must not be empty" in text_of(review)
    assert ("Publish</button>" in review.content.decode()) is False
    refused = bea.post(place(api), sent(half, seen=draft_of(api).stamp))
    assert (refused.status_code, refused.context["form"].errors["text"]) == (
        400,
        ["Line 1: /name: must not be empty"],
    )


def test_the_form_saves_a_draft_as_wrong_as_it_was_typed_and_edits_the_draft(ada, api):
    wrong = {"name": "Half", "listen_path": "no", "target_url": "", "rate": "many", "authentication": "token"}
    ada.post(place(api, "edit/"), wrong | {"started_from": 1, "save": "draft"})
    form = ada.get(place(api, "edit/")).context["form"]
    shown = {name: form[name].value() for name in wrong}
    assert shown == wrong
    with scope.every_org():
        Draft.objects.update(text=compact(plain(zebra=1)))
    right = {"name": "New", "listen_path": "/payments/", "target_url": "http://x.example/"}
    right |= {"authentication": "token", "started_from": 1, "seen": draft_of(api).stamp, "save": "draft"}
    ada.post(place(api, "edit/"), right)
    found = draft_of(api).definition
    assert (found["name"], found["zebra"]) == ("New", 1)


def test_the_form_is_about_the_draft_that_it_was_filled_with_whatever_was_saved_since(ada, bea, api):
    def listing(*paths):
        made = plain()
        entries = [{"path": path, "method": "GET"} for path in paths]
        made["version_data"]["versions"]["Default"]["extended_paths"]["ignored"] = entries
        return made

    ada.post(place(api), sent(listing("/a", "/b"), save="draft"))
    of_published = {"name": "Mine", "started_from": 1, "seen": "", "save": "draft"}
    late = bea.post(place(api, "edit/"), of_published)
    assert (late.status_code, "ignored" in late.context["form"].initial["text"]) == (409, False)
    form = ada.get(place(api, "edit/")).context["form"]
    typed = {name: form[name].value() for name in form.fields}
    typed = {name: value for name, value in typed.items() if value not in (None, False)}
    bea.post(place(api), sent(listing("/x", "/a", "/b"), seen=draft_of(api).stamp, save="draft"))
    late = ada.post(place(api, "edit/"), typed | {"ignored_1_path": "/c", "save": "draft"})
    mine = json.loads(late.context["form"].initial["text"])
    ignored = mine["version_data"]["versions"]["Default"]["extended_paths"]["ignored"]
    assert (late.status_code, [entry["path"] for entry in ignored]) == (409, ["/a", "/c"])


def test_two_people_who_edit_lose_nothing(ada, bea, api):
    bea.post(place(api), sent(plain(name="Hers"), save="draft"))
    hers = draft_of(api)
    late = ada.post(place(api), sent(plain(name="Mine"), message="Why"))
    assert (late.status_code, draft_of(api).text) == (409, hers.text)
    assert "bea@acme.example saved a draft while you were editing" in text_of(late)
    assert rows(late.context["drafted"]) == [("/name", '"Payments"', '"Hers"')]
    assert rows(late.context["mine"]) == [("/name", '"Hers"', '"Mine"')]
    again = late.context["form"].initial
    assert again == sent(plain(name="Mine"), seen=hers.stamp, message="Why")
    answer = ada.post(place(api), again)
    assert (answer.status_code, draft_of(api).definition["name"]) == (302, "Mine")


def test_who_edits_while_another_publishes_sees_both(cast, ada, bea, api):
    bea.post(place(api), sent(plain(name="Hers"), save="draft"))
    stamp = draft_of(api).stamp
    with scope.org(cast.acme.id):
        publish.change(api, plain(zebra=1), author=cast.acme_admin, message="By REST")
    late = ada.post(place(api), sent(plain(name="Mine"), seen=stamp))
    assert late.status_code == 409
    assert "ada@acme.example published revision 2 (“By REST”) while you were editing." in text_of(late)
    assert (late.context["moved"], rows(late.context["published"])) == (False, [("/zebra", None, "1")])
    assert rows(late.context["mine"]) == [("/name", '"Payments"', '"Mine"'), ("/zebra", "1", None)]
    assert late.context["form"].initial == sent(plain(name="Mine"), seen=stamp, message="", started_from=2)
    review = bea.get(REVIEW, {"draft": api.id})
    assert "Revision 2 was published since the draft was begun" in text_of(review)
    [found] = review.context["reviews"]
    assert (rows(found.undone), rows(found.difference)) == (
        [("/zebra", None, "1")],
        [("/name", '"Payments"', '"Hers"'), ("/zebra", "1", None)],
    )


def test_what_was_reviewed_is_published_as_one_revision_and_the_draft_ends(cast, ada, api):
    answer = ada.post(place(api), sent(plain(name="New"), message="Renamed"))
    assert answer.url == f"{REVIEW}?draft={api.id}"
    review = ada.get(answer.url)
    [found] = review.context["reviews"]
    assert rows(found.difference) == [("/name", '"Payments"', '"New"')]
    body = reviewed(ada, answer.url)
    assert body == {"reviewed": [f"{api.id}.{draft_of(api).stamp}.1"], "message": "Renamed"}
    done = ada.post(REVIEW, body | {"message": "Renamed for good"}, follow=True)
    assert "Revision 2 of New is published." in text_of(done)
    with scope.org(cast.acme.id):
        made = Revision.objects.get(number=2)
        assert (made.definition["name"], made.message) == ("New", "Renamed for good")
    assert draft_of(api) is None
    twice = ada.post(REVIEW, body, follow=True)
    assert "There is no draft any more" in text_of(twice)


def test_who_reviewed_what_has_moved_publishes_nothing_and_sees_what_there_is(cast, ada, bea, api):
    body = reviewed(ada, ada.post(place(api), sent(plain(name="Mine"))).url)
    bea.post(place(api), sent(plain(name="Hers"), seen=draft_of(api).stamp, save="draft"))
    before = stored()
    late = ada.post(REVIEW, body | {"message": "Kept"})
    assert (late.status_code, stored()) == (409, before)
    assert "Not published: somebody was faster" in text_of(late)
    assert rows(late.context["reviews"][0].difference) == [("/name", '"Payments"', '"Hers"')]
    assert late.context["form"]["message"].value() == "Kept"
    body = reviewed(ada, f"{REVIEW}?draft={api.id}")
    with scope.org(cast.acme.id):
        publish.change(api, plain(zebra=1), author=None)
    late = ada.post(REVIEW, body)
    assert (late.status_code, draft_of(api).definition["name"]) == (409, "Hers")
    assert "Revision 2 was published since the draft was begun" in text_of(late)


def test_what_publishing_refuses_is_said_on_the_review(cast, ada, api):
    body = reviewed(ada, ada.post(place(api), sent(plain("/b/"))).url)
    with scope.org(cast.acme.id):
        publish.create(cast.acme.id, plain("/b/", name="B"), author=None)
    answer = ada.post(REVIEW, body)
    said = "This listen path is taken on this domain, or is above or below one that is."
    assert (answer.status_code, said in text_of(answer), draft_of(api) is None) == (400, True, False)
    assert ada.post(REVIEW, body | {"message": "x" * 501}).status_code == 400
    for wrong in ("", "x", f"{api.id}.1", body["reviewed"][0] + "0" * 12):
        assert ada.post(REVIEW, {"reviewed": [wrong]}).status_code == 400
    assert ada.get(REVIEW, {"draft": [api.id] * 51}).status_code == 400


def test_a_super_user_is_told_what_the_author_of_a_draft_could_not_publish_himself(
    cast, ada, client_for, api
):
    url = "http://upstream.example/?secret=$secret_env.NODE_SECRET"
    wanted = plain(config_data={"old": "env://OLD", "new": "env://NEW"})
    wanted["proxy"]["target_url"] = url
    with scope.org(cast.acme.id):
        publish.change(api, plain(config_data={"old": "env://OLD"}), author=None)
        allow(cast.acme.id, "env://NEW", author=cast.super_user)
    ada.post(place(api), sent(wanted, started_from=2, save="draft"))
    [review] = client_for(cast.super_user).get(REVIEW, {"draft": api.id}).context["reviews"]
    told = "Nobody but a super-user may publish this: "
    assert [each for each in review.warnings if each.startswith(told)] == [
        f"{told}/proxy/target_url: must not refer to the gateway's host ($secret_)"
    ]
    [review] = ada.get(REVIEW, {"draft": api.id}).context["reviews"]
    assert (review.warnings, any("$secret_" in fault for fault in review.faults)) == ([], True)


def test_a_draft_is_discarded_by_whoever_saw_it(ada, bea, api):
    ada.post(place(api), sent(plain(name="Mine"), save="draft"))
    address, old = place(api, "draft/deletion/"), draft_of(api).stamp
    assert "Discard the draft?" in text_of(ada.get(address))
    bea.post(place(api), sent(plain(name="Hers"), seen=old, save="draft"))
    late = ada.post(address, {"seen": old})
    assert (late.status_code, draft_of(api).definition["name"]) == (409, "Hers")
    assert "bea@acme.example saved another draft while you were looking." in text_of(late)
    done = ada.post(address, {"seen": draft_of(api).stamp}, follow=True)
    assert ("The draft of Payments is discarded." in text_of(done), draft_of(api)) == (True, None)
    assert ada.get(address).url == place(api, "")
    assert ada.post(address, {}).status_code == 400


def test_strangers_readers_and_machines(cast, ada, client_for, rest, api):
    secret = "zq9secret"
    ada.post(place(api), sent(plain(name=secret), save="draft"))
    gus = client_for(cast.globex_admin)
    body = {"reviewed": [f"{api.id}.{draft_of(api).stamp}.1"]}
    other = {"reviewed": [f"{'f' * 24}.{'f' * 24}.1"]}
    theirs, missing = (gus.post("/o/globex/apis/review/", each) for each in (body, other))
    assert (theirs.status_code, theirs.url, theirs.content) == (302, missing.url, missing.content)
    assert gus.get(place(api, "draft/deletion/")).status_code == 404
    cast.acme_member.permissions = {"apis": "read"}
    cast.acme_member.save()
    reader = client_for(cast.acme_member)
    page = reader.get(REVIEW, {"draft": api.id}).content.decode()
    assert (secret in page, "Publish</button>" in page) == (True, False)
    assert [reader.post(REVIEW, body).status_code, reader.post(place(api), sent(plain())).status_code] == [
        403,
        403,
    ]
    wire = rest(cast.acme_admin)
    assert secret not in wire.get(f"/api/apis/{api.id}").content.decode()
    put = wire.put(f"/api/apis/{api.id}", {"api_definition": plain(zebra=1)}, "application/json")
    assert (put.status_code, draft_of(api).definition["name"]) == (200, secret)


def test_a_document_with_faults_is_reviewed_and_met_by_others_without_a_fault_of_ours(cast, ada, bea):
    with scope.org(cast.acme.id):
        api = publish.create(cast.acme.id, openapi(), author=None)
    broken = openapi() | {"x-tyk-api-gateway": {"info": [1], "server": 5}}
    ada.post(place(api), sent(broken, save="draft"))
    pages = [
        ada.get(REVIEW, {"draft": api.id}),
        ada.get(place(api)),
        ada.get(place(api, "draft/deletion/")),
        ada.get(place(api, "")),
        bea.post(place(api), sent({"openapi": [], "x-tyk-api-gateway": None}, save="draft")),
    ]
    assert [page.status_code for page in pages] == [200] * 4 + [409]
    assert "/x-tyk-api-gateway/info: " in text_of(pages[0])
    with scope.every_org():
        assert ApiDefinition.objects.get().revision == 1
    assert json.loads(draft_of(api).text) == broken


def test_drafts_that_belong_together_are_published_together_or_not_at_all(cast, ada, client_for, api):
    empty = text_of(ada.get("/o/acme/apis/drafts/"))
    assert "No drafts Edit an API and save it as a draft" in empty
    with scope.org(cast.acme.id):
        names = {"b": "second", "c": "third"}
        others = [
            publish.create(cast.acme.id, plain(f"/{path}/", name=name), author=None)
            for path, name in names.items()
        ]
    wanted = {api: "/b/", others[0]: "/payments/", others[1]: "/c/"}
    for each, path in wanted.items():
        ada.post(place(each), sent(plain(path, name=each.name, zebra=1), save="draft"))
    page = ada.get("/o/acme/apis/drafts/")
    assert [row.api.name for row in page.context["rows"]] == ["third", "second", "Payments"]
    assert page.context["page"].position == "1 to 3 of 3"
    oldest = ada.get("/o/acme/apis/drafts/?sort=saved_at").context["rows"]
    assert [row.api.name for row in oldest] == ["Payments", "second", "third"]
    assert ada.get("/o/acme/apis/drafts/?sort=text").status_code == 400
    assert client_for(cast.globex_admin).get("/o/globex/apis/drafts/").context["rows"] == []
    assert ada.get(REVIEW).url == "/o/acme/apis/drafts/"
    many = [f"{number:024x}.{api.id}.1" for number in range(51)]
    for refused in (
        ada.post(REVIEW, {"reviewed": many}),
        ada.get(f"{REVIEW}?" + "&".join(f"draft={text[:24]}" for text in many)),
    ):
        said = "More than 50 drafts are not published at once." in text_of(refused)
        assert (refused.status_code, said) == (400, True)

    seen = f"{api.id}.{draft_of(api).stamp}"
    for odd in ([f"{seen}.1", f"{seen}.2"], [f"{seen}.1", "x"], [seen], []):
        assert ada.post(REVIEW, {"reviewed": odd, "removed": "1"}).status_code == 400
    chosen = f"{REVIEW}?draft={api.id}&draft={others[0].id}"
    assert "Review 2 drafts" in text_of(ada.get(chosen))
    body = reviewed(ada, chosen)
    before = stored()
    with scope.org(cast.acme.id):
        Draft.objects.filter(api_id=others[0].id).update(text=compact(plain("/c/", name="second")))
    refused = ada.post(REVIEW, body | {"removed": "2"})
    said = "second: This listen path is taken on this domain, or is above or below one that is."
    assert (refused.status_code, said in text_of(refused), stored()) == (400, True, before)
    assert draft_of(api).definition["zebra"] == 1

    with scope.org(cast.acme.id):
        Draft.objects.filter(api_id=others[0].id).update(text=compact(plain("/payments/", name="second")))
    untyped = ada.post(REVIEW, body | {"message": "Swapped"}, follow=True)
    # The routes stay, though they change hands.
    assert "2 APIs are published." in text_of(untyped)
    with scope.org(cast.acme.id):
        places = dict(ApiDefinition.objects.values_list("name", "listen_path"))
        made = Revision.objects.filter(number=2).values_list("message", flat=True)
        assert (places, list(made)) == (
            {"Payments": "/b/", "second": "/payments/", "third": "/c/"},
            ["Swapped"] * 2,
        )
    assert [row.api.name for row in untyped.context["rows"]] == ["third"]


def test_a_review_foresees_who_listens_where_a_draft_wants_to(cast, ada, api):
    with scope.org(cast.acme.id):
        [second, _] = [
            publish.create(cast.acme.id, plain(path, name=name), author=None)
            for path, name in (("/b/", "second"), ("/b/c/", "third"))
        ]
    with scope.org(cast.globex.id):
        publish.create(cast.globex.id, plain("/theirs/", name="Secret of theirs"), author=None)
    taken = "Line 1: This listen path is taken on this domain, or is above or below one that is."
    below = "Lies below the API 'second' (/b/): what is sent to /b/d/ comes here, and not there."
    same = "Listens where the API 'second' (/b/) does."
    inside = "Lies above the API 'third' (/b/c/): what is sent there goes there, and does not come here."

    def foreseen(path, *drafts, started_from=1):
        with scope.org(cast.acme.id):
            Draft.objects.all().delete()
        ada.post(place(api), sent(plain(path), save="draft", started_from=started_from))
        for each, to in drafts:
            ada.post(place(each), sent(plain(to, name=each.name), save="draft"))
        page = ada.get(REVIEW, {"draft": [api.id, *(each.id for each, _ in drafts)]})
        assert "Secret of theirs" not in page.content.decode()
        found = page.context["reviews"][0]
        told = [text for text in found.warnings if "Removes the route" not in text]
        return found.faults, told, "Publish</button>" in page.content.decode()

    assert foreseen("/theirs/more/") == ([taken], [], False)
    assert foreseen("/b/") == ([taken], [same, inside], False)
    assert foreseen("/b/d/") == ([], [below], True)
    with scope.org(cast.acme.id):
        publish.change(publish.set_active(api, False, author=None), plain("/b/d/", active=False), author=None)
    # Where it is served again.
    assert foreseen("/b/d/", started_from=3) == ([], [below], True)
    # What is published together is looked at together.
    assert foreseen("/b/", (second, "/e/"), started_from=3) == ([], [inside], True)
    assert foreseen("/e/", (second, "/e/"), started_from=3) == (
        [],
        ["Listens where the API 'second' (/e/) does."],
        False,
    )


def test_a_review_that_takes_much_away_asks_for_its_number(cast, ada, api):
    body = reviewed(ada, ada.post(place(api), sent(plain("/moved/"))).url)
    page = ada.get(f"{REVIEW}?draft={api.id}")
    assert (page.context["loss"], "This takes every route away" in text_of(page)) == ((1, 1), True)
    before = stored()
    untyped = ada.post(REVIEW, {"reviewed": body["reviewed"], "message": "Kept"})
    assert (untyped.status_code, stored()) == (400, before)
    assert untyped.context["form"].errors == {"removed": ["Type 1, the number of routes that go."]}
    assert ada.post(REVIEW, body).status_code == 302
