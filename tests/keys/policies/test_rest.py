"""`/api/portal/policies` on the wire, and the import of policies by the Admin API."""

import json

import pytest

from apis.models import Outbox
from keys.keys.delivery import AGAIN
from keys.keys.parameters import no_such_api
from keys.models import KeyPolicy, Policy, PolicyRevision, PolicyRight
from keys.policies import lifecycle
from orgs import scope
from orgs.http.rest import STALE
from orgs.models import AuditEntry, User
from orgs.organisations import lifecycle as organisations
from tests import make
from tests.concurrency import second_of_two
from tests.keys import build as keys
from tests.keys.policies import build

PATH = "/api/portal/policies"
JSON = "application/json"
MISSING = b'{"Status":"Error","Message":"Policy not found","Meta":null}'
TAKEN = (409, "There is a policy with this ID already.")


@pytest.fixture
def orders(cast):
    return keys.api(cast.acme, "Orders")


@pytest.fixture
def theirs(cast):
    """An API of the other organisation."""
    return keys.api(cast.globex, "Theirs")


@pytest.fixture
def ada(cast, rest):
    return rest(cast.acme_admin)


def post(client, body, path=PATH, **headers):
    return client.post(path, body, JSON, headers=headers)


def put(client, id, body, path=PATH, **headers):
    return client.put(f"{path}/{id}", body, JSON, headers=headers)


def said(answer):
    """The status and message of an error."""
    assert list(answer.json()) == ["Status", "Message", "Meta"]
    assert (answer.json()["Status"], answer.json()["Meta"]) == ("Error", None)
    return answer.status_code, answer.json()["Message"]


def stored():
    """All that is stored of policies, in all organisations."""
    with scope.every_org():
        return [
            list(model.objects.order_by("id").values())
            for model in (Policy, PolicyRevision, PolicyRight, KeyPolicy)
        ] + [AuditEntry.objects.count(), Outbox.objects.count(), build.pulled().stamp]


def test_a_policy_is_created_read_changed_and_deleted(cast, ada, orders):
    right = {"api_id": orders.api_id, "api_name": "Orders", "versions": ["Default"]}
    sent = {"name": "Gold", "rate": 10, "per": 60, "access_rights": {orders.api_id: right}, "x_own": [1, {}]}
    made = post(ada, sent)
    with scope.org(cast.acme.id):
        row = Policy.objects.get()
    assert made.content.decode() == f'{{"Status":"OK","Message":"{row.id}","Meta":null}}'
    read = ada.get(f"{PATH}/{row.id}")
    assert read.content.decode() == json.dumps(
        {
            "rate": 10,
            "per": 60,
            "quota_max": 0,
            "quota_renewal_rate": 0,
            "throttle_interval": 0,
            "throttle_retry_limit": 0,
            "max_query_depth": 0,
            "key_expires_in": 0,
            "meta_data": {},
            "hmac_enabled": False,
            "name": "Gold",
            "access_rights": {orders.api_id: right},
            "x_own": [1, {}],
            "_id": row.id,
            "id": row.id,
            "org_id": cast.acme.id,
            "state": "active",
            "active": True,
            "is_inactive": False,
            "access_rights_array": [right],
            "tags": [],
            "partitions": {
                "quota": False,
                "rate_limit": False,
                "acl": False,
                "complexity": False,
                "per_api": False,
            },
            "last_updated": row.document["last_updated"],
        },
        separators=(",", ":"),
    )
    assert ada.get(f"{PATH}/{row.id}").content == read.content
    changed = put(ada, row.id, sent | {"rate": 20})
    assert changed.content == b'{"Status":"OK","Message":"Data updated","Meta":null}'
    assert ada.get(f"{PATH}/{row.id}").json()["rate"] == 20
    deleted = ada.delete(f"{PATH}/{row.id}")
    assert deleted.content == b'{"Status":"OK","Message":"Data deleted","Meta":null}'
    gone = [ada.get(f"{PATH}/{row.id}"), put(ada, row.id, sent), ada.delete(f"{PATH}/{row.id}")]
    assert {(answer.status_code, answer.content) for answer in gone} == {(404, MISSING)}
    assert ada.get(PATH).content == b'{"Data":[],"Pages":1}'
    with scope.org(cast.acme.id):
        entries = AuditEntry.objects.filter(kind="policy").order_by("at", "id")
        assert list(entries.values_list("action", "object_id", "actor_email")) == [
            (f"policy.{action}", row.id, cast.acme_admin.email)
            for action in ("created", "changed", "deleted")
        ]


@pytest.mark.parametrize("path", [PATH, "/api/policies"])
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_both_paths_are_one_with_a_slash_or_without_whatever_a_body_is_called(
    ada, orders, path, slash, content_type
):
    body = json.dumps(build.document("Gold", orders))
    made = ada.post(path + slash, body, content_type).json()["Message"]
    whole = ada.get(f"{PATH}/{made}").json()
    assert ada.get(f"{path}/{made}{slash}").json() == whole
    for listing in (f"{path}{slash}", f"{path}/search{slash}?q=gol"):
        assert ada.get(listing).json() == {"Data": [whole], "Pages": 1}
    assert ada.put(f"{path}/{made}{slash}", body, content_type).json()["Message"] == "Data updated"
    assert ada.delete(f"{path}/{made}{slash}").json()["Message"] == "Data deleted"


def test_what_was_read_can_be_put_back_and_changes_nothing(ada, orders):
    for id in ("", "team:gold"):
        made = post(ada, build.document(f"Gold {id}", orders, id=id, more={"b": 1, "a": None})).json()[
            "Message"
        ]
        read, before = ada.get(f"{PATH}/{made}"), stored()
        assert put(ada, made, read.json()).status_code == 200
        assert (ada.get(f"{PATH}/{made}").content, stored()) == (read.content, before)


def test_either_form_of_access_rights_is_enough_and_both_come_back(ada, orders):
    right = {"api_id": orders.api_id, "api_name": "Orders", "versions": [], "allowed_urls": [], "limit": None}
    for name, form in (
        ("map", {"access_rights": {orders.api_id: right}}),
        ("list", {"access_rights_array": [right]}),
        ("both", {"access_rights": {orders.api_id: right}, "access_rights_array": [right]}),
    ):
        made = post(ada, {"name": name, **form}).json()["Message"]
        got = ada.get(f"{PATH}/{made}").json()
        assert (got["access_rights"], got["access_rights_array"]) == ({orders.api_id: right}, [right])


def test_a_policy_without_rights_is_stored(ada):
    for name, form in (("none", {}), ("null", {"access_rights": None}), ("empty", {"access_rights": {}})):
        made = post(ada, {"name": name, **form}).json()["Message"]
        got = ada.get(f"{PATH}/{made}").json()
        assert (got["access_rights"], got["access_rights_array"]) == ({}, [])


def test_ids_that_a_client_chose_are_kept_and_both_name_the_policy(ada, orders):
    upper = "5EAD7120575961000181867E"
    by_row = post(ada, build.document("1", orders, _id=upper)).json()["Message"]
    assert by_row == upper.lower()
    post(ada, build.document("2", orders, _id="b" * 24, id="ZGVmYXVsdC9nb2xk="))
    by_hex = post(ada, build.document("3", orders, id="c" * 24)).json()["Message"]
    ids = [(each["_id"], each["id"]) for each in ada.get(f"{PATH}?p=-2").json()["Data"]]
    assert ids == [(by_row, by_row), ("b" * 24, "ZGVmYXVsdC9nb2xk="), ("c" * 24, by_hex)]
    for name, of in ((upper, "1"), (by_row, "1"), ("B" * 24, "2"), ("ZGVmYXVsdC9nb2xk=", "2"), (by_hex, "3")):
        assert ada.get(f"{PATH}/{name}").json()["name"] == of
        assert put(ada, name, build.document(of, orders, rate=7)).json()["Message"] == "Data updated"
        assert ada.get(f"{PATH}/{name}").json()["rate"] == 7


def test_an_id_that_is_another_policys_in_capitals_names_that_one_alone(ada, orders):
    hexadecimal = "abcdefabcdefabcdefabcdef"
    post(ada, build.document("Row", orders, _id=hexadecimal))
    post(ada, build.document("Own", orders, id=hexadecimal.upper()))
    names = [ada.get(f"{PATH}/{id}").json()["name"] for id in (hexadecimal, hexadecimal.upper())]
    assert names == ["Row", "Own"]


def test_what_is_taken_is_409_and_a_name_400_and_says_the_same_of_a_strangers(
    cast, ada, rest, orders, theirs
):
    gus = rest(cast.globex_admin)
    post(gus, build.document("Gold", theirs, _id="a" * 24, id="theirs"))
    post(ada, build.document("Gold", orders, _id="b" * 24, id="ours"))
    own = post(ada, build.document("Mine", orders)).json()["Message"]
    before = stored()
    for id in ("a" * 24, "b" * 24):
        assert said(post(ada, build.document("New", orders, _id=id))) == TAKEN
        assert said(post(ada, build.document("New", orders, id=id))) == TAKEN
    for id in ("theirs", "ours"):
        assert said(post(ada, build.document("New", orders, id=id))) == TAKEN
        assert said(put(ada, own, build.document("Mine", orders, id=id))) == TAKEN
    used = (400, "/name: is the name of another policy of this organisation")
    assert said(post(ada, build.document("Gold", orders))) == used
    assert said(put(ada, own, build.document("Gold", orders))) == used
    assert stored() == before


def test_a_deleted_policy_can_be_made_again_with_its_id(cast, ada, orders):
    body = build.document("Gold", orders, _id="a" * 24, id="gold")
    tags = []
    for _ in range(2):
        assert post(ada, body).status_code == 200
        put(ada, "gold", body | {"rate": 20})
        tags.append(ada.get(f"{PATH}/gold").headers["ETag"])
        assert ada.delete(f"{PATH}/gold").status_code == 200
    # Who saw the one before has not seen this one.
    assert tags == ['"2"', '"4"']
    with scope.org(cast.acme.id):
        numbers = PolicyRevision.objects.order_by("number").values_list("number", flat=True)
        assert list(numbers) == [1, 2, 3, 4]


def test_another_organisations_policy_is_missing_byte_for_byte(cast, ada, rest, orders, theirs):
    foreign = build.policy(cast.globex, theirs, name="Theirs", id="theirs")
    before = stored()
    answers = []
    for id in (foreign.id, foreign.id.upper(), "theirs", "f" * 24, "nobodys"):
        for path in (PATH, "/api/policies"):
            answers += [
                ada.get(f"{path}/{id}"),
                put(ada, id, build.document("Stolen", orders), path),
                put(ada, id, {}, path),
                ada.delete(f"{path}/{id}"),
                ada.get(f"{path}/{id}", headers={"If-None-Match": "*"}),
                ada.delete(f"{path}/{id}", headers={"If-Match": '"1"'}),
            ]
    assert {(each.status_code, each.content, str(each.headers)) for each in answers} == {
        (404, MISSING, str(answers[0].headers))
    }
    for query in ("", "?p=-1", f"/search?q={foreign.id}", f"/search?policy_ids={foreign.id},theirs"):
        assert ada.get(f"{PATH}{query}").json() == {"Data": [], "Pages": 1}
    assert ada.get(f"{PATH}/search?api_id={theirs.api_id}").json() == {"Data": [], "Pages": 1}
    assert stored() == before
    assert rest(cast.globex_admin).get(f"{PATH}/theirs").json() == foreign.document


@pytest.mark.parametrize(
    "id", ["a%20b", "-", "..", "*", "%25", "x" * 201, "%F0%9F%98%80", "a%0a", "<id>", "é"]
)
def test_an_id_that_no_policy_can_have_is_400(ada, orders, id):
    answers = [ada.get(f"{PATH}/{id}"), put(ada, id, {}), ada.delete(f"{PATH}/{id}")]
    assert [said(answer) for answer in answers] == [(400, "Invalid policy ID")] * 3


def test_a_nul_in_a_path_is_missing(ada):
    assert [ada.get(f"{path}/a%00b").status_code for path in (PATH, "/api/policies")] == [404, 404]


def test_the_organisation_in_a_body_does_not_count_for_a_user(cast, ada, orders):
    made = post(ada, build.document("Gold", orders, org_id=cast.globex.id)).json()["Message"]
    assert put(ada, made, build.document("Gold", orders, rate=7, org_id=cast.globex.id)).status_code == 200
    assert ada.get(f"{PATH}/{made}").json()["org_id"] == cast.acme.id
    with scope.every_org():
        assert set(Policy.objects.values_list("org_id", flat=True)) == {cast.acme.id}
        assert set(PolicyRevision.objects.values_list("org_id", flat=True)) == {cast.acme.id}
    assert {each["org_id"] for each in build.served()} == {cast.acme.id}


def test_a_super_user_sees_all_and_says_whose_policy_it_is(cast, rest, orders, theirs):
    sue = rest(cast.super_user)
    gone = make.organisation("Gone", "gone")
    organisations.delete(gone, actor=cast.super_user)
    for org_id in (None, "", "f" * 24, gone.id, 5, {}, [], "a\u0001"):
        assert said(post(sue, build.document("Gold", orders, org_id=org_id))) == (
            400,
            "org_id: must be the id of an organisation",
        )
    assert post(sue, build.document("Gold", orders)).status_code == 400
    foreign = (
        400,
        f"/access_rights/{theirs.api_id}: There is no API '{theirs.api_id}' in this organisation.",
    )
    assert said(post(sue, build.document("Gold", theirs, org_id=cast.acme.id))) == foreign
    made = post(sue, build.document("Gold", orders, org_id=cast.acme.id)).json()["Message"]
    other = build.policy(cast.globex, theirs, name="Theirs")
    assert [each["_id"] for each in sue.get(PATH).json()["Data"]] == [made, other.id]
    assert said(put(sue, made, build.document("Gold", theirs))) == foreign
    moved = put(sue, made, build.document("Gold", theirs, org_id=cast.globex.id))
    assert said(moved) == (400, "org_id: a policy stays in its organisation")
    assert put(sue, made, build.document("Silver", orders, org_id=cast.acme.id)).status_code == 200
    assert sue.get(f"{PATH}/{made}").json()["org_id"] == cast.acme.id
    assert sue.delete(f"{PATH}/{other.id}").status_code == 200


def test_the_right_policies_is_needed_and_that_of_keys_does_not_help(cast, rest, orders):
    made = build.policy(cast.acme, orders)
    member, path = rest(cast.acme_member), f"{PATH}/{made.id}"
    for granted, statuses in (
        ({"keys": "write", "apis": "write", "portal": "write"}, [403] * 6),
        ({"policies": "read"}, [200, 200, 200, 403, 403, 403]),
        ({"policies": "write"}, [200, 200, 200, 409, 200, 200]),
    ):
        User.everyone.filter(pk=cast.acme_member.pk).update(permissions=granted)
        answers = [
            member.get(PATH),
            member.get(f"{PATH}/search"),
            member.get(path),
            post(member, build.document("New", orders, _id=made.id)),
            put(member, made.id, made.document),
            member.delete(path),
        ]
        assert [answer.status_code for answer in answers] == statuses
        if statuses[3] == 403:
            assert said(answers[3]) == (
                403,
                f"access denied: You do not have permission to access  {PATH}",
            )


def test_nobody_else_gets_in(client, cast, orders, settings):
    made = build.policy(cast.acme, orders)
    for headers in ({}, {"Authorization": "x"}, {"admin-auth": settings.ADMIN_SECRET}):
        for path in (PATH, f"{PATH}/{made.id}", f"{PATH}/search"):
            assert said(client.get(path, headers=headers)) == (401, "Not authorised")
    sent = {"Data": [build.document("Gold", orders, org_id=cast.acme.id)]}
    for headers in ({}, {"admin-auth": "x"}, {"admin-auth": settings.NODE_SECRET}):
        assert said(post(client, sent, "/admin/policies/import", **headers)) == (401, "Not authorised")


def test_lists_are_paged_by_name(cast, ada, orders, theirs):
    build.policy(cast.globex, theirs, name="A stranger's")
    wanted = [f"{number % 7} of {number:02}" for number in range(12)]
    for name in wanted:
        build.policy(cast.acme, orders, name=name)

    def names(query):
        answer = ada.get(f"{PATH}{query}").json()
        assert list(answer) == ["Data", "Pages"]
        return [each["name"] for each in answer["Data"]], answer["Pages"]

    everything = sorted(wanted)
    assert names("") == names("?p=1") == (everything[:10], 2)
    assert names("?p=2") == names("?p=99") == (everything[10:], 2)
    assert names("?p=0") == names("?p=-2&unknown=1") == (everything, 1)
    assert names("/search?p=2&q=of") == (everything[10:], 2)
    assert names("/search?p=-1&sort=-name&q=OF+0") == (
        [name for name in reversed(everything) if "of 0" in name],
        1,
    )


def test_a_search_finds_by_each_of_its_parameters(cast, ada, orders, theirs):
    returns = keys.api(cast.acme, "Returns")
    a = build.policy(cast.acme, orders, name="Alpha", _id="a" * 24, auth_type="authToken")
    b = build.policy(cast.acme, orders, returns, name="Beta_%", id="team:beta", auth_types=["jwt", "hmac"])
    c = build.policy(cast.acme, returns, name="Gamma", state="draft", meta_data={"auth_type": "jwt"})
    build.policy(cast.acme, name="Delta", state="deny", auth_type=5, auth_types={"basic": True})
    build.policy(cast.globex, theirs, name="Alpha", auth_type="authToken")

    def names(query):
        return [each["name"] for each in ada.get(f"{PATH}/search?{query}").json()["Data"]]

    everything = ["Alpha", "Beta_%", "Delta", "Gamma"]
    for query, expected in (
        ("", everything),
        ("q=", everything),
        ("q=alph", ["Alpha"]),
        ("q=_%25", ["Beta_%"]),
        ("q=m:bet", ["Beta_%"]),
        (f"q={'A' * 24}", ["Alpha"]),
        (f"q={b.id}", ["Beta_%"]),
        ("q=nothing", []),
        (f"policy_ids={a.id.upper()},team:beta,{'f' * 24}", ["Alpha", "Beta_%"]),
        (f"policy_ids=,{c.id},", ["Gamma"]),
        ("policy_ids=none", []),
        ("active=true", ["Alpha", "Beta_%"]),
        ("active=any", ["Alpha", "Beta_%"]),
        ("state=active", ["Alpha", "Beta_%"]),
        ("state=draft", ["Gamma"]),
        ("state=deny", ["Delta"]),
        ("state=other", []),
        (f"api_id={orders.api_id}", ["Alpha", "Beta_%"]),
        (f"api_id={orders.api_id},{returns.api_id}", ["Beta_%"]),
        (f"api_id={orders.api_id.upper()}x", []),
        (f"api_id={theirs.api_id}", []),
        ("auth_type=authToken", ["Alpha"]),
        ("auth_type=jwt", ["Beta_%"]),
        ("auth_type=basic", ["Delta"]),
        ("auth_type=other", []),
        ("auth_type=jwt&state=active&q=beta&active=1", ["Beta_%"]),
        ("auth_type=jwt&state=deny", []),
        ("sort=-name", everything[::-1]),
        ("sort=state", ["Alpha", "Beta_%", "Delta", "Gamma"]),
        ("sort=date_created", ["Alpha", "Beta_%", "Gamma", "Delta"]),
        ("sort=-last_updated", ["Delta", "Gamma", "Beta_%", "Alpha"]),
    ):
        found = names(query)
        assert (query, sorted(found) if query == "sort=state" else found) == (query, expected)
    assert sorted(names("sort=_id")) == sorted(names("sort=-id")) == everything


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("p=x", "p must be a whole number"),
        ("p=" + "9" * 30, "p must be a whole number"),
        (
            "sort=password",
            "sort: must be one of name, state, _id, id, last_updated, date_created, or one of them after a -",
        ),
        (
            "sort=--name",
            "sort: must be one of name, state, _id, id, last_updated, date_created, or one of them after a -",
        ),
        ("q=" + "x" * 201, "q: must not be longer than 200 characters"),
        ("q=%00", "q: must not hold a NUL character"),
        ("policy_ids=a,%00", "policy_ids: must not hold a NUL character"),
        ("auth_type=%00", "auth_type: must not hold a NUL character"),
    ],
)
def test_a_bad_question_is_400_and_names_the_parameter(ada, query, message):
    assert said(ada.get(f"{PATH}/search?{query}")) == (400, message)
    assert said(ada.get(f"{PATH}?{query}")) == (400, message)


@pytest.mark.parametrize("query", ["", "/search?q=gold&state=active&active=1&auth_type=jwt&api_id=orders"])
def test_lists_ask_as_much_of_the_database_for_three_rows_as_for_one(
    cast, ada, django_assert_num_queries, query
):
    ada.get(PATH)  # the first request of a process has the database proved
    api = keys.api(cast.acme, api_id="orders")
    for number in (1, 3):
        for _ in range(number if number == 1 else 2):
            there = len(ada.get(f"{PATH}?p=-2").json()["Data"])
            build.policy(cast.acme, api, name=f"Gold {there}", auth_type="jwt")
        with django_assert_num_queries(5):
            assert len(ada.get(f"{PATH}{query}").json()["Data"]) == number


@pytest.mark.parametrize("number", [1, 3])
def test_writes_ask_as_much_of_the_database_for_three_apis_as_for_one(
    cast, ada, django_assert_num_queries, number
):
    apis = [keys.api(cast.acme, f"API {each}") for each in range(number)]
    ada.get(PATH)
    body = build.document("Gold", *apis, _id="a" * 24)
    with django_assert_num_queries(27):
        assert post(ada, body).status_code == 200
    with django_assert_num_queries(23):
        assert put(ada, "a" * 24, body | {"rate": 20}).status_code == 200
    with django_assert_num_queries(24):
        assert ada.delete(f"{PATH}/{'a' * 24}").status_code == 200


def test_keys_lose_a_policy_that_is_deleted_and_the_answer_says_nothing_of_it(cast, ada, orders):
    made = build.policy(cast.acme, orders)
    having, _ = keys.key(cast.acme, orders)
    with scope.org(cast.acme.id):
        KeyPolicy.objects.create(org_id=cast.acme.id, key=having, policy=made, position=0)
    answer = ada.delete(f"{PATH}/{made.id}")
    assert answer.content == b'{"Status":"OK","Message":"Data deleted","Meta":null}'
    with scope.org(cast.acme.id):
        assert KeyPolicy.objects.count() == 0
        assert Outbox.objects.get(kind=AGAIN).payload["subjects"] == {having.id: 0}


def test_who_says_what_he_saw_is_told_when_somebody_was_faster(cast, ada, orders):
    made = post(ada, build.document("Gold", orders))
    path = f"{PATH}/{made.json()['Message']}"
    read = ada.get(path)
    assert (made.headers["ETag"], read.headers["ETag"]) == ('"1"', '"1"')
    copy = ada.get(path, headers={"If-None-Match": '"1"'})
    assert (copy.status_code, copy.content, copy.headers["ETag"]) == (304, b"", '"1"')
    id = made.json()["Message"]
    first = put(ada, id, build.document("Gold", orders, rate=20), if_match='"1"')
    assert (first.status_code, first.headers["ETag"]) == (200, '"2"')
    before = stored()
    late = [
        put(ada, id, build.document("Gold", orders, rate=30), if_match='"1"'),
        ada.delete(path, headers={"If-Match": '"1"'}),
        put(ada, id, build.document("Gold", orders, rate=30), if_none_match="*"),
    ]
    assert [said(answer) for answer in late] == [
        (412, STALE),
        (412, STALE),
        (412, "What If-None-Match names is there"),
    ]
    assert (stored(), ada.get(path, headers={"If-None-Match": '"1"'}).json()["rate"]) == (before, 20)


@pytest.mark.parametrize("method", ["put", "delete"])
def test_a_change_that_waited_for_another_is_412_if_it_names_what_was_there_before(
    committed, cast, rest, method
):
    api = keys.api(cast.acme)
    made = build.policy(cast.acme, api)
    late = getattr(rest(cast.acme_admin), method)
    body = json.dumps(build.document("Late", api))
    answer = second_of_two(
        cast.acme.id,
        lambda: lifecycle.change(made, build.document("Faster", api), author=None),
        lambda: late(f"{PATH}/{made.id}", body, content_type=JSON, headers={"If-Match": '"1"'}),
    )
    assert said(answer) == (412, STALE)
    with scope.org(cast.acme.id):
        assert list(Policy.objects.values_list("name", flat=True)) == ["Faster"]


def hostile_documents(orders, theirs):
    """(what it is, body): each is refused."""
    own, foreign = {orders.api_id: {"api_id": orders.api_id}}, {theirs.api_id: {"api_id": theirs.api_id}}
    inside = {"api_id": orders.api_id}
    listed = {"name": "New", "access_rights_array": list(foreign.values())}
    return [
        ("another's API", {"name": "New", "access_rights": foreign}),
        ("another's API in the list", listed),
        ("another's API beside an own one", {"name": "New", "access_rights": {**own, **foreign}}),
        (
            "another's API in the list only",
            {"name": "New", "access_rights": own, "access_rights_array": [inside, {"api_id": theirs.api_id}]},
        ),
        (
            "another's API inside",
            {"name": "New", "access_rights": {orders.api_id: {"api_id": theirs.api_id}}},
        ),
        (
            "another's API by an old name",
            {"name": "New", "access_rights": {orders.api_id: {"apiid": theirs.api_id}}},
        ),
        ("another's API by a row", {"name": "New", "access_rights": {theirs.id: {}}}),
        ("an own API by its row", {"name": "New", "access_rights": {orders.id: {}}}),
        ("an own API in capitals", {"name": "New", "access_rights": {"ORDERS": {}}}),
        (
            "an own API in capitals in the list",
            {"name": "New", "access_rights_array": [{"api_id": "Orders"}]},
        ),
        ("an API twice but for case", {"name": "New", "access_rights": {**own, "ORDERS": {}}}),
        ("rights in capitals", {"name": "New", "access_rights": own, "Access_Rights": foreign}),
        (
            "an API in capitals inside",
            {"name": "New", "access_rights": {orders.api_id: {"API_ID": theirs.api_id}}},
        ),
        (
            "an API's old name in capitals",
            {"name": "New", "access_rights": {orders.api_id: {"ApiID": theirs.api_id}}},
        ),
        ("an organisation in capitals", {"name": "New", "ORG_ID": theirs.org_id}),
        ("no API's name", {"name": "New", "access_rights_array": [{"api_name": "Orders"}]}),
        ("a list for a map", {"name": "New", "access_rights": list(own.values())}),
        ("a map for a list", {"name": "New", "access_rights_array": own}),
        ("text for rights", {"name": "New", "access_rights": "*"}),
        ("a right that is none", {"name": "New", "access_rights": {orders.api_id: 1}}),
        ("no name", {"access_rights": own}),
        ("another type of name", {"name": {"$ne": None}}),
        ("a long name", {"name": "n" * 201}),
        ("a long id", {"name": "New", "id": "i" * 201}),
        ("an id with a slash", {"name": "New", "id": "a/b"}),
        ("an id of a route", {"name": "New", "id": "search"}),
        ("an _id that is none", {"name": "New", "_id": "gold"}),
        ("an _id with more in it", {"name": "New", "_id": {"$oid": "a" * 24, "$ne": ""}}),
        ("a state", {"name": "New", "state": "open"}),
        ("no number", {"name": "New", "rate": "10"}),
        ("too little", {"name": "New", "quota_max": -2}),
        ("true for a number", {"name": "New", "rate": True, "per": 1}),
        ("a partition of the wrong type", {"name": "New", "partitions": {"acl": "yes"}}),
        ("partitions that clash", {"name": "New", "partitions": {"per_api": True, "acl": True}}),
        ("tags", {"name": "New", "tags": "gold"}),
        ("too much", {"name": "New", "meta_data": {"x": "y" * 200_001}}),
    ]


HOSTILE = [
    name
    for name, _ in hostile_documents(*[type("Api", (), dict.fromkeys(("id", "api_id", "org_id"), "x"))] * 2)
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_policy_is_400_at_every_door_and_nothing_is_stored(cast, ada, rest, admin_client, name):
    orders, theirs = keys.api(cast.acme, api_id="orders"), keys.api(cast.globex, "Theirs")
    body = dict(hostile_documents(orders, theirs))[name]
    made = build.policy(cast.acme, orders)
    sue, mine = rest(cast.super_user), {"org_id": cast.acme.id}
    before = stored()
    brought = {"Data": [build.document("Good", orders, **mine), {**mine, **body}]}
    answers = {
        "create": post(ada, body),
        "change": put(ada, made.id, body),
        "create for another": post(sue, {**mine, **body}),
        "change another's": put(sue, made.id, body),
        "import": post(admin_client, brought, "/admin/policies/import"),
    }
    assert {door: said(answer)[0] for door, answer in answers.items()} == dict.fromkeys(answers, 400)
    assert said(answers["import"])[1].startswith("/Data/1")
    assert (cast.globex.id in said(answers["create"])[1], stored()) == (False, before)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff",
        b'{"name":"a\\u0000b"}',
        b'{"name":"a","name":"b"}',
        b'{"name":"\\ud800"}',
        b'{"name":"New","rate":NaN}',
        b'{"name":"New","rate":1e999}',
        b'{"name":"New","quota_max":' + b"9" * 5000 + b"}",
        b'{"name":"New","x":' + b'{"a":' * 990 + b"1" + b"}" * 991,
    ],
    ids=range(13),
)
def test_what_is_no_json_is_400_and_nothing_is_stored(cast, ada, admin_client, orders, text):
    made = build.policy(cast.acme, orders)
    before = stored()
    answers = [
        ada.post(PATH, text, content_type=JSON),
        ada.put(f"{PATH}/{made.id}", text, content_type=JSON),
        admin_client.post("/admin/policies/import", text, content_type=JSON),
        admin_client.post("/admin/policies/import", b'{"Data":[' + text + b"]}", content_type=JSON),
    ]
    if text in (b"", b'"x"', b"null", b"[]"):
        empty = answers.pop()
        assert said(empty)[1] == "Data: must be a list of policies" if text else empty.json()["Meta"] == {}
    assert {said(answer)[1].split(":")[0] for answer in answers} == {"Request body malformed"}
    assert ({answer.status_code for answer in answers}, stored()) == ({400}, before)


def test_a_body_of_many_megabytes_is_413(ada, admin_client, orders):
    text = b'{"name":"' + b"y" * 3_000_000 + b'"}'
    for client, path in ((ada, PATH), (admin_client, "/admin/policies/import")):
        assert client.post(path, text, content_type=JSON).status_code == 413
    assert ada.get(PATH).json()["Data"] == []


def bring(client, *documents):
    return post(client, {"Data": list(documents)}, "/admin/policies/import")


def test_policies_of_several_organisations_are_imported_with_their_ids(
    cast, admin_client, rest, orders, theirs
):
    answer = bring(
        admin_client,
        build.document("Gold", orders, org_id=cast.acme.id, _id="A" * 24),
        build.document("Gold", theirs, org_id=cast.globex.id, _id="b" * 24, id="team:gold"),
        build.document("Silver", orders, org_id=cast.acme.id, id="c" * 24),
    )
    meta = ",".join(f'"{letter * 24}":true' for letter in "abc")
    assert answer.content.decode() == f'{{"Status":"OK","Message":"Policies imported","Meta":{{{meta}}}}}'
    ada, gus = rest(cast.acme_admin), rest(cast.globex_admin)
    assert [each["_id"] for each in ada.get(PATH).json()["Data"]] == ["a" * 24, "c" * 24]
    assert [each["id"] for each in gus.get(PATH).json()["Data"]] == ["team:gold"]
    with scope.every_org():
        assert set(PolicyRevision.objects.values_list("author", "message")) == {("admin API", "Imported")}
    # Each organisation's gateways are told once.
    with scope.every_org():
        told = Outbox.objects.filter(kind="reload", subject__in=["a" * 24, "b" * 24, "c" * 24])
        assert sorted(told.values_list("org_id", "subject")) == sorted(
            [(cast.acme.id, "a" * 24), (cast.globex.id, "b" * 24)]
        )
    assert {each["name"] for each in build.served()} == {"Gold", "Silver"}
    assert build.pulled().count == 3


def test_an_import_again_changes_what_is_there_and_makes_none_twice(cast, admin_client, orders):
    documents = [
        build.document("Gold", orders, org_id=cast.acme.id, _id="a" * 24, id="gold"),
        build.document("Silver", orders, org_id=cast.acme.id, id="silver"),
    ]
    first = bring(admin_client, *documents).json()
    before = stored()
    assert (bring(admin_client, *documents).json(), stored()) == (first, before)
    assert bring(admin_client, documents[0] | {"rate": 20}, documents[1] | {"rate": 30}).json() == first
    with scope.org(cast.acme.id):
        rows = Policy.objects.order_by("name").values_list("name", "revision", "policy_id")
        assert list(rows) == [("Gold", 2, "gold"), ("Silver", 2, "silver")]


def test_an_import_is_whole_or_nothing_and_says_which_policy_is_at_fault(cast, admin_client, orders, theirs):
    build.policy(cast.globex, theirs, name="Theirs", _id="b" * 24, id="theirs")
    gone = make.organisation("Gone", "gone")
    organisations.delete(gone)
    good = build.document("Good", orders, org_id=cast.acme.id)
    before = stored()
    for bad, expected in (
        ({"_id": "b" * 24}, (409, "/Data/1: There is a policy with this ID already.")),
        ({"id": "theirs"}, (409, "/Data/1: There is a policy with this ID already.")),
        ({"name": "Good"}, (400, "/Data/1/name: is the name of another policy of this organisation")),
        ({"org_id": cast.globex.id}, (400, f"/Data/1/access_rights/{orders.api_id}: There is no API")),
        *(
            ({"org_id": org_id}, (400, "/Data/1/org_id: must be the id of an organisation"))
            for org_id in (None, "", "f" * 24, gone.id, cast.acme.id.upper() + "x", 5, {}, [cast.acme.id])
        ),
    ):
        status, message = said(
            bring(admin_client, good, build.document("Bad", orders, org_id=cast.acme.id) | bad)
        )
        assert (status, message[: len(expected[1])], stored()) == (*expected, before)
    type(cast.acme).everyone.filter(id=cast.acme.id).update(max_policies=1)
    assert bring(admin_client, good, good | {"name": "More"}).status_code == 403
    assert stored() == before


def test_an_import_names_the_faults_of_every_policy(cast, admin_client, orders, theirs):
    build.policy(cast.globex, theirs, name="Theirs", _id="b" * 24, id="theirs")
    good = build.document("Good", orders, org_id=cast.acme.id)
    before = stored()
    for bad, expected in (
        (
            [good | {"rate": "fast"}, good, good | {"name": ""}],
            (400, "/Data/0/rate: must be a number; /Data/2/name: must not be empty"),
        ),
        (
            [
                build.document("1", theirs, org_id=cast.acme.id),
                build.document("2", theirs, org_id=cast.acme.id),
            ],
            (
                400,
                "; ".join(
                    f"/Data/{n}/access_rights/{theirs.api_id}: {no_such_api(theirs.api_id)}" for n in (0, 1)
                ),
            ),
        ),
        (
            [good | {"name": "1", "id": "theirs"}, good, good | {"name": "2", "_id": "b" * 24}],
            (409, " ".join(f"/Data/{n}: There is a policy with this ID already." for n in (0, 2))),
        ),
        (
            [good | {"id": "gold"}, good | {"name": "2", "id": "gold"}],
            (409, "/Data/1: There is a policy with this ID already."),
        ),
    ):
        status, message = said(bring(admin_client, *bad))
        assert (status, message.replace(" in this organisation with this ID", ""), stored()) == (
            *expected,
            before,
        )


def test_an_import_gives_two_policies_each_others_names_and_refuses_one_of_them_twice(
    cast, admin_client, orders
):
    one, two = (
        build.document(name, orders, org_id=cast.acme.id, _id=letter * 24, id=name)
        for name, letter in (("Gold", "a"), ("Silver", "b"))
    )
    bring(admin_client, one, two)
    swapped = [one | {"name": "Silver", "id": "Silver"}, two | {"name": "Gold", "id": "Gold"}]
    assert bring(admin_client, *swapped).status_code == 200
    with scope.org(cast.acme.id):
        rows = Policy.objects.order_by("id").values_list("name", "policy_id", "revision")
        assert list(rows) == [("Silver", "Silver", 2), ("Gold", "Gold", 2)]
    before = stored()
    answer = said(bring(admin_client, one, one | {"rate": 9}))
    assert (answer, stored()) == ((409, "/Data/1: There is a policy with this ID already."), before)


def test_an_import_asks_as_much_of_the_database_for_seven_policies_as_for_two(
    cast, admin_client, django_assert_num_queries
):
    apis = [keys.api(cast.acme, f"API {each}") for each in range(3)]
    bring(admin_client)  # the first request of a process has the database proved
    for number, letter in ((2, "a"), (7, "b")):
        documents = [
            build.document(
                f"{letter} {n}", apis[n % 3], org_id=cast.acme.id, _id=letter * 23 + str(n), id=f"{letter}{n}"
            )
            for n in range(number)
        ]
        with django_assert_num_queries(28):
            assert bring(admin_client, *documents[1:]).status_code == 200
        changed = [
            each | {"rate": 20, "access_rights": build.document("", apis[2])["access_rights"]}
            for each in documents
        ]
        with django_assert_num_queries(32):
            assert bring(admin_client, *changed).status_code == 200


@pytest.mark.parametrize("data", [None, {}, "x", 5, [1], [[]], [None], [{}, "x"]])
def test_an_import_of_what_is_no_list_of_policies_is_400(admin_client, db, data):
    answer = post(admin_client, {"Data": data}, "/admin/policies/import")
    assert said(answer) == (400, "Data: must be a list of policies")


def test_an_import_has_an_end(admin_client, db):
    answer = bring(admin_client, *[{}] * 251)
    assert said(answer) == (400, "Data: must not hold more than 250 policies")
    assert bring(admin_client).content == b'{"Status":"OK","Message":"Policies imported","Meta":{}}'
