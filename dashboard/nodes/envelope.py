"""The bytes of every answer a gateway gets.

A gateway reads `{"Status":"OK","Message":…,"Nonce":"…"}` and keeps the nonce for its next request.
Refusals are plain text: what is not JSON cannot change the nonce a gateway holds, and none of these texts
says anything that gateways of 5.8.9 to 5.14 take for a reason to register again from inside a reload,
which would lock them up until their restart.
"""

import gzip
import json

ALREADY_REGISTERED = b"This session is registered already.\n"
UNAVAILABLE = b"Gatehouse cannot answer in full at the moment. Ask again.\n"

_HEAD = b'{"Status":"OK","Message":'
_PACKED_HEAD = gzip.compress(_HEAD, mtime=0)


def _tail(nonce: str) -> bytes:
    return b',"Nonce":' + json.dumps(nonce).encode() + b"}"


def answer(message: object, nonce: str) -> bytes:
    """The answer with this message (anything JSON can say) and this nonce, as compact JSON."""
    return feed(json.dumps(message, separators=(",", ":")).encode(), nonce)


def feed(body: bytes, nonce: str) -> bytes:
    """The answer whose message is `body`, JSON already: a feed is rendered once and served to every node."""
    return _HEAD + body + _tail(nonce)


def compressed_feed(packed: bytes, nonce: str) -> bytes:
    """A gzip stream that decodes to `feed(body, nonce)`, of a body that is packed as a gzip member already.

    A gzip stream may have several members (RFC 1952, 2.2), so the large one is the same for all nodes and only the
    few bytes of the nonce are compressed for each.
    """
    return b"".join((_PACKED_HEAD, packed, gzip.compress(_tail(nonce), mtime=0)))


def etag(stamp: str) -> str:
    """The stamp of a feed as an HTTP header has it; weak, for it is the same compressed or not."""
    return f'W/"{stamp}"'
