"""How the gateways' Redis is talked to: it is given up quickly where it does not answer."""

import socket
import time

import pytest
import redis as redis_package
from django.conf import settings

from apis.gateways import redis_client
from tests.entry.conftest import closed_port


def test_it_is_the_one_that_the_settings_name(redis):
    redis.set("of the gateways", "here")
    with redis_client.client() as client:
        assert client.get("of the gateways") == b"here"


def test_neither_connecting_nor_an_answer_is_waited_for_without_end(settings):
    settings.REDIS_URL = "redis://:secret@127.0.0.1:6399/3"
    with redis_client.client() as client:
        asked = client.connection_pool.connection_kwargs
    assert {name: asked[name] for name in ("host", "port", "db", "password")} == {
        "host": "127.0.0.1",
        "port": 6399,
        "db": 3,
        "password": "secret",
    }
    assert (asked["socket_connect_timeout"], asked["socket_timeout"]) == (2, 10)


def test_a_server_that_takes_the_call_and_says_nothing_is_an_error_of_time(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(settings, "REDIS_URL", f"redis://127.0.0.1:{silent.getsockname()[1]}")
        with redis_client.client() as client:
            client.connection_pool.connection_kwargs.update(socket_timeout=0.05)
            begun = time.monotonic()
            with pytest.raises(redis_package.TimeoutError):
                client.ping()
            assert time.monotonic() - begun < 5


def test_a_server_that_is_not_there_is_an_error_of_the_connection(monkeypatch):
    with closed_port() as port:
        monkeypatch.setattr(settings, "REDIS_URL", f"redis://127.0.0.1:{port}")
        with redis_client.client() as client, pytest.raises(redis_package.ConnectionError):
            client.ping()
