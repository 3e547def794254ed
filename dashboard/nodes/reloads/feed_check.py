"""Whether our own feed can be pulled right now: asked before gateways are told to pull it.

A pull that meets a closed port or a cut answer can lock a gateway up, so nobody is told to pull what we could
not pull ourselves.
"""

import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from urllib.parse import urljoin, urlsplit

# How long any feed may take, and what a process which serves it for the first time reads and joins a second when
# all else is busy too (alone it is ten times as much).
SECONDS = 3
BYTES_A_SECOND = 2_000_000
# A gateway gives up then.
LONGEST = 30
UNREACHABLE = "the feed cannot be asked for"
_PIECE = 65_536


def patience(size: int) -> float:
    """The seconds in which a feed of `size` bytes, unpacked, must have come."""
    return min(SECONDS + size / BYTES_A_SECOND, LONGEST)


def beside(url: str, name: str) -> str:
    """The URL of another list that gateways pull from the place at which `url` is that of the APIs; "" if that is."""
    if not url:
        return ""
    return urljoin(url, name if urlsplit(url).path.strip("/") else f"/system/{name}")


def trouble(url: str, secret: str, etag: str, size: int = 0, *, at_least: float = 0) -> str:
    """Why the feed of `size` bytes that `etag` names cannot be pulled from `url`; "" if it can. `at_least`: the seconds
    in which it must have come, if they are more than its size asks for."""
    seconds = max(patience(size), at_least)
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    end = time.monotonic() + seconds
    connection = kind(parts.netloc, timeout=seconds)
    try:
        connection.request(
            "GET", parts.path or "/system/apis", headers={"Authorization": secret, "Accept-Encoding": "gzip"}
        )
        response = connection.getresponse()
        if response.status == 200:
            _await_end(response, end)
    except (OSError, HTTPException) as error:
        return f"{UNREACHABLE} ({type(error).__name__})"
    finally:
        connection.close()
    if response.status != 200:
        return f"the feed is answered {response.status}"
    if response.headers.get("ETag") != etag:
        return "the feed is not the version that was published"
    return ""


def _await_end(response: HTTPResponse, end: float) -> None:
    """Read the answer without keeping it. Raises IncompleteRead for one that is cut, TimeoutError after `end`."""
    missing = response.length
    while piece := response.read(_PIECE):
        if missing is not None:
            missing -= len(piece)
        if time.monotonic() > end:
            raise TimeoutError
    if missing:
        raise IncompleteRead(b"", missing)
