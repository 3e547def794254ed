"""`/api/certs`: Tyk's Dashboard API for certificates, with its lower-case answers. No private key is given back."""

from django.http import HttpRequest, HttpResponse

from keys.certificates import lifecycle
from keys.certificates.pem import LARGEST, LONGEST_NAME, first_certificate
from keys.certificates.refusals import MISSING
from keys.models import Certificate
from orgs.access import SAFE, access
from orgs.http.rest import RestError, json_response, page, stamp
from orgs.models import Organisation

_ZERO = stamp(None)


@access("key", "certs", methods="GET POST")
def certs(request: HttpRequest) -> HttpResponse:
    """GET lists ids, or with `mode=detailed` what is on a list; POST takes PEM, as a body or in a part of a form, of
    whatever name."""
    if request.method in SAFE:
        rows, pages = page(request, _found(request))
        if request.GET.get("mode") == "detailed":
            return json_response({"cert_basics": [_basics(row) for row in rows], "pages": pages})
        return json_response({"certs": [row.served_id for row in rows], "pages": pages})
    if len(request.body) > LARGEST:
        raise RestError(413, f"A certificate must not be longer than {LARGEST // 1024} KiB")
    # PEM says itself where it begins and ends, so what a form puts around it does not matter.
    made = lifecycle.upload(_org_of_new(request), request.body, created_by=request.user.email)
    ids = [row.served_id for row in made]
    more = {"ids": ids} if len(ids) > 1 else {}
    return json_response({"id": ids[0], "message": "Certificate added", "status": "ok", **more})


@access("key", "certs")
def details(request: HttpRequest) -> HttpResponse:
    rows, pages = page(request, _found(request))
    return json_response({"certificates": [_meta(row) for row in rows], "pages": pages})


@access("key", "certs", methods="GET DELETE")
def cert(request: HttpRequest, id: str) -> HttpResponse:
    row = _living().filter(org_id=id[:24], fingerprint=id[24:]).first() if "\0" not in id else None
    if row is None:
        raise RestError(404, MISSING)
    if request.method == "DELETE":
        lifecycle.delete(row)
        return json_response({"status": "ok", "message": "removed"})
    return json_response(_meta(row))


def _living():
    return Certificate.objects.filter(deleted_at=None).order_by("-created_at", "-id")


def _found(request: HttpRequest):
    """filter: a part of the subject or of the id."""
    text, rows = request.GET.get("filter", ""), _living()
    if len(text) > LONGEST_NAME or "\0" in text:
        raise RestError(400, f"filter: must be a text of at most {LONGEST_NAME} characters")
    if not text:
        return rows
    return rows.filter(subject__icontains=text) | rows.filter(fingerprint__contains=text.lower()[24:] or "-")


def _org_of_new(request: HttpRequest) -> str:
    if request.org is not None:
        return request.org.id
    asked = request.GET.get("org_id", "")
    if "\0" in asked or not Organisation.everyone.present().filter(id=asked).exists():
        raise RestError(400, "org_id: must be the id of an organisation")
    return asked


def _basics(row: Certificate) -> dict:
    """As gateways of 5.x list one."""
    return {
        "id": row.served_id,
        "issuer_cn": _common_name(row.issuer),
        "subject_cn": row.common_name or str(row),
        "dns_names": row.names or None,
        "has_private": row.has_key,
        "not_before": stamp(row.not_before) if row.not_before else _ZERO,
        "not_after": stamp(row.not_after) if row.not_after else _ZERO,
        "is_ca": row.is_ca,
    }


def _common_name(name: str) -> str:
    """Of a name in the form of RFC 4514."""
    return next((part[3:] for part in name.split(",") if part.startswith("CN=")), "")


def _meta(row: Certificate) -> dict:
    """As gateways tell about one."""
    certificate = None if row.is_public_key else first_certificate(row.pem)
    return {
        "id": row.served_id,
        "fingerprint": "" if row.is_public_key else row.fingerprint,
        "has_private": row.has_key,
        "issuer": _name(certificate.issuer if certificate else None, ""),
        "subject": _name(certificate.subject if certificate else None, f"Public Key: {row.fingerprint}"),
        "not_before": stamp(row.not_before) if row.not_before else _ZERO,
        "not_after": stamp(row.not_after) if row.not_after else _ZERO,
        "dns_names": row.names or None,
        "is_ca": row.is_ca,
    }


_PARTS = {
    "Country": "2.5.4.6",
    "Organization": "2.5.4.10",
    "OrganizationalUnit": "2.5.4.11",
    "Locality": "2.5.4.7",
    "Province": "2.5.4.8",
    "StreetAddress": "2.5.4.9",
    "PostalCode": "2.5.4.17",
}


def _name(name, common_name: str) -> dict:
    """A distinguished name as Go's encoding of pkix.Name has it."""
    parts = [(each.oid.dotted_string, str(each.value)) for each in name] if name is not None else []
    of = {oid: [value for other, value in parts if other == oid] for oid, _ in parts}
    listed = {member: of.get(oid) for member, oid in _PARTS.items()}
    names = [{"Type": [int(part) for part in oid.split(".")], "Value": value} for oid, value in parts]
    return {
        **listed,
        "SerialNumber": (of.get("2.5.4.5") or [""])[-1],
        "CommonName": (of.get("2.5.4.3") or [common_name])[-1],
        "Names": names or None,
        "ExtraNames": None,
    }
