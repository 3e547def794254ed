"""What gateways record of a request, taken apart."""

import base64
import gzip
import tracemalloc
import zlib

import pytest

from dashboard.analytics.bodies import message
from dashboard.analytics.bodies.message import MOST_READ, MOST_TEXT, Message, read
from tests.analytics import recordings


def packed(head: str, body: bytes = b"") -> str:
    return base64.b64encode(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body).decode()


def text_of(head: str, body: bytes) -> str:
    return read(packed(f"HTTP/1.1 200 OK\n{head}", body)).text


def test_the_start_the_headers_and_the_body_are_told_apart():
    wire = packed(
        "POST /a?b=c HTTP/1.1\nHost: one.example\nX-Long: begins\n\tand ends\nodd\n:x", b'{"a": 1}\n\nmore'
    )
    assert read(wire) == Message(
        "POST /a?b=c HTTP/1.1",
        [("Host", "one.example"), ("X-Long", "begins and ends"), ("", "odd"), ("", "x")],
        '{"a": 1}\n\nmore',
        cut=False,
    )


def test_what_real_gateways_recorded_in_detail_is_read():
    loose = [recordings.loose(entry) for name in recordings.ALL for entry in recordings.entries(name)]
    detailed = [each for each in loose if each["RawRequest"]]
    assert len(detailed) == 66
    for each in detailed:
        request, response = read(each["RawRequest"]), read(each["RawResponse"])
        assert request.start.split()[0] == each["Method"]
        assert int(response.start.split()[1]) == each["ResponseCode"]
        assert not (request.cut or response.cut)


@pytest.mark.parametrize(
    "body", [b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n", b"hello world", b"5\nhello\n6\n world\n0\n\n"]
)
def test_chunks_are_put_together_if_there_are_any(body):
    assert text_of("Transfer-Encoding: chunked", body) == "hello world"


@pytest.mark.parametrize(
    ("packing", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("Deflate", lambda text: zlib.compress(text)[2:-4]),
        ("identity", bytes),
    ],
)
def test_packed_text_is_unpacked(packing, pack):
    assert text_of(f"Content-Encoding: {packing}", pack(b"hello world")) == "hello world"


def test_of_a_bomb_no_more_is_unpacked_than_is_looked_at():
    bomb = packed("HTTP/1.1 200 OK\nContent-Encoding: gzip", gzip.compress(b"a" * 200_000_000))
    tracemalloc.start()
    found = read(bomb)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found.text, found.cut) == ("a" * MOST_TEXT, True)
    assert most < 4_000_000


@pytest.mark.parametrize(
    ("head", "body", "said"),
    [
        ("Content-Type: image/png; x", b"\x89PNG\r\n\x00" * 300, "[binary: 2,100 bytes, image/png]"),
        ("Server: s", b"\xff\xfe\x01", "[binary: 3 bytes, of no stated type]"),
        ("Server: s", b"nul\x00", "[binary: 4 bytes, of no stated type]"),
        ("Content-Encoding: br", b"text", "[binary: 4 bytes, of no stated type, packed as br]"),
        ("Content-Encoding: gzip\nContent-Type: a/b", b"no", "[binary: 2 bytes, a/b, packed as gzip]"),
    ],
)
def test_what_is_no_text_is_told_by_its_length_and_type(head, body, said):
    assert text_of(head, body) == said


def test_text_may_be_of_another_charset_and_end_within_a_character():
    assert text_of("Content-Type: text/plain; charset=ISO-8859-1", "größer".encode("latin-1")) == "größer"
    assert text_of("Content-Type: text/plain; charset=utf-16le", "größer".encode("utf-16le")) == "größer"
    assert text_of("Content-Type: text/plain; charset=zip", b"\xff") == "[binary: 1 bytes, text/plain]"
    assert text_of("A: b", b"a" + "ß".encode() * MOST_TEXT) == "a" + "ß" * (MOST_TEXT // 2 - 1)


def test_a_message_is_read_up_to_a_bound():
    found = read(packed("GET / HTTP/1.1", b"x" * (MOST_READ + 50)))
    assert (len(found.text), found.cut) == (MOST_TEXT, True)
    found = read(packed("GET / HTTP/1.1\nX: " + "y" * MOST_READ, b"never read"))
    assert (found.text, found.cut) == ("", True)
    found = read(packed("GET / HTTP/1.1", b"\x00" * (MOST_READ + 50)))
    assert found.text.startswith("[binary: more than 1,0")


@pytest.mark.parametrize("encoded", ["", "=", "a", "abc", "no base64!", "größer", "\ud800", "QUJD" * 3 + "Q"])
def test_whatever_is_sent_is_read_or_is_none(encoded):
    found = read(encoded)
    assert found is None or isinstance(found, Message)


def test_odd_chunks_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(message, "MOST_READ", 4_096)
    for body in (
        b"-5\r\nhello",
        b"\n\n\n",
        b"ffffffffffffffff\r\nx",
        b"zz\r\nhello",
        b"5\r\nhello\r\nzz\r\nx",
    ):
        assert text_of("Transfer-Encoding: chunked", body) != ""
