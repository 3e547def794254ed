from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apis.gateways import outbox
from apis.models import Outbox
from keys.keys import lifecycle as keys
from keys.keys.delivery import ENDING
from keys.keys.token import token_hash
from keys.models import Generation, Key
from keys.rotation import counters, lifecycle
from keys.rotation.places import of_hashes
from orgs import scope
from tests.keys import build

DAY = timedelta(days=1)


def session(redis, text):
    return build.stored(redis, Key(token_hash=token_hash(text)))


def rotate(made, overlap=DAY, **named):
    return build.inside(made.org, lifecycle.rotate, made, overlap, **named)


def pass_time(made, **columns):
    """As if the old tokens had been meant to end earlier."""
    with scope.org(made.org_id):
        Generation.objects.update(**columns)
        Outbox.objects.filter(kind=ENDING).update(due_at=timezone.now())


@pytest.fixture
def made(cast, redis):
    """(key, token) of a key with a quota, delivered."""
    key, text = build.key(
        cast.acme, build.api(cast.acme), rate=5, per=1, quota_max=100, quota_renewal_rate=600
    )
    build.deliver(redis)
    return key, text


def test_old_and_new_open_the_same_and_count_under_one_name_until_the_old_one_ends(made, redis):
    key, old = made
    redis.set(f"quota-{key.token_hash}", 40, ex=300)
    before = session(redis, old)
    rotated, new = rotate(key)
    build.deliver(redis)
    name = f"{key.org_id}-{key.id}-2"
    with scope.org(key.org_id):
        ends = int(Generation.objects.get().ends_at.timestamp())
    shared = before | {
        "meta_data": {"rate_limit_pattern": name},
        "last_updated": session(redis, new)["last_updated"],
    }
    assert (session(redis, new), session(redis, old)) == (shared, shared | {"expires": ends})
    # What was counted goes along, and the new one begins with it where gateways count it by itself.
    counted = {text: int(redis.get(text)) for text in (f"quota-{name}", f"quota-{token_hash(new)}")}
    assert counted == {f"quota-{name}": 40, f"quota-{token_hash(new)}": 40}
    assert 0 < redis.ttl(f"quota-{name}") <= 300
    # Delivered once more, nothing is carried twice.
    redis.set(f"quota-{name}", 41, keepttl=True)
    redis.delete(f"quota-{token_hash(new)}")
    build.inside(key.org, outbox.add, "key", key.id, org_id=key.org_id)
    build.deliver(redis)
    assert (redis.get(f"quota-{name}"), redis.get(f"quota-{token_hash(new)}")) == (b"41", None)

    pass_time(key, ends_at=timezone.now())
    build.deliver(redis)
    assert (session(redis, old), session(redis, new)) == (None, shared)
    assert redis.get(f"quota-{name}") == b"41"
    assert build.is_delivered(rotated)


def test_a_token_that_is_ended_at_once_takes_no_allowance_along(made, redis):
    key, old = made
    redis.set(f"quota-{key.token_hash}", 40, ex=300)
    rotated, new = rotate(key, timedelta(0))
    build.deliver(redis)
    assert session(redis, old) is None
    # A gateway that still writes its session finds its quota spent.
    assert int(redis.get(f"quota-{token_hash(old)}")) == counters.SPENT
    assert redis.get(f"quota-{rotated.allowance}") == b"40"
    assert build.sweep(redis) == (1, 0, 0)
    redis.set(f"apikey-{token_hash(old)}", redis.get(f"apikey-{token_hash(new)}"))
    assert build.sweep(redis) == (1, 1, 0)
    assert session(redis, old) is None


@pytest.mark.parametrize(("verb", "dies"), [("retire", 0), ("undo", 1)])
def test_what_is_ended_by_hand_is_refused_and_the_rest_goes_on_counting(made, redis, verb, dies):
    key, old = made
    rotated, new = rotate(key)
    build.deliver(redis)
    redis.set(f"quota-{rotated.allowance}", 7, ex=300)
    args = (1,) if verb == "retire" else ()
    changed = build.inside(key.org, getattr(lifecycle, verb), rotated, *args, expected=rotated.change_number)
    build.deliver(redis)
    tokens = [old, new]
    ended, left = tokens.pop(dies), tokens[0]
    assert session(redis, ended) is None
    assert session(redis, left)["meta_data"] == {"rate_limit_pattern": changed.allowance}
    assert (session(redis, left)["expires"], changed.token_hash) == (0, token_hash(left))
    assert changed.allowance != rotated.allowance
    assert (int(redis.get(f"quota-{rotated.allowance}")), redis.get(f"quota-{changed.allowance}")) == (
        counters.SPENT,
        b"7",
    )
    # Once more, with nothing that lives to do it to.
    with pytest.raises(lifecycle.Ended):
        build.inside(key.org, getattr(lifecycle, verb), changed, *args)
    assert [action for action, _ in build.actions(key.org)] == [
        "key.created",
        "key.rotated",
        "key.token_retired" if verb == "retire" else "key.rotation_undone",
    ]


@pytest.mark.parametrize("ending", ["revoke", "suspend"])
def test_a_key_ends_with_all_of_its_tokens(made, redis, ending):
    key, old = made
    rotated, new = rotate(key)
    build.deliver(redis)
    if ending == "revoke":
        build.inside(key.org, keys.revoke, rotated)
    else:
        build.inside(key.org, keys.set_suspended, rotated, True)
    build.deliver(redis)
    found = [session(redis, text) for text in (old, new)]
    assert [each and each["is_inactive"] for each in found] == (
        [None] * 2 if ending == "revoke" else [True] * 2
    )
    names = (rotated.allowance, token_hash(old), token_hash(new))
    assert [int(redis.get(f"quota-{name}")) for name in names] == [counters.SPENT] * 3


def test_an_end_is_extended_and_the_message_of_the_earlier_one_does_no_harm(made, redis):
    key, old = made
    rotated, _ = rotate(key, timedelta(hours=1))
    build.inside(key.org, lifecycle.extend, rotated, 1, timedelta(days=7))
    pass_time(key)
    build.deliver(redis)
    left = session(redis, old)["expires"] - timezone.now().timestamp()
    assert abs(7 * 86_400 - left) < 60
    for overlap in (timedelta(0), timedelta(seconds=-1), timedelta(days=31)):
        with pytest.raises(lifecycle.NotRotated):
            build.inside(key.org, lifecycle.extend, rotated, 1, overlap)


def test_a_request_that_is_sent_again_rotates_once_and_a_stale_one_never(made):
    key, _ = made
    rotated, _ = rotate(key, form_token="a" * 32)
    with pytest.raises(lifecycle.AlreadyRotated) as raised:
        rotate(key, form_token="a" * 32, expected=key.change_number)
    assert raised.value.key.id == key.id
    build.inside(key.org, lifecycle.undo, rotated)
    with pytest.raises(lifecycle.AlreadyRotated):
        rotate(key, form_token="a" * 32)
    with pytest.raises(keys.Stale):
        rotate(key, expected=key.change_number)
    third, _ = rotate(key)
    with scope.org(key.org_id):
        assert sorted(Generation.objects.values_list("number", flat=True)) == [1, 2]
    assert third.generation == 3


def test_at_most_three_tokens_live_and_a_password_is_not_rotated(made):
    key, _ = made
    rotate(key)
    rotate(key)
    with pytest.raises(lifecycle.NotRotated, match="At most 3"):
        rotate(key)
    rotate(key, timedelta(0))
    for credential in ("basic", "jwt", "hmac", "certificate"):
        with scope.org(key.org_id):
            Key.objects.update(credential=credential)
        with pytest.raises(lifecycle.NotRotated, match="Only a key with a token"):
            rotate(key)


def test_a_token_is_one_keys_alone_and_leads_to_it_for_good(cast, made):
    key, old = made
    rotate(key)
    other, _ = build.key(cast.acme)
    with scope.org(key.org_id):
        assert [found.id for found in of_hashes([token_hash(old)])] == [key.id]
        row = Generation.objects.get()
        with pytest.raises(IntegrityError), transaction.atomic():
            Generation.objects.create(
                key=other,
                number=1,
                token_hash=row.token_hash,
                cache_key=row.cache_key,
                made_at=row.made_at,
                ends_at=row.ends_at,
            )
    with scope.org(cast.globex.id):
        assert of_hashes([token_hash(old)]) == []
