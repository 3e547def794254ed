"""Uploading and deleting certificates: one transaction holds the row, the audit entry and the message.

Everybody who changes a certificate comes through here, in an entered scope. The private key is never given back.
"""

from django.db import transaction
from django.utils import timezone

from apis.gateways import outbox
from keys.certificates import pem, uses
from keys.certificates.delivery import CHANGED
from keys.certificates.refusals import Deleted, InUse, Taken
from keys.models import Certificate
from orgs.audit import log
from orgs.models import Organisation
from orgs.organisations import locks
from orgs.refusals import LimitReached
from orgs.sealing import seal

MOST_CERTIFICATES = 1_000  # of one organisation


@transaction.atomic
def upload(org_id: str, data: bytes, *, created_by: str) -> list[Certificate]:
    """What a text of PEM holds, all or none of it, in the order in which it stands there. Raises PemError, Taken where
    the organisation has one of them already, Departed, LimitReached."""
    found = pem.read(data, timezone.now())
    locks.lock(org_id)
    own = Certificate.objects.filter(org_id=org_id, deleted_at=None)
    there = set(
        own.filter(fingerprint__in=[each.fingerprint for each in found]).values_list("fingerprint", flat=True)
    )
    if taken := [each for each in found if each.fingerprint in there]:
        raise Taken(org_id + taken[0].fingerprint)
    if own.count() + len(found) > MOST_CERTIFICATES:
        raise LimitReached(f"This organisation may have {MOST_CERTIFICATES:,} certificates at most.")
    return [_insert(org_id, each, created_by) for each in found]


@transaction.atomic
def held(org_id: str, data: bytes, *, created_by: str) -> Certificate:
    """The one certificate without private key in a text of PEM, uploaded unless the organisation has it. Raises
    PemError, Departed, LimitReached."""
    found = pem.read(data, timezone.now())
    if len(found) > 1 or found[0].is_public_key or found[0].key is not None:
        raise pem.PemError("Must be one certificate, without its private key.")
    own = Certificate.objects.filter(org_id=org_id, deleted_at=None, fingerprint=found[0].fingerprint).first()
    return own or upload(org_id, data, created_by=created_by)[0]


@transaction.atomic
def delete(certificate: Certificate) -> Certificate:
    """End a certificate that nothing needs; its row stays, without the private key. Raises Deleted, InUse,
    Departed."""
    locks.lock(certificate.org_id)
    rows = Certificate.objects.select_for_update(of=("self",)).filter(
        org_id=certificate.org_id, deleted_at=None
    )
    now = rows.filter(id=certificate.id).first()
    if now is None:
        raise Deleted
    if users := uses.said(now):
        raise InUse(users, keys=uses.keys(now).exists())
    _end(now)
    return now


def depart(organisation: Organisation, **_: object) -> None:
    """The organisation is being deleted (apis.publishing.events.apis_departing)."""
    rows = Certificate.objects.filter(org_id=organisation.id, deleted_at=None).order_by("id")
    for certificate in rows.select_for_update(no_key=True, of=("self",)):
        _end(certificate)


def _insert(org_id: str, found: pem.Found, created_by: str) -> Certificate:
    certificate = Certificate(
        org_id=org_id,
        fingerprint=found.fingerprint,
        is_public_key=found.is_public_key,
        pem=found.pem,
        has_key=found.key is not None,
        subject=found.subject,
        common_name=found.common_name,
        issuer=found.issuer,
        names=list(found.names),
        is_ca=found.is_ca,
        not_before=found.not_before,
        not_after=found.not_after,
        created_by=created_by,
    )
    seal(certificate, "sealed_key", found.key)
    certificate.save(force_insert=True)
    _announce(certificate, "certificate.added", before={}, after=_facts(certificate))
    return certificate


def _end(certificate: Certificate) -> None:
    before = _facts(certificate)
    seal(certificate, "sealed_key", None)
    certificate.deleted_at = timezone.now()
    certificate.change_number += 1
    certificate.save()
    _announce(certificate, "certificate.deleted", before=before, after={})


def _announce(certificate: Certificate, action: str, *, before: dict, after: dict) -> None:
    log.record(
        action,
        "certificate",
        certificate.id,
        str(certificate),
        org=certificate.org_id,
        before=before,
        after=after,
    )
    outbox.add(CHANGED, certificate.id, org_id=certificate.org_id)


def _facts(certificate: Certificate) -> dict:
    return {
        "fingerprint": certificate.fingerprint,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "not_after": certificate.not_after.isoformat() if certificate.not_after else None,
        "has_key": certificate.has_key,
    }
