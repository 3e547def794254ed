"""Notifications to gateways over their Redis, signed with the node secret."""

import hashlib
import json

SHA256 = 5


def signed(command: str, payload: str, node_secret: str) -> bytes:
    """The message (for apis.gateways.names.CHANNEL) that makes gateways obey `command`.

    Algorithm 5, the lower-case hex SHA-256 of command, payload and node secret written one after the other,
    is what stock gateways accept whether or not `allow_insecure_configs` is set.
    """
    signature = hashlib.sha256(f"{command}{payload}{node_secret}".encode()).hexdigest()
    message = {"command": command, "payload": payload, "signature": signature, "algorithm": SHA256}
    return json.dumps(message, separators=(",", ":")).encode()
