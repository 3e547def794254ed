"""One client's connection as the loop of a web process sees it."""

import contextlib
import ipaddress
import socket
import struct
import time
from enum import Enum

from dashboard.web.limits import SENDING_SECONDS, SLOWEST_READER
from dashboard.web.reading import Reader

NOTHING = memoryview(b"")


class State(Enum):
    """What is waited for."""

    BEGINNING = "the first byte of a request"
    REQUEST = "the rest of a request"
    ANSWER = "our own answer"
    READER = "the client, to read the answer"
    END = "the client, to close after the last answer"


class Connection:
    """`since`: when the state began. `deadline`: when it ends by force. Both monotonic.

    `request`: what is being answered. `keep`: whether another request may follow. `held`: bytes that its
    process counts as buffered for it. `unsent`: what is left of the answer.
    """

    def __init__(self, cfg, client_socket: socket.socket, client, server):
        self.socket, self.client, self.server = client_socket, client, server
        self.network = network(client)
        self.reader = Reader(cfg, client)
        self.request = None
        self.keep = True
        self.answered = False
        self.held = 0
        self.watched = 0
        self.unsent = NOTHING

    def enter(self, state: State, seconds: float = float("inf")) -> None:
        self.state, self.since = state, time.monotonic()
        self.deadline = self.since + seconds

    def send(self) -> None:
        """Send what the kernel takes of `unsent` at once. Raises OSError."""
        with contextlib.suppress(BlockingIOError):
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
            self.unsent = NOTHING  # an empty part would keep the whole answer in memory

    def reset(self) -> None:
        """Close, and let the kernel forget what was not sent."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Answer:
    """Takes from gunicorn, in place of a socket, an answer of which nothing is sent before it is complete."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.pieces: list[bytes] = []

    @property
    def sock(self) -> "Answer":
        """gunicorn asks for a connection and for its socket: this is both."""
        return self

    def sendall(self, data: bytes) -> None:
        self.pieces.append(data)

    def sendfile(self, file, offset: int, count: int) -> None:
        file.seek(offset)
        self.pieces.append(file.read(count))

    def send(self, data: bytes) -> None:
        """gunicorn's own 100 Continue, which the client had when its body was waited for."""

    def shutdown(self, how: int) -> None:
        """gunicorn gives up an answer that has begun; here another can take its place."""
        raise OSError("nothing was sent")

    def close(self) -> None:
        pass

    def whole(self) -> bytes:
        """The answer, once: gunicorn's response, which knows us, may stay in memory for a while."""
        whole = b"".join(self.pieces)
        self.pieces.clear()
        return whole


def network(client) -> str:
    """Whom a client's address counts for: an IPv4 address, an IPv6 network of 64 bits; a Unix socket is ""."""
    if not isinstance(client, tuple):
        return ""
    address = ipaddress.ip_address(client[0].partition("%")[0])
    if address.version == 6 and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)


def seconds_to_send(size: int) -> float:
    """How long a client may take to read an answer of so many bytes."""
    return SENDING_SECONDS + size / SLOWEST_READER
