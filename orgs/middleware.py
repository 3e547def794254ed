"""What every request passes: security headers, the wire's manners, and the one place where a scope is entered."""

import logging
import secrets

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone

from orgs import scope
from orgs.access import BY_HEADER, SAFE, declared
from orgs.http import refusals
from orgs.http.paging import BadPlace
from orgs.http.refusals import bad_request
from orgs.http.rest import RestError, error_response, is_wire
from orgs.http.strict_json import printable
from orgs.models import Organisation, User
from orgs.signing_in.authentication import may_enter
from orgs.signing_in.credentials import access_key_hash, same_secret
from orgs.signing_in.passwords import Busy

logger = logging.getLogger(__name__)

RETRY_AFTER = "5"
DATABASE_AWAY = (OperationalError, InterfaceError)
ADMIN = "/django-admin/"


class SecurityHeadersMiddleware:
    """Headers which Django 5.2 does not send: the content security policy, and no caching of anything personal."""

    def __init__(self, get_response):
        self.get_response = get_response
        self.policy = "; ".join(f"{name} {' '.join(values)}" for name, values in settings.SECURE_CSP.items())

    def __call__(self, request):
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.policy)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if not request.path.startswith(f"/{settings.STATIC_URL.lstrip('/')}"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class WireMiddleware:
    """Trailing slashes are optional for machines, every error they meet is JSON, and no address holds a NUL.

    PostgreSQL has no text with a NUL in it, so what is named or searched for with one cannot exist.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.id = secrets.token_hex(16)
        if is_wire(request.path_info) and request.path_info.endswith("/"):
            request.path_info = request.path_info.rstrip("/")
        if "\0" in request.path_info:
            raise Http404
        if named := [name for name, values in request.GET.lists() if "\0" in "".join((name, *values))]:
            return bad_request(request, f"{printable(named[0])}: must not hold a NUL character")
        return self.get_response(request)

    def process_exception(self, request, exception):
        if isinstance(exception, RestError):
            return error_response(exception.status, exception.message)
        if isinstance(exception, BadPlace):
            return bad_request(request, str(exception))
        if refused := refusals.answer(request, exception):
            return refused
        if isinstance(exception, (Busy, *DATABASE_AWAY)):
            return unavailable(request, None if isinstance(exception, Busy) else exception)
        if isinstance(exception, DataError) or is_odd_filter(request, exception):
            # The last resort: a form should have named the field. What was begun is rolled back.
            logger.error("%s %s: %s", request.method, request.path, type(exception).__name__)
            return bad_request(request, "a value is out of range")
        return None


def is_odd_filter(request: HttpRequest, exception: Exception) -> bool:
    """Whether Django's admin could not make sense of its address: it reads dates out of it without looking."""
    reading = request.method in SAFE and request.path_info.startswith(ADMIN)
    return reading and isinstance(exception, ValueError | OverflowError)


def unavailable(request: HttpRequest, error: Exception | None = None) -> HttpResponse:
    """503: complete, and with the promise that it is worth asking again. error: what the database said."""
    if error is not None:
        logger.warning(
            "the database did not answer %s %s: %s", request.method, request.path, type(error).__name__
        )
    if is_wire(request.path_info):
        response = error_response(503, "Temporarily unavailable, please retry")
    else:
        response = render(request, "503.html", status=503)
    response.headers["Retry-After"] = RETRY_AFTER
    # This answer may be given outside CommonMiddleware, and a gateway is never sent a body of unsaid length.
    response.headers["Content-Length"] = str(len(response.content))
    return response


class AccessMiddleware:
    """Refuses what a view does not declare; finds the caller; enters his organisation, and its time zone, until the
    answer is made."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.org = None
        # process_view enters a scope and a zone in the same thread and context; whatever they were, they end here.
        with scope.nobody(), timezone.override(None):
            return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        rule = declared(view, request.resolver_match.namespaces)
        if rule is None:
            logger.error("%s declares no access", getattr(view, "__qualname__", view))
            raise Http404
        if request.method not in rule.methods:
            return _not_allowed(request, rule)
        if rule.caller in BY_HEADER:
            return _enter_by_header(request, rule, kwargs)
        return _enter_by_session(request, rule, kwargs)


def _not_allowed(request, rule) -> HttpResponse:
    if is_wire(request.path_info):
        response = error_response(405, "Method not allowed")
    else:
        response = render(request, "405.html", status=405)
    response.headers["Allow"] = ", ".join(sorted(rule.methods))
    return response


def _enter_by_header(request, rule, kwargs) -> HttpResponse | None:
    if rule.caller == "key":
        return _enter_by_access_key(request, rule, kwargs)
    if rule.caller == "metrics":
        return _enter_by_metrics_secret(request)
    header, expected = {
        "admin": ("admin-auth", (settings.ADMIN_SECRET,)),
        "node": ("Authorization", (settings.NODE_SECRET, settings.NODE_SECRET_FORMER)),
    }[rule.caller]
    given = request.headers.get(header, "")
    fits = [same_secret(given, secret) for secret in expected]
    if not any(fits):
        return error_response(401, "Not authorised")
    request.by_former_secret = not fits[0]
    _enter(request, scope.EVERY_ORG)
    return None


def _enter_by_metrics_secret(request) -> HttpResponse | None:
    """Where no secret is set there is nothing to be asked for."""
    if not settings.METRICS_SECRET:
        return error_response(404, "Not found")
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if not same_secret(given.strip(), settings.METRICS_SECRET) or kind.lower() != "bearer":
        return error_response(401, "Not authorised")
    _enter(request, scope.EVERY_ORG)
    return None


def _enter_by_access_key(request, rule, kwargs) -> HttpResponse | None:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    user = None
    if given:
        found = User.everyone.select_related("org").filter(access_key_hash=access_key_hash(given)).first()
        user = found if found is not None and may_enter(found) else None
    if user is None:
        return error_response(401, "Not authorised")
    request.user, request.org = user, user.org
    own = rule.own and kwargs.get("user") in ("me", user.id)
    if not own and not rule.admits(user, request.method):
        # The two blanks are the original's, and clients compare.
        return error_response(403, f"access denied: You do not have permission to access  {request.path}")
    _enter(request, scope.EVERY_ORG if user.is_superuser else user.org_id)
    return None


def _enter_by_session(request, rule, kwargs) -> HttpResponse | None:
    user = request.user
    if not user.is_authenticated:
        if rule.caller == "anyone":
            return None
        # Whoever was signed out before pressing a button cannot be led back to an address that only takes forms.
        back = request.get_full_path() if "GET" in rule.methods else resolve_url("home")
        return redirect_to_login(back, resolve_url(settings.LOGIN_URL))
    request.org = user.org
    if "org" in kwargs and rule.caller != "anyone":
        request.org = _organisation_of(user, kwargs["org"].lower())
        if kwargs["org"] != request.org.slug:
            # Addresses kept from when slugs had capitals.
            path = request.get_full_path().replace(f"/{kwargs['org']}/", f"/{request.org.slug}/", 1)
            return redirect(path, preserve_request=True)
    if rule.caller == "super" and not user.is_superuser:
        raise Http404
    if rule.caller != "anyone" and not rule.admits(user, request.method):
        logger.warning("%s may not %s %s", user.id, request.method, request.path)
        return render(request, "403.html", {"permission": rule.permission}, status=403)
    if request.org is not None:
        _enter(request, request.org.id)
    elif user.is_superuser:
        _enter(request, scope.EVERY_ORG)
    return None


def _enter(request, entered: str) -> None:
    """Enter a scope, and the time zone of the organisation that the request is about."""
    scope.enter(entered)
    if request.org is not None:
        timezone.activate(request.org.zone)


def _organisation_of(user: User, slug: str) -> Organisation:
    """The organisation named in a URL, for one who may be there. A stranger's is answered like a missing one."""
    if not user.is_superuser:
        if user.org.slug != slug:
            raise Http404
        return user.org
    organisation = Organisation.everyone.present().filter(slug=slug).first()
    if organisation is None:
        raise Http404
    return organisation
