"""What a view may declare, and how views of packages are declared for them."""

import pytest
from django.apps import apps
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path

from dashboard.urls import urlpatterns as site
from orgs import scope
from orgs.access import Access, access, of_namespace


def theirs(request, **kwargs):
    return HttpResponse(f"{request.method} {request.user} {scope.current()}")


package = ([path("begin/", theirs), path("inner/", include(([path("end/", theirs)], "inner")))], "package")
urlpatterns = [
    path("sso/", include(package, namespace="sso")),
    path("o/<slug:org>/reports/", include(package, namespace="reports")),
    path("other/", include(package, namespace="other")),
    *site,
]
DECLARED = {
    "sso": {"caller": "anyone", "methods": "GET POST"},
    "reports": {"caller": "session", "permission": "analytics"},
    # Of a package that may be mounted by itself; inside another the outermost declares.
    "inner": {"caller": "super"},
}


@pytest.fixture
def mounted(settings):
    settings.ROOT_URLCONF, settings.ACCESS_OF_NAMESPACES = __name__, DECLARED


def test_a_misspelt_permission_caller_or_level_is_refused_where_it_is_written(cast):
    with pytest.raises(ValueError, match="kees is no permission"):
        access("session", "kees")
    with pytest.raises(ValueError, match="sesion is no kind of caller"):
        access("sesion")
    for user in (cast.super_user, cast.acme_admin, cast.acme_member):
        with pytest.raises(ValueError, match="kees is no permission"):
            user.may("kees")


@pytest.mark.parametrize(
    ("declaration", "error"),
    [
        ({"caller": "session", "permission": "kees"}, ValueError),
        ({"caller": "sesion"}, ValueError),
        ({"caller": "node"}, ValueError),
        ({"methods": "GET"}, TypeError),
        ({"caller": "session", "permision": "keys"}, TypeError),
    ],
)
def test_a_namespace_that_is_declared_wrongly_is_refused_at_the_start(settings, declaration, error):
    settings.ACCESS_OF_NAMESPACES = {"sso": declaration}
    with pytest.raises(error):
        apps.get_app_config("orgs").ready()


def test_a_namespace_is_declared_like_a_view(mounted):
    assert of_namespace("sso") == Access("anyone", "", frozenset({"GET", "HEAD", "POST"}))
    assert of_namespace("reports") == Access("session", "analytics", frozenset({"GET", "HEAD"}))


def test_views_of_a_package_are_reached_by_whom_their_namespace_declares(mounted, cast, client_for):
    nobody, member, admin = map(client_for, (None, cast.acme_member, cast.acme_admin))
    answers = {
        "sign-on": nobody.post("/sso/begin/").content,
        "nested": nobody.get("/sso/inner/end/").content,
        "another method": nobody.delete("/sso/begin/").status_code,
        "signed out": nobody.get("/o/acme/reports/begin/").status_code,
        "without the right": member.get("/o/acme/reports/begin/").status_code,
        "with it": admin.get("/o/acme/reports/begin/").content,
        "a stranger's": admin.get("/o/globex/reports/begin/").status_code,
    }
    assert answers == {
        "sign-on": b"POST AnonymousUser None",
        "nested": b"GET AnonymousUser None",
        "another method": 405,
        "signed out": 302,
        "without the right": 403,
        "with it": f"GET ada@acme.example {cast.acme.id}".encode(),
        "a stranger's": 404,
    }


def test_views_of_a_package_under_no_declared_namespace_cannot_be_reached(mounted, cast, client_for):
    assert client_for(cast.super_user).get("/other/begin/").status_code == 404


def test_forms_of_a_package_are_checked_for_where_they_come_from(mounted, db):
    assert Client(enforce_csrf_checks=True).post("/sso/begin/").status_code == 403
