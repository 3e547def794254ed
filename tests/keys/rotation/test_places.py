from datetime import UTC, datetime, timedelta

from keys.keys.search import with_hashes
from keys.models import Key
from keys.rotation import lifecycle, places
from orgs import scope
from tests.keys import build


def test_a_former_token_ends_by_its_time_and_no_later_than_its_key():
    ends_at = datetime.fromtimestamp(100, UTC)
    assert [places.until({"expires": at}, ends_at)["expires"] for at in (0, 50, 150)] == [100, 50, 100]


def test_whoever_calls_with_a_former_token_calls_with_its_key(cast):
    key, _ = build.key(cast.acme, build.api(cast.acme))
    build.inside(cast.acme, lifecycle.rotate, key, timedelta(days=1))
    with scope.org(cast.acme.id):
        assert [found.id for found in Key.objects.filter(with_hashes([key.token_hash]))] == [key.id]
