"""Notifications to gateways, signed with the node secret."""

import hashlib
import json

CHANNEL = "tyk.cluster.notifications"
SHA256 = 5


def notification(command: str, payload: str, secret: str) -> bytes:
    """The message for `CHANNEL` which makes gateways obey `command`.

    Algorithm 5 is what stock gateways accept whether or not `allow_insecure_configs` is set: the
    lower-case hex SHA-256 of command, payload and node secret written one after the other.
    """
    signature = hashlib.sha256((command + payload + secret).encode()).hexdigest()
    message = {"command": command, "payload": payload, "signature": signature, "algorithm": SHA256}
    return json.dumps(message, separators=(",", ":")).encode()
