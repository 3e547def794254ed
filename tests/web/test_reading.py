"""Requests found in bytes that come in any pieces."""

from itertools import pairwise

import pytest
from gunicorn.config import Config
from gunicorn.http import errors
from hypothesis import given
from hypothesis import strategies as st

from dashboard.web.chunks import BadChunk, Chunks
from dashboard.web.limits import LARGEST_BODY, LARGEST_HEAD, MOST_FRAMING
from dashboard.web.reading import Reader

PLAIN = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'3\r\nhel\r\n02;a=b;c="d"\r\nlo\r\n0\r\nX-Checksum: 1\r\n\r\n'
)
BARE = b"GET /c HTTP/1.1\r\nHost: x\r\n\r\n"


def reader() -> Reader:
    return Reader(Config(), ("192.0.2.1", 5000))


def read(*pieces: bytes) -> list[tuple]:
    """Method, address, announced length and body of the requests found."""
    mine, found = reader(), []
    for piece in pieces:
        mine.take(piece)
        while request := mine.whole():
            length = dict(request.headers).get("CONTENT-LENGTH")
            found.append((request.method, request.uri, length, request.body.read()))
    return found


WHOLE = [("POST", "/a?b=c", "5", b"hello"), ("POST", "/b", "5", b"hello"), ("GET", "/c", None, b"")]


@given(st.lists(st.integers(0, len(PLAIN + CHUNKED + BARE)), max_size=8))
def test_requests_are_the_same_in_whatever_pieces_they_come(cuts):
    text = PLAIN + CHUNKED + BARE
    edges = [0, *sorted(cuts), len(text)]
    assert read(*(text[start:end] for start, end in pairwise(edges))) == WHOLE


def test_requests_are_the_same_byte_by_byte():
    assert read(*(bytes([each]) for each in PLAIN + CHUNKED + BARE)) == WHOLE


@pytest.mark.parametrize("text", [PLAIN, CHUNKED, BARE], ids=["length", "chunks", "bare"])
def test_a_request_is_whole_with_its_last_byte_and_not_before(text):
    mine = reader()
    mine.take(text[:-1])
    assert mine.whole() is None
    mine.take(text[-1:])
    assert mine.whole() is not None


def head(*fields: str, line: str = "POST / HTTP/1.1") -> bytes:
    return "\r\n".join([line, "Host: x", *fields, "", ""]).encode("latin-1")


AMBIGUOUS = {
    "two lengths": head("Content-Length: 5", "Content-Length: 6"),
    "the same length twice": head("Content-Length: 5", "Content-Length: 5"),
    "two lengths in one field": head("Content-Length: 5, 5"),
    "length and chunks": head("Content-Length: 5", "Transfer-Encoding: chunked"),
    "chunks of chunks": head("Transfer-Encoding: chunked, chunked"),
    "chunks not last": head("Transfer-Encoding: chunked, gzip"),
    "a coding without chunks": head("Transfer-Encoding: gzip"),
    "chunks in HTTP/1.0": head("Transfer-Encoding: chunked", line="POST / HTTP/1.0"),
    "a signed length": head("Content-Length: +5"),
    "a negative length": head("Content-Length: -5"),
    "a hexadecimal length": head("Content-Length: 0x5"),
    "an underscore in a length": head("Content-Length: 1_0"),
    "a blank before the colon": head("Content-Length : 5"),
    "a folded field": head("X: a\r\n Content-Length: 5"),
    "a field without a colon": head("Content-Length"),
    "a line feed alone": b"POST / HTTP/1.1\r\nHost: x\nContent-Length: 5\r\n\r\n",
    "an empty line first, twice": b"\r\n\r\n" + BARE,
    "no HTTP": b"\x16\x03\x01\x02\r\n\r\n",
}


@pytest.mark.parametrize("text", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_what_two_servers_could_read_in_two_ways_is_refused(text):
    with pytest.raises(errors.ParseException):
        read(text)


BAD_CHUNKS = [
    b"\r\n",
    b"-1\r\n",
    b"+1\r\na\r\n",
    b"0x1\r\na\r\n",
    b"1_0\r\n",
    b" 1\r\na\r\n",
    b"1 \r\na\r\n",
    b"g\r\n",
    "٣\r\n".encode(),
    b"1\na\n0\n\n\r\n",
    b"1\r\nab\r\n",
    b"1\r\na\n0\r\n\r\n",
    b"1;\r\na\r\n",
    b"1;a=\x00\r\na\r\n",
    b"0\r\nbare\nline: 1\r\n\r\n",
    b"0\r\nbare\rreturn: 1\r\n\r\n",
    b"1" * 2000,
    b"0\r\n" + b"x" * 2000,
    b"1\r\na\r\n" * (MOST_FRAMING // 5 + 1),
    b"0\r\n" + b"x: y\r\n" * (MOST_FRAMING // 6 + 1),
]


@pytest.mark.parametrize("text", BAD_CHUNKS)
def test_a_bad_chunk_is_refused(text):
    with pytest.raises(BadChunk):
        Chunks().take(bytearray(text))


def test_a_head_has_an_end():
    with pytest.raises(errors.LimitRequestHeaders):
        read(b"GET /" + b"x" * LARGEST_HEAD)
    with pytest.raises(errors.LimitRequestLine):
        read(head(line=f"GET /{'x' * 5000} HTTP/1.1"))
    with pytest.raises(errors.LimitRequestHeaders):
        read(head(*(f"X-{number}: 1" for number in range(101))))


def first(text: bytes) -> tuple:
    mine = reader()
    mine.take(text)
    request = mine.whole()
    return dict(request.headers)["CONTENT-LENGTH"], request.body.read(), request.should_close()


def test_a_body_that_is_too_large_is_not_waited_for_and_ends_the_connection():
    assert first(head(f"Content-Length: {LARGEST_BODY + 1}")) == (str(LARGEST_BODY + 1), b"", True)
    announced = head("Transfer-Encoding: chunked") + f"{LARGEST_BODY + 1:x}\r\n".encode()
    assert first(announced) == (str(LARGEST_BODY + 1), b"", True)


def test_the_largest_body_is_taken():
    body = b"x" * LARGEST_BODY
    assert first(head(f"Content-Length: {LARGEST_BODY}") + body) == (str(LARGEST_BODY), body, False)
    chunks = f"{LARGEST_BODY:x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    assert first(head("Transfer-Encoding: chunked") + chunks) == (str(LARGEST_BODY), body, False)


def wants_continue(*pieces: bytes) -> list[bool]:
    mine, wants = reader(), []
    for piece in pieces:
        mine.take(piece)
        mine.whole()
        wants.append(mine.wants_continue())
    return wants


def test_a_client_that_waits_for_100_continue_is_told_once_and_one_that_does_not_wait_never():
    asking = head("Expect: 100-continue", "Content-Length: 5")
    assert wants_continue(asking[:-1], asking[-1:], b"he", b"llo") == [False, True, False, False]
    assert wants_continue(asking + b"he", b"l", b"lo") == [False, False, False]
    assert wants_continue(head("Content-Length: 5"), b"hello") == [False, False]
    assert wants_continue(head("Expect: 100-continue", f"Content-Length: {LARGEST_BODY + 1}")) == [False]
