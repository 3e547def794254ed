"""Asking a gateway's own control API, which a super-user has named: never more than was meant, never for long.

The host is resolved once, every address it has must lie in GATEWAY_CONTROL_NETWORKS, and the connection goes to an
address that was looked at; a redirect is a fault like any other answer than 200. What goes wrong is told in words of
ours: answers and secrets stand in no error.
"""

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

CONNECTING = 3.0  # seconds
LONGEST = 15.0  # seconds, for an answer as a whole
LARGEST = 64 << 20  # bytes of an answer
HEADER = "x-tyk-authorization"
LATE = f"its answer takes longer than {LONGEST:g} s"
_PORTS = {"http": 80, "https": 443}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ControlFault(Exception):
    """A gateway's control API could not be read; the text says why, and nothing that was sent or answered. status: of
    the answer, where that is why."""

    def __init__(self, text: str, status: int | None = None):
        super().__init__(text)
        self.status = status


def parts_of(url: str) -> SplitResult:
    """The parts of the address of a control API: scheme, host, port, and at most a path before /tyk. Raises
    ValueError with a sentence."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("is no URL") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and a host")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("must hold no user, password, query or fragment")
    if not url.isascii() or not url.isprintable() or any(character in url for character in ' "<>\\^`{|}'):
        raise ValueError("holds a character that a URL must not have")
    if port == 0:
        raise ValueError("must have a port from 1 to 65535")
    return parts


def ask(url: str, path: str, secret: str, networks: Sequence[Network]) -> bytes:
    """The body of GET `path` at a control API. Raises ControlFault."""
    parts = parts_of(url)
    port = parts.port or _PORTS[parts.scheme]
    connection = HTTPConnection(parts.hostname, port, timeout=CONNECTING)
    late, watchdog = threading.Event(), None
    try:
        address = _pinned(parts.hostname, port, networks)
        connection.sock = _connected(parts, address, port)
        # From here on whoever answers decides how long anything takes.
        watchdog = threading.Timer(LONGEST, _cut, [connection.sock, late])
        watchdog.start()
        if parts.scheme == "https":
            connection.sock.do_handshake()
        headers = {"Accept-Encoding": "identity", **({HEADER: secret} if secret else {})}
        connection.request("GET", parts.path.rstrip("/") + path, headers=headers)
        body = _body(connection)
    except ssl.SSLCertVerificationError:
        raise ControlFault("its certificate is not accepted") from None
    except (OSError, HTTPException, ValueError) as error:
        raise ControlFault(
            LATE if late.is_set() else f"it cannot be asked ({type(error).__name__})"
        ) from None
    finally:
        if watchdog is not None:
            watchdog.cancel()
        connection.close()
    if late.is_set():
        raise ControlFault(LATE)
    return body


def _connected(parts: SplitResult, address: str, port: int) -> socket.socket:
    made = socket.create_connection((address, port), timeout=CONNECTING)
    if parts.scheme == "http":
        return made
    context = ssl.create_default_context()
    return context.wrap_socket(made, server_hostname=parts.hostname, do_handshake_on_connect=False)


def _cut(connected: socket.socket, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(OSError):  # it has just been closed
        connected.shutdown(socket.SHUT_RDWR)


def _pinned(host: str, port: int, networks: Sequence[Network]) -> str:
    """The address to connect to. One that may not be asked among several is refused like all of them, or which one is
    met would be up to who answers for the name."""
    found = [entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not found or not all(is_allowed(address, networks) for address in found):
        raise ControlFault("its address is in none of GATEWAY_CONTROL_NETWORKS")
    return found[0]


def is_allowed(address: str, networks: Sequence[Network]) -> bool:
    """Whether an IP address may be asked: of IPv4 addresses written as IPv6 the IPv4 one counts."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if "%" in address:  # a zone, which other machines do not know
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in network for network in networks)


def _body(connection: HTTPConnection) -> bytes:
    with connection.getresponse() as response:
        if response.status != 200:
            raise ControlFault(f"it answers {response.status}", response.status)
        body = response.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise ControlFault(f"its answer is longer than {LARGEST >> 20} MB")
        if response.length:
            raise ControlFault("its answer is cut")
        return body
