import socket
import threading
from contextlib import contextmanager

import pytest

from dashboard.nodes.feed_check import trouble

ETAG = 'W/"stamp"'


@contextmanager
def answering(answer: bytes):
    """A server which gives every request these bytes and closes the connection; the requests it got."""
    got = []

    def serve():
        connection, _ = listener.accept()
        with connection:
            got.append(connection.recv(4096))
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", got
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


def test_a_closed_port_is_trouble():
    assert trouble("http://127.0.0.1:1", "s", ETAG) == "the feed cannot be asked for (ConnectionRefusedError)"
