import base64
import json

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apis.definitions.rules.targets import NOWHERE
from apis.models import Outbox
from apis.publishing import publish
from keys.certificates.named import MEMBERS as CERTIFICATES
from keys.keys import lifecycle
from keys.keys.parameters import KEPT, NO_RIGHTS, no_such_policy
from keys.keys.rest import ZERO
from keys.keys.session import LIFETIME
from keys.keys.token import token_hash
from keys.models import Key, KeyPolicy, KeyRight
from orgs import scope
from orgs.http.rest import STALE
from orgs.models import AuditEntry, User
from tests import make
from tests.concurrency import second_of_two
from tests.keys import build
from tests.keys.policies import build as policies
from tests.keys.recorded import API_A, API_B, ORG_A, ORG_B, RECORDED

MISSING = b'{"Status":"Error","Message":"Could not retrieve key detail","Meta":null}'


@pytest.fixture
def orders(cast):
    return build.api(cast.acme, "Orders")


@pytest.fixture
def acme(cast, rest):
    return rest(cast.acme_admin)


def send(client, method, path, body):
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return getattr(client, method)(path, text, content_type="application/json")


def error(answer):
    assert list(answer.json()) == ["Status", "Message", "Meta"]
    assert (answer.json()["Status"], answer.json()["Meta"]) == ("Error", None)
    return answer.status_code, answer.json()["Message"]


def rows(*models):
    with scope.every_org():
        return [model.objects.count() for model in models]


def body(api, **members):
    rights = {api.api_id: {"api_id": api.api_id, "api_name": "anything", "versions": ["Default"]}}
    return {"access_rights": rights, "rate": 1000, "per": 60, "quota_max": -1, "alias": "Partner", **members}


def test_a_created_key_is_answered_with_its_token_compactly_and_in_order(cast, acme, orders):
    answer = send(acme, "post", "/api/keys", body(orders, tags=["gold"], meta_data={"tier": 1}))
    with scope.org(cast.acme.id):
        made = Key.objects.get()
    text = answer.json()["key_id"]
    assert answer.status_code == 200
    assert answer.content.decode() == json.dumps(
        {
            "api_model": {},
            "key_id": text,
            "data": ZERO
            | {
                "org_id": cast.acme.id,
                "alias": "Partner",
                "access_rights": {
                    orders.api_id: {"api_name": "Orders", "api_id": orders.api_id, "versions": ["Default"]}
                },
                "rate": 1000,
                "per": 60,
                "quota_max": -1,
                "quota_renewal_rate": 0,
                "expires": 0,
                "is_inactive": False,
                "tags": ["gold"],
                "meta_data": {"tier": 1},
                "date_created": made.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "last_updated": str(int(made.updated_at.timestamp())),
                "apply_policies": [],
                "apply_policy_id": "",
                "owner": "",
                "all_apis": False,
            },
            "key_hash": made.token_hash,
        },
        separators=(",", ":"),
    )
    assert token_hash(text) == made.token_hash
    assert json.loads(base64.b64decode(text))["org"] == cast.acme.id


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "application/octet-stream"]
)
def test_a_body_is_read_as_json_whatever_it_says_it_is(acme, orders, content_type):
    answer = acme.post("/api/keys/", json.dumps(body(orders)), content_type=content_type)
    assert (answer.status_code, answer.json()["data"]["alias"]) == (200, "Partner")


def test_a_key_is_read_by_token_and_by_hash_and_its_token_is_not_repeated(cast, acme, orders):
    created = send(acme, "post", "/api/keys", body(orders)).json()
    expected = created | {"key_id": created["key_hash"]}
    for path in (
        f"/api/keys/{created['key_id']}",
        f"/api/keys/{created['key_hash']}",
        f"/api/keys/{created['key_hash']}?hashed=1",
        f"/api/apis/-/keys/{created['key_id']}/",
        f"/api/apis/{orders.api_id}/keys/{created['key_hash']}",
        f"/api/apis/{orders.id}/keys/{created['key_hash']}",
    ):
        assert acme.get(path).json() == expected


def test_what_was_read_can_be_put_back_and_changes_nothing(cast, acme, orders):
    created = send(
        acme,
        "post",
        "/api/keys",
        body(orders, owner="Ann", quota_max=5, quota_renewal_rate=60, expires=1893456000),
    ).json()
    path = f"/api/keys/{created['key_hash']}"
    read = acme.get(path).json()
    put = send(acme, "put", f"{path}?suppress_reset=1", read["data"])
    assert (put.status_code, put.json()) == (200, read)
    with scope.org(cast.acme.id):
        assert AuditEntry.objects.filter(kind="key").count() == 1


def test_a_put_replaces_the_key_and_keeps_the_owner_that_tyks_clients_do_not_know(cast, acme, orders):
    created = send(acme, "post", "/api/keys", body(orders, owner="Ann", tags=["gold"])).json()
    returns = build.api(cast.acme, "Returns")
    put = send(acme, "put", f"/api/keys/{created['key_hash']}", body(returns, alias="new", is_inactive=True))
    data = put.json()["data"]
    assert (put.status_code, list(data["access_rights"]), data["alias"], data["tags"]) == (
        200,
        [returns.api_id],
        "new",
        [],
    )
    assert (data["owner"], data["is_inactive"], data["date_created"]) == (
        "Ann",
        True,
        created["data"]["date_created"],
    )


@pytest.mark.parametrize(("query", "expected"), [("", {"reset_quota": True}), ("?suppress_reset=1", None)])
def test_a_put_begins_the_quota_anew_unless_that_is_suppressed(cast, acme, orders, query, expected):
    made, _ = build.key(cast.acme, orders)
    send(acme, "put", f"/api/keys/{made.token_hash}{query}", body(orders, alias="new"))
    with scope.org(cast.acme.id):
        assert Outbox.objects.filter(kind="key").order_by("-created_at").first().payload == expected


def test_all_apis_is_a_member_of_its_own_and_spelled_out_rights_end_it(cast, acme, orders):
    created = send(acme, "post", "/api/keys", {"all_apis": True}).json()
    assert (created["data"]["all_apis"], list(created["data"]["access_rights"])) == (True, [orders.api_id])
    put = send(acme, "put", f"/api/keys/{created['key_hash']}", body(orders)).json()
    assert (put["data"]["all_apis"], list(put["data"]["access_rights"])) == (False, [orders.api_id])


def test_a_deleted_key_is_revoked_and_then_missing(cast, acme, orders):
    made, _ = build.key(cast.acme, orders)
    path = f"/api/keys/{made.token_hash}"
    answer = acme.delete(path)
    assert answer.content == b'{"Status":"OK","Message":"Key deleted successfully.","Meta":null}'
    assert build.again(made).state() == "revoked"
    again = [acme.get(path), acme.delete(path), send(acme, "put", path, body(orders))]
    assert [(each.status_code, each.content) for each in again] == [(404, MISSING)] * 3
    assert acme.get("/api/keys").json() == {"data": {"keys": []}, "pages": 1}


def test_a_strangers_key_is_missing_byte_for_byte(cast, acme, orders):
    theirs = build.api(cast.globex)
    foreign, text = build.key(cast.globex, theirs)
    missing = "f" * 64
    own, _ = build.key(cast.acme)
    answers = []
    for name in (foreign.token_hash, text, missing):
        for prefix in ("/api/keys", "/api/apis/-/keys", f"/api/apis/{orders.api_id}/keys"):
            path = f"{prefix}/{name}"
            answers += [acme.get(path), acme.delete(path), send(acme, "put", path, body(orders))]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, MISSING)}
    strange = [
        acme.get(f"/api/apis/{api}/keys{rest}")
        for api in (theirs.api_id, theirs.id, "zzzz", "f" * 24)
        for rest in ("", f"/{own.token_hash}")
    ]
    assert {(answer.status_code, answer.content) for answer in strange} == {
        (404, b'{"Status":"Error","Message":"API not found","Meta":null}')
    }
    assert build.again(foreign).state() == "active"


def test_a_key_is_not_found_under_an_api_it_does_not_open(cast, acme, orders):
    returns = build.api(cast.acme, "Returns")
    made, _ = build.key(cast.acme, returns)
    answer = acme.get(f"/api/apis/{orders.api_id}/keys/{made.token_hash}")
    assert (answer.status_code, answer.content) == (404, MISSING)


def test_lists_hold_hashes_newest_first_by_page_and_by_api(cast, acme, orders):
    returns = build.api(cast.acme, "Returns")
    made = [build.key(cast.acme, orders)[0].token_hash for _ in range(11)][::-1]
    [other] = [build.key(cast.acme, returns)[0].token_hash]
    build.key(cast.globex, build.api(cast.globex))
    everything = [other, *made]
    for path in ("/api/keys", "/api/apis/keys", "/api/apis/-/keys"):
        assert acme.get(path).json() == {"data": {"keys": everything[:10]}, "pages": 2}
        assert acme.get(f"{path}?p=99").json() == {"data": {"keys": everything[10:]}, "pages": 2}
        assert acme.get(f"{path}?p=-1").json() == {"data": {"keys": everything}, "pages": 1}
    assert acme.get(f"/api/apis/{orders.api_id}/keys?p=0").json() == {"data": {"keys": made}, "pages": 1}
    assert error(acme.get("/api/keys?p=x")) == (400, "p must be a whole number")


def test_the_detailed_list_holds_keys_and_finds_them(cast, acme, orders):
    partner, _ = build.key(cast.acme, orders, alias="Partner")
    other, _ = build.key(cast.acme, alias="Other", owner="Ann")
    build.key(cast.globex, build.api(cast.globex), alias="Partner")
    whole = {made.token_hash: acme.get(f"/api/keys/{made.token_hash}").json() for made in (partner, other)}
    assert acme.get("/api/keys/detailed").json() == {
        "keys": [whole[other.token_hash], whole[partner.token_hash]],
        "pages": 1,
    }
    assert acme.get("/api/keys/detailed?q=part").json() == {"keys": [whole[partner.token_hash]], "pages": 1}
    assert acme.get("/api/keys/detailed?q=ann").json() == {"keys": [whole[other.token_hash]], "pages": 1}
    assert error(acme.get("/api/keys/detailed?q=%00")) == (400, "q: must not hold a NUL character")
    assert acme.get(f"/api/keys/detailed?q={'x' * 200}").json() == {"keys": [], "pages": 1}
    too_long = f"/api/keys/detailed?q={'a+' * 100}b"
    assert error(acme.get(too_long)) == (400, "q: must not be longer than 200 characters")


@pytest.mark.parametrize("path", ["/api/keys", "/api/keys/detailed"])
def test_lists_cost_the_same_queries_for_one_key_and_for_three(cast, acme, orders, path):
    acme.get(path)  # the first request of a process has the database proved
    counts = []
    for more in (1, 2):
        for _ in range(more):
            build.key(cast.acme, orders)
        with CaptureQueriesContext(connection) as queries:
            acme.get(path)
        counts.append(len(queries))
    assert counts == {"/api/keys": [5, 5], "/api/keys/detailed": [7, 7]}[path]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"access_rights": {}}, f"access_rights: {NO_RIGHTS}"),
        ({"access_rights": None}, f"access_rights: {NO_RIGHTS}"),
        ({"access_rights": []}, "access_rights: Must be an object of API ids."),
        ({"access_rights": "all"}, "access_rights: Must be an object of API ids."),
        ({"access_rights": {"zzzz": {}}}, "access_rights: There is no API 'zzzz' in this organisation."),
        ({"apply_policies": ["f" * 24]}, f"apply_policies: {no_such_policy('f' * 24)}"),
        ({"apply_policy_id": "f" * 24}, f"apply_policy_id: {no_such_policy('f' * 24)}"),
        ({"rate": "1000"}, "rate: Must be a number."),
        ({"rate": True}, "rate: Must be a number."),
        ({"rate": -7}, "rate: Must be a number from 0 up, or -1 for unlimited."),
        ({"per": 0}, "per: A rate needs the seconds it is counted in."),
        ({"quota_max": 1.5}, "quota_max: Must be a whole number."),
        ({"quota_max": 5}, "quota_renewal_rate: A quota needs the seconds after which it is renewed."),
        ({"expires": "2030-01-01"}, "expires: Must be a whole number."),
        ({"expires": 5}, "expires: Must be in the future."),
        ({"expires": 253402300800}, "expires: Must be unix seconds; 0 is never."),
        ({"alias": 5}, "alias: Must be a string."),
        ({"alias": "x" * 201}, "alias: Ensure this value has at most 200 characters (it has 201)."),
        ({"tags": "gold"}, "tags: Must be a list of strings."),
        ({"tags": ["x" * 101]}, "tags: Ensure this value has at most 100 characters (it has 101)."),
        ({"meta_data": []}, "meta_data: Must be an object."),
        (
            {"meta_data": {"policies": [{"org_id": "another", "access_rights": {"theirs": {}}}]}},
            "meta_data: policies: must be left out: gateways take a list of this name for the policies of the key, of "
            "whatever organisation.",
        ),
        ({"meta_data": {"x": "y" * 10_001}}, "meta_data: At most 10000 characters."),
        ({"is_inactive": "no"}, "is_inactive: Must be true or false."),
        ({"all_apis": "yes"}, "all_apis: Must be true or false."),
        ({"org_id": 5}, "org_id: Must be a string."),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)
def test_a_body_that_cannot_be_is_refused_by_member_and_nothing_is_stored(
    cast, acme, orders, change, message
):
    made, _ = build.key(cast.acme, orders, alias="old")
    before = rows(Key, KeyRight, AuditEntry)
    asked = body(orders) | change
    assert error(send(acme, "post", "/api/keys", asked)) == (400, message)
    assert error(send(acme, "put", f"/api/keys/{made.token_hash}", asked)) == (400, message)
    assert (rows(Key, KeyRight, AuditEntry), build.again(made).alias) == (before, "old")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff",
        b'{"alias":"\\u0000"}',
        b'{"alias":"a","alias":"b"}',
        b'{"rate":NaN}',
        b'{"rate":1e999}',
        b'{"expires":' + b"9" * 5000 + b"}",
        b'{"a":' * 990 + b"1" + b"}" * 990,
        b'{"alias":"\\ud800"}',
    ],
    ids=range(13),
)
def test_malformed_bodies_are_refused(acme, orders, text):
    status, message = error(send(acme, "post", "/api/keys", text))
    assert (status, message.split(":")[0]) == (400, "Request body malformed")
    assert rows(Key) == [0]


@pytest.mark.parametrize("label", sorted(RECORDED["rest_bodies"]))
def test_recorded_bodies_open_no_strangers_api(cast, rest, redis, label):
    """The bodies that, sent to a stock gateway, made keys which crossed organisations."""
    org_a = type(cast.acme).everyone.create(id=ORG_A, owner_name="A", slug="org-a")
    org_b = type(cast.acme).everyone.create(id=ORG_B, owner_name="B", slug="org-b")
    api_a, api_b = build.api(org_a, "A auth", api_id=API_A), build.api(org_b, "B auth", api_id=API_B)
    owner = {org_a.id: {api_a.api_id}, org_b.id: {api_b.api_id}}
    statuses = {}
    for who, org in (("a", org_a), ("b", org_b), ("super", None)):
        person = make.user(f"{who}@example.com", org, {"IsAdmin": "admin"} if org else {})
        statuses[who] = send(
            rest(person), "post", "/api/keys", RECORDED["rest_bodies"][label]["body"]
        ).status_code
    build.deliver(redis)
    opened = [json.loads(redis.get(name)) for name in redis.keys("apikey-*")]
    assert [sorted(set(each["access_rights"]) - owner[each["org_id"]]) for each in opened] == [[]] * len(
        opened
    )
    assert all(each["access_rights"] for each in opened)
    taken = {
        "a-one": {"a", "super"},
        "a-quota": {"a", "super"},
        "a-inactive": {"a", "super"},
        "b-one": {"b", "super"},
    }
    taken |= {"hmac": {"a", "super"}, "a-perapi-limit": {"a", "super"}}
    # Whatever organisation a body names or not, a user's key is his own organisation's.
    taken |= {"no-org": {"a"}, "a-rights-on-b": {"b"}}
    assert statuses == {who: 200 if who in taken.get(label, ()) else 400 for who in ("a", "b", "super")}
    assert len(opened) == len(taken.get(label, ()))


def test_the_organisation_in_a_body_does_not_count_for_a_user(cast, acme, orders):
    created = send(acme, "post", "/api/keys", body(orders, org_id=cast.globex.id)).json()
    assert created["data"]["org_id"] == cast.acme.id
    assert rows(Key) == [1]


def test_a_super_user_says_whose_key_it_is(cast, rest, orders):
    platform = rest(cast.super_user)
    theirs = build.api(cast.globex)
    created = send(platform, "post", "/api/keys", body(orders, org_id=cast.acme.id))
    assert (created.status_code, created.json()["data"]["org_id"]) == (200, cast.acme.id)
    wanted = (400, "org_id: must be the id of an organisation")
    assert error(send(platform, "post", "/api/keys", body(orders))) == wanted
    assert error(send(platform, "post", "/api/keys", body(orders, org_id="f" * 24))) == wanted
    crossed = send(platform, "post", "/api/keys", body(theirs, org_id=cast.acme.id))
    assert error(crossed) == (400, f"access_rights: There is no API '{theirs.api_id}' in this organisation.")
    path = f"/api/keys/{created.json()['key_hash']}"
    assert error(send(platform, "put", path, body(theirs))) == error(crossed)
    assert error(send(platform, "put", path, body(orders, org_id=cast.globex.id))) == (
        400,
        "org_id: a key stays in its organisation",
    )
    assert rows(Key) == [1]


def test_rights_of_keys_are_needed(cast, rest, orders):
    made, _ = build.key(cast.acme, orders)
    member = rest(cast.acme_member)
    path = f"/api/keys/{made.token_hash}"
    nothing = [
        member.get("/api/keys"),
        member.get(path),
        member.delete(path),
        send(member, "post", "/api/keys", {}),
    ]
    assert [answer.status_code for answer in nothing] == [403] * 4
    User.everyone.filter(pk=cast.acme_member.pk).update(permissions={"keys": "read"})
    some = [
        member.get("/api/keys"),
        member.get(path),
        member.delete(path),
        send(member, "put", path, body(orders)),
    ]
    assert [answer.status_code for answer in some] == [200, 200, 403, 403]
    assert build.again(made).state() == "active"


def test_a_revoked_key_is_listed_nowhere(cast, acme, orders):
    made, _ = build.key(cast.acme, orders)
    with scope.org(cast.acme.id), transaction.atomic():
        lifecycle.revoke(made)
    assert [acme.get(path).json()["pages"] for path in ("/api/keys", "/api/keys/detailed")] == [1, 1]
    assert acme.get("/api/keys/detailed").json()["keys"] == []
    assert acme.get(f"/api/apis/{orders.api_id}/keys").json()["data"]["keys"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/keys/%00",
        "/api/keys/..",
        "/api/keys/%2e%2e",
        "/api/keys/" + "x" * 3000,
        "/api/apis/%00/keys",
        "/api/keys/%FF",
    ],
)
def test_odd_names_are_missing(acme, orders, path):
    assert acme.get(path).status_code == 404


def test_the_keys_of_an_api_are_those_of_its_own_organisation_for_super_users_too(cast, rest, orders):
    """A key for all APIs opens those of its organisation, and a super-user's request sees every organisation."""
    named, _ = build.key(cast.acme, orders)
    every, _ = build.key(cast.acme)
    foreign, _ = build.key(cast.globex)
    client = rest(cast.super_user)
    for name in (orders.api_id, orders.id):
        shown = client.get(f"/api/apis/{name}/keys").json()["data"]["keys"]
        assert sorted(shown) == sorted([named.token_hash, every.token_hash])
    assert client.get(f"/api/apis/{orders.api_id}/keys/{foreign.token_hash}").status_code == 404
    everywhere = client.get("/api/apis/-/keys").json()["data"]["keys"]
    assert sorted(everywhere) == sorted([named.token_hash, every.token_hash, foreign.token_hash])


def test_a_copy_of_a_key_is_old_once_an_api_that_it_names_has_another_name(cast, acme, orders):
    made, _ = build.key(cast.acme, orders)
    path = f"/api/keys/{made.token_hash}"
    tag = acme.get(path)["ETag"]
    assert acme.get(path, headers={"If-None-Match": tag}).status_code == 304
    with scope.org(cast.acme.id):
        publish.change(orders, orders.definition | {"name": "Renamed"}, author=None)
    answer = acme.get(path, headers={"If-None-Match": tag})
    assert (answer.status_code, answer["ETag"] != tag) == (200, True)


@pytest.mark.parametrize(
    ("method", "sent"), [("put", {"all_apis": True, "alias": "Late"}), ("delete", {})], ids=["PUT", "DELETE"]
)
def test_a_change_that_waited_for_another_is_412_if_it_names_what_was_there_before(
    committed, cast, rest, method, sent
):
    made, _ = build.key(cast.acme, alias="Partner")
    path, client = f"/api/keys/{made.token_hash}", rest(cast.acme_admin)
    tag = client.get(path).headers["ETag"]
    late = getattr(client, method)
    answer = second_of_two(
        cast.acme.id,
        lambda: lifecycle.change(made, lifecycle.KeySpec(alias="Faster", all_apis=True)),
        lambda: late(path, json.dumps(sent), content_type="application/json", headers={"If-Match": tag}),
    )
    assert error(answer) == (412, STALE)
    assert (build.again(made).alias, build.again(made).revoked_at) == ("Faster", None)


def test_one_key_of_an_api_is_looked_up_and_not_searched_for(cast, acme, orders):
    """However many keys open the API: none of them is read."""
    made, _ = build.key(cast.acme, orders, alias="one")
    every, _ = build.key(cast.acme, alias="every")
    other = build.api(cast.acme, "Other")
    with CaptureQueriesContext(connection) as asked:
        assert acme.get(f"/api/apis/{orders.api_id}/keys/{made.token_hash}").status_code == 200
    assert [sql["sql"] for sql in asked.captured_queries if "LIMIT 2001" in sql["sql"]] == []
    answers = [
        acme.get(f"/api/apis/{api}/keys/{key.token_hash}").status_code
        for api in (orders.id, other.api_id)
        for key in (made, every)
    ]
    assert answers == [200, 200, 404, 200]


def opened_by(redis, made):
    """What the session in Redis names."""
    build.deliver(redis)
    session = build.stored(redis, made)
    return session["apply_policies"], list(session["access_rights"])


def only_key(org):
    with scope.org(org.id):
        return Key.objects.get()


def test_a_body_with_policies_alone_makes_a_key_that_names_them(cast, acme, orders, redis):
    gold = policies.policy(cast.acme, orders, id="gold")
    slow = policies.policy(cast.acme, name="Slow")
    answer = send(acme, "post", "/api/keys", {"apply_policies": ["gold", slow.id]})
    data = answer.json()["data"]
    assert (answer.status_code, data["apply_policies"], data["apply_policy_id"], data["access_rights"]) == (
        200,
        ["gold", slow.id],
        "",
        {},
    )
    made = only_key(cast.acme)
    assert opened_by(redis, made) == ([gold.id, slow.id], [NOWHERE])
    read = acme.get(f"/api/keys/{made.token_hash}").json()["data"]
    assert read == data
    # By the row's id it is the same policy.
    send(acme, "put", f"/api/keys/{made.token_hash}", {"apply_policies": [gold.id]})
    changed = acme.get(f"/api/keys/{made.token_hash}").json()["data"]
    assert (changed["apply_policies"], changed["apply_policy_id"]) == (["gold"], "gold")
    assert (
        send(acme, "put", f"/api/keys/{made.token_hash}?suppress_reset=1", changed).json()["data"] == changed
    )
    assert build.again(made).change_number == 2


def test_one_policy_may_be_named_as_older_clients_do_and_a_list_counts_before_it(cast, acme, orders, redis):
    policies.policy(cast.acme, orders, id="gold")
    other = policies.policy(cast.acme, orders, name="Other")
    data = send(acme, "post", "/api/keys", {"apply_policy_id": "gold", "apply_policies": []}).json()["data"]
    assert (data["apply_policies"], data["apply_policy_id"]) == (["gold"], "gold")
    made = only_key(cast.acme)
    both = {"apply_policy_id": "gold", "apply_policies": [other.id]}
    data = send(acme, "put", f"/api/keys/{made.token_hash}", both).json()["data"]
    assert (data["apply_policies"], data["apply_policy_id"]) == ([other.id], other.id)
    # Without any of them a key has none.
    send(acme, "put", f"/api/keys/{made.token_hash}", body(orders))
    assert acme.get(f"/api/keys/{made.token_hash}").json()["data"]["apply_policies"] == []


def test_a_draft_may_be_given_over_rest(cast, acme, orders):
    draft = policies.policy(cast.acme, orders, state="draft")
    assert send(acme, "post", "/api/keys", {"apply_policies": [draft.id]}).status_code == 200


def refusals_of(cast, orders):
    """(members of a body, field) of all that may not be given."""
    gold = policies.policy(cast.acme, orders, id="gold")
    policies.policy(cast.acme, name="Slow", id="slow")
    foreign = policies.policy(cast.globex, build.api(cast.globex), id="foreign")
    strange = [
        foreign.id,
        "foreign",
        "f" * 24,
        "GOLD",
        gold.id.upper() + " ",
        "",
        "x" * 5000,
        "' OR 1=1 --",
    ]
    bodies = [({"apply_policies": [name]}, "apply_policies") for name in strange]
    bodies += [({"apply_policies": ["gold", name]}, "apply_policies") for name in strange]
    bodies += [({"apply_policy_id": name}, "apply_policy_id") for name in strange if name]
    bodies += [({"apply_policies": ["gold"], "apply_policy_id": foreign.id}, "apply_policy_id")]
    bodies += [
        ({"apply_policies": value}, "apply_policies")
        for value in ("gold", {"gold": 1}, [None], [["gold"]], 7)
    ]
    bodies += [
        ({"apply_policies": ["slow"]}, "apply_policies"),
        ({"apply_policy_id": "slow"}, "apply_policy_id"),
    ]
    bodies += [({"apply_policies": ["slow"], **body(orders)}, "apply_policies")]
    bodies += [({"apply_policies": [f"p{number}" for number in range(21)]}, "apply_policies")]
    bodies += [({"apply_policies": ["gold"], "meta_data": {"policies": []}}, "meta_data")]
    bodies += [({"apply_policies": ["gold"], "access_rights": {foreign.id: {}}}, "access_rights")]
    bodies += [({"apply_policies": [], "access_rights": {}}, "access_rights"), ({}, "access_rights")]
    return bodies


def test_policies_that_may_not_be_given_are_refused_by_member_on_every_way_and_nothing_is_stored(
    cast, acme, orders, redis
):
    made, _ = build.key(cast.acme, orders, alias="old")
    bodies = refusals_of(cast, orders)
    build.deliver(redis)
    before = rows(Key, KeyRight, KeyPolicy, AuditEntry), build.stored(redis, made), sorted(redis.keys())
    ways = (("post", "/api/keys"), ("post", "/api/keys/preview"), ("put", f"/api/keys/{made.token_hash}"))
    for members, field in bodies:
        for method, path in ways:
            status, message = error(send(acme, method, path, members))
            assert (status, message.split(":")[0]) == (400, field), (members, path, message)
            assert len(message) < 6000
    build.deliver(redis)
    build.sweep(redis)
    assert (
        rows(Key, KeyRight, KeyPolicy, AuditEntry),
        build.stored(redis, made),
        sorted(redis.keys()),
    ) == before


def test_a_strangers_policy_is_refused_byte_for_byte_as_one_that_is_not_there(cast, acme, orders):
    foreign = policies.policy(cast.globex, build.api(cast.globex))
    answers = {
        send(acme, "post", "/api/keys", {"apply_policies": [id]}).content.decode().replace(id, "")
        for id in (foreign.id, "f" * 24)
    }
    assert len(answers) == 1


def test_a_super_user_gives_a_key_policies_of_its_own_organisation_alone(cast, rest, orders):
    sue = rest(cast.super_user)
    gold, foreign = policies.policy(cast.acme, orders), policies.policy(cast.globex, build.api(cast.globex))
    own = {"org_id": cast.acme.id, "apply_policies": [gold.id]}
    assert send(sue, "post", "/api/keys", own).status_code == 200
    for ids in ([foreign.id], [gold.id, foreign.id]):
        status, message = error(send(sue, "post", "/api/keys", own | {"apply_policies": ids}))
        assert (status, message) == (400, f"apply_policies: {no_such_policy(foreign.id)}")


def test_a_preview_shows_the_session_that_results_and_leaves_nothing(cast, acme, orders, redis):
    gold = policies.policy(cast.acme, orders, id="gold", quota_max=9, quota_renewal_rate=60, tags=["gold"])
    before = rows(Key, KeyPolicy, AuditEntry, Outbox)
    answer = send(
        acme, "post", "/api/keys/preview", {"apply_policies": ["gold"], "alias": "x", "tags": ["own"]}
    )
    session = answer.json()
    assert (answer.status_code, rows(Key, KeyPolicy, AuditEntry, Outbox), redis.keys()) == (200, before, [])
    assert {
        name: session[name]
        for name in ("org_id", "alias", "apply_policies", "rate", "per", "quota_max", "tags")
    } == {
        "org_id": cast.acme.id,
        "alias": "x",
        "apply_policies": ["gold"],
        "rate": 10,
        "per": 60,
        "quota_max": 9,
        "tags": ["gold", "own"],
    }
    assert session["access_rights"][orders.api_id]["limit"]["quota_max"] == 9
    assert gold.id not in answer.content.decode()
    direct = send(acme, "post", "/api/keys/preview", body(orders)).json()
    assert list(direct["access_rights"]) == [orders.api_id]


def test_a_preview_of_what_gateways_refuse_says_so(cast, acme, orders):
    each = policies.policy(cast.acme, orders, name="Each", partitions={"per_api": True})
    part = policies.policy(cast.acme, orders, name="Part", partitions={"acl": True})
    status, message = error(send(acme, "post", "/api/keys/preview", {"apply_policies": [part.id, each.id]}))
    assert (status, message.split(":")[0]) == (400, "apply_policies")


def test_a_preview_of_a_user_who_would_open_it_by_his_name_alone_says_so(cast, acme, orders):
    gold = policies.policy(cast.acme, orders)
    password = {"basic_auth_data": {"password": "long enough"}}
    for named, field in ((body(orders), "access_rights"), ({"apply_policies": [gold.id]}, "apply_policies")):
        refused = [
            error(send(acme, "post", path, {**named, **password}))
            for path in ("/api/keys/preview", "/api/apis/keys/basic/jonas")
        ]
        assert (refused[0], refused[0][1].split(":")[0]) == (refused[1], field)


def test_a_preview_needs_the_right_to_write_keys(cast, rest, orders):
    User.everyone.filter(pk=cast.acme_member.pk).update(permissions={"keys": "read"})
    assert send(rest(cast.acme_member), "post", "/api/keys/preview", body(orders)).status_code == 403


def test_keys_are_listed_under_the_apis_that_their_policies_open(cast, acme, orders):
    returns = build.api(cast.acme, "Returns")
    gold = policies.policy(cast.acme, orders)
    limits = policies.policy(cast.acme, returns, name="Limits", partitions={"quota": True})
    send(acme, "post", "/api/keys", {"apply_policies": [limits.id, gold.id], **body(returns)})
    made = only_key(cast.acme)
    listed = [acme.get(f"/api/apis/{api.api_id}/keys").json()["data"]["keys"] for api in (orders, returns)]
    assert listed == [[made.token_hash], []]
    assert acme.get(f"/api/apis/{orders.api_id}/keys/{made.token_hash}").status_code == 200
    assert acme.get(f"/api/apis/{returns.api_id}/keys/{made.token_hash}").status_code == 404


@pytest.mark.parametrize("path", ["/api/keys", "/api/keys/detailed"])
def test_lists_of_keys_with_policies_cost_the_same_queries_for_one_and_for_five(cast, acme, orders, path):
    gold, slow = policies.policy(cast.acme, orders), policies.policy(cast.acme, name="Slow")
    acme.get(path)
    counts = []
    for more in (1, 4):
        for _ in range(more):
            send(acme, "post", "/api/keys", {"apply_policies": [gold.id, slow.id]})
        with CaptureQueriesContext(connection) as queries:
            acme.get(path)
        counts.append(len(queries))
    assert counts == {"/api/keys": [5, 5], "/api/keys/detailed": [7, 7]}[path]


EXTRA = {
    "throttle_interval": 1.5,
    "throttle_retry_limit": 3,
    "max_query_depth": -1,
    "smoothing": {"enabled": True, "threshold": 5, "trigger": 0.5, "step": 2, "delay": 30},
    "data_expires": 86400,
    "monitor": {"trigger_limits": [80, 95.5]},
    "enable_detail_recording": True,
    "enable_detailed_recording": True,
    "post_expiry_action": "delete",
    "post_expiry_grace_period": 60,
    "hmac_enabled": True,
    "enable_http_signature_validation": True,
}


def test_further_members_of_a_session_are_kept_given_back_and_delivered(cast, acme, orders, redis):
    assert EXTRA.keys() == KEPT.keys() - {LIFETIME, *CERTIFICATES}
    data = send(acme, "post", "/api/keys", body(orders, **EXTRA)).json()["data"]
    assert {name: data[name] for name in EXTRA} == EXTRA
    made = only_key(cast.acme)
    build.deliver(redis)
    assert {name: build.stored(redis, made)[name] for name in EXTRA} == EXTRA
    assert build.sweep(redis) == (1, 0, 0)
    assert build.changes(cast.acme, "key.created")["throttle_retry_limit"] == [None, 3]
    # As it was read it can be put back, and changes nothing.
    path = f"/api/keys/{made.token_hash}"
    read = data | {"hmac_string": ""}
    assert send(acme, "put", f"{path}?suppress_reset=1", data).json()["data"] == read
    assert send(acme, "put", f"{path}?suppress_reset=1", read).json()["data"] == read
    assert build.again(made).change_number == 1
    send(acme, "put", path, body(orders))
    assert acme.get(path).json()["data"]["throttle_retry_limit"] == 0
    build.deliver(redis)
    assert build.stored(redis, made).keys() & EXTRA.keys() == set()


def test_a_page_that_saves_a_key_leaves_its_further_members(cast, acme, orders, client_for):
    send(acme, "post", "/api/keys", body(orders, throttle_retry_limit=3))
    made = only_key(cast.acme)
    client = client_for(cast.acme_admin)
    page = client.get(f"/o/acme/keys/{made.id}/edit/")
    sent = {
        "seen": page.context["seen"],
        "alias": "new",
        "access_rights": orders.api_id,
        "session_extra": "{}",
    }
    assert client.post(f"/o/acme/keys/{made.id}/edit/", sent).status_code == 302
    assert (build.again(made).alias, build.again(made).session_extra) == ("new", {"throttle_retry_limit": 3})
    assert "throttle_retry_limit" in client.get(f"/o/acme/keys/{made.id}/").content.decode()


def test_every_member_that_gateways_write_is_there_when_a_key_is_read(acme, orders):
    data = send(acme, "post", "/api/keys", body(orders)).json()["data"]
    written = set(RECORDED["written_back"][0]["before"])
    assert written - data.keys() <= {"quota_renews", "quota_remaining"}


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"throttle_interval": "1"}, "throttle_interval"),
        ({"throttle_retry_limit": 1.5}, "throttle_retry_limit"),
        ({"throttle_retry_limit": -2}, "throttle_retry_limit"),
        ({"max_query_depth": True}, "max_query_depth"),
        ({"data_expires": 2**62 * 1.0}, "data_expires"),
        ({"monitor": []}, "monitor"),
        ({"monitor": {"trigger_limits": ["80"]}}, "monitor.trigger_limits.0"),
        ({"monitor": {"Trigger_Limits": [80]}}, "monitor.Trigger_Limits"),
        ({"monitor": {"trigger_limits": [1] * 10_000}}, "monitor"),
        ({"smoothing": {"delay": "x"}}, "smoothing.delay"),
        ({"enable_detail_recording": 1}, "enable_detail_recording"),
        ({"post_expiry_action": {}}, "post_expiry_action"),
        ({"session_lifetime": 60.5}, "session_lifetime"),
        ({"certificate": "x"}, "certificate"),
        ({"hmac_enabled": "yes"}, "hmac_enabled"),
    ],
)
def test_a_further_member_of_the_wrong_kind_is_refused_by_name_and_nothing_is_stored(
    acme, orders, members, field
):
    before = rows(Key, AuditEntry)
    status, message = error(send(acme, "post", "/api/keys", body(orders, **members)))
    assert (status, message.split(":")[0], rows(Key, AuditEntry)) == (400, field, before)
