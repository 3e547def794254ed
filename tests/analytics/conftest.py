from collections.abc import Iterator

import pytest
from django.db import connections
from redis import Redis

from tests.analytics.screens import Played, play
from tests.conftest import _copy_database


@pytest.fixture(scope="module")
def played(django_db_setup, django_db_blocker, _valkey) -> Iterator[Played]:
    """The recorded traffic, drained once for all tests of a module: they read it and change nothing of it."""
    with django_db_blocker.unblock():
        with Redis.from_url(_valkey) as client:
            client.flushall()
            yield play(client)
        connections.close_all()
        _copy_database(connections["default"].settings_dict["NAME"])
