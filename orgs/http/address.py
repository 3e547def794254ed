"""Where a request comes from."""

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

# What proxies put around an address: a port, and brackets about IPv6 so that the port can be told from it.
_WITH_PORT = re.compile(r"\[([^\[\]]+)\](?::\d{1,5})?|([^:\[\]]+):\d{1,5}")


def client_address(request: HttpRequest) -> str | None:
    """The caller's IP address, None if unknown.

    Behind the TLS proxy it is the last entry of X-Forwarded-For, the one which our own proxy added; what stands before
    it anybody can write. Without a proxy the header is not looked at.
    """
    text = request.META.get("REMOTE_ADDR", "")
    if settings.HTTPS:
        text = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or text
    return bare_address(text)


def bare_address(text: str) -> str | None:
    """The IP address in one entry of X-Forwarded-For, in its one spelling; None if there is none.

    Without port, brackets, quotes, blanks and zone; an IPv4 address mapped into IPv6 is the IPv4 address.
    """
    text = text.strip().strip('"').strip()
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        address = ipaddress.ip_address(text.partition("%")[0].strip())
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


def network_of(address: str) -> str:
    """What one caller can take an address from: an IPv4 address alone, of IPv6 the 64 bits a customer is given."""
    found = ipaddress.ip_address(address)
    return address if found.version == 4 else str(ipaddress.ip_network(f"{address}/64", strict=False))
