"""The pages of an organisation's APIs."""

import html
import json
import re
import time

import pytest

from apis.definitions.document import compact
from apis.domains import changes as domains
from apis.models import ApiDefinition, Draft, Revision
from apis.publishing import publish
from orgs import scope
from tests import make
from tests.analytics.screens import ago, push
from tests.apis.examples import openapi, plain
from tests.apis.pages import confirmed, published
from tests.apis.publishing.test_publish import stored
from tests.keys import build
from tests.orgs.http.files import file_of

FORM = {
    "name": "Orders",
    "listen_path": "/orders/",
    "target_url": "http://orders.internal/",
    "strip_listen_path": "on",
    "authentication": "token",
    "auth_header_name": "Authorization",
    "active": "on",
}


@pytest.fixture
def ada(cast, client_for):
    return client_for(cast.acme_admin)


@pytest.fixture
def api(cast):
    with scope.org(cast.acme.id):
        return publish.create(cast.acme.id, plain(), author=cast.acme_admin)


def now(api):
    with scope.every_org():
        return ApiDefinition.objects.get(id=api.id)


def draft_of(api):
    with scope.every_org():
        return Draft.objects.filter(api_id=api.id).first()


def text_of(response):
    """The words of a page's main part, as a reader sees them."""
    main = response.content.decode().partition("<main")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def errors_of(response):
    return {name: list(texts) for name, texts in response.context["form"].errors.items()}


def test_an_empty_list_teaches_the_next_step(cast, ada, client_for):
    page = ada.get("/o/acme/apis/")
    assert "No APIs yet An API tells the gateways where to listen" in text_of(page)
    assert 'href="/o/acme/apis/new/"' in page.content.decode()
    cast.acme_member.permissions = {"apis": "read"}
    cast.acme_member.save()
    reader = client_for(cast.acme_member).get("/o/acme/apis/")
    assert ("/o/acme/apis/new/" in reader.content.decode(), reader.status_code) == (False, 200)


def test_an_api_is_created_by_form(cast, ada):
    answer = ada.post("/o/acme/apis/new/", FORM | {"message": "First"})
    with scope.org(cast.acme.id):
        api, revision = ApiDefinition.objects.get(), Revision.objects.get()
    assert (answer.status_code, answer.url) == (302, f"/o/acme/apis/{api.id}/")
    assert (api.name, api.listen_path, api.active, api.definition["org_id"]) == (
        "Orders",
        "/orders/",
        True,
        cast.acme.id,
    )
    assert (revision.message, revision.author) == ("First", "ada@acme.example")
    page = ada.get(answer.url)
    assert "curl http://gateway.example:8080/orders/ \\ --header 'Authorization: KEY'" in text_of(page)


def test_an_api_is_created_as_json(cast, ada):
    answer = ada.post("/o/acme/apis/new/?as=json", {"text": '{"zebra": 1, ' + compact(plain())[1:]})
    with scope.org(cast.acme.id):
        api = ApiDefinition.objects.get()
    assert (answer.status_code, list(api.definition)[:2]) == (302, ["zebra", "name"])


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"name": ""}, {"name": ["This field is required."]}),
        ({"name": "a\0"}, {"name": ["must not hold a NUL character"]}),
        ({"listen_path": "orders"}, {"listen_path": ["must begin with a slash"]}),
        ({"listen_path": "/tyk/x/"}, {"listen_path": ["is reserved for the gateway itself"]}),
        ({"target_url": "orders"}, {"target_url": ["must be a URL with http or https"]}),
        (
            {"target_url": "http://x/$secret_env.X"},
            {"target_url": ["must not refer to the gateway's host ($secret_)"]},
        ),
        ({"domain": "a b"}, {"domain": ["must be a host name"]}),
        (
            {"authentication": "other"},
            {"authentication": ["must be one of those offered"]},
        ),
        ({"rate": "10"}, {"per": ["A rate limit needs both a number of requests and of seconds."]}),
        ({"rate": "nan", "per": "1"}, {"rate": ["must be a number, such as 100 or 0.5"]}),
        ({"message": "x" * 501}, {"message": ["Ensure this value has at most 500 characters (it has 501)."]}),
    ],
)
def test_a_fault_is_shown_at_its_field_and_nothing_is_stored(cast, ada, api, fields, errors):
    before = stored()
    answer = ada.post("/o/acme/apis/new/", FORM | fields)
    assert (answer.status_code, errors_of(answer)) == (400, errors)
    assert stored() == before


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", None),
        ("[]", "Line 1: must be an object"),
        ('{"a": 1, "a": 2}', "This is not JSON: the member a is there twice"),
        ('{"name": "\\u0000"}', "This is not JSON: /name holds a NUL character"),
        ("[" * 100_000, "This is not JSON: it is nested too deeply"),
        (
            compact(plain()).replace('"proxy"', '\n\n"proxy"').replace("http://upstream", "upstream"),
            "Line 3: /proxy/target_url: must be a URL with http or https",
        ),
        (
            compact(plain()).replace('"active"', '\n"ORG_ID":"x","active"'),
            'Line 2: /ORG_ID: differs from "org_id" only by upper and lower case',
        ),
        (
            "\ufeff" + compact(plain()).replace('"active"', '\n"ORG_ID":"x","active"'),
            'Line 2: /ORG_ID: differs from "org_id" only by upper and lower case',
        ),
    ],
)
def test_a_fault_of_json_is_shown_with_pointer_and_line_and_nothing_is_stored(cast, ada, api, text, error):
    before = stored()
    answer = ada.post("/o/acme/apis/new/?as=json", {"text": text})
    assert (answer.status_code, list(errors_of(answer))) == (400, ["text"])
    assert error is None or errors_of(answer)["text"] == [error]
    assert stored() == before


def test_pages_say_without_scripts_what_is_wrong_where_and_what_to_do_and_what_no_form_shows(cast, ada, api):
    lines = '{\n"name": "x",\n"proxy": {"target_list": 5},\n"tags": "edge"\n}'
    said = text_of(ada.post("/o/acme/apis/new/?as=json", {"text": lines}))
    assert (
        "Line 4 /tags : must be a list. Put it between [ and ], with commas between its values. "
        '3 "proxy": {"target_list": 5}, 4 "tags": "edge" 5 }'
    ) in said
    form = text_of(ada.post("/o/acme/apis/new/?as=json", {"text": lines, "show": "form"}))
    for member in ("/proxy/target_list", "/tags"):
        assert (
            f"{member} holds something that this form cannot show. It stays as it is; edit it as JSON."
            in form
        )
    wrong = text_of(ada.post("/o/acme/apis/new/", FORM | {"cors_age": "x"}))
    assert (
        "They keep the answer for /CORS/max_age : must be a whole number. "
        "Write a number within these bounds, without quotes."
    ) in wrong


def test_a_clash_is_told_in_plain_words_without_saying_whose(cast, client_for, api):
    answer = client_for(cast.globex_admin).post(
        "/o/globex/apis/new/", FORM | {"listen_path": "/payments/v2/"}
    )
    expected = {
        "listen_path": ["This listen path is taken on this domain, or is above or below one that is."]
    }
    assert (answer.status_code, errors_of(answer)) == (400, expected)
    assert "acme" not in answer.content.decode().lower()


def edit(api, **fields):
    shown = {
        **FORM,
        "name": "Payments",
        "listen_path": "/payments/",
        "target_url": "http://upstream.example/",
    }
    return {**shown, "started_from": api.revision, **fields}


def test_the_form_changes_what_it_shows_and_keeps_the_rest(cast, ada, api):
    with scope.org(cast.acme.id):
        publish.change(api, api.definition | {"zebra": [1]}, author=cast.acme_admin)
    answer = published(ada, f"/o/acme/apis/{api.id}/edit/", edit(now(api), name="New", rate="10", per="60"))
    assert answer.status_code == 302
    limit = {"rate": 10, "per": 60}
    assert now(api).definition == api.definition | {"zebra": [1], "name": "New", "global_rate_limit": limit}


def test_saving_the_form_as_it_came_publishes_nothing(cast, ada, api):
    before = stored()
    page = ada.get(f"/o/acme/apis/{api.id}/edit/")
    shown = {
        name: value for name, value in page.context["form"].initial.items() if value not in (None, False)
    }
    answer = ada.post(f"/o/acme/apis/{api.id}/edit/", shown, follow=True)
    assert "Nothing was different, so nothing was saved." in text_of(answer)
    text = ada.get(f"/o/acme/apis/{api.id}/edit/?as=json").context["form"].initial["text"]
    ada.post(f"/o/acme/apis/{api.id}/edit/?as=json", {"text": text, "started_from": 1})
    assert stored() == before


def test_an_edit_of_an_older_revision_is_409_and_shows_both(cast, ada, api):
    published(ada, f"/o/acme/apis/{api.id}/edit/", edit(api, name="Theirs", message="Renamed"))
    before = stored()
    late = ada.post(f"/o/acme/apis/{api.id}/edit/", edit(api, target_url="http://mine.internal/"))
    assert (late.status_code, stored()) == (409, before)
    said = text_of(late)
    assert "ada@acme.example published revision 2" in said
    assert '/name "Payments" "Theirs"' in said
    assert '/proxy/target_url "http://upstream.example/" "http://mine.internal/"' in said
    again = late.context["form"].initial
    assert again["started_from"] == 2
    answer = published(ada, f"/o/acme/apis/{api.id}/edit/?as=json", again)
    assert (answer.status_code, now(api).revision) == (302, 3)
    assert now(api).definition["proxy"]["target_url"] == "http://mine.internal/"


@pytest.mark.parametrize("started_from", ["", "x", "0", "-1", "9" * 30])
def test_an_edit_has_to_say_what_it_started_from(cast, ada, api, started_from):
    before = stored()
    answer = ada.post(f"/o/acme/apis/{api.id}/edit/", edit(api, name="New", started_from=started_from))
    assert (answer.status_code, list(errors_of(answer))) == (400, ["started_from"])
    assert stored() == before


def test_activation_is_a_post_and_a_revision(cast, ada, api):
    address = f"/o/acme/apis/{api.id}/activation/"
    assert ada.get(address).status_code == 200
    assert now(api).active is True
    untyped = ada.post(address, {"active": "no"})
    assert (untyped.status_code, now(api).active) == (400, True)
    assert "This takes every route away" in text_of(untyped)
    assert errors_of(untyped) == {"removed": ["Type 1, the number of routes that go."]}
    assert ada.post(address, {"active": "no", "removed": "1"}).status_code == 302
    assert (now(api).active, now(api).revision) == (False, 2)
    assert "Gateways are not given this API." in text_of(ada.get(f"/o/acme/apis/{api.id}/"))
    assert ada.post(address, {"active": "perhaps"}).status_code == 400
    ada.post(address, {"active": "yes"})
    assert (now(api).active, now(api).revision) == (True, 3)


def test_what_ends_something_asks_first_and_says_what_it_breaks(cast, ada, client_for, api):
    address = f"/o/acme/apis/{api.id}/"
    asked = text_of(ada.get(f"{address}activation/"))
    assert "Deactivate this API? Within seconds gateways answer requests to /payments/ with 404." in asked
    assert "No request in the last 30 days. As of " in asked
    blind = client_for(make.user("kim@acme.example", cast.acme, {"apis": "write"}))
    for page in ("activation/", "deletion/"):
        assert "last 30 days" in text_of(ada.get(address + page))
        assert "last 30 days" not in text_of(blind.get(address + page))
    assert 'name="active" value="no"' not in ada.get(address).content.decode()
    assert now(api).active is True
    published(ada, f"{address}edit/", edit(api, name="Payments 2"))
    restoring = ada.get(f"{address}history/1/?restore=yes")
    assert "Restore revision 1" in text_of(restoring)
    rows = [(row.pointer, row.before, row.after) for row in restoring.context["difference"]["rows"]]
    assert rows == [("/name", '"Payments 2"', '"Payments"')]


def test_deletion_asks_first(cast, ada, api):
    address = f"/o/acme/apis/{api.id}/deletion/"
    assert "Delete this API?" in text_of(ada.get(address))
    assert now(api).name == "Payments"
    untyped = ada.post(address)
    assert (untyped.status_code, errors_of(untyped)) == (
        400,
        {"removed": ["Type 1, the number of routes that go."]},
    )
    assert ada.post(address, {"removed": "1"}).url == "/o/acme/apis/"
    assert ada.get(f"/o/acme/apis/{api.id}/").status_code == 404


def test_whoever_looked_at_an_older_revision_neither_switches_nor_deletes_the_newer_one(cast, ada, api):
    address = f"/o/acme/apis/{api.id}/"
    seen = [hidden(ada.get(page)) for page in (f"{address}activation/", f"{address}deletion/")]
    assert seen == ["1", "1"]
    published(ada, f"{address}edit/", edit(api, name="Theirs", message="Quicker"))
    switched = ada.post(f"{address}activation/", {"active": "no", "started_from": "1"}, follow=True)
    assert "Somebody published a newer revision meanwhile." in text_of(switched)
    refused = ada.post(f"{address}deletion/", {"started_from": "1"})
    assert (refused.status_code, hidden(refused)) == (409, "2")
    assert "ada@acme.example published revision 2 (“Quicker”)" in text_of(refused)
    assert (now(api).name, now(api).active, now(api).revision) == ("Theirs", True, 2)
    assert ada.post(f"{address}deletion/", {"started_from": "x"}).status_code == 400
    typed = {"active": "no", "started_from": "2", "removed": "1"}
    assert ada.post(f"{address}activation/", typed).status_code == 302
    assert (now(api).active, now(api).revision) == (False, 3)
    assert ada.post(f"{address}deletion/", {"started_from": "3"}).url == "/o/acme/apis/"


def hidden(answer):
    return re.findall('name="started_from" value="([0-9]+)"', answer.content.decode())[0]


def test_history_shows_each_revision_and_the_difference_to_any(cast, ada, api):
    for name in ("Two", "Three"):
        published(ada, f"/o/acme/apis/{api.id}/edit/", edit(now(api), name=name, message=f"Called {name}"))
    said = text_of(ada.get(f"/o/acme/apis/{api.id}/history/"))
    assert [said.index(part) for part in ("Called Three", "Called Two", "Created")] == sorted(
        said.index(part) for part in ("Called Three", "Called Two", "Created")
    )
    page = ada.get(f"/o/acme/apis/{api.id}/history/3/")
    assert [tuple(row) for row in page.context["difference"]["rows"]] == [("/name", '"Two"', '"Three"')]
    page = ada.get(f"/o/acme/apis/{api.id}/history/3/?against=1")
    assert [tuple(row) for row in page.context["difference"]["rows"]] == [("/name", '"Payments"', '"Three"')]
    page = ada.get(f"/o/acme/apis/{api.id}/history/1/")  # there is none before the first
    assert (page.context["other"].number, page.context["numbers"]) == (3, [3, 2])
    assert [tuple(row) for row in page.context["difference"]["rows"]] == [("/name", '"Three"', '"Payments"')]


def many_revisions(api, number):
    """Of an API, as if it had been published so often."""
    [first] = Revision.objects.filter(definition_id=api.id)
    facts = {"org_id": api.org_id, "definition_id": api.id, "api_id": api.api_id, "author": "=x@acme.example"}
    Revision.objects.bulk_create(
        Revision(number=each, message=f"Nr {each}", definition_text=first.definition_text, **facts)
        for each in range(2, number + 1)
    )
    ApiDefinition.objects.filter(id=api.id).update(revision=number)


def test_a_long_history_has_pages_sizes_and_another_order(cast, ada, api):
    with scope.org(cast.acme.id):
        many_revisions(api, 60)
    path = f"/o/acme/apis/{api.id}/history/"

    def numbers(page):
        return [row.number for row in page.context["rows"]]

    first = ada.get(path)
    assert (numbers(first), first.context["page"].position) == (list(range(60, 10, -1)), "1 to 50 of 60")
    assert numbers(ada.get(path + first.context["page"].older)) == list(range(10, 0, -1))
    assert numbers(ada.get(path + "?size=25&last=1")) == list(range(25, 0, -1))
    oldest = ada.get(path + "?sort=number&size=25")
    assert (numbers(oldest), oldest.context["heads"][0].direction) == (list(range(1, 26)), "ascending")
    assert ada.get(path + "?sort=message").status_code == 400


def test_the_file_of_a_history_holds_every_revision_of_the_api_alone(cast, ada, api, client_for):
    with scope.org(cast.acme.id):
        many_revisions(api, 60)
        publish.create(cast.acme.id, plain("/b/", name="Orders"), author=cast.acme_admin)
    path = f"/o/acme/apis/{api.id}/history/?format=csv"
    header, *lines = file_of(ada.get(path))
    assert (header, len(lines)) == (["revision", "published", "by", "message"], 60)
    assert [lines[0][0], *lines[0][2:]] == ["60", "'=x@acme.example", "Nr 60"]
    assert [line[0] for line in file_of(ada.get(f"{path}&sort=number"))[1:]] == [
        str(number) for number in range(1, 61)
    ]
    stranger = client_for(cast.globex_admin)
    assert [stranger.get(path).status_code, stranger.get(path.replace("acme", "globex")).status_code] == [
        404,
        404,
    ]
    assert client_for(cast.acme_member).get(path).status_code == 403
    assert len(file_of(client_for(cast.super_user).get(path))) == 61


def test_an_old_revision_is_restored_as_a_draft_that_is_reviewed(cast, ada, api):
    address = f"/o/acme/apis/{api.id}/"
    published(ada, f"{address}edit/", edit(api, name="Two"))
    answer = published(ada, f"{address}history/1/", {"started_from": 2})
    assert answer.url == address
    assert (now(api).revision, now(api).definition) == (3, api.definition)
    with scope.org(cast.acme.id):
        assert Revision.objects.get(number=3).message == "Restored revision 1"
    late = ada.post(f"{address}history/2/", {"started_from": 2}, follow=True)
    assert "Somebody published a revision or saved a draft meanwhile." in text_of(late)
    assert (now(api).revision, draft_of(api)) == (3, None)
    assert ada.post(f"{address}history/2/").status_code == 400


def test_a_revision_takes_the_place_of_a_draft_only_when_asked(cast, ada, client_for, api):
    address = f"/o/acme/apis/{api.id}/"
    published(ada, f"{address}edit/", edit(api, name="Two"))
    bea = make.user("bea@acme.example", cast.acme, {"apis": "write"})
    client_for(bea).post(f"{address}edit/", edit(now(api), name="Hers", save="draft"))
    assert 'href="?restore=yes"' in ada.get(f"{address}history/1/").content.decode()
    unseen = ada.post(f"{address}history/1/", {"started_from": 2}, follow=True)
    assert "bea@acme.example saved a draft of this API" in text_of(unseen)
    assert draft_of(api).definition["name"] == "Hers"
    seen = {"started_from": 2, "seen": unseen.context["draft"].stamp}
    ada.post(f"{address}history/1/", seen)
    assert (draft_of(api).definition["name"], draft_of(api).author) == ("Payments", "ada@acme.example")


@pytest.mark.parametrize("query", ["?before=x", "?before=0", "?against=-1", "?before=" + "9" * 40])
def test_a_revision_number_that_is_none_is_400(cast, ada, api, query):
    page = "history/" if "before" in query else "history/1/"
    assert ada.get(f"/o/acme/apis/{api.id}/{page}{query}").status_code == 400


def test_a_revision_that_is_not_there_is_missing(cast, ada, api):
    for page in ("history/2/", "history/1/?against=2", "history/99999999999999999999/"):
        assert ada.get(f"/o/acme/apis/{api.id}/{page}").status_code == 404


def test_the_list_is_searched_filtered_and_sorted(cast, ada, api):
    with scope.org(cast.acme.id):
        publish.create(cast.acme.id, plain("/b/", name="Orders", active=False), author=cast.acme_admin)
        publish.create(
            cast.acme.id, plain("/a/", name="Archive"), author=cast.acme_admin, wrapper={"owner": "Platform"}
        )
    with scope.org(cast.globex.id):
        publish.create(cast.globex.id, plain("/g/"), author=None, wrapper={"owner": "Theirs"})

    def names(query):
        return [row["api"].name for row in ada.get(f"/o/acme/apis/{query}").context["rows"]]

    assert names("") == ["Archive", "Orders", "Payments"]
    assert names("?sort=-listen_path") == ["Payments", "Orders", "Archive"]
    assert (names("?q=pay"), names("?active=no"), names("?active=yes&sort=-name")) == (
        ["Payments"],
        ["Orders"],
        ["Payments", "Archive"],
    )
    assert (names("?owner=platform"), names("?owner=plat")) == (["Archive"], [])
    page = ada.get("/o/acme/apis/?owner=platform")
    assert page.context["owners"] == ["Platform"]
    shown = page.content.decode()
    assert '<option value="Platform">' in shown
    assert 'name="owner" value="platform"' in shown
    assert "owner=platform&amp;sort=" in shown
    for query in ("?sort=x", "?active=x", "?size=7", "?after=x", "?q=%00"):
        assert ada.get(f"/o/acme/apis/{query}").status_code == 400
    assert "No API found" in text_of(ada.get("/o/acme/apis/?q=nothing"))


def test_the_csv_has_the_rows_of_the_filter_and_no_formula(cast, ada, api):
    with scope.org(cast.acme.id):
        row = publish.create(cast.acme.id, plain("/f/", name="=cmd()", api_id="f"), author=cast.acme_admin)
    answer = ada.get("/o/acme/apis/?format=csv&q=cmd")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.getvalue().decode("utf-8-sig").splitlines() == [
        "name,API ID,listen path,domain,target URL,authentication,active,revision,updated,kind,owner,categories",
        f"'=cmd(),f,/f/,,http://upstream.example/,token,yes,1,{row.updated_at.isoformat(timespec='seconds')},classic,,",
    ]
    lines = ada.get("/o/acme/apis/?format=csv&sort=-name").getvalue().decode("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines] == ["name", "Payments", "'=cmd()"]


def test_the_list_asks_as_much_of_the_database_for_three_rows_as_for_one(
    cast, ada, api, django_assert_num_queries
):
    ada.get("/o/acme/apis/")  # the first request of a process asks for more
    with django_assert_num_queries(13):
        ada.get("/o/acme/apis/")
    with scope.org(cast.acme.id):
        for path in ("/b/", "/c/"):
            publish.create(cast.acme.id, plain(path), author=cast.acme_admin)
    with django_assert_num_queries(13):
        assert len(ada.get("/o/acme/apis/").context["rows"]) == 3


@pytest.mark.usefixtures("committed")
def test_lists_and_pages_say_how_much_things_were_used_to_who_may_see_traffic(redis, cast, client_for):
    api = build.api(cast.acme, "Orders")
    key, _ = build.key(cast.acme, api, alias="used")
    call = {"OrgID": cast.acme.id, "APIID": api.api_id, "APIKey": key.token_hash, "TimeStamp": ago(minutes=1)}
    push(redis, *[{**call, "ResponseCode": 200}] * 3, {**call, "ResponseCode": 503})
    paths = (f"/o/acme/apis/{api.id}/", f"/o/acme/keys/{key.id}/")
    analyst = client_for(cast.acme_admin)
    for path in ("/o/acme/apis/", "/o/acme/keys/"):
        page = analyst.get(path)
        [use] = [row["use"] for row in page.context["rows"]]
        assert (use.hits, use.exact, use.failed, use.failing) == (4, "4 requests", "25 %", True)
        assert page.context["heads"][-1].label.startswith("Requests, 24 h to ")
        assert page.context["heads"][-1].label.endswith(", UTC")
    for path in paths:
        text = analyst.get(path).content.decode()
        assert "4 requests" in text
        assert "25 %" in text
    [use] = [row["use"] for row in client_for(cast.super_user).get("/orgs/?q=acme").context["rows"]]
    assert (use.hits, use.failed) == (4, "25 %")
    blind = client_for(make.user("kim@acme.example", cast.acme, {"apis": "read", "keys": "read"}))
    for path in ("/o/acme/apis/", "/o/acme/keys/", *paths):
        text = blind.get(path).content.decode()
        assert "24 h to" not in text
        assert "25 %" not in text


PAGES = ["", "definition/", "edit/", "edit/?as=json", "history/", "history/1/", "deletion/"]
POSTS = [
    ("edit/", FORM),
    ("history/1/", {"started_from": 1}),
    ("activation/", {"active": "no"}),
    ("deletion/", {}),
]


def test_another_organisations_api_is_missing_byte_for_byte(cast, client_for, api):
    gus, before = client_for(cast.globex_admin), stored()

    def answers(id):
        found = [gus.get(f"/o/globex/apis/{id}/{page}") for page in PAGES]
        return found + [gus.post(f"/o/globex/apis/{id}/{page}", data) for page, data in POSTS]

    for theirs, missing in zip(answers(api.id), answers("f" * 24), strict=True):
        assert (theirs.status_code, theirs.content) == (404, missing.content)
    assert [gus.get(f"/o/acme/apis/{api.id}/{page}").status_code for page in PAGES] == [404] * len(PAGES)
    assert stored() == before


@pytest.mark.parametrize("id", ["%00", "x", "..", "f" * 23, "F" * 24, "%ff", "x" * 3000])
def test_what_is_no_id_is_missing(cast, ada, api, id):
    assert ada.get(f"/o/acme/apis/{id}/").status_code == 404


def test_who_may_only_read_sees_pages_but_no_way_to_change(cast, client_for, api):
    cast.acme_member.permissions = {"apis": "read"}
    cast.acme_member.save()
    reader, before = client_for(cast.acme_member), stored()
    pages = [reader.get(f"/o/acme/apis/{api.id}/{page}") for page in PAGES]
    leads_to_change = [page.startswith(("edit/", "deletion/")) for page in PAGES]
    to_keys = 'href="/o/acme/keys/new/"'
    admins = client_for(cast.acme_admin).get(f"/o/acme/apis/{api.id}/")
    assert [to_keys in page.content.decode() for page in (admins, *pages)] == [True] + [False] * len(pages)
    assert [page.status_code for page in pages] == [403 if leads else 200 for leads in leads_to_change]
    buttons = ("Publish</button>", "Delete the API</button>", 'name="active" value="no"', "Restore", "Review")
    assert [button for page in pages for button in buttons if button in page.content.decode()] == []
    assert [reader.post(f"/o/acme/apis/{api.id}/{page}", data).status_code for page, data in POSTS] == [
        403
    ] * len(POSTS)
    assert stored() == before


def test_who_lacks_a_right_is_told_whom_to_ask(cast, client_for, api):
    cast.acme_member.permissions = {"apis": "read"}
    cast.acme_member.save()
    reader, whom = client_for(cast.acme_member), "Ask an administrator for it: ada@acme.example."
    pages = [reader.get(f"/o/acme/{page}") for page in ("apis/", f"apis/{api.id}/", "apis/new/", "keys/")]
    assert [whom in page.content.decode() for page in pages] == [True] * 4
    assert [page.status_code for page in pages] == [200, 200, 403, 403]
    assert whom not in client_for(cast.acme_admin).get("/o/acme/apis/").content.decode()


def test_a_super_user_edits_inside_an_organisation_under_his_own_name(cast, client_for, api):
    sue = client_for(cast.super_user)
    text = compact(plain(config_data={"x": "env://X"}))
    answer = published(sue, f"/o/acme/apis/{api.id}/edit/?as=json", {"text": text, "started_from": 1})
    with scope.org(cast.acme.id):
        assert (answer.status_code, Revision.objects.get(number=2).author) == (302, "sue@platform.example")


def test_text_of_people_is_shown_as_text(cast, ada, api):
    nasty = "<script>alert(1)</script>\"'{{ 7|add:7 }}"
    text = compact(plain(name=nasty, api_id=nasty, config_data={nasty: nasty}))
    published(
        ada, f"/o/acme/apis/{api.id}/edit/?as=json", {"text": text, "started_from": 1, "message": nasty}
    )
    for page in ["", "definition/", "edit/", "edit/?as=json", "history/", "history/2/", "deletion/"]:
        content = ada.get(f"/o/acme/apis/{api.id}/{page}").content.decode()
        assert (nasty in content, "<script>alert" in content) == (False, False)
    assert "<script>alert" not in ada.get("/o/acme/apis/").content.decode()


def test_800_faults_are_answered_at_once_with_the_first_20_and_how_many_more(cast, ada):
    wide = [{"path": "x" * 310, "method": 5} for _ in range(800)]
    definition = plain()
    definition["version_data"]["versions"]["Default"]["extended_paths"] = {"white_list": wide}
    text = json.dumps(definition, indent=1)
    began = time.process_time()
    answer = ada.post("/o/acme/apis/new/?as=json", {"text": text})
    took = time.process_time() - began
    errors = errors_of(answer)["text"]
    pointer = "/version_data/versions/Default/extended_paths/white_list"
    assert (len(text) > 270_000, answer.status_code, len(errors)) == (True, 400, 21)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if '"method": 5' in line]
    assert errors[:20] == [
        f"Line {lines[index]}: {pointer}/{index}/method: must be text" for index in range(20)
    ]
    assert errors[20] == "and 780 more"
    assert took < 5


def test_the_form_names_the_first_20_faults_too(cast, ada, api):
    many = {f"m{number:02}": {"x": 1, "X": 1} for number in range(30)}
    with scope.org(cast.acme.id):
        ApiDefinition.objects.update(definition_text=json.dumps(now(api).definition | many))
    answer = ada.post(f"/o/acme/apis/{api.id}/edit/", edit(api))
    assert (answer.status_code, errors_of(answer)["__all__"][20:]) == (400, ["and 10 more"])


def test_a_large_difference_is_cut_and_says_so_beside_both_whole_texts(cast, ada, api):
    with scope.org(cast.acme.id):
        for value in ("a", "b"):
            large = {"config_data": {f"m{number:05}": value * 10 for number in range(20_000)}}
            publish.change(api, plain() | large, author=cast.acme_admin)
    page = ada.get(f"/o/acme/apis/{api.id}/history/3/")
    rows = page.context["difference"]["rows"]
    assert [len(rows), tuple(rows[0])] == [200, ("/config_data/m00000", '"aaaaaaaaaa"', '"bbbbbbbbbb"')]
    assert "Cut: these are the first 200 fields that differ, there are more." in text_of(page)
    assert len(page.content) < 200_000
    for number in (2, 3):
        whole = f"/o/acme/apis/{api.id}/history/{number}/?format=json"
        assert whole in page.content.decode()
        answer = ada.get(whole)
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{api.id}-{number}.json"'
        with scope.org(cast.acme.id):
            assert answer.json() == Revision.objects.get(number=number).definition


def test_a_conflict_over_large_texts_is_cut_too(cast, ada, api):
    with scope.org(cast.acme.id):
        publish.change(api, plain(config_data={"x": 1}), author=cast.acme_admin)
    mine = plain(config_data={f"m{number}": 1 for number in range(5_000)})
    page = ada.post(f"/o/acme/apis/{api.id}/edit/?as=json", {"text": json.dumps(mine), "started_from": 1})
    assert (page.status_code, page.context["mine"]["is_cut"], len(page.context["mine"]["rows"])) == (
        409,
        True,
        200,
    )


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({}, "gateways that are not segmented Last 24 hours"),
        (
            {"tags": ["edge", "edge"]},
            "gateways that are not segmented, and segmented ones with the tag edge Last 24 hours",
        ),
        (
            {"tags": ["edge", "<b>"], "tags_disabled": True},
            "gateways that are not segmented, and segmented ones with one of the tags edge , <b> , but of those only "
            "ones of 3.x, which do not know tags_disabled Last 24 hours",
        ),
    ],
)
def test_the_page_says_which_gateways_load_it(cast, ada, said, shown):
    with scope.org(cast.acme.id):
        api = publish.create(cast.acme.id, plain() | said, author=None)
    text = text_of(ada.get(f"/o/acme/apis/{api.id}/"))
    assert text.partition("Served by ")[2].startswith(shown), text


def test_51_apis_are_two_pages(cast, ada):
    with scope.org(cast.acme.id):
        for number in range(51):
            publish.create(
                cast.acme.id, plain(f"/{number:02}/", name=f"API {number:02}"), author=cast.acme_admin
            )
    first = ada.get("/o/acme/apis/")
    second = ada.get(f"/o/acme/apis/{first.context['page'].older}")
    back = ada.get(f"/o/acme/apis/{second.context['page'].newer}")
    names = [[row["api"].name for row in page.context["rows"]] for page in (first, second, back)]
    fifty = [f"API {number:02}" for number in range(50)]
    assert names == [fifty, ["API 50"], fifty]
    assert [page.context["page"].position for page in (first, second)] == ["1 to 50 of 51", "51 to 51 of 51"]
    assert "1 to 50 of 51" in text_of(first)
    assert len(ada.get("/o/acme/apis/?size=25&sort=-name").context["rows"]) == 25


def values_of(answer):
    form = answer.context["form"]
    return {name: form[name].value() for name in form.fields}


def test_an_id_that_nobody_could_choose_today_is_no_fault_of_an_edit(ada, api):
    definition = now(api).definition | {"api_id": "old id/1"}
    with scope.every_org():
        ApiDefinition.objects.filter(id=api.id).update(api_id="old id/1", definition_text=compact(definition))
    address, broken = f"/o/acme/apis/{api.id}/edit/", {"name": ""}
    answer = ada.post(address, edit(api, **broken))
    assert (answer.status_code, list(errors_of(answer))) == (400, ["name"])
    answer = ada.post(f"{address}?as=json", {"text": compact(definition | broken), "started_from": 1})
    assert errors_of(answer) == {"text": ["Line 1: /name: must not be empty"]}


def test_every_fault_is_told_in_one_round(ada):
    fields = {"name": "", "listen_path": "orders", "target_url": "upstream", "rate": "many", "per": "-1"}
    answer = ada.post("/o/acme/apis/new/", FORM | fields)
    assert (answer.status_code, errors_of(answer)) == (
        400,
        {
            "name": ["This field is required."],
            "listen_path": ["must begin with a slash"],
            "target_url": ["must be a URL with http or https"],
            "rate": ["must be a number, such as 100 or 0.5"],
            "per": ["must be from 0 to 1,000,000,000"],
        },
    )
    summary = answer.content.decode().partition('role="alert"')[2].partition("</div>")[0]
    assert re.findall(r'href="#(\w+)"', summary) == [
        "id_name",
        "id_listen_path",
        "id_target_url",
        "id_rate",
        "id_per",
    ]


def test_from_the_form_to_json_and_back_nothing_typed_is_lost(cast, ada, api):
    with scope.org(cast.acme.id):
        domains.give(cast.acme.id, "a.example", author=cast.super_user)
    address = f"/o/acme/apis/{api.id}/edit/"
    typed = edit(api, name="Payments 2", target_url="not yet", rate="x", message="Half done")
    as_json = ada.post(address, typed | {"show": "json"})
    text = json.loads(values_of(as_json)["text"])
    assert (as_json.status_code, text["name"], text["proxy"]["target_url"]) == (200, "Payments 2", "not yet")
    assert (text["global_rate_limit"]["rate"], values_of(as_json)["message"]) == ("x", "Half done")

    text |= {"zebra": 1, "domain": "a.example"}
    sent = {"text": json.dumps(text), "message": "Half done", "started_from": api.revision}
    as_form = ada.post(f"{address}?as=json", sent | {"show": "form"})
    shown = values_of(as_form)
    assert (shown["name"], shown["target_url"], shown["rate"], shown["domain"], shown["message"]) == (
        "Payments 2",
        "not yet",
        "x",
        "a.example",
        "Half done",
    )
    with scope.org(cast.acme.id):
        domains.give(cast.acme.id, "a.example", author=None)
    sent = {name: value for name, value in shown.items() if value not in (None, False)}
    answer = published(ada, address, sent | {"target_url": "http://b.example/", "rate": "0"})
    assert (answer.status_code, now(api).name, now(api).definition["zebra"]) == (302, "Payments 2", 1)


def test_buttons_of_the_form_keep_nothing_and_lose_nothing(cast, ada, api):
    address, before = f"/o/acme/apis/{api.id}/edit/", stored()
    definition = now(api).definition
    definition["version_data"]["versions"]["v2"] = {"name": "v2", "zebra": 1}
    sent = {"text": compact(definition), "started_from": 1}
    shown = ada.post(f"{address}?as=json", sent | {"show": "form"})
    typed = {name: value for name, value in values_of(shown).items() if value not in (None, False)}
    typed |= {"name": "Half", "white_list_rows": "1", "white_list_0_path": "/typed"}
    typed |= {"white_list_0_method": "GET"}
    more = ada.post(address, typed | {"version": "Default", "more": "white_list_rows"})
    kept = values_of(more)
    assert (kept["name"], kept["white_list_0_path"], kept["white_list_3_path"]) == ("Half", "/typed", "")
    assert kept["base_text"] == typed["base_text"]
    other = ada.post(address, typed | {"version": "Default", "paths": "v2"})
    assert (values_of(other)["name"], values_of(other)["white_list_0_path"]) == ("Half", "")
    assert "Of version v2 . Show Default" in text_of(other)
    assert ((more.status_code, other.status_code), stored()) == ((200, 200), before)
    last = {name: value for name, value in values_of(other).items() if value not in (None, False)}
    published(ada, address, last | {"version": "v2", "ignored_0_path": "/open", "ignored_0_method": "GET"})
    action = {"GET": {"action": "no_action", "code": 200, "data": "", "headers": {}}}
    entries = {
        "white_list": [{"path": "/typed", "method": "GET", "method_actions": action}],
        "ignored": [{"path": "/open", "method": "GET", "method_actions": action}],
    }
    versions = now(api).definition["version_data"]["versions"]
    assert versions["Default"]["extended_paths"] == {"white_list": entries["white_list"]}
    assert versions["v2"] == {"name": "v2", "zebra": 1, "extended_paths": {"ignored": entries["ignored"]}}


def test_a_copy_opens_filled_and_wants_a_name_and_a_path_of_its_own(cast, ada, client_for, api):
    with scope.org(cast.acme.id):
        publish.change(api, api.definition | {"zebra": [1.0], "slug": "pay"}, author=cast.acme_admin)
        oas = publish.create(cast.acme.id, openapi("/orders/"), author=cast.acme_admin)
    assert f'href="/o/acme/apis/new/?from={api.id}"' in ada.get(f"/o/acme/apis/{api.id}/").content.decode()
    page = ada.get(f"/o/acme/apis/new/?from={api.id}")
    shown = values_of(page)
    assert (shown["name"], shown["listen_path"], shown["target_url"]) == ("", "", "http://upstream.example/")
    sent = {name: value for name, value in shown.items() if value not in (None, False)}
    refused = ada.post(f"/o/acme/apis/new/?from={api.id}", sent)
    assert errors_of(refused) == {"name": ["must not be empty"], "listen_path": ["must not be empty"]}
    ada.post("/o/acme/apis/new/", sent | {"name": "Payments 2", "listen_path": "/payments-2/"})
    text = values_of(ada.get(f"/o/acme/apis/new/?from={oas.id}&as=json"))["text"]
    text = text.replace('"value": ""', '"value": "/orders-2/"').replace('"name": ""', '"name": "Orders 2"')
    ada.post("/o/acme/apis/new/?as=json", {"text": text})
    with scope.org(cast.acme.id):
        made = {each.name: each.definition for each in ApiDefinition.objects.all()}
    ids = {name: made["Payments 2"][name] for name in ("id", "api_id")}
    proxy = api.definition["proxy"] | {"listen_path": "/payments-2/"}
    copied = {**now(api).definition, **ids, "name": "Payments 2", "proxy": proxy}
    assert {**copied, "slug": None} == {**made["Payments 2"], "slug": None}
    assert ("slug" in made["Payments 2"], ids["id"] != api.id, ids["api_id"] != api.api_id) == (
        False,
        True,
        True,
    )
    gateway = made["Orders 2"]["x-tyk-api-gateway"]
    assert gateway["server"]["listenPath"] == {"value": "/orders-2/", "strip": True}
    assert gateway["info"]["id"] not in ("", oas.api_id)
    assert client_for(cast.globex_admin).get(f"/o/globex/apis/new/?from={api.id}").status_code == 404


@pytest.mark.parametrize(
    ("text", "status"), [("{", 400), ("[]", 400), ('{"proxy": 5, "auth_configs": 1}', 200)]
)
def test_json_that_no_form_can_show_stays_json_and_says_so(ada, text, status):
    answer = ada.post("/o/acme/apis/new/?as=json", {"text": text, "show": "form"})
    assert (answer.status_code, answer.context["as_json"]) == (status, status == 400)


def test_a_carried_definition_that_is_none_is_refused(ada):
    answer = ada.post("/o/acme/apis/new/", FORM | {"base_text": "[1]"})
    assert (answer.status_code, errors_of(answer)) == (400, {"base_text": ["Is no definition."]})


def test_a_form_that_is_sent_empty_is_refused_and_says_why(ada, api):
    for path in ("new/", "new/?as=json", f"{api.id}/edit/", f"{api.id}/edit/?as=json"):
        answer = ada.post(f"/o/acme/apis/{path}")
        assert (path, answer.status_code) == (path, 400)
        assert answer.context["form"].errors


def test_what_a_new_api_means_is_said_before_it_is_published_and_asked_again_when_it_is_another(cast, ada):
    with scope.org(cast.acme.id):
        publish.create(cast.acme.id, plain("/", name="All"), author=None)
    before = stored()
    keyless = FORM | {"authentication": "keyless", "message": "First"}
    page = ada.post("/o/acme/apis/new/", keyless)
    opens = "Opens it to everyone: nobody needs a key."
    below = "Lies below the API 'All' (/): what is sent to /orders/ comes here, and not there."
    assert (page.status_code, page.context["told"].warnings, stored()) == (200, [opens, below], before)
    assert "Not published yet: look at it first" in text_of(page) and "Publish all the same" in text_of(page)
    assert {name: page.context["form"][name].value() for name in ("name", "message")} == {
        "name": "Orders",
        "message": "First",
    }
    seen = page.context["told"].digest
    with scope.org(cast.acme.id):
        publish.create(cast.acme.id, plain("/orders/{id}/", name="One"), author=None)
    again = ada.post("/o/acme/apis/new/", keyless | {"warned": seen})
    assert (again.status_code, len(again.context["told"].warnings)) == (200, 3)
    made = confirmed(ada, again)
    assert "Orders is published." in text_of(made)
    refused = ada.post("/o/acme/apis/new/", keyless)
    taken = "This listen path is taken on this domain, or is above or below one that is."
    assert (refused.status_code, errors_of(refused)) == (400, {"listen_path": [taken]})
    with scope.org(cast.acme.id):
        api = ApiDefinition.objects.get(name="Orders")
        off = publish.set_active(api, active=False, author=None)
    assert opens in text_of(ada.get(f"/o/acme/apis/{off.id}/"))


def test_an_openapi_document_is_made_and_edited_and_shown_with_its_kind(cast, ada):
    bad = json.dumps(openapi(extension={"upstream": {"url": "x"}}), indent=1)
    [error] = errors_of(ada.post("/o/acme/apis/new/?as=json", {"text": bad}))["text"]
    line = next(number for number, line in enumerate(bad.splitlines(), 1) if '"url"' in line)
    assert error == f"Line {line}: /x-tyk-api-gateway/upstream/url: must be a URL with http or https"
    text = compact(openapi(operations={"gone": {"block": {"enabled": True}}}))
    shown = values_of(ada.post("/o/acme/apis/new/?as=json", {"text": text, "show": "form"}))
    assert (shown["listen_path"], shown["operations_0_block"]) == ("/orders/", True)
    made = confirmed(ada, ada.post("/o/acme/apis/new/?as=json", {"text": text}))
    assert "active OpenAPI" in text_of(made)
    assert "There is no operation 'gone' in `paths`" in text_of(made)
    assert "Header: " not in text_of(made) and "'Authorization: KEY'" in text_of(made)
    assert "active OpenAPI" in text_of(ada.get("/o/acme/apis/"))
    with scope.org(cast.acme.id):
        api = ApiDefinition.objects.get()
    address = f"/o/acme/apis/{api.id}/edit/"
    typed = json.loads(ada.get(f"{address}?as=json").context["form"].initial["text"]) | {"x-new": 1.0}
    published(ada, f"{address}?as=json", {"text": compact(typed), "started_from": 1})
    fields = {
        name: value for name, value in values_of(ada.get(address)).items() if value not in (None, False)
    }
    refused = ada.post(address, fields | {"target_url": "upstream"})
    assert errors_of(refused) == {"target_url": ["must be a URL with http or https"]}
    published(ada, address, fields | {"target_url": "http://new.example/", "started_from": 2})
    typed["x-tyk-api-gateway"]["upstream"]["url"] = "http://new.example/"
    assert compact(now(api).definition) == compact(typed)
    published(ada, f"/o/acme/apis/{api.id}/history/1/", {"started_from": 3})
    assert (now(api).revision, "x-new" in now(api).definition) == (4, False)
