"""One message as a POST of JSON, signed, to a public address and nowhere else.

X-Gatehouse-Signature is `t=<seconds since 1970>,v1=<HMAC-SHA256 in hex>` of "<t>.<body>" with the secret of the alert,
so that a receiver can tell that it is from here, and is new. X-Gatehouse-Delivery is the message's id, the same when it
is sent again. Any answer of 2xx is good; redirects are not followed, and no answer is read beyond its head.
"""

import hashlib
import hmac
import json
import time

from django.conf import settings

from dashboard.alerts.models import Message
from dashboard.alerts.sending.outbox import Failed
from orgs.http import outgoing
from orgs.sealing import NotOpened, unseal

LONGEST = 10.0  # seconds, from connecting to the answer
_ELSEWHERE = "its address is neither public nor in ALERT_WEBHOOK_NETWORKS"


def is_allowed(address: str) -> bool:
    """Whether webhooks may go to an IP address."""
    return outgoing.is_public(address) or outgoing.is_within(address, settings.ALERT_WEBHOOK_NETWORKS)


def body_of(row: Message) -> bytes:
    return json.dumps({"id": row.id, **row.facts}, ensure_ascii=False).encode()


def signature(secret: bytes, body: bytes, at: int) -> str:
    made = hmac.new(secret, b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={made}"


def send(row: Message) -> None:
    """Raises Failed."""
    try:
        secret = unseal(row.rule, "sealed_secret") or b""
        parts = outgoing.parts_of(row.rule.webhook, query=True)
    except NotOpened:
        raise Failed("its signing secret cannot be opened any more: make another") from None
    except ValueError:
        raise Failed("the alert has no webhook any more", for_good=True) from None
    body = body_of(row)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Gatehouse",
        "X-Gatehouse-Delivery": row.id,
        "X-Gatehouse-Signature": signature(secret, body, int(time.time())),
    }
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        with outgoing.connection(parts, is_allowed, longest=LONGEST, refusal=_ELSEWHERE) as connection:
            connection.request("POST", target, body, headers)
            status = connection.getresponse().status
    except outgoing.Fault as fault:
        raise Failed(str(fault)) from None
    if not 200 <= status < 300:
        raise Failed(f"it answers {status}")
