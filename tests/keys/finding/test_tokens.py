"""A key is found by what its holder presents, which is never said again."""

import base64
import logging

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from keys.finding import tokens
from keys.keys import token as names
from orgs import scope
from tests import make
from tests.keys import build

PLACE = "/o/acme/keys/search/"


@pytest.fixture
def made(cast):
    """Of acme and of globex, each with its token."""
    return {
        "own": build.key(cast.acme, build.api(cast.acme), alias="own"),
        "foreign": build.key(cast.globex, build.api(cast.globex), alias="foreign"),
    }


@pytest.mark.parametrize("dressed", ["{}", " {}\n", "Bearer {}", "authorization: bearer {}"])
def test_a_token_leads_to_its_key_for_whoever_may_read_keys(cast, client_for, made, dressed):
    key, token = made["own"]
    reader = client_for(make.user("kay@acme.example", cast.acme, {"keys": "read"}))
    answer = reader.post(PLACE, {"q": dressed.format(token)})
    assert (answer.status_code, answer["Location"]) == (302, f"/o/acme/keys/{key.id}/")


def test_tokens_of_strangers_and_of_nobody_are_answered_alike_and_never_said_again(
    cast, client_for, made, caplog
):
    caplog.set_level(logging.DEBUG)
    acme = client_for(cast.acme_admin)
    unknown = base64.b64encode(f'{{"org":"{cast.acme.id}","id":"ff","h":"sha256"}}'.encode()).decode()
    asked = [
        made["foreign"][1],
        unknown,
        f"{cast.globex.id}0123456789abcdef",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
    ]
    for text in asked:
        answer = acme.post(PLACE, {"q": text}, follow=True)
        assert answer.redirect_chain == [("/o/acme/keys/", 302)]
        page = answer.content.decode()
        assert ("No key of this organisation has the token" in page, text in page) == (True, False)
        assert text not in caplog.text
        # Typed into the address in spite of all, it is refused and not said again.
        typed = acme.get("/o/acme/keys/", {"q": text})
        assert (typed.status_code, text in typed.content.decode()) == (400, False)
        assert "<code>q</code>: This is a token" in typed.content.decode()


def test_anything_else_is_searched_for_with_the_filters_of_the_form(cast, client_for, made):
    acme, key = client_for(cast.acme_admin), made["own"][0]
    places = {
        text: acme.post(PLACE, {"q": text, "state": "active", "other": "x", "csrfmiddlewaretoken": "x"})[
            "Location"
        ]
        for text in ("own", key.token_hash[:12], "", "z" * 60)
    }
    assert places == {text: f"/o/acme/keys/?{f'q={text}&' if text else ''}state=active" for text in places}
    assert acme.post(PLACE, {"q": key.token_hash})["Location"] == f"/o/acme/keys/?q={key.token_hash}"


@pytest.mark.parametrize(
    "text", ["x" * 5_000, "9" * 400, "\u202e", "[" * 3_000, base64.b64encode(b"[" * 2_000).decode()]
)
def test_no_text_breaks_the_search(cast, client_for, made, text):
    assert client_for(cast.acme_admin).post(PLACE, {"q": text}).status_code == 302


def test_a_token_is_looked_up_by_its_hashes_alone_however_many_keys_there_are(made, cast):
    with scope.org(cast.acme.id), CaptureQueriesContext(connection) as asked:
        assert tokens.found(cast.acme.id, made["own"][1]) == made["own"][0]
    about_keys = [query["sql"] for query in asked if 'FROM "keys_' in query["sql"]]
    with scope.org(cast.acme.id), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for query in about_keys:
            cursor.execute(f"EXPLAIN {query}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "SubPlan" not in plan, plan
    assert about_keys


def test_a_key_is_found_by_the_id_that_somebody_chose(cast):
    key, _ = build.key(cast.acme, build.api(cast.acme), alias="own")
    with scope.org(cast.acme.id):
        for function in names.FUNCTIONS:
            key.token_hash = names.hashed(names.token_of(cast.acme.id, "partner-1", function), function)
            key.save()
            assert tokens.found(cast.acme.id, "partner-1") == key
        assert tokens.found(cast.acme.id, "partner") is None
