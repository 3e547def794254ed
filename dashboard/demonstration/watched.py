"""The demonstration's alerts, a rule of each kind, with what was found of its incident: as the worker would have found
it, counted from the traffic that is pushed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgpack
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from apis.models import ApiDefinition
from dashboard.alerts import lifecycle
from dashboard.alerts.models import Incident, Rule
from dashboard.analytics.clock import EPOCH, HOUR, MINUTE, floor
from dashboard.demonstration import catalogue
from dashboard.demonstration.traffic import Incident as Trouble
from dashboard.demonstration.traffic import Traffic
from keys.certificates import lifecycle as certificates
from orgs.audit import log
from orgs.models import User

MADE_BEFORE = timedelta(weeks=4)
CERTIFICATE_LEFT = timedelta(days=9)
LEAST, THRESHOLD, WINDOW = 10, 10, 10  # requests, %, minutes
RULES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("Shipments fail", "errors", {"threshold": THRESHOLD, "least": LEAST, "window": WINDOW}),
    ("Shipments failed within a day", "errors", {"threshold": 2, "window": 1_440}),
    ("Shipments are slow", "p95", {"threshold": 2_000, "window": 30}),
    ("Nothing comes in", "silence", {"window": 120}),
    ("A key nears its quota", "quota", {"threshold": 90}),
    ("Certificates end", "certificate", {"threshold": 14}),
)
OF_SHIPMENTS = ("errors", "p95")


def make(org_id: str, author: User, traffic: Traffic, trouble: Trouble, now: datetime) -> None:
    """The rules and the certificate of an organisation, whose scope is entered, and the history of the incident that
    one of its APIs had."""
    api = ApiDefinition.objects.get(org_id=org_id, api_id=trouble.api_id)
    with log.dated(now - MADE_BEFORE):
        certificates.upload(org_id, _certificate(now), created_by=author.email)
        for name, kind, facts in RULES:
            about = {"api_id": api.id} if kind in OF_SHIPMENTS else {}
            values = {"name": name, "kind": kind, "mails": [author.email], **about, **facts}
            lifecycle.create(org_id, values, author=author)
    # What is pushed later than its time comes from a clock that is right.
    watched = [[int((now - 2 * HOUR - EPOCH) / MINUTE), 10**9]]
    Rule.objects.filter(org_id=org_id).update(created_at=now - MADE_BEFORE, counted=watched)
    rule = Rule.objects.get(org_id=org_id, name=RULES[0][0])
    for began, ended, first, worst in found(traffic, trouble):
        Incident.objects.create(
            org_id=org_id, rule=rule, began_at=began, ended_at=ended, told_at=began, first=first, worst=worst
        )


def found(traffic: Traffic, trouble: Trouble) -> Iterator[tuple[datetime, datetime, float, float]]:
    """(began, ended, first, worst) of the times around an incident in which too many requests of its API failed, in
    looks of each minute."""
    start = floor(trouble.begins, MINUTE)
    minutes = int((trouble.lasts + 3 * WINDOW * MINUTE) / MINUTE)
    calls = list(_calls(traffic, trouble.api_id, start - WINDOW * MINUTE, start + minutes * MINUTE))
    going_on: list[tuple[datetime, float]] = []
    for at in (start + number * MINUTE for number in range(minutes)):
        codes = [code for ts, code in calls if at - WINDOW * MINUTE <= ts < at]
        share = 100 * sum(code >= 500 for code in codes) / len(codes) if len(codes) >= LEAST else 0
        if share >= THRESHOLD:
            going_on.append((at, share))
        elif going_on:
            yield going_on[0][0], at, going_on[0][1], max(share for _, share in going_on)
            going_on = []


def _calls(traffic: Traffic, api_id: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, int]]:
    hour = floor(start, HOUR)
    while hour < end:
        for seconds, packed in traffic.hour(hour):
            record = msgpack.unpackb(packed)
            if record["APIID"] == api_id:
                yield datetime.fromtimestamp(int(seconds), UTC), record["ResponseCode"]
        hour += HOUR


def _certificate(now: datetime) -> bytes:
    """Of the upstream of shipments, which ends soon."""
    key = ec.generate_private_key(ec.SECP256R1())
    host = catalogue.SHIPMENTS.target_url.split("/")[2]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - MADE_BEFORE)
    return builder.not_valid_after(now + CERTIFICATE_LEFT).sign(key, SHA256()).public_bytes(Encoding.PEM)
