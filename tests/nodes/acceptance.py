"""What a gateway can do with an answer: pure, written from what 3.0.12 and 5.14.0 were seen to accept."""

import gzip
import json

HARMFUL_TEXTS = (b"nonce", b"Nonce failed", b"No node ID Found")
PULLS = ("/system/apis", "/system/policies", "/system/clientidps")


def objection(request: str, status: int, headers: dict[str, str], body: bytes) -> str:
    """Why a gateway would be harmed by this answer to `request` ("GET /register/node"), "" if it would not.

    `headers` in lower case; `body` as on the wire.
    """
    if headers.get("content-length") != str(len(body)):
        return f"Content-Length {headers.get('content-length')} for {len(body)} bytes"
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    path = request.partition(" ")[2]
    if status == 200:
        return _unacceptable_success(path, body)
    if status == 403:
        return "403 makes a node register again"
    if any(text in body for text in HARMFUL_TEXTS):
        return "the refusal holds a text that locks a node up"
    if status == 409:
        return _unacceptable_conflict(path, body)
    return "" if status in (401, 404, 500, 503) else f"{status} was never seen to be harmless"


def _unacceptable_success(path: str, body: bytes) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        return "200 with a body that is not JSON ends a booting 3.0.12"
    if not isinstance(answer.get("Nonce"), str) or not answer["Nonce"]:
        return "no nonce"
    message = answer.get("Message")
    if path == "/register/node":
        named = isinstance(message, dict) and isinstance(message.get("NodeID"), str) and message["NodeID"]
        return "" if named else "no NodeID"
    if path in PULLS:
        return "" if isinstance(message, list) else "the message is not a list"
    return "" if message is None else "3.0.12 cannot decode this message"


def _unacceptable_conflict(path: str, body: bytes) -> str:
    if path != "/register/node":
        return "409 is for registrations"
    try:
        json.loads(body)
    except ValueError:
        return ""
    return "409 with JSON leaves 5.14 trying while it holds its reload lock"
