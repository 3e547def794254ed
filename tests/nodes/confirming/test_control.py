"""Asking a control API: to where, and for how much and how long."""

import socket
import ssl
import time
from contextlib import suppress

import pytest

from dashboard.nodes.confirming import control
from dashboard.nodes.confirming.control import ControlFault, ask
from orgs.http import outgoing
from tests.nodes.confirming.gateway import HERE, SECRET
from tests.nodes.confirming.gateway import control as answering


def fault(url, networks=HERE, path="/tyk/apis/"):
    with pytest.raises(ControlFault) as found:
        ask(url, path, SECRET, networks)
    assert SECRET not in str(found.value)
    return str(found.value)


def resolving(monkeypatch, *answers):
    """Names resolve to each of the answers in turn; how often they were asked for."""
    asked = []

    def getaddrinfo(host, port, *_, **__):
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(outgoing.socket, "getaddrinfo", getaddrinfo)
    return asked


def test_a_list_is_asked_for_with_the_secret_and_the_host_that_was_named():
    with answering() as gateway:
        url = gateway.url.replace("127.0.0.1", "localhost")
        assert ask(url, "/tyk/apis/", SECRET, HERE) == b"[]"
        gateway.answers["/behind/hello"] = {}
        assert ask(f"{gateway.url}/behind", "/hello", "", HERE) == b"{}"
        assert gateway.asked == [
            ("/tyk/apis/", SECRET, url.removeprefix("http://")),
            ("/behind/hello", None, gateway.url.removeprefix("http://")),
        ]


def test_a_name_is_resolved_once_and_asked_at_that_address(monkeypatch):
    with answering() as gateway:
        asked = resolving(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
        url = gateway.url.replace("127.0.0.1", "gateway.example")
        monkeypatch.setattr(outgoing.socket, "create_connection", connecting_to("127.0.0.1"))
        assert ask(url, "/tyk/apis/", SECRET, HERE) == b"[]"
        assert asked == ["gateway.example"]


def connecting_to(address):
    def connect(to, timeout):
        assert to[0] == address
        made = socket.socket(socket.AF_INET)
        made.settimeout(timeout)
        made.connect(to)
        return made

    return connect


@pytest.mark.parametrize(
    "addresses",
    [["169.254.169.254"], ["10.0.0.7"], ["127.0.0.1", "10.0.0.7"], ["::ffff:10.0.0.7"], ["fe80::1%1"], []],
)
def test_an_address_outside_of_the_networks_is_never_connected_to(monkeypatch, addresses):
    resolving(monkeypatch, addresses)
    monkeypatch.setattr(outgoing.socket, "create_connection", lambda *_, **__: pytest.fail("connected"))
    assert fault("http://gateway.example:8080") == "its address is in none of GATEWAY_CONTROL_NETWORKS"


def test_a_redirect_is_not_followed_and_any_other_answer_is_told_by_its_status():
    with answering() as gateway, answering() as elsewhere:
        for status in (301, 302, 307, 403, 500, 204):
            gateway.answers["/tyk/apis/"] = (status, {"Location": f"{elsewhere.url}/tyk/apis/"}, b"")
            assert fault(gateway.url) == f"it answers {status}"
        assert elsewhere.asked == []


def test_an_answer_is_bounded_in_size_and_time(monkeypatch):
    monkeypatch.setattr(control, "LARGEST", 1000)
    with answering() as gateway:
        gateway.answers["/tyk/apis/"] = (200, {}, b"x" * 1000)
        assert ask(gateway.url, "/tyk/apis/", SECRET, HERE) == b"x" * 1000
        gateway.answers["/tyk/apis/"] = (200, {}, b"x" * 1001)
        assert fault(gateway.url) == "its answer is longer than 0 MB"
        gateway.answers["/tyk/apis/"] = (200, {"Content-Length": "900"}, b"x" * 800)
        assert fault(gateway.url) == "its answer is cut"


@pytest.mark.parametrize("start", [b"", b"HTTP/1.0 200 OK\r\nX: ", b"HTTP/1.0 200 OK\r\n\r\n"])
def test_who_answers_byte_by_byte_is_cut_off(monkeypatch, start):
    monkeypatch.setattr(control, "LONGEST", 0.3)

    def drip(handler):
        handler.wfile.write(start)
        with suppress(OSError):  # it is cut off
            for _ in range(1_000):
                handler.wfile.write(b"x")
                time.sleep(0.02)

    with answering() as gateway:
        gateway.answers["/tyk/apis/"] = drip
        begun = time.monotonic()
        assert fault(gateway.url) == "its answer takes longer than 0.3 s"
        assert time.monotonic() - begun < 15


def test_nobody_there_and_no_tls_there_are_told_as_such():
    with answering() as gateway:
        assert fault(gateway.url.replace("http:", "https:")) == "it cannot be asked (SSLError)"
    assert fault(gateway.url) == "it cannot be asked (ConnectionRefusedError)"


def test_a_certificate_must_be_of_the_name(monkeypatch):
    contexts = []
    made = ssl.create_default_context()
    outgoing._context.cache_clear()
    monkeypatch.setattr(outgoing.ssl, "create_default_context", lambda: contexts.append(made) or made)
    with answering() as gateway:
        fault(gateway.url.replace("http:", "https:"))
    assert [(context.check_hostname, context.verify_mode) for context in contexts] == [
        (True, ssl.CERT_REQUIRED)
    ]
