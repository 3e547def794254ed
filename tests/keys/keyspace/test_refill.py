import pytest
import redis as redis_package
from django.urls import reverse
from redis.backoff import NoBackoff
from redis.retry import Retry

from keys.keys import repair
from keys.keyspace import refill
from keys.models import Sweep
from tests.keys import build


@pytest.fixture
def made(cast, redis):
    """Three keys of each of two organisations, delivered, and the mark."""
    keys = [
        build.key(org, orders)[0]
        for org in (cast.acme, cast.globex)
        for orders in [build.api(org)]
        for _ in range(3)
    ]
    build.deliver(redis)
    refill.mark(redis)
    return keys


def there(redis):
    return len(redis.keys("apikey-*"))


def test_a_redis_found_empty_is_filled_at_once_chunk_by_chunk_and_pages_say_how_far(
    cast, redis, made, client_for
):
    assert refill.state().filling is None
    redis.flushall()
    refill.mark(redis)
    assert (refill.state().filling, refill.step(redis, chunk=4)) == (refill.Progress(0, 6), True)
    assert (there(redis), refill.state().filling) == (4, refill.Progress(4, 6))
    fleet = client_for(cast.super_user).get(reverse("fleet")).content.decode()
    assert "4 of 6 keys" in fleet
    nodes = client_for(cast.acme_admin).get(f"/o/{cast.acme.slug}/nodes/").content.decode()
    assert "66 % of all keys" in nodes  # not how many others have
    assert "6 keys" not in nodes
    assert (refill.step(redis, chunk=4), there(redis), refill.state().filling) == (False, 6, None)
    assert refill.step(redis) is False


def test_a_round_that_was_begun_goes_on_in_another_process(redis, made):
    redis.flushall()
    refill.mark(redis)
    refill.step(redis, chunk=2)
    refill._going_on.set()  # as a new process has it
    assert (refill.step(redis, chunk=10), there(redis)) == (False, 6)


def test_the_mark_alone_may_go(redis, made):
    redis.delete(refill.MARK)
    refill.mark(redis)
    assert (refill.state().filling, redis.exists(refill.MARK)) == (None, 1)


def test_an_installation_without_keys_has_nothing_to_fill(db, redis):
    refill.mark(redis)
    assert refill.state().filling is None


def test_a_redis_emptied_again_is_filled_from_the_first_key_on(redis, made):
    for _ in range(2):
        redis.flushall()
        refill.mark(redis)
        refill.step(redis, chunk=4)
    assert (there(redis), Sweep.objects.get(id=repair.REFILL).checked) == (4, 4)


def test_while_redis_is_away_the_same_keys_wait(redis, made):
    redis.flushall()
    refill.mark(redis)
    with pytest.raises(redis_package.ConnectionError):
        refill.step(redis_package.Redis(port=1, retry=Retry(NoBackoff(), 0)), chunk=4)
    assert refill.state().filling == refill.Progress(0, 6)
    assert (refill.step(redis), there(redis)) == (False, 6)
