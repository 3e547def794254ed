"""What gateways ask: registration, heartbeat, feeds.

Every answer is complete, of known length and never in doubt: what cannot be answered in full is answered 503,
which does a gateway no harm. A short or empty feed would unload its APIs, a 403 or a lost connection can lock
it up.
"""

import functools
import ipaddress
import logging

from django.db import DatabaseError, InterfaceError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from apis.publishing import feed as published
from dashboard.nodes import envelope, quota, registry
from dashboard.nodes.registry import Caller
from keys.policies.serving import POLICIES
from orgs.access import access

logger = logging.getLogger(__name__)

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
RETRY_AFTER_SECONDS = 2


def whole(view):
    """Answer 503 when the database or the feed is in doubt.

    ATOMIC_REQUESTS would open and commit its transaction outside the view, where it could give no answer. Each thing
    that is noted is whole by itself.
    """

    @transaction.non_atomic_requests
    @functools.wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        except (DatabaseError, InterfaceError, published.FeedInDoubt) as error:
            logger.warning("%s %s was answered 503: %s", request.method, request.path, type(error).__name__)
            refusal = _text(envelope.UNAVAILABLE, 503)
            refusal.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
            return refusal

    return wrapped


@access("node")
@whole
def register(request: HttpRequest) -> HttpResponse:
    node = registry.register(_caller(request), timezone.now())
    if node is None:
        # Not JSON: that would keep 5.13 and later trying, with their reload lock held. With this they give up
        # the reload and free the lock; the signal that follows makes them load after all.
        return _text(envelope.ALREADY_REGISTERED, 409)
    return _json(envelope.answer({"NodeID": node.node_id}, node.nonce))


@access("node")
@whole
def ping(request: HttpRequest) -> HttpResponse:
    return _json(envelope.answer(None, registry.ping(_caller(request), timezone.now())))


@access("node", methods="DELETE")
@whole
def node(request: HttpRequest) -> HttpResponse:
    return _json(envelope.answer(None, registry.forget(_caller(request), timezone.now())))


@access("node")
@whole
def apis(request: HttpRequest) -> HttpResponse:
    feed = published.current()
    return _feed(request, feed, registry.pull(_caller(request), timezone.now(), feed.version))


@access("node")
@whole
def policies(request: HttpRequest) -> HttpResponse:
    feed = POLICIES.current()
    return _feed(request, feed, registry.pull_policies(_caller(request), timezone.now(), feed.version))


def _feed(request: HttpRequest, feed: published.Feed, nonce: str) -> HttpResponse:
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response = _json(envelope.compressed_feed(feed.packed, nonce))
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = _json(envelope.feed(feed.body, nonce))
    # For the worker, which asks before it signals; gateways do not look at it.
    response.headers["ETag"] = envelope.etag(feed.stamp)
    return response


@access("node")
@whole
def empty_list(request: HttpRequest) -> HttpResponse:
    """Client identity providers: there are none."""
    return _json(envelope.answer([], registry.pull(_caller(request), timezone.now())))


@access("node", methods="POST")
@whole
def quota_trigger(request: HttpRequest) -> HttpResponse:
    """A key reached a share of its quota. What cannot be meant is not noted, and answered all the same."""
    now = timezone.now()
    if int(request.META.get("CONTENT_LENGTH") or 0) <= quota.LARGEST:
        with transaction.atomic():
            quota.note(request.body, now)
    return _json(envelope.answer(None, registry.pull(_caller(request), now)))


def _caller(request: HttpRequest) -> Caller:
    return Caller(
        session_id=_header(request, "X-Tyk-Session-Id"),
        node_id=_header(request, "X-Tyk-Nodeid"),
        nonce=_header(request, "X-Tyk-Nonce"),
        hostname=_header(request, "X-Tyk-Hostname"),
        address=_address(request.META.get("REMOTE_ADDR", "")),
        by_former_secret=request.by_former_secret,
    )


def _header(request: HttpRequest, name: str) -> str:
    # Nobody with the node secret is refused over an odd name; PostgreSQL cannot store NUL.
    return request.headers.get(name, "").replace("\0", "")[:128]


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None  # behind a unix socket there is none


def _json(body: bytes) -> HttpResponse:
    return HttpResponse(body, content_type=JSON, headers={"Content-Length": str(len(body))})


def _text(body: bytes, status: int) -> HttpResponse:
    return HttpResponse(body, status=status, content_type=TEXT, headers={"Content-Length": str(len(body))})
