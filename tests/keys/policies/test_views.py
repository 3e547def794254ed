"""The pages of an organisation's policies."""

import html
import json
import re

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from keys.keys import lifecycle as keys
from keys.models import KeyPolicy, KeyRight, Policy, PolicyRevision
from keys.policies import lifecycle
from orgs import scope
from orgs.models import User
from tests.keys import build
from tests.keys.policies.build import document, policy
from tests.orgs.http.files import file_of

FORM = {"name": "Gold", "state": "active", "rate": "10", "per": "60"}
LIST = "/o/acme/policies/"


@pytest.fixture
def ada(cast, client_for):
    return client_for(cast.acme_admin)


@pytest.fixture
def orders(cast):
    return build.api(cast.acme, "Orders")


@pytest.fixture
def gold(cast, orders):
    return policy(cast.acme, orders, tags=["plan"])


@pytest.fixture
def reader(cast, client_for):
    """Who may do no more than read what is named."""

    def of(**permissions):
        User.everyone.filter(pk=cast.acme_member.pk).update(permissions=permissions)
        return client_for(User.everyone.get(pk=cast.acme_member.pk))

    return of


def now(made):
    with scope.every_org():
        return Policy.objects.filter(id=made.id).first()


def stored():
    """How many policies and revisions there are."""
    with scope.every_org():
        return Policy.objects.count(), PolicyRevision.objects.count()


def give(key, *policies):
    """Let a key have these policies."""
    with scope.org(key.org_id):
        KeyPolicy.objects.bulk_create(
            KeyPolicy(org_id=key.org_id, key=key, policy=each, position=place)
            for place, each in enumerate(policies)
        )


def text_of(response):
    """The words of a page's main part, as a reader sees them."""
    main = response.content.decode().partition("<main")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def errors_of(response):
    return {name: list(texts) for name, texts in response.context["form"].errors.items()}


def edit(made):
    return f"{LIST}{made.id}/edit/"


def typed(made, *apis, **fields):
    """What a browser sends of an edit."""
    return FORM | {
        "access_rights": [api.api_id for api in apis],
        "tags": "plan",
        "started_from": made.revision,
        **fields,
    }


def sent_on(page):
    """What a browser would send from a page that carries a policy, without its buttons."""
    form = page.context["form"]
    return {name: form[name].value() for name in ("text", "started_from", "message")}


def test_an_empty_list_teaches_the_next_step(cast, ada, reader):
    page = ada.get(LIST)
    assert "No policies yet A policy says what its keys may do" in text_of(page)
    assert f'href="{LIST}new/"' in page.content.decode()
    readers = reader(policies="read").get(LIST)
    assert (f"{LIST}new/" in readers.content.decode(), readers.status_code) == (False, 200)
    assert "ada@acme.example" in text_of(readers)


def test_a_policy_is_made_by_form(cast, ada, orders):
    sent = FORM | {
        "access_rights": [orders.api_id],
        "quota_max": "1000",
        "quota_renewal_rate": "3600",
        "partition_acl": "on",
        "partition_rate_limit": "on",
        "key_expires_in": "86400",
        "tags": "plan, paid",
        "meta_data": '{"tier": 1}',
        "message": "First",
    }
    answer = ada.post(f"{LIST}new/", sent)
    with scope.org(cast.acme.id):
        made, revision = Policy.objects.get(), PolicyRevision.objects.get()
    assert (answer.status_code, answer.url) == (302, f"{LIST}{made.id}/")
    assert (revision.message, revision.author) == ("First", "ada@acme.example")
    wanted = {
        "name": "Gold",
        "state": "active",
        "rate": 10,
        "per": 60,
        "quota_max": 1000,
        "quota_renewal_rate": 3600,
        "key_expires_in": 86400,
        "tags": ["plan", "paid"],
        "meta_data": {"tier": 1},
        "access_rights": {
            orders.api_id: {"api_id": orders.api_id, "api_name": "Orders", "versions": ["Default"]}
        },
        "partitions": {
            "acl": True,
            "rate_limit": True,
            "quota": False,
            "complexity": False,
            "per_api": False,
        },
    }
    assert {name: made.document[name] for name in wanted} == wanted


def test_a_policy_is_made_as_json(cast, ada, orders):
    wanted = document("Gold", orders, unknown={"kept": [1]}, id="gold-plan")
    answer = ada.post(f"{LIST}new/?as=json", {"text": json.dumps(wanted)})
    with scope.org(cast.acme.id):
        made = Policy.objects.get()
    assert (answer.status_code, made.policy_id, made.document["unknown"]) == (302, "gold-plan", {"kept": [1]})


def test_a_form_that_is_sent_twice_makes_one_policy(cast, ada):
    form_token = ada.get(f"{LIST}new/").context["form_token"]
    answers = [ada.post(f"{LIST}new/", FORM | {"form_token": form_token}) for _ in range(2)]
    with scope.org(cast.acme.id):
        made = Policy.objects.get()
    assert [(answer.status_code, answer.url) for answer in answers] == [(302, f"{LIST}{made.id}/")] * 2


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"name": ""}, {"name": ["This field is required."]}),
        ({"name": "a\0"}, {"name": ["Null characters are not allowed."]}),
        ({"name": "Silver"}, {"name": ["is the name of another policy of this organisation"]}),
        ({"state": "on"}, {"state": ["Select a valid choice. on is not one of the available choices."]}),
        ({"per": ""}, {"per": ["must be more than 0 where there is a rate: in how many seconds"]}),
        ({"rate": "-2"}, {"rate": ["Ensure this value is greater than or equal to -1."]}),
        ({"rate": "nan"}, {"rate": ["Enter a number."]}),
        ({"quota_max": "1.5"}, {"quota_max": ["Enter a whole number."]}),
        (
            {"quota_max": "9" * 30},
            {"quota_max": [f"Ensure this value is less than or equal to {2**63 - 1}."]},
        ),
        (
            {"partition_quota": "on", "partition_per_api": "on"},
            {"partition_per_api": ["must not be set beside another partition: gateways refuse the keys"]},
        ),
        ({"tags": ",".join(map(str, range(101)))}, {"tags": ["must not be more than 100"]}),
        ({"meta_data": "[]"}, {"meta_data": ["Must be an object."]}),
        ({"meta_data": "{"}, None),
        (
            {"meta_data": '{"policies": []}'},
            {
                "meta_data": [
                    "/meta_data/policies: must be left out: gateways take a list of this name for the policies of "
                    "the key, of whatever organisation"
                ]
            },
        ),
        (
            {"access_rights": ["zzzz"]},
            {"access_rights": ["/access_rights/zzzz: There is no API 'zzzz' in this organisation."]},
        ),
        ({"message": "x" * 501}, {"message": ["Ensure this value has at most 500 characters (it has 501)."]}),
    ],
)
@pytest.mark.parametrize("changing", [False, True])
def test_a_fault_is_shown_at_its_field_and_nothing_is_stored(cast, ada, fields, errors, changing):
    policy(cast.acme, name="Silver")
    gold = policy(cast.acme, name="Gold" if changing else "Bronze")
    before = stored()
    path = edit(gold) if changing else f"{LIST}new/"
    answer = ada.post(path, FORM | {"started_from": 1} | fields)
    assert (answer.status_code, stored()) == (400, before)
    if errors:
        assert errors_of(answer) == errors


def test_every_fault_is_told_in_one_round(cast, ada, gold):
    faulty = FORM | {"name": "", "per": "", "meta_data": "[]", "access_rights": ["zzzz"], "started_from": 1}
    assert errors_of(ada.post(edit(gold), faulty)).keys() == {"name", "per", "meta_data", "access_rights"}


@pytest.mark.parametrize(
    "faulty",
    [
        ("{", None),
        ("[]", "Line 1: must be an object"),
        ('{"a": 1, "a": 2}', "This is not JSON: the member a is there twice"),
        ('{"name": "\\u0000"}', "This is not JSON: /name holds a NUL character"),
        ('{\n"name": "Gold",\n"rate": "ten"}', "Line 3: /rate: must be a number"),
        ('{"name": "Gold",\n\n"access_rights": {"zzzz": {}}}', None),
        ('{"name": "Gold", "access_rights": [], "partitions": 1, "meta_data": []}', None),
        ('{"name": "Gold", "_id": "x"}', "Line 1: /_id: must be 24 hexadecimal digits"),
    ],
)
@pytest.mark.parametrize("changing", [False, True])
def test_a_fault_of_json_is_shown_with_pointer_and_line_and_nothing_is_stored(
    cast, ada, gold, faulty, changing
):
    before, (text, error) = stored(), faulty
    for button in ({}, {"save": "yes"}):
        path = edit(gold) if changing else f"{LIST}new/"
        answer = ada.post(f"{path}?as=json", {"text": text, "started_from": 1, **button})
        assert (answer.status_code, stored()) == (400, before)
        assert error is None or error in errors_of(answer)["text"]


def test_an_api_of_another_organisation_is_refused_as_an_unknown_one(cast, ada, gold):
    foreign = build.api(cast.globex)
    answers = [ada.post(edit(gold), typed(gold, access_rights=[id])) for id in (foreign.api_id, "zzzz")]
    assert [answer.status_code for answer in answers] == [400, 400]
    strange, unknown = (errors_of(answer) for answer in answers)
    assert str(strange).replace(foreign.api_id, "zzzz") == str(unknown)
    assert now(gold).revision == 1


def test_an_id_that_a_stranger_has_is_told_without_saying_whose(cast, ada):
    theirs = policy(cast.globex, name="Theirs", id="gold-plan")
    for taken in ({"id": "gold-plan"}, {"_id": theirs.id}):
        answer = ada.post(f"{LIST}new/?as=json", {"text": json.dumps({"name": "Gold", **taken})})
        assert answer.status_code == 400
        assert [text.partition("/id: ")[2] for text in errors_of(answer)["text"]] == [
            "There is a policy with this ID already."
        ]


def test_an_edit_shows_what_changes_and_for_whom_before_it_is_saved(cast, ada, orders, gold):
    key, _ = build.key(cast.acme, orders, alias="Partner")
    gone, _ = build.key(cast.acme, orders, alias="Gone")
    give(key, gold)
    give(gone, gold)
    with scope.org(cast.acme.id), transaction.atomic():
        keys.revoke(gone)
    page = ada.post(edit(gold), typed(gold, orders, rate="20", message="More"))
    assert (page.status_code, now(gold).revision) == (200, 1)
    assert "1 key has this policy" in text_of(page)
    assert ("Partner" in text_of(page), "Gone" in text_of(page)) == (True, False)
    assert [(row.pointer, row.before, row.after) for row in page.context["difference"]["rows"]] == [
        ("/rate", "10", "20")
    ]
    answer = ada.post(f"{edit(gold)}?as=json", sent_on(page) | {"save": "yes"})
    assert (answer.status_code, answer.url) == (302, f"{LIST}{gold.id}/")
    changed = now(gold)
    assert (changed.revision, changed.document["rate"]) == (2, 20)
    with scope.org(cast.acme.id):
        assert PolicyRevision.objects.get(number=2).message == "More"


@pytest.mark.parametrize("as_json", [False, True])
def test_from_the_review_one_goes_back_to_editing_with_all_that_was_typed(ada, orders, gold, as_json):
    if as_json:
        sent = {"text": json.dumps(document("Gold", orders, rate=20, odd=[1])), "started_from": 1}
        page = ada.post(f"{edit(gold)}?as=json", sent)
    else:
        page = ada.post(edit(gold), typed(gold, orders, rate="20", message="More"))
    back = ada.post(f"{edit(gold)}?as=json", sent_on(page) | {"show": "json" if as_json else "form"})
    form = back.context["form"]
    assert (back.status_code, back.context["as_json"], now(gold).revision) == (200, as_json, 1)
    if as_json:
        assert (json.loads(form["text"].value())["rate"], json.loads(form["text"].value())["odd"]) == (
            20,
            [1],
        )
    else:
        assert (form["rate"].value(), form["message"].value()) == (20, "More")


def test_an_edit_that_takes_the_last_rights_of_keys_says_so(cast, ada, orders, gold):
    key, _ = build.key(cast.acme, orders)
    give(key, gold)
    page = ada.post(edit(gold), typed(gold, orders, partition_quota="on"))
    assert "It opens nothing any more, and 1 key has no other policy that does" in text_of(page)


def test_an_edit_without_a_difference_saves_nothing(ada, orders, gold):
    answer = ada.post(edit(gold), typed(gold, orders))
    assert (answer.status_code, answer.url, now(gold).revision) == (302, f"{LIST}{gold.id}/", 1)


def test_saving_the_forms_as_they_came_changes_nothing_also_of_what_they_do_not_show(cast, ada, orders):
    odd = {
        "tags": ["a, b", "c"],
        "rate": -1,
        "per": -1,
        "hmac_enabled": True,
        "unknown": {"kept": [1]},
        "access_rights": {orders.api_id: {"allowed_urls": [{"url": "/", "methods": ["GET"]}]}},
        "meta_data": {"z": 1, "a": {"b": [1.0]}},
    }
    made = policy(cast.acme, name="Odd", **odd)
    form = ada.get(edit(made)).context["form"]
    sent = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    answer = ada.post(edit(made), sent)
    as_json = ada.get(f"{edit(made)}?as=json").context["form"]
    again = ada.post(
        f"{edit(made)}?as=json", {"text": as_json["text"].value(), "started_from": 1, "save": "yes"}
    )
    assert (answer.status_code, again.status_code, now(made).revision) == (302, 302, 1)


@pytest.mark.parametrize("button", [{}, {"save": "yes"}])
def test_an_edit_of_an_older_revision_is_409_and_shows_both(ada, cast, orders, gold, button):
    with scope.org(cast.acme.id):
        lifecycle.change(gold, document("Gold", orders, rate=99, tags=["plan"]), author=cast.acme_admin)
    page = ada.post(
        edit(gold), typed(gold, orders, quota_max="5", quota_renewal_rate="60", rate="99", **button)
    )
    assert (page.status_code, now(gold).revision) == (409, 2)
    rows = {
        name: [(row.pointer, row.before, row.after) for row in page.context[name]["rows"]]
        for name in ("theirs", "mine")
    }
    assert rows == {
        "theirs": [("/rate", "10", "99")],
        "mine": [("/quota_max", "0", "5"), ("/quota_renewal_rate", "0", "60")],
    }
    done = ada.post(f"{edit(gold)}?as=json", sent_on(page) | {"save": "yes"})
    changed = now(gold).document
    assert (done.status_code, changed["rate"], changed["quota_max"]) == (302, 99, 5)


@pytest.mark.parametrize("started_from", ["", "x", "0", "9" * 20])
def test_an_edit_has_to_say_what_it_started_from(ada, orders, gold, started_from):
    answer = ada.post(edit(gold), typed(gold, orders, started_from=started_from, rate="20", save="yes"))
    assert (answer.status_code, now(gold).revision) == (400, 1)


def test_from_the_form_to_json_and_back_nothing_typed_is_lost(cast, ada, orders, gold):
    sent = typed(gold, orders, name="Silver", rate="abc", meta_data='{"a": 1}', message="Why", show="json")
    page = ada.post(edit(gold), sent)
    form = page.context["form"]
    text = json.loads(form["text"].value())
    assert (text["name"], text["rate"], text["meta_data"]) == ("Silver", "abc", {"a": 1})
    assert list(text["access_rights"]) == [orders.api_id]
    text["unknown"] = 7
    back = ada.post(
        f"{edit(gold)}?as=json", sent_on(page) | {"text": json.dumps(text), "show": "form"}
    ).context["form"]
    assert [back[name].value() for name in ("name", "rate", "message", "started_from")] == [
        "Silver",
        "abc",
        "Why",
        "1",
    ]
    saved = typed(gold, orders, name="Silver", base_text=back["base_text"].value(), save="yes")
    assert ada.post(edit(gold), saved).status_code == 302
    assert (now(gold).name, now(gold).document["unknown"]) == ("Silver", 7)


@pytest.mark.parametrize("text", ["[]", "{", '"x"'])
def test_json_that_no_form_can_show_stays_json_and_says_so(ada, text):
    page = ada.post(f"{LIST}new/?as=json", {"text": text, "show": "form"})
    assert (page.status_code, page.context["as_json"], "text" in errors_of(page)) == (400, True, True)


def test_a_search_for_apis_keeps_what_was_typed_and_stores_nothing(cast, ada, orders):
    for number in range(22):
        build.api(cast.acme, f"Service {number}")
    build.api(cast.acme, "Zebra crossing")
    sent = FORM | {
        "rate": "abc",
        "partition_quota": "on",
        "access_rights": [orders.api_id],
        "api_query": "zebra cross",
        "find": "yes",
    }
    page = ada.post(f"{LIST}new/", sent)
    form = page.context["form"]
    assert (page.status_code, stored()) == (200, (0, 0))
    assert [form[name].value() for name in ("name", "rate", "partition_quota", "access_rights")] == [
        "Gold",
        "abc",
        True,
        [orders.api_id],
    ]
    offered = re.findall(
        r'name="access_rights" value="[^"]*"( checked)?> <span class="cut">([^<]*)', page.content.decode()
    )
    assert offered == [(" checked", "Orders"), ("", "Zebra crossing")]


def test_the_page_says_what_a_policy_does_who_has_it_and_where_gateways_differ(cast, ada, orders, gold):
    key, _ = build.key(cast.acme, orders, alias="Partner")
    give(key, gold)
    said = text_of(ada.get(f"{LIST}{gold.id}/"))
    for words in (
        "Rate 10 requests in 60 s",
        "Quota none",
        "Sets for a key all: access, rate, quota and query depth",
        "3.0 opens 1 API 5.x opens 1 API",
        f"Policy ID {gold.policy_id}",
        "Orders",
        "1 key has this policy. All of them Partner",
    ):
        assert words in said
    limits = policy(cast.acme, orders, name="Limits", partitions={"quota": True})
    said = text_of(ada.get(f"{LIST}{limits.id}/"))
    assert "3.0 opens nothing 5.x refused: no policy grants an API" in said
    assert "limits only" in said


def test_names_of_keys_are_for_those_who_may_see_keys(cast, orders, gold, reader):
    key, _ = build.key(cast.acme, orders, alias="Partner")
    give(key, gold)
    said = text_of(reader(policies="read").get(f"{LIST}{gold.id}/"))
    assert ("1 key has this policy" in said, "Partner" in said) == (True, False)
    assert "Partner" in text_of(reader(policies="read", keys="read").get(f"{LIST}{gold.id}/"))


def listed(answer):
    return re.findall(rf'{LIST}[0-9a-f]{{24}}/"[^>]*>([^<]*)</a>', answer.content.decode())


def test_the_list_is_searched_by_name_tag_id_and_api_filtered_and_sorted(cast, ada, orders):
    returns = build.api(cast.acme, "Returns")
    policy(cast.acme, orders, name="Gold", tags=["plan"], id="gold-plan")
    policy(cast.acme, returns, name="Silver", state="draft")
    bronze = policy(cast.acme, name="Bronze", state="deny")
    policy(cast.globex, build.api(cast.globex), name="Gold of Globex")
    found = {
        query: listed(ada.get(f"{LIST}?{query}"))
        for query in (
            "",
            "sort=name",
            "sort=-name",
            "sort=updated_at",
            "q=OLD",
            "q=plan",
            "q=pla",
            "q=gold-plan",
            f"q={bronze.id}",
            "q=return",
            f"q={orders.api_id}",
            "q=%25",
            "state=draft",
            "state=deny&q=bronze",
            "state=active&q=bronze",
        )
    }
    assert found == {
        "": ["Bronze", "Silver", "Gold"],
        "sort=name": ["Bronze", "Gold", "Silver"],
        "sort=-name": ["Silver", "Gold", "Bronze"],
        "sort=updated_at": ["Gold", "Silver", "Bronze"],
        "q=OLD": ["Gold"],
        "q=plan": ["Gold"],
        "q=pla": [],
        "q=gold-plan": ["Gold"],
        f"q={bronze.id}": ["Bronze"],
        "q=return": ["Silver"],
        f"q={orders.api_id}": ["Gold"],
        "q=%25": [],
        "state=draft": ["Silver"],
        "state=deny&q=bronze": ["Bronze"],
        "state=active&q=bronze": [],
    }


@pytest.mark.parametrize("query", ["state=odd", "sort=rate", "q=%00", "q=" + "x" * 201, "size=7", "after=x"])
def test_a_list_that_cannot_be_is_refused(ada, gold, query):
    assert ada.get(f"{LIST}?{query}").status_code == 400


def test_26_policies_are_two_pages_of_25(cast, ada):
    for number in range(26):
        policy(cast.acme, name=f"Plan {number:02}")
    first = ada.get(f"{LIST}?size=25&sort=name")
    [older] = re.findall(r'href="([^"]*)" rel="next"', first.content.decode())
    second = ada.get(f"{LIST}{html.unescape(older)}")
    assert (len(listed(first)), listed(second)) == (25, ["Plan 25"])


def test_the_csv_has_the_rows_of_the_filter_and_no_formula(cast, ada, orders):
    made = policy(cast.acme, orders, name="=Gold", tags=["a", "b"])
    policy(cast.acme, name="Silver", state="draft")
    key, _ = build.key(cast.acme, orders)
    give(key, made)
    lines = ada.get(f"{LIST}?format=csv&state=active").getvalue().decode("utf-8-sig").splitlines()
    changed = made.updated_at.isoformat(timespec="seconds")
    assert lines == [
        "id,name,state,APIs,keys,rate,per,quota,renewed after,tags,changed",
        f"{made.policy_id},'=Gold,active,{orders.api_id},1,10,60,0,0,a b,{changed}",
    ]


@pytest.mark.parametrize("path", ["", "?format=csv", "?q=gold"])
def test_the_list_asks_as_much_of_the_database_for_three_rows_as_for_one(cast, ada, orders, path):
    ada.get(LIST)  # the first request of a process has the database proved
    counts = []
    for names in (["Gold 1"], ["Gold 2", "Gold 3"]):
        for name in names:
            key, _ = build.key(cast.acme, orders)
            give(key, policy(cast.acme, orders, name=name))
        with CaptureQueriesContext(connection) as queries:
            answer = ada.get(f"{LIST}{path}")
            b"".join(answer)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    numbers = [row["keys"].number for row in ada.get(LIST).context["rows"]]
    assert numbers == [1, 1, 1]


@pytest.mark.parametrize("path", ["", "edit/", "deletion/"])
def test_a_page_asks_as_much_for_three_keys_and_apis_as_for_one(cast, ada, orders, path):
    counts = []
    for number in (1, 3):
        apis = [build.api(cast.acme, f"Service {number} {each}") for each in range(number)]
        made = policy(cast.acme, *apis, name=f"Plan {number}")
        for _ in range(number):
            give(build.key(cast.acme, orders)[0], made)
        ada.get(LIST)
        with CaptureQueriesContext(connection) as queries:
            assert ada.get(f"{LIST}{made.id}/{path}").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_history_shows_each_revision_and_the_difference_to_any(cast, ada, orders, gold):
    with scope.org(cast.acme.id):
        for rate in (20, 30):
            lifecycle.change(gold, document("Gold", orders, rate=rate, tags=["plan"]), author=cast.acme_admin)
    page = ada.get(f"{LIST}{gold.id}/history/")
    assert re.findall(r">Revision (\d)<", page.content.decode()) == ["3", "2", "1"]
    rows = {
        query: [
            tuple(row) for row in ada.get(f"{LIST}{gold.id}/history/3/{query}").context["difference"]["rows"]
        ]
        for query in ("", "?against=1")
    }
    assert rows == {"": [("/rate", "20", "30")], "?against=1": [("/rate", "10", "30")]}
    header, *lines = file_of(ada.get(f"{LIST}{gold.id}/history/?format=csv&sort=number"))
    assert header == ["revision", "saved", "by", "message"]
    assert [(line[0], *line[2:]) for line in lines] == [
        ("1", "command line", "Created"),
        ("2", "ada@acme.example", ""),
        ("3", "ada@acme.example", ""),
    ]
    # Nothing is before the first.
    first = ada.get(f"{LIST}{gold.id}/history/1/").context["difference"]["rows"]
    assert [tuple(row) for row in first] == [("/rate", "30", "10")]
    whole = ada.get(f"{LIST}{gold.id}/history/2/?format=json")
    assert (whole.json()["rate"], whole["Content-Disposition"]) == (
        20,
        f'attachment; filename="{gold.id}-2.json"',
    )
    assert ada.get(f"{LIST}{gold.id}/history/4/").status_code == 404
    assert ada.get(f"{LIST}{gold.id}/history/1/?against=9").status_code == 404


def test_an_old_revision_is_restored_as_a_new_one(cast, ada, orders, gold):
    with scope.org(cast.acme.id):
        lifecycle.change(gold, document("Gold", orders, rate=20), author=cast.acme_admin)
    key, _ = build.key(cast.acme, orders)
    give(key, gold)
    asked = ada.get(f"{LIST}{gold.id}/history/1/?restore=yes")
    assert "It is saved as revision 3. 1 key has this policy" in text_of(asked)
    assert ("/rate", "20", "10") in [tuple(row) for row in asked.context["difference"]["rows"]]
    stale = ada.post(f"{LIST}{gold.id}/history/1/", {"started_from": 1})
    assert (stale.status_code, now(gold).revision) == (302, 2)
    answer = ada.post(f"{LIST}{gold.id}/history/1/", {"started_from": 2})
    assert (answer.status_code, now(gold).revision, now(gold).document["rate"]) == (302, 3, 10)
    for sent in ({}, {"started_from": "x"}):
        assert ada.post(f"{LIST}{gold.id}/history/1/", sent).status_code == 400


def test_a_revision_that_names_an_api_that_is_gone_is_not_restored_and_says_why(cast, ada, orders, gold):
    with scope.org(cast.acme.id):
        changed = lifecycle.change(gold, document("Gold"), author=None)
        text = PolicyRevision.objects.get(number=1).document_text.replace(orders.api_id, "zzzz")
        other = PolicyRevision.objects.get(number=2)
    with scope.org(cast.acme.id):
        PolicyRevision.objects.create(
            org_id=other.org_id,
            policy_row_id=gold.id,
            policy_id=gold.policy_id,
            number=7,
            document_text=text,
            author="x",
        )
    page = ada.post(f"{LIST}{gold.id}/history/7/", {"started_from": changed.revision}, follow=True)
    assert "Revision 7 cannot be restored now" in page.content.decode()
    assert "There is no API" in page.content.decode()
    assert now(gold).revision == 2


@pytest.mark.parametrize("query", ["?sort=x", "?against=x", "?after=x"])
def test_a_revision_number_that_is_none_is_400(ada, gold, query):
    path = "history/1/" if "against" in query else "history/"
    assert ada.get(f"{LIST}{gold.id}/{path}{query}").status_code == 400


def test_deletion_says_what_becomes_of_each_key_and_asks(cast, ada, orders, gold):
    limits = policy(cast.acme, orders, name="Limits", partitions={"quota": True})
    silver = policy(cast.acme, orders, name="Silver")
    for alias, others in {"With": [silver], "Limited": [limits], "Own": []}.items():
        give(build.key(cast.acme, orders, alias=alias)[0], gold, *others)
    bare, _ = build.key(cast.acme, orders, alias="Bare")
    give(bare, gold)
    with scope.org(cast.acme.id):
        KeyRight.objects.filter(key=bare).delete()
    page = ada.get(f"{LIST}{gold.id}/deletion/")
    assert page.context["holders"].fates == [
        (1, "left with other policies that open APIs"),
        (1, "left with policies that only limit, and nothing to open"),
        (1, "left with own rights"),
        (1, "left with nothing to open"),
    ]
    said = text_of(page)
    for words in (
        "4 keys have it",
        "Bare left with nothing to open",
        "With left with other policies that open APIs",
    ):
        assert words in said
    assert now(gold) is not None
    answer = ada.post(f"{LIST}{gold.id}/deletion/", {"started_from": 1})
    assert (answer.status_code, answer.url, now(gold)) == (302, LIST, None)
    with scope.org(cast.acme.id):
        assert KeyPolicy.objects.filter(policy_id=gold.id).count() == 0


def test_whoever_looked_at_an_older_revision_does_not_delete_the_newer_one(cast, ada, orders, gold):
    with scope.org(cast.acme.id):
        lifecycle.change(gold, document("Gold", orders, rate=20), author=cast.acme_admin, message="More")
    page = ada.post(f"{LIST}{gold.id}/deletion/", {"started_from": 1})
    assert (page.status_code, now(gold).revision) == (409, 2)
    assert "ada@acme.example saved revision 2 (“More”)" in text_of(page)
    assert ada.post(f"{LIST}{gold.id}/deletion/", {"started_from": "x"}).status_code == 400


PATHS = ("", "definition/", "edit/", "history/", "history/1/", "deletion/")


@pytest.mark.parametrize("path", PATHS)
def test_another_organisations_policy_is_missing_byte_for_byte(cast, ada, path):
    foreign = policy(cast.globex, name="Theirs")
    strange, missing = (ada.get(f"{LIST}{id}/{path}") for id in (foreign.id, "f" * 24))
    assert (strange.status_code, missing.status_code) == (404, 404)
    assert strange.content.replace(foreign.id.encode(), b"") == missing.content.replace(b"f" * 24, b"")
    if path in ("edit/", "history/1/", "deletion/"):
        assert ada.post(f"{LIST}{foreign.id}/{path}", {"started_from": 1, **FORM}).status_code == 404
        assert now(foreign).revision == 1


@pytest.mark.parametrize("id", ["%00", "F" * 24, "x", "1" * 25, "'"])
def test_what_is_no_id_is_missing(ada, id):
    assert ada.get(f"{LIST}{id}/").status_code == 404


def test_who_may_only_read_sees_pages_but_no_way_to_change(gold, reader):
    ben = reader(policies="read")
    statuses = [ben.get(f"{LIST}{path}").status_code for path in ("", "new/")]
    statuses += [ben.get(f"{LIST}{gold.id}/{path}").status_code for path in PATHS]
    assert statuses == [200, 403, 200, 200, 403, 200, 200, 403]
    page = ben.get(f"{LIST}{gold.id}/")
    assert ("Edit" in text_of(page), "Delete" in text_of(page)) == (False, False)
    assert "You may read this but not change it." in text_of(page)
    to_keys = ("Create a key", f'href="{LIST.replace("policies", "keys")}new/"')
    makes_keys = reader(policies="read", keys="write").get(f"{LIST}{gold.id}/").content.decode()
    assert [all(each in shown for each in to_keys) for shown in (text_of(page), makes_keys)] == [False, True]
    ben = reader(policies="read")
    assert ben.post(f"{LIST}{gold.id}/history/1/", {"started_from": 1}).status_code == 403


def test_who_lacks_the_right_is_told_whom_to_ask(gold, reader):
    for path in ("", f"{gold.id}/"):
        page = reader(keys="write").get(f"{LIST}{path}")
        assert (page.status_code, "ada@acme.example" in text_of(page)) == (403, True)


def test_text_of_people_is_shown_as_text(cast, ada, orders):
    evil = "<script>alert(1)</script>"
    made = policy(cast.acme, orders, name=evil, tags=[evil], meta_data={evil: evil})
    for path in ("", f"{made.id}/", *(f"{made.id}/{path}" for path in PATHS[1:])):
        assert "<script>alert" not in ada.get(f"{LIST}{path}").content.decode()


def test_policies_are_looked_at_in_djangos_admin_without_their_metadata(cast, client_for, orders):
    made = policy(cast.acme, orders, meta_data={"upstream": "hush-hush"})
    with scope.org(cast.acme.id):
        revision = PolicyRevision.objects.get()
    root = client_for(cast.super_user)
    for path in (
        "policy/",
        f"policy/{made.id}/change/",
        "policyrevision/",
        f"policyrevision/{revision.id}/change/",
    ):
        page = root.get(f"/django-admin/keys/{path}")
        assert (page.status_code, b"hush-hush" in page.content, b'name="_save"' in page.content) == (
            200,
            False,
            False,
        )
