"""Who talks to us: the rows of Node, found by what a request says of its sender.

The node secret is the proof; a nonce, a node id and a session are never a reason to refuse.
"""

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models.functions import Coalesce, Least

from dashboard.nodes.health import is_beat
from dashboard.nodes.models import Node
from dashboard.nodes.revisions import pulled


@dataclass(frozen=True)
class Caller:
    """What a request says of the node that sent it; "" where it says nothing."""

    session_id: str
    node_id: str
    nonce: str
    hostname: str
    address: str | None
    by_former_secret: bool = False


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
    node = _find(caller) or _adopt(caller, now)
    if node is None:
        return _stranger_nonce(caller)
    Node.objects.filter(pk=node.pk).update(
        last_ping_at=now,
        last_beat_at=now if is_beat(node.last_ping_at, now) else node.last_beat_at,
        # A node whose registration got lost goes on under an id of its own; pulls of 3.0 name nothing else.
        node_id=caller.node_id or node.node_id,
        hostname=caller.hostname or node.hostname,
        address=caller.address,
        by_former_secret=caller.by_former_secret,
    )
    return node.nonce


def pull(caller: Caller, now: datetime, version: int | None = None) -> str:
    """The nonce of a node that asks for something; `version` is of the feed it is given, None otherwise."""
    node = _find(caller)
    if node is None and caller.session_id:
        node = _adopt(caller, now)
    if node is None:
        return _stranger_nonce(caller)
    if version is not None:
        # Of all that it has pulled: policies come before APIs, and may have been changed in between.
        served = Least(Coalesce("policies_version", version), version)
        Node.objects.filter(pk=node.pk).update(last_pull_at=now, served_version=served, asked_at=None)
        pulled.note(version, now)
    return node.nonce


def pull_policies(caller: Caller, now: datetime, version: int) -> str:
    """The nonce of a node that asks for policies, and is given those of `version`."""
    nonce = pull(caller, now)
    if (node := _find(caller)) is not None:
        Node.objects.filter(pk=node.pk).update(policies_version=version)
        pulled.note(version, now)
    return nonce


def forget(caller: Caller) -> str:
    """Delete the row of a node that ends, and give its nonce."""
    node = _find(caller)
    if node is None:
        return _stranger_nonce(caller)
    node.delete()
    return node.nonce


def _stranger_nonce(caller: Caller) -> str:
    """For a node that has no row: the nonce it holds, or any; nothing checks it."""
    return caller.nonce or secrets.token_hex(16)


def _find(caller: Caller) -> Node | None:
    if caller.session_id:
        return Node.objects.filter(session_id=caller.session_id).first()
    if caller.node_id:
        # Pulls carry the session only from 5.3.12, 5.8.9 and 5.9 on.
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
