import re
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keys import attention
from keys.keys.token import token_hash
from keys.models import Generation
from keys.rotation import lifecycle
from orgs import scope
from tests.analytics.screens import ago, push
from tests.keys import build

TOKEN = "a" * 32


@pytest.fixture
def acme(cast, client_for):
    return client_for(cast.acme_admin)


def at(key, page=""):
    return f"/o/{key.org.slug}/keys/{key.id}/{page}"


def texts(response):
    return [str(message) for message in response.context["messages"]]


def test_the_form_shows_the_new_token_once_and_sent_again_leads_to_the_key(cast, acme):
    made, old = build.key(cast.acme, build.api(cast.acme))
    form = acme.get(at(made, "rotation/"))
    assert (form.status_code, form.context["seen"]) == (200, 1)
    sent = {"overlap": "3600", "seen": "1", "form_token": TOKEN}
    answer = acme.post(at(made, "rotation/"), sent)
    assert answer.status_code == 200
    rotated, new = build.again(made), answer.context["token"]
    assert (rotated.token_hash, rotated.generation) == (token_hash(new), 2)
    assert new in answer.content.decode()
    assert answer.context["former"].hint == token_hash(old)[:8]
    assert "The old token works until" in answer.content.decode()
    again = acme.post(at(made, "rotation/"), sent, follow=True)
    assert (again.redirect_chain, again.context["key"].change_number) == ([(at(made), 302)], 2)
    assert texts(again) == [
        "This request has rotated the key already. The new token was shown once and is not kept."
    ]
    page = again.content.decode()
    assert (new in page, old in page, token_hash(old)[:8] in page) == (False, False, True)
    # Somebody was faster: 409, and once more with what is there now.
    late = acme.post(at(made, "rotation/"), sent | {"form_token": "b" * 32})
    assert (late.status_code, late.context["seen"]) == (409, 2)
    assert acme.post(at(made, "rotation/"), sent | {"form_token": "b" * 32, "seen": "2"}).status_code == 200


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "overlap"),
        ({"overlap": "5"}, "overlap"),
        ({"overlap": "until"}, "until"),
        ({"overlap": "until", "until": "nonsense"}, "until"),
        ({"overlap": "until", "until": "2020-01-01T00:00"}, "until"),
        ({"overlap": "until", "until": "9000-01-01T00:00"}, "until"),
        ({"overlap": "0", "seen": "x"}, "seen"),
        ({"overlap": "0", "seen": ""}, "seen"),
    ],
    ids=str,
)
def test_a_form_that_says_nothing_sensible_is_refused_and_rotates_nothing(cast, acme, sent, field):
    made, _ = build.key(cast.acme)
    answer = acme.post(at(made, "rotation/"), {"seen": "1", "form_token": TOKEN} | sent)
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, [field])
    assert build.again(made).token_hash == made.token_hash


def test_old_tokens_are_extended_retired_and_taken_back_by_buttons(cast, acme):
    made, old = build.key(cast.acme)
    for wrong in ({"act": "burn"}, {"act": "retire", "number": "x"}, {"act": "extend", "number": "1"}, {}):
        assert acme.post(at(made, "tokens/"), {"seen": "1"} | wrong).status_code == 400
    build.inside(cast.acme, lifecycle.rotate, made, timedelta(hours=1))
    assert acme.post(at(made, "tokens/"), {"act": "undo", "seen": "1"}).status_code == 409
    extend = {"act": "extend", "number": "1", "seen": "2", "overlap": "604800"}
    assert texts(acme.post(at(made, "tokens/"), extend, follow=True)) == [
        "The old token has another end now."
    ]
    assert texts(acme.post(at(made, "tokens/"), {"act": "undo", "seen": "3"}, follow=True)) == [
        "The rotation is undone: the old token is the key's again, the newest has ended."
    ]
    assert build.again(made).token_hash == token_hash(old)
    assert texts(
        acme.post(at(made, "tokens/"), {"act": "retire", "number": "2", "seen": "4"}, follow=True)
    ) == ["This token has ended already."]


def test_the_form_says_when_no_more_tokens_may_live_and_the_page_asks_before_it_ends_one(cast, acme):
    made, _ = build.key(cast.acme)
    full = []
    for _ in range(2):
        made, _ = build.inside(cast.acme, lifecycle.rotate, made, timedelta(hours=1))
        full.append(acme.get(at(made, "rotation/")).context["full"])
    assert full == [False, True]
    page = acme.get(at(made)).content.decode()
    for act, value in (("retire", 2), ("undo", 1)):
        folded = re.findall(
            rf'<details class="sure">(?:(?!</details>).)*name="act" value="{act}"', page, re.S
        )
        assert (len(folded), page.count(f'value="{act}"')) == (value, value)


def test_others_neither_see_nor_rotate_the_key(cast, client_for):
    made, _ = build.key(cast.acme)
    globex = client_for(cast.globex_admin)
    for page, sent in (("rotation/", {"overlap": "0"}), ("tokens/", {"act": "undo"})):
        address = f"/o/globex/keys/{made.id}/{page}"
        assert globex.post(address, {"seen": "1"} | sent).status_code == 404
    assert build.again(made).change_number == 1


@pytest.mark.usefixtures("committed")
def test_the_page_says_who_is_used_and_warns_of_a_new_one_that_nobody_uses(redis, cast, acme):
    made, old = build.key(cast.acme, build.api(cast.acme), alias="Partner", rate=5, per=1)
    _, new = build.inside(cast.acme, lifecycle.rotate, made, timedelta(hours=23))
    called = {"OrgID": cast.acme.id, "TimeStamp": ago(minutes=1)}
    push(redis, called | {"APIKey": token_hash(old)}, called | {"APIKey": token_hash(old)})

    page = acme.get(at(made))
    assert [(token.number, token.use and token.use.exact) for token in page.context["tokens"]] == [
        (2, None),
        (1, "2 requests"),
    ]
    # The key's own figure is that of all its tokens, also in the list.
    assert page.context["use"].exact == "2 requests"
    assert acme.get("/o/acme/keys/").context["rows"][0]["use"].exact == "2 requests"
    assert "The new token was never used" in page.content.decode()
    with scope.org(cast.acme.id):
        [item] = attention.items(cast.acme, cast.acme_admin, timezone.now())
    assert item.text.startswith("The old token of key Partner ends on ")
    assert "2 requests" in acme.get(at(made, "revocation/")).content.decode()

    push(redis, called | {"APIKey": token_hash(new)})
    page = acme.get(at(made))
    assert (page.context["use"].exact, page.context["unused_ends"]) == ("3 requests", None)
    with scope.org(cast.acme.id):
        assert list(attention.items(cast.acme, cast.acme_admin, timezone.now())) == []
    # A key is found by what any of its tokens is called by.
    for text in (old, new):
        found = acme.get(f"/o/acme/keys/?q={token_hash(text)[:12]}").context["rows"]
        assert [row["key"].id for row in found] == [made.id]
    assert [row["key"].id for row in acme.get("/o/acme/keys/?used=never").context["rows"]] == []


def test_a_key_that_was_never_rotated_costs_no_question_about_it(cast, redis):
    build.key(cast.acme, build.api(cast.acme))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        build.deliver(redis)
    assert [query["sql"] for query in queries if "keys_generation" in query["sql"]] == []
    with scope.org(cast.acme.id), transaction.atomic():
        assert Generation.objects.count() == 0
