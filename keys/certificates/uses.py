"""Who needs a certificate."""

from collections.abc import Collection

from django.db.models import QuerySet

from apis.models import ApiDefinition
from keys.models import Certificate, Key, KeyCertificate

MOST_KEYS = 1_000  # that are named or counted


def own(org_id: str, ids: Collection[str]) -> set[str]:
    """Those of these ids that a certificate of the organisation has (orgs.declarations)."""
    fingerprints = {id.removeprefix(org_id) for id in ids}
    rows = Certificate.objects.filter(org_id=org_id, deleted_at=None, fingerprint__in=fingerprints)
    return {org_id + fingerprint for fingerprint in rows.values_list("fingerprint", flat=True)}


def apis(certificate: Certificate) -> list[ApiDefinition]:
    """The APIs whose definitions name it, by name. Its id is of 88 digits, which mean nothing else."""
    own = ApiDefinition.objects.filter(org_id=certificate.org_id)
    named = own.filter(definition_text__contains=certificate.served_id)
    return list(named.defer("definition_text").order_by("name", "id"))


def keys(certificate: Certificate) -> QuerySet:
    """The living keys whose sessions name it, by name."""
    named = KeyCertificate.objects.filter(org_id=certificate.org_id, certificate_id=certificate.id)
    living = Key.objects.filter(org_id=certificate.org_id, revoked_at=None)
    return living.filter(id__in=named.values("key_id")).order_by("alias", "id")


def said(certificate: Certificate) -> str:
    """The same in words; "" if it is not in use."""
    named = [f"the API {api.name}" for api in apis(certificate)]
    return _joined([*named, *(f"the key {key}" for key in keys(certificate)[:MOST_KEYS])])


def _joined(named: list[str], most: int = 5) -> str:
    if len(named) > most:
        named = [*named[:most], f"{len(named) - most} more"]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
