"""What is compressed: lists and figures, and no page with a secret, a token or records of callers beside what
somebody asked."""

from inspect import isfunction

import pytest
from django.conf import settings
from django.middleware.gzip import GZipMiddleware
from django.urls import get_resolver

from tests.browser.walk import patterns

COMPRESSED = {
    "analytics",
    "analytics-hours",
    "analytics-table",
    "traffic",
    "api-list",
    "certificate-list",
    "audit",
    "errors",
    "key-list",
    "node-list",
    "oauth-list",
    "org-home",
    "org-list",
    "people",
    "platform-audit",
    "policy-list",
}


def is_compressed(client, address: str) -> bool:
    answer = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    return answer.headers.get("Content-Encoding") == "gzip"


def test_lists_and_figures_alone_are_compressed(cast, client_for):
    ada, sue = client_for(cast.acme_admin), client_for(cast.super_user)
    own = {name: f"/o/acme/{path}" for name, path in (("api-list", "apis/"), ("audit", "audit/"))}
    own |= {"key-list": "/o/acme/keys/", "node-list": "/o/acme/nodes/", "people": "/o/acme/people/"}
    own |= {"key-create": "/o/acme/keys/new/", "logs": "/o/acme/logs/", "profile": "/profile/"}
    own |= {"access-key": "/profile/access-key/", "person-add": "/o/acme/people/new/"}
    own |= {"org-home": "/o/acme/", "analytics": "/o/acme/analytics/?range=7d", "errors": "/o/acme/errors/"}
    own |= {"analytics-hours": "/o/acme/analytics/hours/"}
    own |= {"analytics-table": "/o/acme/analytics/endpoints/", "policy-list": "/o/acme/policies/"}
    own |= {"oauth-list": "/o/acme/oauth/", "certificate-list": "/o/acme/certificates/"}
    supers = {"org-list": "/orgs/", "platform-audit": "/audit/", "fleet": "/nodes/", "traffic": "/traffic/"}
    found = {name for name, address in own.items() if is_compressed(ada, address)}
    found |= {name for name, address in supers.items() if is_compressed(sue, address)}
    assert found == COMPRESSED
    assert {each.name for each in patterns(get_resolver().url_patterns)} >= COMPRESSED


@pytest.mark.parametrize("path", ["", "analytics/", "analytics/hours/", "analytics/keys/", "errors/"])
@pytest.mark.parametrize(
    "asked", ["endpoint=x", "key=a", "api=a", "range=24h&x=y", "x", "range=24h&range=1h"]
)
def test_figures_are_not_compressed_where_an_address_holds_what_somebody_may_have_chosen(
    cast, client_for, path, asked
):
    assert not is_compressed(client_for(cast.acme_admin), f"/o/acme/{path}?{asked}")


def compresses(function) -> bool:
    """Whether a view is decorated with `gzip_page`, at whatever depth."""
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    return any(isinstance(each, GZipMiddleware) or (isfunction(each) and compresses(each)) for each in held)


def test_no_other_view_is_compressed_whatever_it_answers():
    found = {each.name for each in patterns(get_resolver().url_patterns) if compresses(each.callback)}
    assert found == COMPRESSED
    assert not [name for name in settings.MIDDLEWARE if "gzip" in name.lower()]


def test_the_same_list_is_of_many_lengths(cast, client_for):
    client = client_for(cast.acme_admin)
    lengths = {
        len(client.get("/o/acme/apis/", headers={"Accept-Encoding": "gzip"}).content) for _ in range(20)
    }
    assert len(lengths) > 5
