"""The pages of an organisation's OAuth clients."""

import re

import pytest

from keys.models import OAuthClient
from keys.oauth import lifecycle
from orgs import scope
from orgs.models import User
from tests.keys.build import deliver
from tests.keys.oauth import build
from tests.keys.policies.build import policy

LIST = "/o/acme/oauth/"


@pytest.fixture
def ada(cast, client_for):
    return client_for(cast.acme_admin)


@pytest.fixture
def protected(cast):
    return build.api(cast.acme)


@pytest.fixture
def gold(cast, protected):
    return policy(cast.acme, protected)


@pytest.fixture
def shop(cast, protected, gold):
    return build.client(
        cast.acme, protected, gold, client_id="shop", secret="s3cret", description="Our shop"
    )[0]


def text(answer):
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", answer.content.decode()))


def form_of(api, policy, **more):
    return {"api_id": api.api_id, "policy_id": policy.id, "redirect_uri": build.URI, **more}


def one():
    with scope.every_org():
        return OAuthClient.objects.get()


def test_a_secret_is_shown_once_in_the_answer_to_the_form(cast, ada, protected, gold):
    page = ada.get(LIST + "new/")
    token = re.search(r'name="form_token" value="(\w+)"', page.content.decode())[1]
    sent = form_of(protected, gold, form_token=token, client_id="shop", meta_data='{"a": 1}')
    made = ada.post(LIST + "new/", sent)
    secret = lifecycle.secret_of(one())
    assert (made.status_code, secret in made.content.decode()) == (200, True)
    assert (one().client_id, one().meta_data, one().created_by) == ("shop", {"a": 1}, cast.acme_admin.email)
    again = ada.post(LIST + "new/", sent)
    assert (again.status_code, again.url) == (302, f"{LIST}{one().id}/")
    for address in (
        LIST,
        f"{LIST}{one().id}/",
        f"{LIST}{one().id}/edit/",
        f"{LIST}?format=csv",
        "/o/acme/audit/",
    ):
        answer = ada.get(address)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert (answer.status_code, secret.encode() in content) == (200, False), address


def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_stored(cast, ada, protected, gold):
    foreign = build.api(cast.globex, "Theirs")
    their_gold = policy(cast.globex, foreign, name="Their gold")
    for wrong, words in (
        ({"api_id": "nowhere"}, "There is no API 'nowhere' in this organisation."),
        ({"api_id": foreign.api_id}, f"There is no API '{foreign.api_id}' in this organisation."),
        ({"api_id": ""}, "This field is required."),
        ({"policy_id": their_gold.id}, f"There is no policy '{their_gold.id}' in this organisation."),
        ({"policy_id": "0" * 24}, f"There is no policy '{'0' * 24}' in this organisation."),
        ({"redirect_uri": "/back"}, "Must be an absolute address"),
        ({"client_id": "a b"}, "Must be letters, digits"),
        ({"meta_data": "[]"}, "Must be an object."),
        ({"meta_data": '{"policies": []}'}, "policies: must be left out"),
    ):
        answer = ada.post(LIST + "new/", form_of(protected, gold, **wrong))
        assert answer.status_code == 400
        assert words in text(answer).replace("&#x27;", "'")
    with scope.every_org():
        assert not OAuthClient.objects.exists()
    ada.post(LIST + "new/", form_of(protected, gold, client_id="shop"))
    twice = ada.post(LIST + "new/", form_of(protected, gold, client_id="shop"))
    assert (twice.status_code, "This API has a client of this ID already." in text(twice)) == (400, True)


def test_the_list_finds_by_part_api_and_state(cast, ada, protected, gold, shop):
    other = build.api(cast.acme, "Other")
    gone, _ = build.client(cast.acme, other, gold, client_id="kiosk")
    with scope.org(cast.acme.id):
        lifecycle.delete(gone)
    names = {
        asked: sorted(
            {name for name in ("shop", "kiosk") if f">{name}</a>" in ada.get(LIST + asked).content.decode()}
        )
        for asked in (
            "",
            "?q=our",
            "?q=nothing",
            "?state=deleted",
            "?state=suspended",
            f"?api={protected.api_id}",
        )
    }
    assert names == {
        "": ["shop"],
        "?q=our": ["shop"],
        "?q=nothing": [],
        "?state=deleted": ["kiosk"],
        "?state=suspended": [],
        f"?api={protected.api_id}": ["shop"],
    }
    assert ada.get(LIST + "?state=odd").status_code == 400
    rows = b"".join(ada.get(LIST + "?format=csv").streaming_content).decode().splitlines()
    assert [row.split(",")[1] for row in rows[:2]] == ["client id", "shop"]


def test_a_client_is_edited_and_who_was_slower_is_told(cast, ada, protected, gold, shop):
    edit = f"{LIST}{shop.id}/edit/"
    sent = {"policy_id": gold.id, "redirect_uri": build.URI, "description": "Kiosk", "seen": 1}
    assert ada.post(edit, sent).status_code == 302
    assert (one().description, lifecycle.secret_of(one())) == ("Kiosk", "s3cret")
    slower = ada.post(edit, sent | {"description": "Stall"})
    assert (slower.status_code, 'value="Stall"' in slower.content.decode()) == (409, True)
    assert ada.post(edit, sent | {"description": "Stall", "seen": 2}).status_code == 302
    assert ada.post(edit, {**sent, "seen": ""}).status_code == 400


def test_another_policy_is_agreed_to_first_since_it_ends_the_tokens(cast, ada, protected, shop, redis):
    silver, bronze = (policy(cast.acme, protected, name=name) for name in ("Silver", "Bronze"))
    foreign = policy(cast.globex, build.api(cast.globex, "Theirs"), name="Their gold")
    deliver(redis)
    build.give(redis, shop)
    edit, former = f"{LIST}{shop.id}/edit/", shop.policy_id
    sent = {"policy_id": silver.id, "redirect_uri": build.URI, "description": "Kiosk", "seen": 1}
    for agreed in ({}, {"agreed": bronze.id}, {"agreed": "x"}):
        asked = ada.post(edit, sent | agreed)
        assert (asked.status_code, one().policy_id, one().change_number) == (200, former, 1)
        assert f'name="agreed" value="{silver.id}"' in asked.content.decode()
        assert 'value="Kiosk"' in asked.content.decode()
        assert "1 token that has not expired ends with it" in text(asked)
    answer = ada.post(edit, sent | {"policy_id": foreign.id, "agreed": foreign.id})
    assert (answer.status_code, b"There is no policy" in answer.content) == (400, True)
    assert ada.post(edit, sent | {"policy_id": foreign.id}).status_code == 400
    assert ada.post(edit, sent | {"agreed": silver.id}).status_code == 302
    assert (one().policy_id, one().description) == (silver.id, "Kiosk")
    deliver(redis)
    assert "None at present" in text(ada.get(f"{LIST}{shop.id}/"))


def test_another_secret_is_shown_once(cast, ada, shop):
    answer = ada.post(f"{LIST}{shop.id}/secret/", {"seen": 1})
    secret = lifecycle.secret_of(one())
    assert (answer.status_code, secret != "s3cret", secret in answer.content.decode()) == (200, True, True)
    assert ada.post(f"{LIST}{shop.id}/secret/", {"seen": 1}).status_code == 409


def test_tokens_are_shown_by_their_hashes_and_revoked(cast, ada, shop, redis):
    deliver(redis)
    first, second = (build.give(redis, shop, token, f"r {token}") for token in ("one", "two"))
    shown = text(ada.get(f"{LIST}{shop.id}/"))
    assert first in shown and second in shown and "2 tokens that have not expired" in shown
    ada.post(f"{LIST}{shop.id}/tokens/", {"token": first})
    deliver(redis)
    assert "1 token that has not expired" in text(ada.get(f"{LIST}{shop.id}/"))
    for page in ("deletion/", "tokens/"):
        assert "1 token that has not expired ends with it" in text(ada.get(f"{LIST}{shop.id}/{page}"))
    ada.post(f"{LIST}{shop.id}/tokens/")
    deliver(redis)
    assert "None at present" in text(ada.get(f"{LIST}{shop.id}/"))
    assert ada.post(f"{LIST}{shop.id}/tokens/", {"token": "no hash"}).status_code == 400


def test_pages_say_that_redis_is_away(cast, ada, shop, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    for page in ("", "deletion/", "tokens/"):
        answer = ada.get(f"{LIST}{shop.id}/{page}")
        assert (answer.status_code, "not known at the moment" in text(answer).lower()) == (200, True)


def test_a_client_is_suspended_resumed_and_deleted(cast, ada, shop):
    assert ada.post(f"{LIST}{shop.id}/suspension/", {"suspended": "true", "seen": 1}).status_code == 302
    assert one().state == "suspended"
    assert ada.post(f"{LIST}{shop.id}/suspension/", {"suspended": "false", "seen": 1}).status_code == 409
    ada.post(f"{LIST}{shop.id}/suspension/", {"suspended": "false", "seen": 2})
    assert ada.post(f"{LIST}{shop.id}/deletion/", {"seen": 1}).status_code == 409
    assert ada.post(f"{LIST}{shop.id}/deletion/", {"seen": 3}).url == LIST
    assert one().state == "deleted"
    assert "deleted" in text(ada.get(f"{LIST}{shop.id}/"))
    for page in ("edit/", "deletion/", "tokens/"):
        assert ada.get(f"{LIST}{shop.id}/{page}").status_code == 404


def test_who_may_only_read_sees_no_button(cast, client_for, shop):
    User.everyone.filter(pk=cast.acme_member.pk).update(permissions={"oauth": "read"})
    max_ = client_for(User.everyone.get(pk=cast.acme_member.pk))
    page = max_.get(f"{LIST}{shop.id}/")
    assert page.status_code == 200
    main = page.content.decode().partition("<main")[2].partition("</main>")[0]
    assert "<form" not in main and "You may read this but not change it." in text(page)
    for page in ("edit/", "deletion/", "tokens/"):
        assert max_.get(f"{LIST}{shop.id}/{page}").status_code == 403


def test_a_policy_says_which_clients_keep_it(cast, ada, gold, shop):
    page = text(ada.get(f"/o/acme/policies/{gold.id}/deletion/"))
    assert "It cannot be deleted as long as 1 OAuth client has it" in page
    assert ada.post(f"/o/acme/policies/{gold.id}/deletion/", {"started_from": 1}).status_code == 409


def test_a_policy_that_does_not_open_the_api_is_said(cast, ada, protected, gold):
    other = build.api(cast.acme, "Other")
    made, _ = build.client(cast.acme, other, gold)
    assert "Its policy does not open its API" in text(ada.get(f"{LIST}{made.id}/"))
