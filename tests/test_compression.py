"""What is compressed: lists, and no page with a secret, a token or records of callers beside what somebody asked."""

from inspect import isfunction

from django.conf import settings
from django.middleware.gzip import GZipMiddleware
from django.urls import get_resolver

from tests.browser.walk import patterns

COMPRESSED = {
    "api-list",
    "audit",
    "key-list",
    "node-list",
    "org-list",
    "people",
    "platform-audit",
}


def is_compressed(client, address: str) -> bool:
    answer = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    return answer.headers.get("Content-Encoding") == "gzip"


def test_lists_alone_are_compressed(cast, client_for):
    ada, sue = client_for(cast.acme_admin), client_for(cast.super_user)
    own = {name: f"/o/acme/{path}" for name, path in (("api-list", "apis/"), ("audit", "audit/"))}
    own |= {"key-list": "/o/acme/keys/", "node-list": "/o/acme/nodes/", "people": "/o/acme/people/"}
    own |= {"key-create": "/o/acme/keys/new/", "logs": "/o/acme/logs/", "profile": "/profile/"}
    own |= {"access-key": "/profile/access-key/", "person-add": "/o/acme/people/new/"}
    supers = {"org-list": "/orgs/", "platform-audit": "/audit/", "fleet": "/nodes/"}
    found = {name for name, address in own.items() if is_compressed(ada, address)}
    found |= {name for name, address in supers.items() if is_compressed(sue, address)}
    assert found == COMPRESSED
    assert {each.name for each in patterns(get_resolver().url_patterns)} >= COMPRESSED


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
