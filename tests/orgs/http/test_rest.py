"""The manners of the wire: one test for each row of the transport rules."""

import json
from concurrent.futures import ThreadPoolExecutor
from urllib.request import Request, urlopen

import pytest
from django.db import transaction
from django.test import Client

from orgs.models import User
from orgs.people import accounts


def test_an_access_key_is_taken_bare_or_as_bearer_in_any_spelling_of_the_header(cast):
    key = accounts.renew_access_key(cast.acme_admin)
    answers = [
        Client(headers={name: value}).get("/api/users/me").status_code
        for name, value in (
            ("Authorization", key),
            ("Authorization", f"Bearer {key}"),
            ("authorization", key),
            ("AUTHORIZATION", key),
            ("Authorization", f"Basic {key}"),
            ("Authorization", key[:-1]),
            ("Authorization", ""),
        )
    ]
    assert answers == [200, 200, 200, 200, 401, 401, 401]


def test_the_admin_api_takes_the_admin_secret_and_nothing_else(cast, rest, settings):
    assert rest(cast.super_user).get("/admin/organisations").status_code == 401
    assert (
        Client(headers={"Authorization": settings.ADMIN_SECRET}).get("/admin/organisations").status_code
        == 401
    )
    assert Client(headers={"admin-auth": settings.NODE_SECRET}).get("/admin/organisations").status_code == 401
    assert (
        Client(headers={"Admin-Auth": settings.ADMIN_SECRET}).get("/admin/organisations").status_code == 200
    )


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/vnd.tyk.streams.oas",
        "",
    ],
)
def test_a_body_is_json_whatever_its_content_type_says(admin_client, db, content_type):
    answer = admin_client.post(
        "/admin/organisations", data=json.dumps({"owner_name": "Initech"}), content_type=content_type
    )
    assert (answer.status_code, answer.json()["Message"]) == (200, "Org created")


@pytest.mark.parametrize(
    "path", ["/hello", "/hello/", "/admin/hello", "/admin/hello/", "/api/users/", "/api/users"]
)
def test_a_trailing_slash_is_optional_and_never_redirects(cast, rest, path):
    assert rest(cast.acme_admin).get(path).status_code == 200


def test_unknown_parameters_and_members_are_ignored(cast, rest):
    client = rest(cast.acme_admin)
    assert client.get("/api/users?accept_additional_properties=true").status_code == 200
    answer = client.put(
        f"/api/users/{cast.acme_member.id}", {"first_name": "Max", "is_superuser": True}, "application/json"
    )
    assert answer.json() == {"Status": "OK", "Message": "User updated", "Meta": None}
    assert User.everyone.get(pk=cast.acme_member.pk).is_superuser is False


def test_ids_are_24_lower_case_hexadecimal_digits(admin_client, db):
    meta = admin_client.post("/admin/organisations", {"owner_name": "Initech"}, "application/json").json()[
        "Meta"
    ]
    assert (len(meta), set(meta) - set("0123456789abcdef")) == (24, set())


def test_envelopes_are_compact_and_their_members_in_order(admin_client, db):
    answer = admin_client.post("/admin/organisations", {"owner_name": "Initech"}, "application/json")
    assert (
        answer.content.decode()
        == f'{{"Status":"OK","Message":"Org created","Meta":"{answer.json()["Meta"]}"}}'
    )
    missing = admin_client.get("/admin/organisations/5e9d9544a1dcd60001d0ed20")
    assert missing.content.decode() == '{"Status":"Error","Message":"Not found","Meta":null}'


def test_the_first_id_in_the_answer_to_a_new_user_is_the_users(admin_client, cast):
    answer = admin_client.post(
        "/admin/users", {"email_address": "new@acme.example", "org_id": cast.acme.id}, "application/json"
    )
    text = answer.content.decode()
    assert text.split('"id":"')[1].split('"')[0] == answer.json()["Meta"]["id"]
    assert text.split('"access_key":"')[1].split('"')[0] == answer.json()["Message"]


@pytest.mark.parametrize(
    ("asked", "emails"),
    [
        ("", 10),
        ("?p=1", 10),
        ("?p=2", 3),
        ("?p=99", 3),
        ("?p=0", 13),
        ("?p=-1", 13),
        ("?p=-2", 13),
    ],
)
def test_paging_counts_from_one_and_nothing_or_less_means_everything(cast, rest, asked, emails):
    for number in range(11):
        accounts.create_user(org=cast.acme, email=f"p{number}@acme.example")
    answer = rest(cast.acme_admin).get(f"/api/users{asked}").json()
    assert len(answer["users"]) == emails
    assert answer["pages"] == (1 if emails == 13 else 2)


def test_a_page_that_is_no_number_is_refused(cast, rest):
    for text in ("x", "1.5", "٣", "--1", "9" * 40, "1 OR 1=1"):
        answer = rest(cast.acme_admin).get("/api/users", {"p": text})
        assert (answer.status_code, answer.json()["Message"]) == (400, "p must be a whole number")


@pytest.mark.parametrize(
    "path", ["/api/nowhere", "/admin/nowhere", "/api/users/zzz", "/api", "/admin", "/system/x", "/register"]
)
def test_machines_never_get_html(cast, rest, path):
    answer = rest(cast.acme_admin).get(path)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json; charset=utf-8")
    assert answer.json()["Status"] == "Error"


def test_a_byte_order_mark_before_a_body_is_passed_over(admin_client, db):
    body = b"\xef\xbb\xbf" + json.dumps({"owner_name": "Initech"}).encode()
    answer = admin_client.post("/admin/organisations", data=body, content_type="application/json")
    assert (answer.status_code, answer.json()["Message"]) == (200, "Org created")


def test_another_method_is_named_in_json(cast, rest):
    answer = rest(cast.acme_admin).patch("/api/users")
    assert (answer.status_code, answer["Allow"], answer.json()["Status"]) == (405, "GET, HEAD, POST", "Error")


def test_no_csrf_token_is_asked_of_a_caller_with_a_header(cast):
    key = accounts.renew_access_key(cast.acme_admin)
    strict = Client(enforce_csrf_checks=True, headers={"Authorization": key})
    assert (
        strict.post("/api/users", {"email_address": "n@acme.example"}, "application/json").status_code == 200
    )


def test_a_session_cookie_opens_no_rest_route(cast, client_for):
    assert client_for(cast.super_user).get("/api/users").status_code == 401


def test_many_may_create_and_delete_users_at_once(server, cast):
    with transaction.atomic():
        key = accounts.renew_access_key(cast.acme_admin)

    def call(method, path, body=None):
        request = Request(
            server + path, json.dumps(body).encode() if body else None, {"Authorization": key}, method=method
        )
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def round_trip(number):
        made = call("POST", "/api/users", {"email_address": f"u{number}@acme.example"})
        return call("DELETE", f"/api/users/{made['Meta']}")["Message"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(round_trip, range(16))) == ["User deleted"] * 16
    assert User.everyone.filter(org=cast.acme).count() == 2


HOSTILE = [
    b"",
    b"{",
    b"[]",
    b'"x"',
    b"null",
    b'{"first_name": 5}',
    b'{"first_name": "a\\u0000b"}',
    b'{"first_name": "\\ud800"}',
    b'{"first_name": NaN}',
    b'{"x": 1e999}',
    b'{"x": ' + b"9" * 5_000 + b"}",
    b'{"first_name": "a", "first_name": "b"}',
    b'{"first_name": "\xff\xfe"}',
    b'{"x":' * 70 + b"1" + b"}" * 70,
    b"[" * 100_000,
    b'{"first_name": "' + b"x" * 3_000_000 + b'"}',
    b'{"user_permissions": {"apis": "root"}}',
    b'{"user_permissions": {"root": "write"}}',
    b'{"user_permissions": []}',
    b'{"active": "yes"}',
    b'{"first_name": "' + b"x" * 200 + b'"}',
    b'{"email_address": "not an address"}',
]


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: repr(body[:30]))
def test_bad_bodies_get_a_clear_4xx_and_store_nothing(cast, rest, admin_client, body):
    before = list(User.everyone.order_by("id").values())
    client = rest(cast.acme_admin)
    before = list(User.everyone.order_by("id").values())
    for answer in (
        client.post("/api/users", body, "application/json"),
        client.put(f"/api/users/{cast.acme_member.id}", body, "application/json"),
        admin_client.post("/admin/users", body, "application/json"),
        admin_client.put(f"/admin/users/{cast.acme_member.id}", body, "application/json"),
    ):
        assert (answer.status_code, answer.json()["Status"]) in ((400, "Error"), (413, "Error")), (
            answer.content
        )
    assert list(User.everyone.order_by("id").values()) == before


def test_no_parameter_holds_a_nul_neither_in_its_name_nor_in_its_value(cast, rest, client_for):
    for query, name in (("a%00b=1", "a?b"), ("p=1&q=%00", "q")):
        answer = rest(cast.acme_admin).get(f"/api/users?{query}")
        said = f"{name}: must not hold a NUL character"
        assert (answer.status_code, answer.json()["Message"]) == (400, said)
        page = client_for(cast.acme_admin).get(f"/o/acme/keys/?{query}")
        assert (page.status_code, said in page.content.decode()) == (400, True)
