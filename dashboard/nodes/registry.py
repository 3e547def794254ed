"""Who talks to us: the rows of Node, found by what a request says of its sender.

The node secret is the proof; a nonce, a node id and a session are never a reason to refuse.
"""

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from dashboard.nodes.health import beats_after
from dashboard.nodes.models import FormerNode, Node, PulledFeed
from dashboard.nodes.revisions import pulled

FORMER_KEPT = timedelta(days=31)  # as long as an axis that is marked with single days

_NODES = Node._meta.db_table
_HEARD_LAST = f"SELECT session_id FROM {_NODES} WHERE node_id = %(node)s ORDER BY last_ping_at DESC LIMIT 1"  # noqa: S608  ours

# What is written to a node's row.
_ALIVE = """last_ping_at = %(now)s,
    last_beat_at = CASE WHEN last_ping_at > %(beats_after)s THEN %(now)s ELSE last_beat_at END,
    -- A node whose registration got lost goes on under an id of its own; pulls of 3.0 name nothing else.
    node_id = coalesce(nullif(%(node)s, ''), node_id),
    hostname = coalesce(nullif(%(hostname)s, ''), hostname),
    address = %(address)s::inet,
    by_former_secret = %(by_former_secret)s"""
# Of all that it has pulled: policies come before APIs, and may have been changed in between.
_SERVED = """last_pull_at = %(now)s, asked_at = NULL,
    served_version = least(coalesce(policies_version, %(version)s), %(version)s)"""
_SERVED_POLICIES = "policies_version = %(version)s"
_IS_KEPT = f"EXISTS (SELECT FROM {PulledFeed._meta.db_table} WHERE number = %(version)s)"


@dataclass(frozen=True)
class Caller:
    """What a request says of the node that sent it; "" where it says nothing."""

    session_id: str
    node_id: str
    nonce: str
    hostname: str
    address: str | None
    by_former_secret: bool = False


@transaction.atomic
def register(caller: Caller, now: datetime) -> Node | None:
    """The row of a session seen for the first time; None for one that is known, whose reload has thus failed.

    Of many registrations of one session at once exactly one gets the row.
    """
    node = _new(caller, str(uuid.uuid4()), now)
    Node.objects.bulk_create([node], ignore_conflicts=True)
    if Node.objects.filter(session_id=node.session_id, node_id=node.node_id).exists():
        return node
    Node.objects.filter(session_id=node.session_id).update(refused_at=now, asked_at=None)
    return None


def ping(caller: Caller, now: datetime) -> str:
    """Note a sign of life and give the node's nonce. A session nobody knows is taken in."""
    facts = {
        "now": now,
        "beats_after": beats_after(now),
        "hostname": caller.hostname,
        "address": caller.address,
        "by_former_secret": caller.by_former_secret,
    }
    nonce = _write(_ALIVE, caller, facts)
    if nonce is None and _adopt(caller, now):
        nonce = _write(_ALIVE, caller, facts)
    return nonce or _stranger_nonce(caller)


def pull(caller: Caller, now: datetime, version: int | None = None) -> str:
    """The nonce of a node that asks for something; `version` is of the feed it is given, None otherwise."""
    if version is not None:
        return _pull(_SERVED, caller, now, version)
    node = _find(caller) or (_adopt(caller, now) if caller.session_id else None)
    return node.nonce if node else _stranger_nonce(caller)


def pull_policies(caller: Caller, now: datetime, version: int) -> str:
    """The nonce of a node that asks for policies, and is given those of `version`."""
    return _pull(_SERVED_POLICIES, caller, now, version)


def _pull(written: str, caller: Caller, now: datetime, version: int) -> str:
    facts = {"now": now, "version": version}
    # What is in it has to be kept before a node is said to have it; all but the first of its nodes find it kept.
    nonce = _write(written, caller, facts, only_if=_IS_KEPT)
    if nonce is not None:
        return nonce
    with transaction.atomic():
        node = _find(caller) or (_adopt(caller, now) if caller.session_id else None)
        if node is None:
            return _stranger_nonce(caller)
        nonce = _write(written, caller, facts) or node.nonce
        pulled.note(version, now)
        return nonce


@transaction.atomic
def forget(caller: Caller, now: datetime) -> str:
    """Delete the row of a node that ends, note when it did, and give its nonce."""
    node = _find(caller)
    if node is None:
        return _stranger_nonce(caller)
    FormerNode.objects.filter(ended_at__lt=now - FORMER_KEPT).delete()
    FormerNode.objects.create(hostname=node.hostname, registered_at=node.registered_at, ended_at=now)
    node.delete()
    return node.nonce


def _stranger_nonce(caller: Caller) -> str:
    """For a node that has no row: the nonce it holds, or any; nothing checks it."""
    return caller.nonce or secrets.token_hex(16)


def _write(written: str, caller: Caller, facts: dict[str, object], only_if: str = "true") -> str | None:
    """Write to the row of a node, and answer its nonce; None where there is none. A fleet asks for this thousands of
    times a minute, so it is one statement, in SQL of ours."""
    if caller.session_id:
        whose = "session_id = %(session)s"
    elif caller.node_id:
        # Pulls carry the session only from 5.3.12, 5.8.9 and 5.9 on.
        whose = f"session_id = ({_HEARD_LAST})"
    else:
        return None
    row = connection.ask(
        f"UPDATE {_NODES} SET {written} WHERE {whose} AND {only_if} RETURNING nonce",  # noqa: S608  ours
        facts | {"session": caller.session_id, "node": caller.node_id},
    )
    return row[0] if row else None


def _find(caller: Caller) -> Node | None:
    """For what is asked seldom; `_write` means the same one."""
    if caller.session_id:
        return Node.objects.filter(session_id=caller.session_id).first()
    if caller.node_id:
        return Node.objects.filter(node_id=caller.node_id).order_by("-last_ping_at").first()
    return None


def _adopt(caller: Caller, now: datetime) -> Node | None:
    if not (caller.session_id or caller.node_id):
        return None
    Node.objects.bulk_create([_new(caller, caller.node_id, now)], ignore_conflicts=True)
    return _find(caller)


def _new(caller: Caller, node_id: str, now: datetime) -> Node:
    return Node(
        session_id=caller.session_id or node_id,
        node_id=node_id,
        nonce=secrets.token_hex(16),
        hostname=caller.hostname,
        address=caller.address,
        by_former_secret=caller.by_former_secret,
        registered_at=now,
        last_ping_at=now,
        last_beat_at=now,
    )
