"""Whether our own feed can be pulled right now: asked before gateways are told to pull it.

A pull that meets a closed port or a cut answer can lock a gateway up, so nobody is told to pull what we could
not pull ourselves.
"""

from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

SECONDS = 3


def trouble(url: str, secret: str, etag: str) -> str:
    """Why the feed that `etag` names cannot be pulled from `url`; "" if it can."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.netloc, timeout=SECONDS)
    try:
        connection.request(
            "GET", parts.path or "/system/apis", headers={"Authorization": secret, "Accept-Encoding": "gzip"}
        )
        response = connection.getresponse()
        response.read()
    except (OSError, HTTPException) as error:
        return f"the feed cannot be asked for ({type(error).__name__})"
    finally:
        connection.close()
    if response.status != 200:
        return f"the feed is answered {response.status}"
    if response.headers.get("ETag") != etag:
        return "the feed is not the version that was published"
    return ""
