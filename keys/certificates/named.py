"""The certificates that the session of a key names: the one that its holder shows, public keys that his signatures are
checked with, certificates that its token is bound to.

A gateway takes any text there for what it likes, the name of a file on its disk or the certificate of another
organisation too. So each must be one that the key's organisation has.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from keys.certificates.pem import is_rsa
from keys.keys.parameters import SessionError
from keys.models import Certificate, Key, KeyCertificate

CLIENT, SIGNATURE, BINDINGS = "certificate", "rsa_certificate_id", "mtls_static_certificate_bindings"
MEMBERS = (CLIENT, SIGNATURE, BINDINGS)
NOT_OWN = "There is no such certificate in this organisation."
STAYS = "A key stays with the certificate that it was made with. Make a key of the other one, and revoke this one."
NEEDED = "Key cannot be used without a certificate."  # Tyk's words
NOT_GIVEN = "Only a new key is made from a certificate. Make one, and revoke this one."
_WANTED = {
    SIGNATURE: "Must be a public key (RSA): gateways read none from a certificate.",
    CLIENT: "Must be a certificate, not a public key.",
    BINDINGS: "Must be certificates, not public keys.",
}


def in_session(extra: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(member, ID) of each that the further members of a session name."""
    for member in (CLIENT, SIGNATURE):
        if extra.get(member):
            yield member, extra[member]
    for id in dict.fromkeys(extra.get(BINDINGS) or ()):
        yield BINDINGS, id


def own(
    org_id: str, extra: Mapping[str, Any], now: datetime, *, before: Mapping[str, Any] | None = None
) -> dict[tuple[str, str], Certificate]:
    """The certificates that the further members of a session name, by member and ID. before: those of the key so far,
    which may have expired since. The organisation's row is locked, or nothing is written. Raises SessionError for one
    that the organisation has not, in one wording with those that there are not, and for one of the wrong kind."""
    wanted = list(in_session(extra))
    if not wanted:
        return {}
    living = Certificate.objects.filter(org_id=org_id, deleted_at=None)
    fingerprints = {id.removeprefix(org_id) for _, id in wanted if "\0" not in id}
    rows = living.filter(fingerprint__in=fingerprints).defer("sealed_key").order_by("id")
    there = {row.served_id: row for row in rows}
    kept = set(in_session(before or {}))
    found = {}
    for member, id in wanted:
        if id not in there:
            raise SessionError(member, NOT_OWN)
        if fault := _fault(member, there[id]):
            raise SessionError(member, fault)
        if (member, id) not in kept and there[id].state(now) == "expired":
            raise SessionError(member, "The certificate has expired.")
        found[member, id] = there[id]
    return found


def _fault(member: str, certificate: Certificate) -> str:
    if member == SIGNATURE:
        return "" if certificate.is_public_key and is_rsa(certificate.pem) else _WANTED[member]
    return _WANTED[member] if certificate.is_public_key else ""


def refuse_another(key: Key, extra: Mapping[str, Any]) -> None:
    """Raises SessionError where the further members of the session of a key name another client certificate: gateways
    find the session by it."""
    now, then = extra.get(CLIENT, ""), key.session_extra.get(CLIENT, "")
    if now != then:
        raise SessionError(CLIENT, NOT_GIVEN if not then else STAYS if now else NEEDED)


def offered(org_id: str, now: datetime) -> list[Certificate]:
    """Those that a new key can be made from, by name."""
    rows = Certificate.objects.filter(org_id=org_id, deleted_at=None, is_public_key=False, not_after__gt=now)
    taken = KeyCertificate.objects.filter(org_id=org_id, member=CLIENT, key__revoked_at=None)
    free = rows.exclude(id__in=taken.values("certificate_id"))
    return list(free.defer("pem", "sealed_key").order_by("common_name", "id"))


def of_key(key: Key) -> list[tuple[str, Certificate]]:
    """(member, certificate) of those that a key names."""
    if next(in_session(key.session_extra), None) is None:
        return []
    rows = KeyCertificate.objects.filter(org_id=key.org_id, key=key).select_related("certificate")
    return [
        (row.member, row.certificate) for row in rows.order_by("member", "certificate__common_name", "id")
    ]


def end_of(certificates: Mapping[tuple[str, str], Certificate]) -> datetime | None:
    """When the client certificate among them expires, and the key with it: gateways of 3.0 let expired ones in."""
    ends = (each.not_after for (member, _), each in certificates.items() if member == CLIENT)
    return next(ends, None)


def write(
    key: Key, certificates: Mapping[tuple[str, str], Certificate], *, before: Mapping[str, Any] | None = None
) -> None:
    """Note which certificates a key needs. before: the further members that its session had, None for a new key."""
    if next(in_session(before or {}), None):
        KeyCertificate.objects.filter(org_id=key.org_id, key=key).delete()
    KeyCertificate.objects.bulk_create(
        KeyCertificate(org_id=key.org_id, key=key, certificate=each, member=member)
        for (member, _), each in certificates.items()
    )
