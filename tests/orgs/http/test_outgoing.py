"""Which addresses may be asked. That nothing else is, and for how long, is tried with control APIs
(tests/nodes/confirming/test_control.py)."""

import os
from ipaddress import ip_network

import pytest

from orgs.http import outgoing
from orgs.http.outgoing import is_public, is_within, parts_of
from tests.keys.certificates import build


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.1.2.3", True),
        ("11.0.0.1", False),
        ("::ffff:10.1.2.3", True),
        ("::ffff:11.0.0.1", False),
        ("fd00::1", True),
        ("fd00::1%eth0", False),
        ("::1", False),
        ("127.0.0.1", False),
        ("x", False),
    ],
)
def test_which_addresses_lie_in_networks(address, allowed):
    assert is_within(address, [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]) is allowed


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        *(
            (address, False)
            for address in ("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254")
        ),
        *(
            (address, False)
            for address in ("0.0.0.1", "100.64.0.1", "192.0.2.1", "224.0.0.1", "255.255.255.255")
        ),
        *(
            (address, False)
            for address in ("::1", "::", "fd00::1", "fe80::1", "fec0::1", "ff02::1", "::ffff:10.0.0.1")
        ),
        # Addresses of IPv4 inside of those of IPv6.
        *((address, False) for address in ("::7f00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1")),
        *((address, False) for address in ("2606:4700:4700::1111%eth0", "127.1", "0x7f000001", "x", "")),
    ],
)
def test_which_addresses_are_public(address, public):
    assert is_public(address) is public


def test_an_address_may_hold_a_query_where_it_is_asked_for_as_it_stands():
    assert parts_of("https://hooks.example/a?b=c", query=True).query == "b=c"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "gateway",
            "ftp://g",
            "http://",
            "http://u:p@g",
            "http://g?x",
            "http://g#x",
            "http://g:0",
            "http://g:x",
        ),
        *(
            "http://g/ x",
            "http://g/\n",
            "http://\N{LATIN SMALL LETTER U WITH DIAERESIS}",
            "http://g:70000",
            "http://[::1",
        ),
    ],
)
def test_what_is_no_address_to_ask(url):
    with pytest.raises(ValueError, match=r"must|holds|is no URL"):
        parts_of(url)


def test_whom_servers_certificates_may_be_signed_by_is_read_once_until_that_changes(
    tmp_path, monkeypatch, settings
):
    known = tmp_path / "known.pem"
    known.write_text(build.made("One").pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(known))
    settings.TRUSTED_CERTIFICATES = ""
    first = outgoing.tls()
    assert (outgoing.tls() is first, first.cert_store_stats()["x509"]) == (True, 1)
    known.write_text(build.made("One").pem + build.made("Other").pem)
    os.utime(known, (1, 1))
    assert outgoing.tls().cert_store_stats()["x509"] == 2
    settings.TRUSTED_CERTIFICATES = build.made("Own").pem
    assert outgoing.tls().cert_store_stats()["x509"] == 3
