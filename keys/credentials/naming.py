"""Under which names gateways know a key whose token is made, or whose id somebody chose.

Gateways find a session by the whole token, or by the id in it alone, of which they make the token with their own
`hash_key_function`. They keep it for ten seconds under a hash of whatever was presented, of no organisation: an id that
two organisations have is answered for one with the other's session (seen). So an id is one of its kind over all.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from keys.keys import token as tokens
from keys.keys.parameters import SessionError
from keys.models import FoundSession, Generation, Key
from orgs import refusals, scope
from orgs.ids import is_id
from orgs.models import Organisation

# Gateways of 3.0 take no shorter one, whatever an organisation allows.
SHORTEST = 4
LONGEST = 100
# Neither what JSON escapes, nor what parts a path, a header or `user:password`.
_ALLOWED = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._~@+=-]*")
# Words of addresses below /api/keys/.
_RESERVED = frozenset({"detailed", "preview", "search", "policy"})
# What is said of an id that another key has, of whichever organisation, and of one that names another organisation.
TAKEN = "This one cannot be used. Choose another."
# What is said of an id of a session of the organisation's own that others made.
FOUND = "Gateways hold a session of this one that was made elsewhere. Take it over, or end it there first."


class IdTaken(refusals.Taken):
    """Some living key has the id, or it names another organisation; no word of whose."""

    def __init__(self, field: str):
        super().__init__(f"{field}: {TAKEN}")
        self.field = field


class CertificateTaken(refusals.Taken):
    """Another living key of the organisation is found by the certificate."""

    def __init__(self, token: str):
        super().__init__("There is a key for this certificate already.")
        self.token = token

    def for_machines(self) -> str:
        # Tyk's words.
        return f"Failed to create key - Key with given certificate already found:{self.token}"


@dataclass(frozen=True)
class Names:
    """A token, and what is kept of it: the name of its session in Redis, and those in the caches of gateways, of the
    whole token and of the id alone ("" where that opens nothing)."""

    token: str
    token_hash: str
    cache_key: str
    short_cache_key: str


def made(org_id: str) -> Names:
    """Those of a new random token."""
    return _names(tokens.new_token(org_id))


def chosen(organisation: Organisation, text: str, *, of_user: bool) -> Names:
    """Those of an id that somebody chose, or of a user name. text: the id, or a whole token of the organisation's. Its
    row is locked. Raises SessionError, IdTaken."""
    field = "user_name" if of_user else "key_id"
    whole = tokens.parts_of(text)
    id = whole[1] if whole else text.removeprefix(organisation.id)
    _refuse_unfit(id, field, SHORTEST if of_user else max(SHORTEST, organisation.min_key_id_length))
    if whole and whole[0] != organisation.id:
        raise IdTaken(field)
    names = _names(text if whole else tokens.token_of(organisation.id, id, _function()))
    _claim(organisation.id, id, names, field)
    return names


def of_certificate(org_id: str, id: str) -> Names:
    """Those of a key whose holder shows a client certificate of the organisation, which gateways make of its ID. Other
    organisations may have a key for the same one: gateways look with the organisation of the API that is called. The
    row of the organisation is locked. Raises CertificateTaken, SessionError."""
    names = _names(tokens.token_of(org_id, id.removeprefix(org_id), _function()))
    named = Q(org_id=org_id, token_hash=names.token_hash)
    if _living().filter(named).exists() or _living_former().filter(named).exists():
        raise CertificateTaken(names.token)
    if FoundSession.objects.filter(org_id=org_id, name=names.token_hash).exists():
        raise SessionError("certificate", FOUND)
    return names


def token_hashes(name: str) -> list[str]:
    """The hashes under which a key may lie that is named by a text: a token of any form, or the hash itself."""
    whole = tokens.parts_of(name)
    found = [tokens.hashed(name, whole[2]) if whole else tokens.token_hash(name)]
    if is_id(name[:24]):  # a token of the oldest form
        found.append(tokens.hashed(name, tokens.LEGACY))
    return (
        [*found, name] if re.fullmatch("[0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64}", name) else found
    )


def cached(token: str) -> tuple[str, str]:
    """What gateways call the session of a token in their caches, and of the id in it alone."""
    names = _names(token)
    return names.cache_key, names.short_cache_key


def _function() -> str:
    function: str = settings.GATEWAY_HASH_KEY_FUNCTION
    return function


def _names(token: str) -> Names:
    whole = tokens.parts_of(token)
    function = whole[2] if whole else tokens.LEGACY
    id = whole[1] if whole else token[24:]
    return Names(
        token,
        tokens.hashed(token, function),
        tokens.cache_key(token),
        tokens.cache_key(id) if function == _function() else "",
    )


def _refuse_unfit(id: str, field: str, shortest: int) -> None:
    if not _ALLOWED.fullmatch(id):
        raise SessionError(
            field, "May consist of letters and digits of ASCII, and of . _ ~ @ + = - after the first."
        )
    if id in _RESERVED or id.startswith("eyJ"):
        raise SessionError(
            field, "This is a word of the address, or the beginning of a token. Choose another."
        )
    if not shortest <= len(id) <= LONGEST:
        raise SessionError(field, f"Must have {shortest} to {LONGEST} characters.")


def _claim(org_id: str, id: str, names: Names, field: str) -> None:
    """Raise IdTaken where another living key has the id, now or in a transaction that is not finished, or a session
    that others made for another organisation; SessionError for one of the organisation's own."""
    key = tokens.cache_key(id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int(key, 16) - 2**63])
    with scope.every_org():
        # Of keys that were taken over from elsewhere nobody knows more than where their sessions lie.
        hashes = {names.token_hash, *(tokens.hashed(token, _function()) for token in _tokens_anywhere(id))}
        named = Q(short_cache_key=key) | Q(token_hash__in=hashes)
        taken = any(living.filter(named).exists() for living in (_living(), _living_former()))
        if taken or Organisation.everyone.filter(id=id[:24]).exclude(id=org_id).exists():
            raise IdTaken(field)
        elsewhere = FoundSession.objects.filter(name__in=list(_found_names(id, hashes)))
        whose = set(elsewhere.values_list("org_id", flat=True))
    if whose - {org_id}:
        raise IdTaken(field)
    if whose:
        raise SessionError(field, FOUND)


def _tokens_anywhere(id: str) -> Iterator[str]:
    """The tokens of keys with this id, of each organisation."""
    for org_id in Organisation.everyone.present().values_list("id", flat=True):
        yield tokens.token_of(org_id, id, _function())


def _found_names(id: str, hashes: Collection[str]) -> Iterator[str]:
    """What rows call sessions of this id that others made (keys.adoption.discovery): some gateways keep them under
    tokens themselves, and gateways of before organisations under the id alone."""
    yield from hashes
    for text in (id, *_tokens_anywhere(id)):
        yield from (tokens.hashed(text, _function()), tokens.token_hash(text))


def _living() -> QuerySet:
    return Key.objects.filter(revoked_at=None)


def _living_former() -> QuerySet:
    """Former tokens of keys that still open something."""
    return Generation.objects.filter(retired_at=None, ends_at__gt=Now(), key__revoked_at=None)


def let_go(key: Key) -> None:
    """Have a revoked key of the organisation, and an ended generation of one, let go of the names that a new one is to
    have: what is done to the old one must not touch the session of the new one."""
    revoked = Key.objects.filter(org_id=key.org_id, token_hash=key.token_hash)
    for id in revoked.values_list("id", flat=True):
        Key.objects.filter(org_id=key.org_id, id=id).update(
            token_hash=tokens.token_hash(f"revoked {id}"), short_cache_key=""
        )
    ended = Generation.objects.filter(org_id=key.org_id, token_hash=key.token_hash)
    for id in ended.values_list("id", flat=True):
        Generation.objects.filter(org_id=key.org_id, id=id).update(
            token_hash=tokens.token_hash(f"ended {id}"), short_cache_key=""
        )
