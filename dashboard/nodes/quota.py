"""What gateways tell of keys that reached a share of their quota: an entry in the audit log of the organisation.

A stock gateway tells of it only while it is sending a webhook: `monitor` of its tyk.conf must be on and name an
address, which need not answer. It tells again with every request as long as the share that it reckons grows, and the
body holds the token in clear, which is hashed at once and goes nowhere else.
"""

import json
from datetime import datetime, timedelta

from keys.credentials.naming import token_hashes
from keys.models import Key
from orgs import scope
from orgs.audit import log
from orgs.models import AuditEntry

LARGEST = 10_000  # bytes
ACTION = "key.quota_reached"
# In which the same key is not told of again for the same share.
QUIET = timedelta(hours=1)
_LONGEST_TOKEN = 1_000


def note(body: bytes, now: datetime) -> None:
    """Write down what a body says, if it is of a key of ours. Of anything else nothing is said."""
    said = _said(body)
    if said is None:
        return
    org_id, token, limit, usage = said
    # Its row is locked, so that of two gateways that tell at once one is heard.
    keys = Key.objects.select_for_update().filter(org_id=org_id, token_hash__in=token_hashes(token))
    key = keys.order_by("id").first()
    if key is None or _is_known(key, limit, now):
        return
    facts = log.noted(ACTION, "key") | {"actor_email": "gateway", "as_super_user": False, "at": now}
    changes = log.changes_between({}, {"trigger_limit": limit, "usage_percentage": usage})
    log.record_noted(facts, [(key.id, str(key), changes)], org=key.org_id)


def _said(body: bytes) -> tuple[str, str, int, int] | None:
    """(organisation, token, share that was to be told of, share that is used up), both in per cent."""
    try:
        said = json.loads(body)
        org_id, token, limit, usage = (
            said[name] for name in ("org_id", "key", "trigger_limit", "usage_percentage")
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    texts = isinstance(org_id, str) and isinstance(token, str) and 0 < len(token) <= _LONGEST_TOKEN
    numbers = all(type(number) is int and 0 <= number < 1 << 31 for number in (limit, usage))
    fit = texts and numbers and (org_id + token).isascii() and "\0" not in org_id + token
    return (org_id[:24], token, limit, usage) if fit else None


def _is_known(key: Key, limit: int, now: datetime) -> bool:
    with scope.org(key.org_id):
        recent = AuditEntry.objects.filter(
            org_id=key.org_id, at__gt=now - QUIET, action=ACTION, object_id=key.id
        )
        return recent.filter(changes__trigger_limit__1=limit).exists()
