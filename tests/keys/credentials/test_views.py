"""Pages on which somebody says how the holder of a key signs in, and gives a new secret."""

import re
from html import unescape

import bcrypt
import pytest
from django.db import transaction

from apis.models import ApiDefinition
from keys.actions import chunks
from keys.credentials import sealed
from keys.credentials.naming import TAKEN
from keys.keys import token as tokens
from keys.models import Key, KeyPolicy
from orgs import scope
from orgs.http.choosing import digest
from orgs.models import AuditEntry
from tests.keys import build
from tests.keys.keys.test_rest import only_key
from tests.keys.policies import build as policies

NEW = "/o/acme/keys/new/"
ID = "partner-4711-key-of-ours"


@pytest.fixture
def acme(cast, client_for):
    return client_for(cast.acme_admin)


@pytest.fixture
def apis(cast):
    """One API for each way of signing in."""
    return {
        "token": build.api(cast.acme, "Token"),
        "id": build.api(cast.acme, "Id"),
        "basic": build.api(cast.acme, "Basic", use_basic_auth=True),
        "hmac": build.api(cast.acme, "Hmac", enable_signature_checking=True),
        "jwt": build.api(cast.acme, "Jwt", enable_jwt=True, jwt_signing_method="hmac"),
    }


def shown(page):
    """What is shown to be copied, by id."""
    found = re.findall(r'<pre class="code secret" id="([^"]+)"[^>]*>([^<]*)</pre>', page.content.decode())
    return {name: unescape(text) for name, text in found}


def secrets_of(key):
    with scope.org(key.org_id):
        return sealed.of(build.again(key))


@pytest.mark.parametrize(
    "case",
    [
        ("token", {}, ["token", "curl"]),
        ("id", {"key_id": ID}, ["token", "curl"]),
        ("basic", {"user_name": "jonas"}, ["password", "curl"]),
        ("hmac", {}, ["token", "hmac_string", "curl"]),
        ("jwt", {}, ["token", "jwt_secret", "curl"]),
    ],
)
def test_a_key_of_each_kind_is_made_and_what_was_made_is_shown_once(cast, acme, apis, redis, case):
    way, typed, once = case
    sent = {"way": way, "access_rights": apis[way].api_id, "form_token": "a" * 32, **typed}
    page = acme.post(NEW, sent)
    made, values = only_key(cast.acme), shown(page)
    assert (page.status_code, list(values)) == (200, once)
    assert made.credential == ("token" if way == "id" else way)
    held = secrets_of(made)
    if way == "basic":
        assert bcrypt.checkpw(values["password"].encode(), held["basic_auth_data"]["password"].encode())
        assert (held["user_name"], made.alias) == ("jonas", "jonas")
        assert f"--user jonas:{values['password']}" in values["curl"]
    if way == "hmac":
        assert (held, made.session_extra) == ({"hmac_string": values["hmac_string"]}, {"hmac_enabled": True})
    if way == "jwt":
        assert held == {"jwt_data": {"secret": values["jwt_secret"]}}
    if way in ("hmac", "jwt"):
        assert values["token"] in values["curl"]
    if way == "id":
        assert values["token"] == tokens.token_of(cast.acme.id, ID, "sha256")
    # Sent again it makes nothing, and shows nothing again; nor does any other page.
    again = acme.post(NEW, sent)
    pages = [acme.get(again.url), acme.get(f"/o/acme/keys/{made.id}/edit/"), acme.get("/o/acme/keys/")]
    text = "".join(page.content.decode() for page in pages)
    assert (again.status_code, [each in text for each in values.values()]) == (302, [False] * len(values))
    assert ("Signs in with" in text) == (way not in ("token", "id"))
    build.deliver(redis)
    assert build.stored(redis, made)["access_rights"].keys() == {apis[way].api_id}


@pytest.mark.parametrize(
    "case",
    [
        ({"way": "id"}, "key_id", "This is needed."),
        ({"way": "id", "key_id": "short"}, "key_id", "Must have 16 to 100 characters."),
        ({"way": "id", "key_id": "taken-0123456789"}, "key_id", TAKEN),
        ({"way": "basic", "password": "long enough"}, "user_name", "This is needed."),
        ({"way": "basic", "user_name": "a:b:c"}, "user_name", "May consist of"),
        ({"way": "basic", "user_name": "jonas", "password": "short"}, "password", "Must have 8 characters"),
        ({"way": "token", "password": "long enough"}, "password", "Choose “A user name and a password”"),
        ({"user_name": "jonas"}, "user_name", "Choose “A user name and a password”"),
        ({"way": "hmac", "hmac_string": "x" * 1_001}, "hmac_string", "Must not be longer"),
        ({"way": "cookie"}, "way", "Select a valid choice"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_no_secret_is_echoed(cast, acme, apis, case):
    typed, field, says = case
    with scope.org(cast.globex.id), transaction.atomic():
        other = build.api(cast.globex)
        taken, _ = build.key(cast.globex, other)
        Key.objects.filter(id=taken.id).update(short_cache_key=tokens.cache_key("taken-0123456789"))
    page = acme.post(NEW, {"access_rights": apis["basic"].api_id, **typed})
    assert page.status_code == 400
    assert page.context["sign_in"].errors.keys() == {field}
    assert page.context["sign_in"].errors[field][0].startswith(says)
    text = page.content.decode()
    assert [
        typed.get(name, "-") in text for name in ("password", "hmac_string", "key_id") if name in typed
    ] == [False] * len({"password", "hmac_string", "key_id"} & typed.keys())
    with scope.org(cast.acme.id):
        assert Key.objects.count() == 0


def test_a_user_cannot_be_given_an_api_that_takes_the_name_alone(cast, acme, apis):
    gold = policies.policy(cast.acme, apis["token"], name="Gold")
    for chosen in ({"access_rights": apis["token"].api_id}, {"apply_policies": gold.id}):
        page = acme.post(NEW, {"way": "basic", "user_name": "jonas", **chosen})
        [[says]] = page.context["form"].errors.values()
        assert (page.status_code, "whoever knows the name alone could call it" in says) == (400, True)
    with scope.org(cast.acme.id):
        assert Key.objects.count() == 0


@pytest.mark.parametrize(
    ("way", "name"), [("basic", "password"), ("hmac", "hmac_string"), ("jwt", "jwt_secret")]
)
def test_a_new_secret_is_shown_once_and_asked_for_twice_made_once(cast, acme, apis, way, name):
    acme.post(
        NEW, {"way": way, "access_rights": apis[way].api_id, "user_name": "jonas" if way == "basic" else ""}
    )
    made = only_key(cast.acme)
    before = secrets_of(made)
    path = f"/o/acme/keys/{made.id}/secret/"
    assert acme.get(path).status_code == 200
    page = acme.post(path, {"seen": 1, "secret": ""})
    assert list(shown(page)) == [name]
    after = secrets_of(made)
    assert after != before
    assert acme.post(path, {"seen": 1, "secret": ""}).status_code == 302
    assert secrets_of(made) == after
    typed = acme.post(path, {"seen": 2, "secret": "typed by somebody"})
    assert (typed.status_code, shown(typed), "typed by somebody" in typed.content.decode()) == (
        200,
        {},
        False,
    )
    assert acme.post(path, {"secret": "x"}).status_code == 400
    [member] = set(before) - {"user_name"}
    assert [each["new_secrets"] for each in entries(cast.acme, "key.changed")] == [[None, [member]]] * 2


def entries(org, action):
    with scope.org(org.id):
        return list(AuditEntry.objects.filter(kind="key", action=action).values_list("changes", flat=True))


def test_a_new_secret_is_for_keys_that_have_one_and_whoever_may_write_them(cast, acme, apis, client_for):
    token, _ = build.key(cast.acme, apis["token"])
    with scope.org(cast.acme.id):
        acme.post(NEW, {"way": "hmac", "access_rights": apis["hmac"].api_id})
        signed = Key.objects.get(credential="hmac")
    path = f"/o/acme/keys/{signed.id}/secret/"
    reader = client_for(cast.acme_member)
    assert acme.post(f"/o/acme/keys/{token.id}/secret/", {"seen": 1}).status_code == 302
    assert build.again(token).change_number == 1
    assert reader.post(path, {"seen": 1}).status_code == 403
    assert client_for(cast.globex_admin).post(path.replace("acme", "globex"), {"seen": 1}).status_code == 404


def test_a_page_says_which_apis_a_policy_opens_to_whoever_knows_the_name(cast, acme, apis):
    gold = policies.policy(cast.acme, apis["basic"], name="Gold")
    acme.post(NEW, {"way": "basic", "user_name": "jonas", "apply_policies": gold.id})
    made = only_key(cast.acme)
    path = f"/o/acme/keys/{made.id}/"
    assert "Whoever knows the user name" not in acme.get(path).content.decode()
    with scope.org(cast.acme.id):  # before a change of an API was refused for it
        ApiDefinition.objects.filter(id=apis["basic"].id).update(auth="token")
    assert "Whoever knows the user name" in acme.get(path).content.decode()


def test_many_keys_are_given_a_policy_but_users_none_that_opens_something_by_the_name(
    cast, acme, apis, redis
):
    gold = policies.policy(cast.acme, apis["basic"], apis["token"], name="Gold")
    acme.post(NEW, {"way": "basic", "user_name": "jonas", "access_rights": apis["basic"].api_id})
    build.key(cast.acme, apis["token"], alias="token")
    with scope.org(cast.acme.id):
        keys, arguments = Key.objects.all(), {"policy": gold.id}
        seen = digest(chunks.touched(keys, "policy", arguments))
        begun = chunks.begin(cast.acme.id, keys, "policy", arguments, by="test", seen=seen)
    build.deliver(redis)
    with scope.org(cast.acme.id):
        begun.refresh_from_db()
        have = set(KeyPolicy.objects.values_list("key__alias", flat=True))
    assert (have, begun.changed, begun.left) == ({"token"}, 1, 1)
    assert "whoever knows the name alone could call it" in begun.reason
