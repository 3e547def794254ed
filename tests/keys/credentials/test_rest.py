"""Keys with an id of their own, users, and secrets, by REST: to Redis and back."""

import base64
import json

import bcrypt
import pytest
from django.db import transaction
from django.test import override_settings

from apis.publishing import publish
from keys.credentials import sealed
from keys.credentials.naming import FOUND, TAKEN, IdTaken
from keys.keys import lifecycle
from keys.keys import token as tokens
from keys.keys.session import Right
from keys.models import Key
from orgs import scope
from orgs.models import Organisation
from tests.concurrency import second_of_two
from tests.keys import build
from tests.keys.adoption import build as sessions
from tests.keys.keys.test_rest import body, error, only_key, rows, send

ID = "partner-4711-key-of-ours"
PASSWORD = "correct horse 9"


@pytest.fixture
def acme(cast, rest):
    return rest(cast.acme_admin)


@pytest.fixture
def orders(cast):
    return build.api(cast.acme, "Orders")


@pytest.fixture
def guarded(cast):
    """An API that asks for a user name and a password."""
    return build.api(cast.acme, "Guarded", use_basic_auth=True)


def user(api, **members):
    return body(api, **{"basic_auth_data": {"password": PASSWORD}, "alias": "", **members})


def test_a_key_of_a_chosen_id_lies_where_gateways_look_for_it(cast, acme, orders, redis):
    answer = send(acme, "post", f"/api/keys/{ID}", body(orders))
    token = tokens.token_of(cast.acme.id, ID, "sha256")
    assert (answer.status_code, answer.json()["key_id"]) == (200, token)
    made = only_key(cast.acme)
    assert (made.token_hash, made.cache_key, made.short_cache_key, made.credential) == (
        tokens.token_hash(token),
        tokens.cache_key(token),
        tokens.cache_key(ID),
        "token",
    )
    build.deliver(redis)
    assert build.stored(redis, made)["access_rights"].keys() == {orders.api_id}


@pytest.mark.parametrize(
    ("function", "digits"), [("legacy", 8), ("murmur32", 8), ("murmur64", 16), ("murmur128", 32)]
)
def test_it_lies_under_the_hash_that_gateways_are_set_to(cast, acme, orders, function, digits):
    with override_settings(GATEWAY_HASH_KEY_FUNCTION=function):
        token = send(acme, "post", f"/api/keys/{ID}", body(orders)).json()["key_id"]
        assert acme.get(f"/api/keys/{ID}").status_code == 200
    made = only_key(cast.acme)
    assert token == tokens.token_of(cast.acme.id, ID, function)
    assert (made.token_hash, len(made.token_hash)) == (tokens.hashed(token, function), digits)


def test_it_is_found_changed_and_revoked_by_each_of_its_names_in_its_organisation_alone(
    cast, acme, rest, orders
):
    token = send(acme, "post", f"/api/keys/{ID}", body(orders)).json()["key_id"]
    hashed = tokens.token_hash(token)
    names = (ID, token, hashed, f"{ID}?username=true", f"{hashed}?hashed=1", f"{hashed}?auto_guess=1")
    assert [acme.get(f"/api/keys/{name}").json()["key_hash"] for name in names] == [hashed] * 6
    assert acme.get(f"/api/apis/{orders.api_id}/keys/{ID}").status_code == 200
    assert [
        acme.get(f"/api/keys/{name}").status_code for name in (f"{ID}?hashed=1", f"{hashed}?username=true")
    ] == [
        404,
        404,
    ]
    assert send(acme, "put", f"/api/keys/{ID}", body(orders, alias="new")).json()["data"]["alias"] == "new"
    stranger = rest(cast.globex_admin)
    assert [stranger.get(f"/api/keys/{name}").status_code for name in names] == [404] * 6
    assert [stranger.delete(f"/api/keys/{name}").status_code for name in names] == [404] * 6
    assert rest(cast.super_user).get(f"/api/keys/{ID}").json()["key_hash"] == hashed
    assert acme.delete(f"/api/keys/{ID}").status_code == 200
    assert acme.get(f"/api/keys/{ID}").status_code == 404


def test_an_id_is_one_of_its_kind_over_all_organisations_until_its_key_is_revoked(
    cast, acme, rest, orders, redis
):
    """Gateways keep a session by what was presented, whatever organisation asks (gateway.md d.1)."""
    other = build.api(cast.globex, "Other")
    globex = rest(cast.globex_admin)
    send(acme, "post", f"/api/keys/{ID}", body(orders))
    refused = send(globex, "post", f"/api/keys/{ID}", body(other))
    assert error(refused) == (409, f"key_id: {TAKEN}")
    assert error(send(acme, "post", f"/api/keys/{ID}", body(orders))) == (409, f"key_id: {TAKEN}")
    assert rows(Key) == [1]
    acme.delete(f"/api/keys/{ID}")
    assert send(globex, "post", f"/api/keys/{ID}", body(other)).status_code == 200
    assert error(send(acme, "post", f"/api/keys/{ID}", body(orders))) == (409, f"key_id: {TAKEN}")


def test_of_two_that_claim_an_id_at_once_one_gets_it(committed, cast):
    orders, other = build.api(cast.acme), build.api(cast.globex)
    answer = second_of_two(cast.acme.id, lambda: claim(cast.acme, orders), lambda: claim(cast.globex, other))
    assert (type(answer), rows(Key)) == (IdTaken, [1])


@pytest.mark.parametrize(
    ("lies", "function"),
    [
        ("by its hash", "sha256"),
        ("by its token", "murmur64"),
        ("by its id", "murmur64"),
        ("by a hash of its id", "sha256"),
    ],
)
def test_the_id_of_a_session_that_others_made_is_nobodys_until_it_is_taken_over_or_ended(
    cast, rest, orders, redis, *, settings, lies, function
):
    """Written anew, what it opens would be lost; answered to another organisation, it would open that one's."""
    settings.GATEWAY_HASH_KEY_FUNCTION = function
    acme, globex = rest(cast.acme_admin), rest(cast.globex_admin)
    token = tokens.token_of(cast.globex.id, ID, function)
    names = {"by its hash": tokens.token_hash(token), "by its token": token, "by its id": ID}
    other = build.api(cast.globex, "Other")
    sessions.write(redis, cast.globex, other, name=names.get(lies, tokens.token_hash(ID)))
    before = {name: redis.get(name) for name in redis.keys("apikey-*")}
    sessions.find(redis)
    refused = [
        error(send(acme, "post", f"/api/keys/{ID}", body(orders))),
        error(send(globex, "post", f"/api/keys/{ID}", body(other))),
    ]
    assert refused == [(409, f"key_id: {TAKEN}"), (400, f"key_id: {FOUND}")]
    build.deliver(redis)
    assert (rows(Key), {name: redis.get(name) for name in redis.keys("apikey-*")}) == ([0], before)
    redis.flushdb()
    sessions.find(redis)
    assert send(acme, "post", f"/api/keys/{ID}", body(orders)).status_code == 200


def claim(org, api):
    with scope.org(org.id):
        spec = lifecycle.KeySpec(rights=(Right(api.api_id),))
        return lifecycle.create(org.id, spec, created_by="test", key_id=ID)


def test_the_id_of_a_key_that_was_taken_over_is_nobodys_either(cast, rest, orders):
    """Of such a key only the name of its session is known."""
    hashed = tokens.token_hash(tokens.token_of(cast.acme.id, ID, "sha256"))
    with scope.org(cast.acme.id), transaction.atomic():
        spec = lifecycle.KeySpec(rights=(Right(orders.api_id),))
        secrets = {"basic_auth_data": {"password": "plain", "hash_type": ""}}
        lifecycle.adopt(cast.acme.id, spec, token_hash=hashed, secrets={}, created_by="test")
        assert (
            sealed.changed(secrets, {"password": "another one"})["basic_auth_data"]["hash_type"] == "bcrypt"
        )
    other = build.api(cast.globex)
    answer = send(rest(cast.globex_admin), "post", f"/api/keys/{ID}", body(other))
    assert error(answer) == (409, f"key_id: {TAKEN}")


def test_an_id_is_used_again_after_its_key_was_revoked_and_the_old_one_does_not_end_the_new(
    cast, acme, orders, redis
):
    send(acme, "post", f"/api/keys/{ID}", body(orders, alias="old"))
    build.deliver(redis)
    acme.delete(f"/api/keys/{ID}")
    assert send(acme, "post", f"/api/keys/{ID}", body(orders, alias="new")).status_code == 200
    build.deliver(redis)
    build.sweep(redis)
    with scope.org(cast.acme.id):
        new = Key.objects.get(revoked_at=None)
    assert build.stored(redis, new)["alias"] == "new"
    assert acme.get(f"/api/keys/{ID}").json()["data"]["alias"] == "new"


def test_ids_that_must_not_be_are_refused_and_nothing_is_stored(cast, acme, orders):
    foreign = tokens.token_of(cast.globex.id, ID, "sha256")
    altered = base64.b64encode(json.dumps({"org": cast.acme.id, "id": ID, "h": "sha256"}).encode()).decode()
    unfit = ("with%20blank-and-more", 'quoted"org":"x"-----', "ümlaut-ümlaut-ümlaut", "a:b-c-d-e-f-g-h-i-j-k")
    others = ("short", "x" * 101, altered, foreign, f"{cast.globex.id}partner-1")
    answers = {
        name: error(send(acme, "post", f"/api/keys/{name}", body(orders))) for name in (*unfit, *others)
    }
    assert answers == {
        "short": (400, "key_id: Must have 16 to 100 characters."),
        "x" * 101: (400, "key_id: Must have 16 to 100 characters."),
        **dict.fromkeys(
            unfit,
            (
                400,
                "key_id: May consist of letters and digits of ASCII, and of . _ ~ @ + = - after the first.",
            ),
        ),
        altered: (400, "key_id: This is a word of the address, or the beginning of a token. Choose another."),
        foreign: (409, f"key_id: {TAKEN}"),
        f"{cast.globex.id}partner-1": (409, f"key_id: {TAKEN}"),
    }
    assert rows(Key) == [0]


def test_whole_tokens_of_the_organisation_and_shorter_ids_where_it_allows_them_are_taken(cast, acme, orders):
    Organisation.everyone.filter(id=cast.acme.id).update(min_key_id_length=6)
    whole = tokens.token_of(cast.acme.id, "from-elsewhere-0001", "murmur64")
    assert send(acme, "post", f"/api/keys/{whole}", body(orders)).json()["key_id"] == whole
    legacy = send(acme, "post", f"/api/keys/{cast.acme.id}legacy-1", body(orders)).json()["key_id"]
    assert legacy == tokens.token_of(cast.acme.id, "legacy-1", "sha256")
    with scope.org(cast.acme.id):
        kept = dict(Key.objects.values_list("token_hash", "short_cache_key"))
    # Gateways that hash by sha256 make another token of the first one's id, which opens nothing.
    assert kept == {
        tokens.hashed(whole, "murmur64"): "",
        tokens.token_hash(legacy): tokens.cache_key("legacy-1"),
    }
    assert [acme.get(f"/api/keys/{name}").status_code for name in (whole, legacy, "legacy-1")] == [200] * 3


def test_a_user_is_delivered_with_a_hash_that_gateways_compare_with_and_read_without(
    cast, acme, guarded, redis
):
    answer = send(acme, "post", "/api/apis/keys/basic/jonas", user(guarded)).json()
    assert answer["key_id"] == tokens.token_of(cast.acme.id, "jonas", "sha256")
    made = only_key(cast.acme)
    assert (made.credential, made.alias, made.short_cache_key) == (
        "basic",
        "jonas",
        tokens.cache_key("jonas"),
    )
    build.deliver(redis)
    data = build.stored(redis, made)["basic_auth_data"]
    assert (data["hash_type"], bcrypt.checkpw(PASSWORD.encode(), data["password"].encode())) == (
        "bcrypt",
        True,
    )
    blank = {"password": "", "hash_type": "bcrypt"}
    read = acme.get("/api/keys/jonas?username=true").json()["data"]
    assert (answer["data"]["basic_auth_data"], read["basic_auth_data"]) == (blank, blank)
    # As it was read it is put back, and so is the same password: both change nothing.
    for put in (read, read | {"basic_auth_data": {"password": PASSWORD}}):
        assert send(acme, "put", "/api/keys/jonas?suppress_reset=1", put).status_code == 200
    assert (build.again(made).change_number, build.sweep(redis)) == (1, (1, 0, 0))
    send(acme, "put", "/api/keys/jonas", read | {"basic_auth_data": {"password": "another one 7"}})
    build.deliver(redis)
    new = build.stored(redis, made)["basic_auth_data"]["password"].encode()
    assert [bcrypt.checkpw(each, new) for each in (b"another one 7", PASSWORD.encode())] == [True, False]
    assert build.changes(cast.acme, "key.changed") == {"new_secrets": [None, ["basic_auth_data"]]}


def test_a_user_opens_no_api_that_does_not_ask_for_the_password(cast, acme, guarded, orders, redis):
    """A gateway takes a user's name for a token, without the password, where an API asks for one (seen)."""
    says = "does not ask for a user name and a password: whoever knows the name alone could call it."
    for api in (orders, build.api(cast.acme, "Signed", enable_jwt=True)):
        status, message = error(send(acme, "post", "/api/apis/keys/basic/jonas", user(api)))
        assert (status, says in message, rows(Key)) == (400, True, [0])
    send(acme, "post", "/api/apis/keys/basic/jonas", user(guarded, access_rights={}, all_apis=True))
    made = only_key(cast.acme)
    build.deliver(redis)
    assert build.stored(redis, made)["access_rights"].keys() == {guarded.api_id}


@pytest.mark.parametrize("members", [{"all_apis": True, "access_rights": {}}, {}])
def test_an_api_that_asks_for_a_password_no_longer_is_taken_from_users(cast, acme, guarded, redis, members):
    other = build.api(cast.acme, "Other", use_basic_auth=True)
    both = {"access_rights": {guarded.api_id: {}, other.api_id: {}}} | members
    send(acme, "post", "/api/apis/keys/basic/jonas", user(guarded, **both))
    made = only_key(cast.acme)
    build.deliver(redis)
    for asks, opened in ((False, {other.api_id}), (True, {guarded.api_id, other.api_id})):
        with scope.org(cast.acme.id):
            api = type(guarded).objects.get(id=guarded.id)
            publish.change(api, api.definition | {"use_basic_auth": asks}, author=None)
        assert not build.is_delivered(made)
        build.deliver(redis)
        assert build.stored(redis, made)["access_rights"].keys() == opened


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"hmac_enabled": True, "hmac_string": "s3cret of theirs"}, "hmac_string"),
        ({"jwt_data": {"secret": "s3cret of theirs"}}, "jwt_data"),
    ],
)
def test_secrets_are_kept_delivered_read_blank_and_changed(cast, acme, redis, members, name):
    orders = build.api(cast.acme)
    answer = send(acme, "post", "/api/keys", body(orders, **members)).json()
    made = only_key(cast.acme)
    assert made.credential == name[:4].removesuffix("_")
    build.deliver(redis)
    assert build.stored(redis, made)[name] == members[name]
    read = acme.get(f"/api/keys/{made.token_hash}").json()["data"]
    for shown in (answer["data"], read):
        assert "s3cret" not in json.dumps(shown)
    send(acme, "put", f"/api/keys/{made.token_hash}?suppress_reset=1", read)
    assert build.again(made).change_number == 1
    other = json.loads(json.dumps(members).replace("theirs", "others"))
    send(acme, "put", f"/api/keys/{made.token_hash}", read | other)
    build.deliver(redis)
    assert build.stored(redis, made)[name] == other[name]
    assert build.sweep(redis) == (1, 0, 0)


def test_a_signing_secret_is_made_where_none_is_given_and_shown_once(cast, acme, orders, redis):
    answer = send(acme, "post", "/api/keys", body(orders, hmac_enabled=True)).json()
    secret = answer["data"]["hmac_string"]
    made = only_key(cast.acme)
    build.deliver(redis)
    assert (len(base64.b64decode(secret)), build.stored(redis, made)["hmac_string"]) == (32, secret)
    assert acme.get(f"/api/keys/{made.token_hash}").json()["data"]["hmac_string"] == ""


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({}, "basic_auth_data.password: A user needs one."),
        ({"basic_auth_data": "x"}, "basic_auth_data: Must be an object."),
        ({"basic_auth_data": {"password": 12345678}}, "basic_auth_data.password: Must be a string."),
        (
            {"basic_auth_data": {"password": "short"}},
            "basic_auth_data.password: Must have 8 characters at least, and 72 bytes at most.",
        ),
        (
            {"basic_auth_data": {"password": "ü" * 37}},
            "basic_auth_data.password: Must have 8 characters at least, and 72 bytes at most.",
        ),
        (
            {"basic_auth_data": {"password": "with:colon"}},
            "basic_auth_data.password: Must not hold a colon, at which gateways cut it.",
        ),
        ({"hmac_string": ["x"]}, "hmac_string: Must be a string."),
        (
            {"jwt_data": {"secret": "x" * 10_001}},
            "jwt_data.secret: Must not be longer than 10000 characters.",
        ),
    ],
)
def test_secrets_that_must_not_be_are_refused_by_member(acme, guarded, members, says):
    answer = send(acme, "post", "/api/apis/keys/basic/jonas", body(guarded, **members))
    assert (error(answer), rows(Key)) == ((400, says), [0])


def test_secrets_that_cannot_be_read_any_more_close_the_key_and_say_so(cast, acme, guarded, redis, caplog):
    send(acme, "post", "/api/apis/keys/basic/jonas", user(guarded))
    made = only_key(cast.acme)
    build.deliver(redis)
    with override_settings(SEALING_KEY="k" * 40):
        assert build.sweep(redis) == (1, 0, 1)
        # Without its password the session would let everybody in with an empty one (seen).
        assert build.stored(redis, made) is None
        status, message = error(send(acme, "put", "/api/keys/jonas", user(guarded)))
        assert (status, "SEALING_KEY" in message, made.id in caplog.text) == (403, True, True)
        with scope.org(cast.acme.id), transaction.atomic():
            lifecycle.set_suspended(made, True)
    build.deliver(redis)
    assert build.stored(redis, made)["is_inactive"] is True
