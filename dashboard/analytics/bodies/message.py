"""A request or answer as gateways record it, base64 of what went over the wire, taken apart. Pure.

Whoever calls an API decides what is in it, so every step is bounded and none raises: what cannot be read is said to be
binary. How it is written: gateway/handler_success.go of Tyk, net/http's Request.Write and Response.Write.
"""

import binascii
import codecs
import zlib
from typing import NamedTuple

MOST_READ = 1 << 20  # bytes of a message
MOST_TEXT = 1 << 16  # bytes of a body, after it was unpacked
_BASE64_PIECE = 4
_GZIP = 31  # for zlib: with the header of gzip
_CHARSETS = ("iso-8859-1", "latin1", "us-ascii", "windows-1252", "utf-16", "utf-16le", "utf-16be")


class Message(NamedTuple):
    """start: the first line. headers: (name, value); the name is "" where a line has none. text: of the body, or what
    stands for it. cut: whether more was sent than is here."""

    start: str
    headers: list[tuple[str, str]]
    text: str
    cut: bool

    def header(self, name: str) -> str:
        return next((value for each, value in self.headers if each.lower() == name), "")


def read(encoded: str) -> Message | None:
    """The message in base64; None for what is none."""
    if not encoded:
        return None
    most = MOST_READ // 3 * _BASE64_PIECE
    try:
        wire = binascii.a2b_base64(encoded[:most])
    except ValueError:  # no base64, or text that is not ASCII
        return None
    head, blank, body = _halves(wire)
    start, *lines = head.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    message = Message(start, _headers(lines), "", len(encoded) > most)
    return message if not blank or not body else _with_body(message, body)


def _halves(wire: bytes) -> tuple[bytes, bytes, bytes]:
    """Head, blank line and body."""
    found = [(wire.find(blank), blank) for blank in (b"\r\n\r\n", b"\n\n")]
    at, blank = min((each for each in found if each[0] >= 0), default=(len(wire), b""))
    return wire[:at], blank, wire[at + len(blank) :]


def _headers(lines: list[str]) -> list[tuple[str, str]]:
    """A line that begins with a blank goes on with the header before it."""
    found: list[list[str]] = []
    for line in lines:
        if line[:1] in (" ", "\t") and found:
            found[-1].append(line.strip())
        else:
            found.append([line])
    headers = []
    for parts in found:
        name, colon, value = parts[0].partition(":")
        rest = " ".join([value.strip(), *parts[1:]]).strip()
        headers.append((name.strip(), rest) if colon else ("", " ".join(parts)))
    return headers


def _with_body(message: Message, body: bytes) -> Message:
    cut = message.cut
    if "chunked" in message.header("transfer-encoding").lower():
        body = _unchunked(body)
    sent = len(body)
    packing = message.header("content-encoding").lower().strip()
    if packing in ("gzip", "x-gzip", "deflate"):
        unpacked = _unpacked(body, packing)
        if unpacked is None:
            return message._replace(text=_binary(message, sent, cut=cut))
        body = unpacked
    elif packing not in ("", "identity"):
        return message._replace(text=_binary(message, sent, cut=cut))
    cut |= len(body) > MOST_TEXT
    text = _text(body[:MOST_TEXT], message.header("content-type"), cut=cut)
    if text is None:
        return message._replace(text=_binary(message, sent, cut=message.cut))
    return message._replace(text=text, cut=cut)


def _unchunked(body: bytes) -> bytes:
    """The chunks put together; as it is, if it is not in chunks: some gateways put them together themselves."""
    made: list[bytes] = []
    at = 0
    while at < len(body):
        end = body.find(b"\n", at, at + 100)
        try:
            size = int(body[at:end].split(b";")[0].strip() or b"-", 16) if end > 0 else -1
        except ValueError:
            size = -1
        if size < 0:
            return body if not made else b"".join([*made, body[at:]])
        if size == 0:
            break
        made.append(body[end + 1 : end + 1 + size])
        at = end + 1 + size
        at += 2 if body[at : at + 2] == b"\r\n" else 1
    return b"".join(made)


def _unpacked(body: bytes, packing: str) -> bytes | None:
    """The beginning of what is packed in it, one byte more than is looked at if there is more. None if it cannot be
    unpacked: a few bytes may stand for gigabytes, so no more is unpacked than is looked at."""
    windows = (_GZIP,) if packing != "deflate" else (zlib.MAX_WBITS, -zlib.MAX_WBITS)
    for window in windows:
        try:
            return zlib.decompressobj(window).decompress(body, MOST_TEXT + 1)
        except zlib.error:
            continue
    return None


def _text(body: bytes, content_type: str, *, cut: bool) -> str | None:
    """The body as text; None if it is none. cut: it may end within a character."""
    charset = content_type.lower().partition("charset=")[2].split(";")[0].strip(" \"'")
    for name in ("utf-8", *(each for each in _CHARSETS if each == charset)):
        try:
            text = codecs.getincrementaldecoder(name)().decode(body, not cut)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    return None


def _binary(message: Message, sent: int, *, cut: bool) -> str:
    kind = message.header("content-type").split(";")[0].strip()[:100] or "of no stated type"
    packing = message.header("content-encoding").strip()[:100]
    packed = f", packed as {packing}" if packing else ""
    return f"[binary: {'more than ' if cut else ''}{sent:,} bytes, {kind}{packed}]"
