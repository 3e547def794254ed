"""The web processes as they are really served, with clients that are slow, rude or wrong."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from dashboard.web.limits import HEAD_SECONDS, LARGEST_BODY, SENDING_SECONDS
from orgs.models import Organisation
from tests.conftest import serving
from tests.nodes.gateway import Gateway

HELLO = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n"
ADMIN = f"Host: localhost\r\nadmin-auth: {settings.ADMIN_SECRET}\r\n".encode()
BODY = json.dumps({"owner_name": "Acme"}).encode()


@pytest.fixture(scope="module")
def served(django_db_setup) -> Iterator[str]:
    """The application for all tests that store nothing; its URL without a slash at the end."""
    with serving(1, 2) as url:
        status(url, "GET", "/sign-in/")  # the first of a process takes longer
        yield url


def connect(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(url).port), timeout=30)


def exchange(url: str, *pieces: bytes, pause: float = 0) -> bytes:
    """All that is answered to the pieces until the server closes."""
    with connect(url) as client:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(pause)
        return rest(client)


def rest(client: socket.socket) -> bytes:
    received = b""
    while data := client.recv(65_536):
        received += data
    return received


def statuses(text: bytes) -> list[int]:
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d+)", text)]


def status(url: str, method: str, path: str, body=None, **headers: str) -> tuple[int, str, bytes]:
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        connection.request(
            method, path, body, {name.replace("_", "-"): text for name, text in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()


@contextmanager
def clients(url: str, number: int, begun: bytes):
    """So many connections that sent `begun` and no more."""
    with ExitStack() as open_ones:
        sockets = [open_ones.enter_context(connect(url)) for _ in range(number)]
        for each in sockets:
            each.sendall(begun)
        yield sockets


BEGUN = {
    "no byte": b"",
    "a head": b"GET /sign-in/ HTTP/1.1\r\nHost: localhost\r\n",
    "a body": b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nemail=",
    "chunks": b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nem",
}


@pytest.mark.parametrize("begun", BEGUN.values(), ids=BEGUN)
def test_sixty_unfinished_requests_keep_no_page_and_no_pull_waiting(served, begun):
    with Gateway(served) as gateway, clients(served, 60, begun):
        for _ in range(3):
            before = time.monotonic()
            assert status(served, "GET", "/sign-in/")[0] == 200
            assert gateway.ask("GET /system/apis").status == 200
            assert time.monotonic() - before < HEAD_SECONDS  # for so long an unfinished one is waited for
        assert gateway.objections == []


def test_forty_clients_that_do_not_read_their_answers_keep_nobody_waiting(served):
    request = b"GET /static/pictures/overview.png HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with clients(served, 40, request * 50) as sockets:
        before = time.monotonic()
        assert status(served, "GET", "/hello")[0] == 200
        assert time.monotonic() - before < SENDING_SECONDS
        # Those who read after all get all of it.
        sockets[0].shutdown(socket.SHUT_WR)
        assert statuses(rest(sockets[0])) == [200] * 50


def test_a_process_without_a_place_left_gives_up_unfinished_requests_and_answers_whole_ones(start_gunicorn):
    with start_gunicorn(1, 2, "--worker-connections", "20") as url, Gateway(url) as gateway:
        status(url, "GET", "/sign-in/")  # the first of a process takes longer
        gateway.ask("GET /system/apis")
        kept = gateway.connection.sock
        with clients(url, 60, BEGUN["a head"]):
            for _ in range(3):
                assert status(url, "GET", "/sign-in/")[0] == 200
                assert gateway.ask("GET /system/apis").status == 200
        assert gateway.connection.sock is kept


def test_a_head_that_is_not_finished_within_ten_seconds_is_408(served):
    with connect(served) as client:
        client.sendall(HELLO)
        before = time.monotonic()
        time.sleep(6)
        client.sendall(b"X-Later: 1\r\n")
        assert statuses(rest(client)) == [408]
        assert 9 < time.monotonic() - before < 6 + HEAD_SECONDS  # what came later gives it no more


def test_an_answer_is_the_same_however_slowly_its_request_came(served):
    pieces = [HELLO[:9], HELLO[9:], b"\r", b"\n"]
    answer = exchange(served, *pieces, HELLO + b"Connection: close\r\n\r\n", pause=0.1)
    assert statuses(answer) == [200, 200]


def test_requests_in_one_packet_are_answered_in_order(served):
    text = HELLO + b"\r\n" + b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n" + HELLO + b"\r\n"
    assert statuses(exchange(served, text * 5 + HELLO + b"Connection: close\r\n\r\n")) == [
        *[200, 404, 200] * 5,
        200,
    ]


def test_a_client_that_ends_its_side_after_the_request_is_answered(served):
    with connect(served) as client:
        client.sendall(HELLO + b"\r\n")
        client.shutdown(socket.SHUT_WR)
        assert statuses(rest(client)) == [200]


def test_a_client_that_expects_100_continue_is_told_to_go_on_and_then_answered(served):
    with connect(served) as client:
        client.sendall(
            b"POST /admin/organisations HTTP/1.1\r\n"
            + ADMIN
            + b"Connection: close\r\nExpect: 100-continue\r\n"
            b"Content-Length: 17\r\n\r\n"
        )
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b'{"owner_name": 5}')
        answer = rest(client)
    assert statuses(answer) == [400]
    assert b'"Message":"owner_name must be a string"' in answer


def chunked(body: bytes, size: int = 7) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize("arguments", [[], ["--worker-class", "gthread"]], ids=["ours", "gunicorn's"])
def test_chunked_bodies_are_read_whole_by_rest_and_by_forms(start_gunicorn, arguments):
    with start_gunicorn(1, 2, *arguments) as url:
        answer = exchange(
            url,
            b"POST /admin/organisations HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
            + ADMIN
            + b"\r\n"
            + chunked(BODY),
        )
        assert b'"Message":"Org created"' in answer
        form = b"csrfmiddlewaretoken=" + b"x" * 32 + b"&email=nobody%40acme.example&password=wrong"
        answer = exchange(
            url,
            b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nCookie: csrf=" + b"x" * 32 + b"\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + chunked(form),
        )
        assert b'value="nobody@acme.example"' in answer
    assert [each.owner_name for each in Organisation.everyone.all()] == ["Acme"]


def announced(path: str, *fields: bytes) -> bytes:
    lines = [b"POST %s HTTP/1.1" % path.encode(), ADMIN + b"\r\n".join([b"Connection: close", *fields])]
    return b"\r\n".join(lines) + b"\r\n\r\n"


TOO_LARGE = {
    "length": (b"Content-Length: 400000000",),
    "a length beyond numbers": (b"Content-Length: " + b"9" * 400,),
    "length, and waiting for 100": (b"Expect: 100-continue", b"Content-Length: 400000000"),
}


@pytest.mark.parametrize("arguments", [[], ["--worker-class", "gthread"]], ids=["ours", "gunicorn's"])
def test_a_body_that_is_too_large_is_413_before_it_is_sent(start_gunicorn, arguments):
    with start_gunicorn(1, 2, *arguments) as url:
        for fields in TOO_LARGE.values():
            answer = exchange(url, announced("/admin/organisations", *fields))
            assert statuses(answer)[-1] == 413
            assert b'"Status":"Error"' in answer
            answer = exchange(url, announced("/sign-in/", *fields))
            assert statuses(answer)[-1] == 413
            assert b"<h1>Too large</h1>" in answer
            assert b"Content-Length:" in answer


def test_a_chunked_body_is_413_as_soon_as_it_is_too_large(served):
    piece = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    with connect(served) as client:
        client.sendall(announced("/sign-in/", b"Transfer-Encoding: chunked"))
        client.sendall(piece * (LARGEST_BODY // 65_536 + 1))
        assert statuses(rest(client)) == [413]
    answer = exchange(served, announced("/api/apis", b"Transfer-Encoding: chunked") + b"fffffff\r\n")
    assert statuses(answer) == [413]


def test_a_client_that_goes_on_sending_what_was_refused_reads_the_answer_all_the_same(served):
    with connect(served) as client:
        client.sendall(announced("/sign-in/", b"Content-Length: 4000000") + b"x" * 4_000_000)
        assert statuses(rest(client)) == [413]


def test_what_is_no_request_is_refused_and_nothing_behind_it_is_read(served):
    smuggled = HELLO + b"\r\n"
    wrong = {
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc": 400,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n": 400,
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: nonsense\r\n\r\n": 501,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: miracles\r\n\r\n": 417,
        b"GET /" + b"x" * 5_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n": 414,
        b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000: 431,
        b"hello\r\n\r\n": 400,
    }
    answers = {text: statuses(exchange(served, text + smuggled)) for text in wrong}
    assert answers == {text: [code] for text, code in wrong.items()}
    assert status(served, "GET", "/hello")[0] == 200
