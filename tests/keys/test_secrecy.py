"""Where a token must not be: made through every door, then looked for in whatever is kept or written."""

import base64
import io
import json
import logging
import os

import psycopg
import pytest
from django.db import connections, transaction

from keys.models import Key
from orgs import scope
from tests.keys import build


def database_text():
    """Every row of every table, as text, read past row-level security."""
    name = connections["default"].settings_dict["NAME"]
    url = os.environ["SCRATCH_SUPERUSER_URL"].replace("/postgres?", f"/{name}?")
    with psycopg.connect(url) as database:
        assert database.info.dbname == name
        tables = database.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        found = []
        for (table,) in tables:
            found += [row[0] for row in database.execute(f"SELECT t::text FROM {table} t")]
    return "\n".join(found)


@pytest.fixture
def log():
    """What the log's own handlers write, filters and all."""
    text = io.StringIO()
    [console] = [each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler]
    old = console.setStream(text)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    yield text
    logging.getLogger().setLevel(level)
    console.setStream(old)


@pytest.fixture
def doors(committed, cast, client_for, rest):
    return client_for(cast.acme_admin), rest(cast.acme_admin)


def test_a_token_is_nowhere_after_it_was_shown(doors, cast, redis, log):
    orders = build.api(cast.acme)
    admin, program = doors
    posted = admin.post("/o/acme/keys/new/", {"alias": "canary", "access_rights": orders.api_id})
    shown = posted.content.decode().split('id="token"')[1].split(">")[1].split("<")[0]
    created = program.post(
        "/api/keys", '{"all_apis":true,"alias":"canary"}', content_type="text/plain"
    ).json()
    unknown = "eyJvcmciOiJ1bmtub3duIiwiaWQiOiJ1bmtub3duIiwiaCI6InNoYTI1NiJ9"
    for token in (created["key_id"], shown, unknown):
        program.get(f"/api/keys/{token}")
        program.put(f"/api/keys/{token}", "{}", content_type="text/plain")
        program.get(f"/api/apis/zzzz/keys/{token}")
        program.delete(f"/api/keys/{token}")
        program.get(f"/api/keys/{token}")
    build.deliver(redis)
    kept, written = database_text(), log.getvalue()
    in_redis = "\n".join(f"{name} {redis.get(name)}" for name in redis.scan_iter())
    assert ("canary" in kept, "(token)" in written, len(shown)) == (True, True, 116)
    for token in (shown, created["key_id"]):
        random_id = json.loads(base64.b64decode(token))["id"]
        for secret in (token, token.encode().hex(), token[60:90], random_id):
            assert [secret in text for text in (kept, written, in_redis)] == [False] * 3
    assert unknown not in written


def test_the_hash_of_a_key_is_not_in_the_log(doors, cast, redis, log):
    admin, program = doors
    made, _ = build.key(cast.acme, build.api(cast.acme), alias="canary")
    for path in (f"/api/keys/{made.token_hash}", f"/api/apis/zzzz/keys/{made.token_hash}"):
        program.get(path)
        program.put(path, "{}", content_type="text/plain")
    build.deliver(redis)
    admin.post(f"/o/acme/keys/{made.id}/suspension/", {"suspended": "true", "seen": 1})
    build.deliver(redis)
    program.delete(f"/api/keys/{made.token_hash}")
    program.get(f"/api/keys/{made.token_hash}")
    build.deliver(redis)
    written = log.getvalue()
    assert (f"Not Found: /api/keys/{made.hint}…" in written, made.token_hash in written) == (True, False)


def test_the_search_finds_a_token_that_is_there(committed, cast):
    """Or the test above would prove nothing."""
    made, text = build.key(cast.acme, alias="leaky")
    with scope.org(cast.acme.id), transaction.atomic():
        Key.objects.filter(id=made.id).update(meta_data={"note": text})
    assert text in database_text()


def test_ids_that_somebody_chose_and_secrets_are_nowhere_in_clear(doors, cast, redis, log):
    guarded = build.api(cast.acme, use_basic_auth=True)
    _, program = doors
    chosen, password = "chosen-canary-0001", "canary password 0002"
    signing, signed = "canary-signing-0003", "canary-jwt-0004"
    rights = {"access_rights": {guarded.api_id: {}}}
    made = [
        program.post(path, json.dumps(rights | members), content_type="application/json").json()
        for path, members in (
            (f"/api/keys/{chosen}", {}),
            ("/api/apis/keys/basic/canary-user", {"basic_auth_data": {"password": password}}),
            ("/api/keys", {"hmac_enabled": True, "hmac_string": signing}),
            ("/api/keys", {"jwt_data": {"secret": signed}}),
        )
    ]
    build.deliver(redis)
    answers = ["".join(map(json.dumps, made[1:]))]
    for path in (f"/api/keys/{chosen}", "/api/keys/canary-user?username=true", "/api/keys/detailed"):
        answers.append(program.get(path).content.decode())
    for path in ("/api/keys/canary-user", f"/api/keys/{chosen}"):
        answers.append(
            program.put(path, '{"basic_auth_data": 7}', content_type="application/json").content.decode()
        )
        program.delete(f"{path}?x={chosen}")
        program.get(path)
    build.deliver(redis)
    in_redis = "\n".join(f"{name} {redis.get(name)}" for name in redis.scan_iter())
    kept = database_text()
    assert ("canary-user" in kept, "(key)" in log.getvalue()) == (True, True)
    for secret in (chosen, password, signing, signed):
        for form in (secret, secret.encode().hex()):
            places = (kept, log.getvalue(), "".join(answers))
            assert [form in text for text in places] == [False] * 3, secret
    assert [secret in in_redis for secret in (chosen, password)] == [False, False]


def test_djangos_admin_shows_no_secret_and_no_name_by_which_gateways_know_a_key(cast, rest, client_for):
    guarded = build.api(cast.acme, use_basic_auth=True)
    sent = {"access_rights": {guarded.api_id: {}}, "hmac_enabled": True, "hmac_string": "canary-signing"}
    sent["meta_data"] = {"upstream": "canary-upstream"}
    rest(cast.acme_admin).post(
        "/api/keys/canary-0123456789", json.dumps(sent), content_type="application/json"
    )
    with scope.org(cast.acme.id):
        key = Key.objects.get()
    page = client_for(cast.super_user).get(f"/django-admin/keys/key/{key.pk}/change/", follow=True)
    text = page.content.decode()
    hidden = (
        "canary-",
        key.token_hash,
        key.cache_key,
        key.short_cache_key,
        bytes(key.sealed_secrets).hex(),
        "ealed secret",
    )
    assert (page.status_code, key.hint in text) == (200, True)
    assert [each in text for each in hidden] == [False] * len(hidden)
