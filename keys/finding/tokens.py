"""Finding a key by what its holder presents, which is looked up by its hashes and kept nowhere: neither in an address
nor in a log, and no answer says it again."""

import base64
import binascii
import json
import re

from keys.keys import token as tokens
from keys.models import Generation, Key

LONGEST = 4_096  # characters
# Three parts of base64url, the first of which begins with `{"`.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
_ORGANISATION = re.compile(r"[0-9a-f]{24}")


def found(org_id: str, text: str) -> Key | None:
    """The key of an organisation, whose scope is entered, that a token, a chosen id or a user name opens, or a client
    certificate of this ID or fingerprint."""
    named = _hashes(org_id, bare(text))
    # In two statements, for which there are indexes: asked for one or the other, PostgreSQL reads all keys.
    former = Generation.objects.filter(org_id=org_id, token_hash__in=named).values_list("key_id", flat=True)
    newest = Key.objects.filter(org_id=org_id, token_hash__in=named)
    keys = [*newest, *Key.objects.filter(org_id=org_id, id__in=list(former))]
    # One that lives before those that have ended.
    return min(keys, key=lambda key: (key.revoked_at is not None, key.id), default=None)


def bare(text: str) -> str:
    """Without what stands before a token in a header."""
    return re.sub(r"(?i)^\s*(authorization:\s*)?(bearer\s+)?", "", text).strip()


def _hashes(org_id: str, text: str) -> set[str]:
    named = {tokens.hashed(text, function) for function in tokens.FUNCTIONS}
    for function in tokens.FUNCTIONS:
        try:
            id = text.removeprefix(org_id)  # as gateways do
            named.add(tokens.hashed(tokens.token_of(org_id, id, function), function))
        except ValueError:  # no id that somebody could have chosen
            continue
    return named


def is_token(text: str) -> bool:
    """Whether a text must be taken for a token, of this organisation or of another, and so for a secret."""
    text = bare(text)
    return bool(_JWT.fullmatch(text)) or _names_an_organisation(text)


def _names_an_organisation(text: str) -> bool:
    # The oldest form: the organisation's id and something more; two ids or a hash have a shape of their own.
    if _ORGANISATION.match(text) and len(text) > 24 and not tokens.is_token_hash(text):
        return True
    try:
        members = json.loads(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error, RecursionError):
        return False
    return isinstance(members, dict) and "id" in members
