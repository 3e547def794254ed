import json

import pytest

from keys.keys.token import token_hash
from keys.models import Generation
from orgs import scope
from tests.keys import build


@pytest.fixture
def acme(cast, rest):
    return rest(cast.acme_admin)


def rotate(client, name, body, **headers):
    return client.post(
        f"/api/keys/{name}/rotate", json.dumps(body), content_type="application/json", headers=headers
    )


def test_rotation_answers_with_the_new_token_once_and_both_name_the_key(cast, acme):
    _, old = build.key(cast.acme, build.api(cast.acme), alias="Partner")
    tag = acme.get(f"/api/keys/{old}").headers["ETag"]
    answer = rotate(acme, old, {"overlap": 3600}, **{"Idempotency-Key": "once", "If-Match": tag})
    new = answer.json()["key_id"]
    assert (answer.status_code, answer.json()["key_hash"]) == (200, token_hash(new))
    again = rotate(acme, new, {"overlap": 3600}, **{"Idempotency-Key": "once"})
    assert (again.status_code, again.json()["Message"]) == (
        409,
        "This request has rotated the key already. The new token was shown once and is not kept.",
    )
    for name in (old, new, token_hash(old), token_hash(new)):
        shown = acme.get(f"/api/keys/{name}")
        assert (shown.status_code, shown.json()["key_hash"]) == (200, token_hash(new))
        assert shown.json()["data"]["meta_data"] == {}
    assert rotate(acme, old, {"overlap": 0}, **{"If-Match": tag}).status_code == 412
    with scope.org(cast.acme.id):
        assert Generation.objects.count() == 1


@pytest.mark.parametrize("overlap", [None, "1", 1.5, True, -1, 30 * 86_400 + 1, 2**40, [], {}], ids=repr)
def test_an_overlap_that_is_none_is_refused_by_name(cast, acme, overlap):
    made, old = build.key(cast.acme)
    answer = rotate(acme, old, {"overlap": overlap})
    assert (answer.status_code, answer.json()["Message"]) == (
        400,
        "overlap: must be a whole number of seconds, from 0 to 2592000",
    )
    assert build.again(made).change_number == 1


def test_nobody_rotates_what_is_not_there_or_not_his(cast, acme, rest):
    made, old = build.key(cast.acme)
    missing = rotate(acme, "f" * 64, {"overlap": 0})
    foreign = rotate(rest(cast.globex_admin), old, {"overlap": 0})
    assert (missing.status_code, foreign.status_code) == (404, 404)
    assert missing.content == foreign.content
    long = rotate(acme, old, {"overlap": 0}, **{"Idempotency-Key": "x" * 256})
    assert (long.status_code, build.again(made).change_number) == (400, 1)


def test_what_one_key_was_rotated_with_says_nothing_of_another(cast, acme):
    tokens = [build.key(cast.acme, build.api(cast.acme, name))[1] for name in ("Orders", "Returns")]
    answers = [rotate(acme, token, {"overlap": 60}, **{"Idempotency-Key": "1"}) for token in tokens]
    assert [answer.status_code for answer in answers] == [200, 200]
