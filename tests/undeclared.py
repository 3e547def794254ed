"""A URLconf with one view that forgot to declare its access."""

from django.http import HttpResponse
from django.urls import path

from dashboard.urls import handler400, handler403, handler404, handler500
from orgs.access import access

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def undeclared(request):
    return HttpResponse("leaked")


@access("session")
def reached(request):
    return HttpResponse("reached")


urlpatterns = [path("undeclared/", undeclared), path("declared/", reached)]
