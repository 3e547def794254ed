"""E-mail addresses of all the world, each in one spelling wherever it is typed."""

import json
import unicodedata
from io import StringIO
from itertools import chain

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from orgs.email_address import normal_address, validate_address
from orgs.models import User
from orgs.people import accounts
from tests.make import PASSWORD

JSON = "application/json"


def wide(text: str) -> str:
    """In characters as wide as Chinese ones."""
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


SPELLINGS = [
    (" Ada@Acme.Example ", "ada@acme.example"),
    ("JÜRGEN@acme.example", "jürgen@acme.example"),
    ("ju\u0308rgen@acme.example", "jürgen@acme.example"),
    (wide("ada@acme.example"), "ada@acme.example"),
    ("ada@MÜNCHEN.example", "ada@münchen.example"),
    ("ada@xn--mnchen-3ya.example", "ada@münchen.example"),
    ("ada@XN--MNCHEN-3YA.EXAMPLE", "ada@münchen.example"),
    ("ada@例え。テスト", "ada@例え.テスト"),
    ("\u0131da@acme.example", "\u0131da@acme.example"),
    ("IDA@acme.example", "ida@acme.example"),
    ("strasse@straße.example", "strasse@straße.example"),
    ("ﬁa@acme.example", "ﬁa@acme.example"),
    # What only claims to be encoded stays.
    ("ada@xn--acme.example", "ada@xn--acme.example"),
    ("ada@xn--\u0131.example", "ada@xn--\u0131.example"),
    (f"ada@xn--{'a' * 60}-3ya.example", f"ada@xn--{'a' * 60}-3ya.example"),
]
ACCEPTED = [
    "jürgen@acme.example",
    "ada@münchen.example",
    "ada@straße.example",
    "用户@例え.テスト",
    "\u0131da@acme.example",
    "ada+tag@acme.example",
    "o'brien@acme.example",
    "a@localhost",
    "नमस्ते@acme.example",
]
REFUSED = [
    "",
    "ada",
    "@acme.example",
    "ada@",
    "ada@acme",
    "ada@@acme.example",
    "ada acme@acme.example",
    ".ada@acme.example",
    "ada..b@acme.example",
    "ada\0@acme.example",
    "ada\u200b@acme.example",
    "ada\u202e@acme.example",
    "ada\u2028@acme.example",
    "ada\ud800@acme.example",
    "a\U0003fffdda@acme.example",
    "ada@acme\u2024example.com",
    "ada@m\u200bünchen.example",
    "ada@-münchen.example",
    "ada@münchen-.example",
    f"ada@{'ü' * 63}.example",
    "☃@acme.example",
]


@pytest.mark.parametrize(("typed", "stored"), SPELLINGS)
def test_an_address_has_one_spelling(typed, stored):
    assert normal_address(typed) == stored


@given(st.text())
def test_any_text_has_one_and_that_is_its_own(text):
    assert normal_address(normal_address(text)) == normal_address(text)


@given(st.text(st.characters(categories=("L", "M", "N")), min_size=1, max_size=20))
def test_however_letters_are_composed_and_written_it_is_the_same_address(name):
    address = normal_address(f"{name}@{name}.example")
    for form in ("NFC", "NFD"):
        assert normal_address(unicodedata.normalize(form, f"{name}@{name}.example")) == address


def test_a_text_that_takes_long_to_compose_or_decode_is_not_begun_with():
    """Marks in wrong order and encoded labels are sorted by insertion: a million take hours."""
    for text in ("a" + "\u0301\u0323" * 500_000 + "@acme.example", "ada@xn--" + "a" * 1_000_000 + ".example"):
        assert normal_address(text) == text
        with pytest.raises(ValidationError):
            validate_address(text)


@pytest.mark.parametrize("address", ACCEPTED)
def test_letters_of_every_script_are_accepted(address):
    validate_address(address)
    assert normal_address(address) == address


@pytest.mark.parametrize("address", REFUSED)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValidationError):
        validate_address(normal_address(address))


def test_what_is_accepted_is_lower_case_to_the_database_too(db):
    """Or its constraint would refuse what the form took; the two know different versions of Unicode."""
    accepted = []
    # All but the great blocks that have no case: Han, Hangul, what is private, planes that nothing stands in.
    for code in chain(range(0x80, 0x3400), range(0xA000, 0xAC00), range(0xF900, 0x20000)):
        address = normal_address(f"a{chr(code)}@acme.example")
        try:
            validate_address(address)
        except ValidationError:
            continue
        accepted.append(address)
    with connection.cursor() as cursor:
        cursor.execute("SELECT a FROM unnest(%s::text[]) a WHERE a <> lower(a)", [accepted])
        assert (cursor.fetchall(), len(accepted) > 20_000) == ([], True)


@pytest.mark.parametrize("typed", ["Jürgen@acme.example", "ada@MÜNCHEN.example", "\u0131da@acme.example"])
def test_they_are_taken_at_every_door_and_open_it(cast, client_for, rest, admin_client, typed):
    stored = normal_address(typed)

    def by_form():
        client_for(cast.acme_admin).post("/o/acme/people/new/", {"email": typed, "password": PASSWORD})

    def by_rest():
        body = {"email_address": typed, "password": PASSWORD}
        assert rest(cast.acme_admin).post("/api/users", body, JSON).status_code == 200

    def by_the_admin_api():
        body = {"email_address": typed, "password": PASSWORD, "org_id": cast.acme.id}
        assert admin_client.post("/admin/users", body, JSON).status_code == 200

    def by_djangos_admin():
        form = {"email": typed, "password": PASSWORD}
        client_for(cast.super_user).post("/django-admin/orgs/user/add/", form)

    def by_the_command_line():
        options = ("--newuser", "--org", "acme", "--email", typed, "--password", PASSWORD, "--json")
        out = StringIO()
        call_command("bootstrap", *options, stdout=out)
        assert json.loads(out.getvalue())["user_email"] == stored

    def by_changing():
        user, _ = accounts.create_user(org=cast.acme, email="new@acme.example", password=PASSWORD)
        page = f"/o/acme/people/{user.pk}/"
        client_for(cast.acme_admin).post(page, {"email": typed, "first_name": "", "last_name": ""})

    for door in (by_form, by_rest, by_the_admin_api, by_djangos_admin, by_the_command_line, by_changing):
        door()
        user = User.everyone.filter(email=stored).first()
        assert (door.__name__, user is not None) == (door.__name__, True)
        answer = Client().post("/sign-in/", {"email": typed, "password": PASSWORD})
        assert (door.__name__, answer.status_code) == (door.__name__, 302)
        user.delete()


def test_a_dotless_i_is_another_letter(cast):
    accounts.create_user(org=cast.acme, email="\u0131da@acme.example", password=PASSWORD)
    accounts.create_user(org=cast.acme, email="ida@acme.example", password="another long password")
    answers = [
        Client().post("/sign-in/", {"email": email, "password": PASSWORD}).status_code
        for email in ("\u0131da@acme.example", "ida@acme.example", "IDA@acme.example")
    ]
    assert answers == [302, 200, 200]


def test_the_same_address_in_another_spelling_is_taken(cast):
    accounts.create_user(org=cast.acme, email="jürgen@münchen.example")
    for typed in ("JU\u0308RGEN@münchen.example", "jürgen@xn--mnchen-3ya.example"):
        with pytest.raises(ValidationError):
            accounts.create_user(org=cast.acme, email=typed)


def test_browsers_are_asked_for_text_because_they_refuse_such_addresses_in_an_email_box(db):
    page = Client().get("/sign-in/").content.decode()
    assert 'type="email"' not in page
    assert 'inputmode="email"' in page
