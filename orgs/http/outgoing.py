"""Asking an address that somebody named: never another than was meant, never for long.

The host is resolved once, every address it has must be allowed, and the connection goes to an address that was looked
at. What goes wrong is told in words of ours: answers, secrets and addresses stand in no error.
"""

import contextlib
import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from http.client import HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

CONNECTING = 3.0  # seconds
_PORTS = {"http": 80, "https": 443}
# By OpenSSL's number of what was found, whose words may tell names.
_NOT_ACCEPTED = {
    9: "it is not valid yet",
    10: "it has expired",
    **dict.fromkeys((18, 19), "it is signed by itself"),
    **dict.fromkeys((20, 21), "whoever signed it is not known here"),
    **dict.fromkeys((62, 64), "it is of another name"),
}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Fault(Exception):
    """It could not be asked; the text says why, and nothing that was sent or answered."""


def parts_of(url: str, *, query: bool = False) -> SplitResult:
    """The parts of an address: scheme, host, port, path, and a query where it may have one. Raises ValueError with a
    sentence."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("is no URL") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and a host")
    named = parts.username is not None or parts.password is not None
    if named or parts.fragment or (parts.query and not query):
        raise ValueError(f"must hold no user, password{' or' if query else ', query or'} fragment")
    if not url.isascii() or not url.isprintable() or any(character in url for character in ' "<>\\^`{|}'):
        raise ValueError("holds a character that a URL must not have")
    if port == 0:
        raise ValueError("must have a port from 1 to 65535")
    return parts


@contextlib.contextmanager
def connection(
    parts: SplitResult, may_be_asked: Callable[[str], bool], *, longest: float, refusal: str
) -> Iterator[HTTPConnection]:
    """A connection to where an address leads, over which one thing may be asked. may_be_asked: whether an IP address
    may be connected to; refusal: what is said if not. longest: seconds from connecting to the end. Raises Fault, also
    for what goes wrong inside."""
    port = parts.port or _PORTS[parts.scheme]
    made = HTTPConnection(parts.hostname or "", port, timeout=CONNECTING)
    late, watchdog = threading.Event(), None
    too_late = f"its answer takes longer than {longest:g} s"
    try:
        connected = _connected(parts, _pinned(parts.hostname or "", port, may_be_asked, refusal), port)
        made.sock = connected
        # From here on whoever answers decides how long anything takes.
        watchdog = threading.Timer(longest, _cut, [connected, late])
        watchdog.start()
        if isinstance(connected, ssl.SSLSocket):
            connected.do_handshake()
        yield made
    except ssl.SSLCertVerificationError as error:
        raise Fault(f"its certificate is not accepted: {why_not_accepted(error)}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise Fault(too_late if late.is_set() else f"it cannot be asked ({type(error).__name__})") from None
    finally:
        if watchdog is not None:
            watchdog.cancel()
        made.close()
    if late.is_set():
        raise Fault(too_late)


def tls() -> ssl.SSLContext:
    """How servers are asked whose certificates must be signed by somebody known: to the system, or to
    TRUSTED_CERTIFICATES. Reading all of those takes longer than a connection: it is done again when they change."""
    places = ssl.get_default_verify_paths()
    of_system = tuple((place, _changed_at(place)) for place in (places.cafile, places.capath) if place)
    return _context(settings.TRUSTED_CERTIFICATES, of_system)


@lru_cache(maxsize=1)
def _context(trusted: str, _of_system: tuple[tuple[str, int], ...]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if trusted:
        context.load_verify_locations(cadata=trusted)
    return context


def _changed_at(place: str) -> int:
    try:
        return os.stat(place).st_mtime_ns
    except OSError:
        return 0


def why_not_accepted(error: ssl.SSLCertVerificationError) -> str:
    """In words without names."""
    return _NOT_ACCEPTED.get(error.verify_code, "it is not valid")


def _connected(parts: SplitResult, address: str, port: int) -> socket.socket:
    made = socket.create_connection((address, port), timeout=CONNECTING)
    if parts.scheme == "http":
        return made
    return tls().wrap_socket(made, server_hostname=parts.hostname, do_handshake_on_connect=False)


def _cut(connected: socket.socket, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(OSError):  # it has just been closed
        connected.shutdown(socket.SHUT_RDWR)


def _pinned(host: str, port: int, may_be_asked: Callable[[str], bool], refusal: str) -> str:
    """The address to connect to. One that may not be asked among several is refused like all of them, or which one is
    met would be up to who answers for the name."""
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not found or not all(map(may_be_asked, found)):
        raise Fault(refusal)
    return found[0]


def is_address(host: str) -> bool:
    """Whether a host is written as an IP address, and is no name."""
    return _address(host.partition("%")[0]) is not None


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether an IP address lies in one of some networks: of IPv4 addresses written as IPv6 the IPv4 one counts."""
    found = _address(address)
    return found is not None and any(found in network for network in networks)


def is_public(address: str) -> bool:
    """Whether an IP address is somebody's in the internet. One of IPv6 that stands for one of IPv4 behind a translator
    is none: what it leads to is up to that."""
    found = _address(address)
    if found is None or not found.is_global or found.is_reserved or found.is_multicast:
        return False
    return isinstance(found, ipaddress.IPv4Address) or not (
        found.sixtofour or found.teredo or found.is_site_local
    )


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None for what is none, and for one with a zone, which other machines do not know."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if "%" in text:
        return None
    return getattr(found, "ipv4_mapped", None) or found
