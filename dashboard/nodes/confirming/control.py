"""Asking a gateway's own control API, which a super-user has named: never more than was meant, never for long
(orgs.http.outgoing). Every address of its host must lie in GATEWAY_CONTROL_NETWORKS; a redirect is a fault like any
other answer than 200."""

from collections.abc import Sequence
from http.client import HTTPConnection

from orgs.http import outgoing
from orgs.http.outgoing import Network, is_within

LONGEST = 15.0  # seconds, for an answer as a whole
LARGEST = 64 << 20  # bytes of an answer
HEADER = "x-tyk-authorization"
_ELSEWHERE = "its address is in none of GATEWAY_CONTROL_NETWORKS"


class ControlFault(Exception):
    """A gateway's control API could not be read; the text says why, and nothing that was sent or answered. status: of
    the answer, where that is why."""

    def __init__(self, text: str, status: int | None = None):
        super().__init__(text)
        self.status = status


def ask(url: str, path: str, secret: str, networks: Sequence[Network]) -> bytes:
    """The body of GET `path` at a control API. Raises ControlFault."""
    parts = outgoing.parts_of(url)
    headers = {"Accept-Encoding": "identity", **({HEADER: secret} if secret else {})}
    try:
        with outgoing.connection(
            parts, lambda address: is_within(address, networks), longest=LONGEST, refusal=_ELSEWHERE
        ) as connection:
            connection.request("GET", parts.path.rstrip("/") + path, headers=headers)
            return _body(connection)
    except outgoing.Fault as fault:
        raise ControlFault(str(fault)) from None


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
