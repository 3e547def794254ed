"""Where a request comes from."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The caller's IP address, None if unknown.

    Behind the TLS proxy it is the last entry of X-Forwarded-For, the one which our own proxy added; what stands before
    it anybody can write. Without a proxy the header is not looked at.
    """
    text = request.META.get("REMOTE_ADDR", "")
    if settings.HTTPS:
        text = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
