"""Rotation by REST: a member of our own beside Tyk's keys, POST /api/keys/{token or hash}/rotate."""

import hashlib

from django.core.exceptions import ValidationError

from keys.keys.rest import data, key_or_404, living
from keys.models import Key
from keys.rotation import lifecycle
from keys.rotation.forms import seconds
from orgs.access import access
from orgs.http import etags
from orgs.http.rest import RestError, expected, json_response, read_json, tagged

LONGEST_KEY = 255


@access("key", "keys", methods="POST")
def key_rotate(request, name):
    """`overlap`: for how many seconds the old token lives. The answer has the new one for the only time. A request that
    is sent again with the same Idempotency-Key is answered by 409 and rotates no second time."""
    key = key_or_404(living(), name, request.GET)
    seen = expected(request, key.change_number)
    body = read_json(request)
    try:
        overlap = seconds(body.get("overlap"))
    except ValidationError as error:
        raise RestError(400, f"overlap: {error.messages[0]}") from None
    rotated, text = lifecycle.rotate(key, overlap, form_token=_sent_once(request, key), expected=seen)
    answer = data([rotated])[0] | {"key_id": text}
    return tagged(request, json_response(answer), etags.tag(rotated.change_number, "once"))


def _sent_once(request, key: Key) -> str | None:
    """What the request is known by, if it is sent again."""
    text = request.headers.get("Idempotency-Key")
    if text is None:
        return None
    if not 1 <= len(text) <= LONGEST_KEY:
        raise RestError(400, f"Idempotency-Key: must have 1 to {LONGEST_KEY} characters")
    return hashlib.sha256(f"{key.id} {text}".encode(errors="surrogateescape")).hexdigest()
