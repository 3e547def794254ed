import socket
import threading
import time
import tracemalloc
from contextlib import contextmanager, suppress

import pytest

from dashboard.nodes.reloads import feed_check
from dashboard.nodes.reloads.feed_check import patience, trouble

ETAG = 'W/"stamp"'


@contextmanager
def answering(*pieces: bytes, after: float = 0, between: float = 0):
    """A server which gives a request these bytes and closes the connection; the requests it got. Seconds `after` the
    request and `between` pieces it waits, but no longer than the test is at it."""
    got, done = [], threading.Event()

    def serve():
        connection, _ = listener.accept()
        with connection:
            got.append(connection.recv(4096))
            done.wait(after)
            with suppress(OSError):
                for piece in pieces:
                    connection.sendall(piece)
                    done.wait(between)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", got
        finally:
            done.set()
        thread.join()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b'HTTP/1.1 200 OK\r\nETag: W/"stamp"\r\nContent-Length: 4\r\n\r\nfeed', ""),
        (
            b'HTTP/1.1 200 OK\r\nETag: W/"stamp"\r\nContent-Length: 9\r\n\r\nfeed',
            "the feed cannot be asked for (IncompleteRead)",
        ),
        (
            b'HTTP/1.1 200 OK\r\nETag: W/"older"\r\nContent-Length: 4\r\n\r\nfeed',
            "the feed is not the version that was published",
        ),
        (b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n", "the feed is answered 503"),
        (b"", "the feed cannot be asked for (RemoteDisconnected)"),
    ],
)
def test_only_a_whole_answer_of_the_published_version_is_no_trouble(answer, expected):
    with answering(answer) as (url, got):
        assert trouble(url, "the secret", ETAG) == expected
    lines = got[0].split(b"\r\n")
    assert (lines[0], b"Authorization: the secret" in lines) == (b"GET /system/apis HTTP/1.1", True)


@pytest.mark.parametrize(
    ("size", "seconds"), [(0, 3), (2_000_000, 4), (36_000_000, 21), (54_000_000, 30), (10**12, 30)]
)
def test_a_large_feed_has_more_time_up_to_what_a_gateway_gives_it(size, seconds):
    assert patience(size) == seconds


@pytest.mark.parametrize(
    ("size", "after", "expected"),
    [(0, 60, "the feed cannot be asked for (TimeoutError)"), (10**6, 0.6, "")],
)
def test_a_feed_that_takes_longer_than_its_size_allows_is_trouble(monkeypatch, size, after, expected):
    """3 s for any feed were too few for one of 36 MB, and nobody was told of any change."""
    monkeypatch.setattr(feed_check, "SECONDS", 0.2)
    monkeypatch.setattr(feed_check, "BYTES_A_SECOND", 20_000)
    answer = b'HTTP/1.1 200 OK\r\nETag: W/"stamp"\r\nContent-Length: 4\r\n\r\nfeed'
    with answering(answer, after=after) as (url, _):
        assert trouble(url, "s", ETAG, size) == expected


def test_a_feed_that_drips_is_trouble_although_each_piece_comes_in_time(monkeypatch):
    monkeypatch.setattr(feed_check, "SECONDS", 0.3)
    head = b'HTTP/1.1 200 OK\r\nETag: W/"stamp"\r\nContent-Length: 4000000\r\n\r\n'
    with answering(head, *[b"x" * 100_000] * 40, between=0.2) as (url, _):
        assert trouble(url, "s", ETAG) == "the feed cannot be asked for (TimeoutError)"


def test_a_server_that_says_nothing_is_waited_for_no_longer_than_the_feed_may_take(monkeypatch):
    monkeypatch.setattr(feed_check, "SECONDS", 0.2)
    with answering(after=60) as (url, _):
        began = time.monotonic()
        assert trouble(url, "s", ETAG) == "the feed cannot be asked for (TimeoutError)"
        assert time.monotonic() - began < 30


def test_a_large_feed_is_not_held_in_memory():
    body = b"x" * 30_000_000
    head = b'HTTP/1.1 200 OK\r\nETag: W/"stamp"\r\nContent-Length: %d\r\n\r\n' % len(body)
    with answering(head, body) as (url, _):
        tracemalloc.start()
        assert trouble(url, "s", ETAG, len(body)) == ""
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2_000_000


def test_a_closed_port_is_trouble():
    assert trouble("http://127.0.0.1:1", "s", ETAG) == "the feed cannot be asked for (ConnectionRefusedError)"


@pytest.mark.parametrize(
    ("apis", "policies"),
    [
        ("http://127.0.0.1:8000/system/apis", "http://127.0.0.1:8000/system/policies"),
        ("https://gate.example/behind/system/apis", "https://gate.example/behind/system/policies"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/system/policies"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/system/policies"),
        ("", ""),
    ],
)
def test_policies_are_asked_for_where_apis_are(apis, policies):
    assert feed_check.beside(apis, "policies") == policies
