"""The headers of every answer: pages, files, routes for machines, and every kind of error."""

import logging

import pytest
from django.conf import settings
from django.test import Client

from tests import make
from tests.test_walk import call, client_of, routes, url

POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# What Django's admin says of itself means the same and more.
NOT_KEPT = ("no-store", "max-age=0, no-cache, no-store, must-revalidate, private")


def lacking(answer) -> dict:
    found = {name: answer.headers.get(name) for name in ALWAYS if answer.headers.get(name) != ALWAYS[name]}
    if answer.headers.get("Cache-Control") not in NOT_KEPT:
        found["Cache-Control"] = answer.headers.get("Cache-Control")
    return found


@pytest.mark.parametrize("caller", ["nobody", "administrator", "super-user"])
def test_every_route_sends_them_with_every_answer(db, redis, caller):
    acme = make.organisation("Acme Retail", "acme")
    user = {
        "nobody": None,
        "administrator": make.user("ada@acme.example", acme, {"IsAdmin": "admin"}),
        "super-user": make.user("sue@platform.example", None),
    }[caller]
    wrong, seen = [], set()
    for route in routes():
        if route.rule is None or "(?P" in route.pattern:
            continue
        names = dict.fromkeys(route.parameters, "x") | {"ts": 1, "id": 1, "number": 1, "object_id": "x"}
        client = client_of(user, route.rule)
        for method in sorted({*route.rule.methods, "PATCH"}):
            for query in ("", "?format=csv", "?p=%00") if method == "GET" else ("",):
                answer = call(client, method, url(route, names, "acme") + query)
                seen.add(answer.status_code)
                if found := lacking(answer):
                    wrong.append((method, route.pattern, query, answer.status_code, found))
    assert wrong == []
    due = {
        "nobody": {200, 302, 400, 401, 405},
        "administrator": {200, 302, 400, 401, 404, 405},
        "super-user": {200, 302, 400, 401, 403, 404, 405},
    }
    assert due[caller] - seen == set()


def test_so_do_answers_to_forged_forms_unknown_hosts_and_faults_of_our_own(cast, client_for, monkeypatch):
    forged = Client(enforce_csrf_checks=True).post("/sign-in/", {"email": "a@b.example"})
    unknown_host = Client().get("/sign-in/", headers={"host": "evil.example"})
    monkeypatch.setattr("orgs.signing_in.views.SignInForm", None)
    fault = Client(raise_request_exception=False).get("/sign-in/")
    assert [answer.status_code for answer in (forged, unknown_host, fault)] == [403, 400, 500]
    assert [lacking(answer) for answer in (forged, unknown_host, fault)] == [{}, {}, {}]


@pytest.mark.parametrize("path", ["/sign-in/", "/system/apis"])
def test_an_unknown_host_is_told_which_setting_names_hosts(db, path):
    answer = Client().get(path, headers={"host": "evil.example", "referer": "http://evil.example/"})
    said = "Gatehouse does not answer to this host name. Whoever runs it names it in ALLOWED_HOSTS."
    assert (answer.status_code, answer.content.decode().count(said)) == (400, 1)
    assert "evil" not in answer.content.decode()


def test_static_files_may_be_kept_and_obey_the_policy_too(db):
    answer = Client().get(f"/{settings.STATIC_URL.lstrip('/')}css/base.css")
    assert b"".join(answer.streaming_content).strip()
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "no-store" not in answer.headers.get("Cache-Control", "")


def test_scanners_that_ask_for_unknown_hosts_do_not_fill_the_log():
    logger = logging.getLogger("django.security.DisallowedHost")
    ours = [type(handler) for handler in logger.handlers if type(handler).__module__ == "logging"]
    assert (ours, logger.propagate) == ([logging.NullHandler], False)
