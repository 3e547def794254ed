"""How gateways count what a key may, as the sources of 3.0.12 and 5.14.0 have it (gateway/session_manager.go,
leakybucket/memorycache, internal/memorycache, internal/rate/sliding_log.go). Pure. Times are seconds, rising.

A gateway that is alone counts rates in memory, in windows that begin with a request. Gateways that share a Redis count
the lower ones there, in a log that slides and holds refused requests, too. Quotas are counted there by all;
those of 3.0 may hear of their own renewals late. Each was compared with stock gateways, request by request.
"""

from collections import deque
from typing import Protocol

CACHED = 10.0  # seconds for which a gateway keeps a session
FORGOTTEN = 600.0  # seconds without a request, after which a gateway begins a window anew


class Limit(Protocol):
    def refuses(self, at: float) -> bool:
        """Whether a request at this time is refused; it counts as far as gateways count it."""
        ...


class Window:
    """A rate of a gateway that is alone: `most` requests in `per` whole seconds from the first on; those it refuses are
    not counted."""

    def __init__(self, most: float, per: float):
        self.most, self.per = max(1, int(most)), int(per)
        self.left, self.end, self.last = self.most, float("-inf"), float("-inf")

    def refuses(self, at: float) -> bool:
        if at > self.end or at - self.last > FORGOTTEN:
            self.end, self.left = at + self.per, self.most
        self.last = at
        if self.left < 1:
            return True
        self.left -= 1
        return False


class Log:
    """A rate of gateways that count together: `most` requests in any `per` whole seconds, the refused among them."""

    def __init__(self, most: float, per: float):
        self.most, self.per = int(most), int(per)
        self.times: deque[float] = deque()

    def refuses(self, at: float) -> bool:
        while self.times and self.times[0] <= at - self.per:
            self.times.popleft()
        refused = len(self.times) >= self.most
        self.times.append(at)
        return refused


class Quota:
    """`most` requests in `renewal` seconds from the first on; those it refuses are counted, which changes nothing."""

    def __init__(self, most: int, renewal: float):
        self.most, self.renewal = most, renewal
        self.used, self.end = 0, float("-inf")

    def refuses(self, at: float) -> bool:
        if at >= self.end:
            self.used, self.end = 0, at + self.renewal
        self.used += 1
        return self.used > self.most


class LateQuota:
    """A quota of gateways of 3.0 where their notice of a change does not reach their own cache, as for tokens that are
    hashed by sha256: they know the end of a quota's time as the session had it when they read it, and take a quota that
    is used up for one that should have been renewed, and renew it, until they read it again."""

    def __init__(self, most: int, renewal: float):
        self.most, self.renewal = most, renewal
        self.used, self.end = 0, float("-inf")
        self.read = self.known = self.stored = float("-inf")

    def refuses(self, at: float) -> bool:
        if at - self.read >= CACHED:
            self.read, self.known = at, self.stored
        if at >= self.end:
            self.used, self.end = 0, at + self.renewal
        self.used += 1
        renewed = self.used == 1
        if self.used > self.most:
            if at <= self.known:
                return True
            self.used, self.end, renewed = 0, float("-inf"), True
        if renewed:
            self.stored = at + self.renewal
        return False
