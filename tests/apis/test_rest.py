"""`/api/apis` on the wire."""

import json

import pytest

from apis.domains import changes as domains
from apis.models import ApiDefinition, Revision
from apis.publishing import publish
from apis.publishing.refusals import Stale
from orgs import scope
from orgs.http.rest import STALE
from orgs.models import AuditEntry
from orgs.organisations import lifecycle
from tests import make
from tests.apis.examples import plain
from tests.apis.publishing.test_publish import served, stored

JSON = "application/json"
MISSING = {"Status": "Error", "Message": "API not found", "Meta": None}
CLASH = {"Status": "Error", "Message": "Found API with same url", "Meta": None}


def post(client, definition, content_type=JSON, **headers):
    return client.post("/api/apis", {"api_definition": definition}, content_type, headers=headers)


def put(client, id, definition, **headers):
    return client.put(f"/api/apis/{id}", {"api_definition": definition}, JSON, headers=headers)


@pytest.fixture
def ada(cast, rest):
    return rest(cast.acme_admin)


@pytest.fixture
def api(ada):
    """The answer to a creation: Meta is the database id, ID the API id."""
    return post(ada, plain(api_id="payments")).json()


def test_an_api_is_created_read_changed_and_deleted(cast, ada):
    created = post(ada, plain(org_id=cast.globex.id))
    with scope.org(cast.acme.id):
        row = ApiDefinition.objects.get()
    assert created.content.decode() == (
        f'{{"Status":"OK","Message":"API created","Meta":"{row.id}","ID":"{row.api_id}"}}'
    )
    definition = plain() | {"id": row.id, "api_id": row.api_id, "org_id": cast.acme.id, "tags": []}
    read = ada.get(f"/api/apis/{row.id}")
    assert read.json() == {
        "api_model": {},
        "api_definition": definition,
        "hook_references": [],
        "is_site": False,
        "sort_by": 0,
        "user_owners": [],
        "user_group_owners": [],
        "created_at": row.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "updated_at": row.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    assert ada.get(f"/api/apis/{row.api_id}").content == read.content
    assert (
        put(ada, row.id, plain(name="New")).content == b'{"Status":"OK","Message":"API updated","Meta":null}'
    )
    assert ada.get(f"/api/apis/{row.id}").json()["api_definition"] == definition | {"name": "New"}
    assert ada.delete(f"/api/apis/{row.id}").content == b'{"Status":"OK","Message":"API deleted","Meta":null}'
    assert (ada.get(f"/api/apis/{row.id}").status_code, ada.get("/api/apis").json()) == (
        404,
        {"apis": [], "pages": 1},
    )


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "application/octet-stream"]
)
def test_the_body_is_json_whatever_its_type_is_called(ada, content_type):
    body = json.dumps({"api_definition": plain()})
    assert ada.post("/api/apis/", body, content_type).json()["Message"] == "API created"


def test_a_definition_comes_back_in_its_order_with_members_that_nobody_knows(cast, ada):
    sent = {"zebra": [1, 2.5, {"ü": None}], **plain(), "aardvark": {"x": "y"}}
    made = post(ada, sent).json()
    got = ada.get(f"/api/apis/{made['Meta']}").json()["api_definition"]
    assert got == sent | {"id": made["Meta"], "api_id": made["ID"], "org_id": cast.acme.id, "tags": []}
    assert list(got) == [*sent, "id", "tags"]


BESIDE = {
    "hook_references": [{"event_name": "QuotaExceeded", "event_timeout": 60, "hook": {"name": "x"}}],
    "is_site": True,
    "sort_by": 7,
    "user_owners": ["a" * 24],
    "user_group_owners": ["b" * 24],
    "categories": ["eu", "retail"],
    "is_streams": False,
    "owner": "Payments",
    "notes": "Two\nlines",
}


def test_what_a_wrapper_has_beside_the_definition_is_kept_and_never_served(cast, ada):
    sent = {"api_definition": plain(name="Orders #own", api_id="orders"), **BESIDE}
    assert ada.post("/api/apis", sent, JSON).status_code == 200
    read = ada.get("/api/apis/orders")
    assert {name: read.json()[name] for name in BESIDE} == BESIDE
    # Sent back as it was read, nothing is another; without these members they stay.
    again = ada.put("/api/apis/orders", read.json(), JSON)
    assert again["ETag"] == put(ada, "orders", read.json()["api_definition"])["ETag"]
    changed = {"api_definition": read.json()["api_definition"], "user_owners": [], "sort_by": 8}
    assert ada.put("/api/apis/orders", changed, JSON)["ETag"] != again["ETag"]
    now = ada.get("/api/apis/orders").json()
    assert {name: now[name] for name in BESIDE} == BESIDE | {"user_owners": [], "sort_by": 8}
    with scope.org(cast.acme.id):
        entry = AuditEntry.objects.get(action="api.published", changes__has_key="sort_by")
        assert entry.changes == {
            "revision": [2, 3],
            "sort_by": [None, "changed"],
            "user_owners": [None, "changed"],
        }
    [element] = served()
    assert sorted(element) == ["api_definition", "oas"]
    assert not {"QuotaExceeded", "a" * 24} & set(json.dumps(element).split('"'))


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ({"hook_references": {}}, "hook_references must be a list"),
        ({"hook_references": ["x"]}, "hook_references: must be a list of objects"),
        (
            {"hook_references": [{"x": "y" * 100_000}]},
            "hook_references: must not have more than 100,000 bytes",
        ),
        ({"user_owners": [5]}, "user_owners: must be a list of texts of 1 to 100 characters"),
        ({"user_group_owners": [""]}, "user_group_owners: must be a list of texts of 1 to 100 characters"),
        ({"categories": ["x" * 101]}, "categories: must be a list of texts of 1 to 100 characters"),
        ({"categories": [f"{n}" for n in range(101)]}, "categories: must not be more than 100"),
        ({"sort_by": 2**31}, "sort_by: is too large"),
        ({"is_site": 1}, "is_site must be true or false"),
        ({"owner": "x" * 101}, "owner: must be a text of 100 characters at most"),
        ({"notes": "x" * 4_001}, "notes: must be a text of 4,000 characters at most"),
    ],
)
def test_what_is_kept_beside_it_is_looked_at_and_nothing_is_stored_else(ada, member, message):
    answer = ada.post("/api/apis", {"api_definition": plain(), **member}, JSON)
    assert (answer.status_code, answer.json()["Message"]) == (400, message)
    assert ada.get("/api/apis").json()["apis"] == []


def test_lists_are_filtered_in_tyks_words_and_an_unknown_one_fits_nothing(cast, rest, ada):
    graphql = {"graphql": {"enabled": True, "execution_mode": "executionEngine"}}
    post(ada, plain("/a/", name="A #eu", api_id="a"))
    post(ada, plain("/b/", name="B #us #eu", api_id="b", use_basic_auth=True))
    post(ada, plain("/c/", name="C", api_id="c", use_standard_auth=False, enable_jwt=True, **graphql))
    plugin = plain("/d/", name="D", api_id="d", use_standard_auth=False, use_go_plugin_auth=True)
    sent = {
        "api_definition": plugin | {"org_id": cast.acme.id},
        "categories": ["beside"],
        "owner": "Pay\u00e9",
    }
    rest(cast.super_user).post("/api/apis", sent, JSON)

    def found(query):
        return [row["api_definition"]["api_id"] for row in ada.get(f"/api/apis?{query}").json()["apis"]]

    asked = {
        "category=eu": ["a", "b"],
        "category=%23us,none": ["b"],
        "category=EU": [],
        "category=beside": ["d"],
        "api_type=udg": ["c"],
        "api_type=classic,udg": ["a", "b", "c", "d"],
        "api_type=nothing": [],
        "auth_type=auth_token": ["a", "b"],
        "auth_type=basic,jwt": ["b", "c"],
        "auth_type=go_plugin": ["d"],
        "auth_type=coprocess": [],
        "auth_type=.*": [],
        "base_apis=true": ["a", "b", "c", "d"],
        "category=eu&auth_type=basic&q=b": ["b"],
        "owner=PAY%C3%89": ["d"],
        "owner=pay": [],
        "owner=%25": [],
    }
    assert {query: found(query) for query in asked} == asked
    assert ada.get("/api/apis?category=%00").status_code == 400


def test_words_below_apis_are_routes_and_no_ids(cast, ada, rest):
    post(rest(cast.globex_admin), plain("/g/", name="Theirs #eu #secret", api_id="theirs"))
    with scope.org(cast.acme.id):
        domains.give(cast.acme.id, "a.example", author=cast.super_user)
    post(ada, plain("/a/", name="A one #eu", api_id="a", domain="a.example"))
    post(ada, plain("/b/", name="B one #us #eu", api_id="b"))
    assert ada.get("/api/apis/categories").json() == {
        "categories": [{"name": "eu", "count": 2}, {"name": "us", "count": 1}]
    }
    assert ada.get("/api/apis/groups").json() == {"#eu": ["a", "b"], "#us": ["b"]}
    names = [row["api_definition"]["name"] for row in ada.get("/api/apis/search?q=B+ONE").json()["apis"]]
    assert (names, ada.get("/api/apis/search?q=/b/").json()["apis"]) == (["B one #us #eu"], [])
    assert ada.get("/api/apis/a/url").json() == {
        "ApiURL": "a.example/a/",
        "BasePath": "/a/",
        "Host": "a.example",
    }
    for path in ("theirs/url", "theirs/access", "none/url"):
        assert (ada.get(f"/api/apis/{path}").status_code, ada.get(f"/api/apis/{path}").json()) == (
            404,
            MISSING,
        )


def test_owners_are_read_and_written_by_themselves(ada, api):
    assert ada.get("/api/apis/payments/access").json() == {"userIds": [], "userGroupIds": []}
    sent = {"userIds": ["a" * 24], "userGroupIds": ["team"]}
    answer = ada.put("/api/apis/payments/access", sent, JSON)
    assert answer.content == b'{"Status":"OK","Message":"API access updated","Meta":null}'
    assert ada.get("/api/apis/payments/access").json() == sent
    assert ada.get("/api/apis/payments").json()["user_owners"] == ["a" * 24]
    stale = ada.put("/api/apis/payments/access", {}, JSON, headers={"If-Match": '"1"'})
    assert (stale.status_code, ada.get("/api/apis/payments/access").json()) == (412, sent)
    with scope.every_org(), pytest.raises(Stale):  # changed after it was looked at
        publish.keep(ApiDefinition.objects.get(), {"user_owners": []}, author=None, started_from=1)
    bad = ada.put("/api/apis/payments/access", {"userIds": [5]}, JSON)
    assert (bad.status_code, bad.json()["Message"]) == (
        400,
        "userIds: must be a list of texts of 1 to 100 characters",
    )


def test_what_is_published_all_the_same_is_said_in_the_answer(ada, client_for, cast, api):
    sent = plain("/payments", api_id="beside", version_data={})
    sent["proxy"]["target_url"] = "tyk://later/"
    sent["jwt_default_policies"] = ["gold\x1b"]
    answer = post(ada, sent)
    warnings = [
        "It had no version, and no gateway serves such a one: it was given the version 'Default'.",
        "There is no API 'later' in this organisation yet: gateways answer 500 to what is sent there.",
        "There is no policy 'gold?' in this organisation yet: gateways refuse tokens that are given no other.",
        "The API 'Payments' listens on /payments/, this one on /payments: what lies below /payments/ comes to the one "
        "with the slash at its end.",
    ]
    assert answer.json()["Warnings"] == warnings
    page = client_for(cast.acme_admin).get(f"/o/acme/apis/{answer.json()['Meta']}/").content.decode()
    assert [text in page.replace("&#x27;", "'") for text in warnings] == [False, True, True, True]
    assert "Warnings" not in post(ada, plain("/other/")).json()
    inside = post(ada, plain("/other/more/", api_id="inside"))
    below = "Lies below the API 'Payments' (/other/): what is sent to /other/more/ comes here, and not there."
    assert inside.json()["Warnings"] == [below]
    again = put(ada, inside.json()["Meta"], plain("/other/more/", api_id="inside", zebra=1))
    assert "Warnings" not in again.json()


def test_an_api_id_that_a_client_chose_is_kept_if_it_is_free(ada, api):
    assert api["ID"] == "payments"
    chosen = "ZGVmYXVsdC9odHRwYmlu"
    assert post(ada, plain("/x/", api_id=chosen)).json()["ID"] == chosen
    clash = post(ada, plain("/y/", api_id=chosen))
    assert (clash.status_code, clash.json()["Message"]) == (409, "Found API with the same ID")


def test_an_api_id_can_be_put_back_after_creation(ada):
    made = post(ada, plain()).json()
    assert put(ada, made["Meta"], plain(api_id="chosen")).status_code == 200
    assert ada.get("/api/apis/chosen").json()["api_definition"]["id"] == made["Meta"]
    assert ada.get(f"/api/apis/{made['ID']}").json() == MISSING


def test_lists_are_paged_searched_and_sorted(ada):
    for number in range(12):
        post(ada, plain(f"/path-{number:02}/", name=f"API {number % 7} of {number:02}"))

    def names(query):
        answer = ada.get(f"/api/apis{query}").json()
        return [row["api_definition"]["proxy"]["listen_path"] for row in answer["apis"]], answer["pages"]

    everything = [f"/path-{number:02}/" for number in (0, 7, 1, 8, 2, 9, 3, 10, 4, 11, 5, 6)]
    assert names("") == (everything[:10], 2)
    assert names("?p=2") == names("?p=99") == (everything[10:], 2)
    assert names("?p=-2") == names("?p=0&unknown=1") == (everything, 1)
    assert names("?q=of+0&p=-1&sort=-listen_path") == ([f"/path-{n:02}/" for n in range(9, -1, -1)], 1)
    assert names("?q=path-11") == (["/path-11/"], 1)
    assert names("?q=nothing") == ([], 1)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?p=x", "p must be a whole number"),
        ("?p=" + "9" * 30, "p must be a whole number"),
        ("?sort=password", "sort: Select a valid choice. password is not one of the available choices."),
        ("?q=%00", "q: must not hold a NUL character"),
        ("?q=" + "x" * 201, "q: Ensure this value has at most 200 characters (it has 201)."),
        ("?active=perhaps", "active: Select a valid choice. perhaps is not one of the available choices."),
    ],
)
def test_a_bad_question_is_400_and_names_the_field(ada, query, message):
    answer = ada.get(f"/api/apis{query}")
    assert (answer.status_code, answer.json()["Message"]) == (400, message)


def test_the_list_asks_as_much_of_the_database_for_three_rows_as_for_one(ada, api, django_assert_num_queries):
    with django_assert_num_queries(5):
        ada.get("/api/apis")
    post(ada, plain("/b/"))
    post(ada, plain("/c/"))
    with django_assert_num_queries(5):
        assert len(ada.get("/api/apis").json()["apis"]) == 3


def test_another_organisations_api_is_missing_byte_for_byte(cast, ada, rest, api):
    gus = rest(cast.globex_admin)
    theirs, missing = (gus.get(f"/api/apis/{id}") for id in (api["Meta"], "f" * 24))
    assert (theirs.status_code, theirs.content, theirs.headers.items()) == (
        404,
        missing.content,
        missing.headers.items(),
    )
    before = stored()
    for id in (api["Meta"], api["ID"], "f" * 24, "missing"):
        assert gus.get(f"/api/apis/{id}").json() == MISSING
        assert put(gus, id, plain(name="Stolen")).json() == MISSING
        assert gus.delete(f"/api/apis/{id}").json() == MISSING
    assert stored() == before
    assert gus.get("/api/apis?p=-1").json() == {"apis": [], "pages": 1}


def test_a_clash_says_the_same_whoever_the_path_belongs_to(cast, ada, rest, api):
    gus = rest(cast.globex_admin)
    own, theirs = post(ada, plain()), post(gus, plain("/payments/v2/"))
    assert (own.status_code, own.json()) == (theirs.status_code, theirs.json()) == (409, CLASH)


def test_a_super_user_sees_all_and_names_the_organisation_of_what_he_creates(cast, ada, rest, api):
    sue = rest(cast.super_user)
    assert [row["api_definition"]["api_id"] for row in sue.get("/api/apis").json()["apis"]] == ["payments"]
    gone = make.organisation("Gone", "gone")
    lifecycle.delete(gone, actor=cast.super_user)
    for org_id in (None, "", "f" * 24, gone.id, 5, {}):
        answer = post(sue, plain("/x/", org_id=org_id))
        assert (answer.status_code, answer.json()["Message"]) == (
            400,
            "api_definition.org_id: must be the id of an organisation",
        )
    made = post(sue, plain("/x/", org_id=cast.globex.id)).json()
    assert sue.get(f"/api/apis/{made['Meta']}").json()["api_definition"]["org_id"] == cast.globex.id
    assert put(sue, api["Meta"], plain(org_id=cast.globex.id, name="By Sue")).status_code == 200
    assert ada.get(f"/api/apis/{api['Meta']}").json()["api_definition"]["org_id"] == cast.acme.id


def test_rights_are_needed(cast, rest, ada, api):
    max_ = rest(cast.acme_member)
    refused = max_.get("/api/apis")
    assert (refused.status_code, refused.json()["Message"]) == (
        403,
        "access denied: You do not have permission to access  /api/apis",
    )
    cast.acme_member.permissions = {"apis": "read"}
    cast.acme_member.save()
    assert (max_.get("/api/apis").status_code, post(max_, plain("/x/")).status_code) == (200, 403)
    assert (
        put(max_, api["Meta"], plain()).status_code,
        max_.delete(f"/api/apis/{api['Meta']}").status_code,
    ) == (403, 403)


def test_who_says_what_he_saw_is_told_when_somebody_was_faster(cast, ada, api):
    seen = ada.get(f"/api/apis/{api['Meta']}").headers["ETag"]
    assert put(ada, api["Meta"], plain(api_id="payments", name="First"), if_match=seen).status_code == 200
    late = put(ada, api["Meta"], plain(api_id="payments", name="Second"), if_match=seen)
    assert (late.status_code, late.json()["Message"]) == (412, STALE)
    assert put(ada, api["Meta"], plain(api_id="payments", name="Third")).status_code == 200
    with scope.org(cast.acme.id):
        assert list(Revision.objects.order_by("number").values_list("number", flat=True)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{}", "api_definition: must be an object with the definition"),
        (b'{"api_definition":null}', "api_definition: must be an object with the definition"),
        (b'{"api_definition":[]}', "api_definition: must be an object with the definition"),
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"null", None),
        (b'"x"', None),
        (b"\xff\xfe", None),
        (b'{"api_definition":{"name":"\\u0000"}}', None),
        (b'{"api_definition":{"name":"\\ud800"}}', None),
        (b'{"api_definition":{"name":NaN}}', None),
        (b'{"api_definition":{"name":1e999}}', None),
        (b'{"api_definition":{"name":' + b"9" * 5000 + b"}}", None),
        (b'{"api_definition":{"name":"a","name":"b"}}', None),
        (b'{"api_definition":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}", None),
        (b"[" * 100_000, None),
        (json.dumps({"api_definition": plain(x="y" * 1_000_001)}).encode(), None),
        (
            json.dumps({"api_definition": plain(active="yes")}).encode(),
            "api_definition/active: must be true or false",
        ),
        (
            json.dumps({"api_definition": plain() | {"ORG_ID": "x"}}).encode(),
            'api_definition/ORG_ID: differs from "org_id" only by upper and lower case',
        ),
        (
            json.dumps({"api_definition": plain(name="env://NODE_SECRET")}).encode(),
            "api_definition/name: must not refer to the gateway's host (env://)",
        ),
        (
            json.dumps(
                {"api_definition": {"name": 1, "active": 2, "slug": 3, "domain": 4, "tags": 5, "CORS": 6}}
            ).encode(),
            "api_definition/name: must be text; api_definition/active: must be true or false; "
            "api_definition/slug: must be text; api_definition/domain: must be text; "
            "api_definition/tags: must be a list; and 1 more",
        ),
    ],
)
def test_a_hostile_body_is_400_and_nothing_is_stored(ada, api, body, message):
    before = stored()
    answers = [
        ada.post("/api/apis", body, content_type=JSON),
        ada.put(f"/api/apis/{api['Meta']}", body, content_type=JSON),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["Status"], answer.json()["Meta"]) == (400, "Error", None)
        assert message is None or answer.json()["Message"] == message
    assert stored() == before


def test_a_body_of_many_megabytes_is_413(ada):
    assert ada.post("/api/apis", b'{"x":"' + b"y" * 3_000_000 + b'"}', content_type=JSON).status_code == 413


@pytest.mark.parametrize(
    "id", ["%00", "%ff", "..", "*", "%25", "x" * 3000, "null", "<str:id>", "%F0%9F%98%80", "%0a"]
)
def test_an_odd_id_is_missing(ada, api, id):
    for answer in (ada.get(f"/api/apis/{id}"), put(ada, id, plain()), ada.delete(f"/api/apis/{id}")):
        assert (answer.status_code, answer.json()["Status"]) == (404, "Error")


UNADDRESSABLE = ["keys", "a/b", ".", "..", "-", "a\nb", "\n", "a b", "a?b", "a%2Fb", "a\\b", "oas", "ü"]


@pytest.mark.parametrize("api_id", UNADDRESSABLE)
def test_an_api_id_that_no_path_could_name_is_refused(cast, ada, client_for, api, api_id):
    before = stored()
    for answer in (post(ada, plain("/x/", api_id=api_id)), put(ada, api["Meta"], plain(api_id=api_id))):
        message = answer.json()["Message"]
        assert (answer.status_code, message.split(":")[0]) == (400, "api_definition/api_id")
    page = client_for(cast.acme_admin)
    text = json.dumps(plain("/x/", api_id=api_id))
    assert page.post("/o/acme/apis/new/?as=json", {"text": text}).status_code == 400
    assert stored() == before


@pytest.mark.parametrize("api_id", ["ZGVm/YQ==".replace("/", "_"), "a.b", "a~b:c@d+e-f", "_", "0", "a" * 200])
def test_an_api_id_that_is_taken_is_addressable_by_every_route(ada, api_id):
    made = post(ada, plain(api_id=api_id)).json()
    assert made["ID"] == api_id
    assert ada.get(f"/api/apis/{api_id}").json()["api_definition"]["id"] == made["Meta"]
    assert ada.get(f"/api/apis/{api_id}/keys").status_code == 200
    assert put(ada, api_id, plain(name="New", api_id=api_id)).status_code == 200
    assert ada.delete(f"/api/apis/{api_id}").status_code == 200


@pytest.mark.parametrize("api_id", UNADDRESSABLE)
def test_an_api_that_already_has_such_an_id_can_be_changed_and_deleted(cast, ada, client_for, api, api_id):
    old = plain(name="Old", api_id=api_id)
    with scope.every_org():
        ApiDefinition.objects.update(api_id=api_id, definition_text=json.dumps(old))
    address = f"/o/acme/apis/{api['Meta']}"
    page = client_for(cast.acme_admin)
    assert page.get(f"{address}/").status_code == 200
    assert put(ada, api["Meta"], plain(name="New", api_id=api_id)).status_code == 200
    assert ada.get(f"/api/apis/{api['Meta']}").json()["api_definition"]["name"] == "New"
    assert put(ada, api["Meta"], plain(name="Better", api_id="better")).status_code == 200
    with scope.every_org():
        ApiDefinition.objects.update(api_id=api_id, definition_text=json.dumps(old))
    assert page.post(f"{address}/deletion/", {"removed": "1"}).status_code == 302
    with scope.every_org():
        assert ApiDefinition.objects.count() == 0
