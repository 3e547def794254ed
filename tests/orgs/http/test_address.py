"""The address of a caller, whatever a proxy puts around it."""

import pytest
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from orgs.http.address import bare_address, client_address, network_of
from tests.make import PASSWORD

SPELLINGS = (
    ("203.0.113.7", "203.0.113.7"),
    ("203.0.113.7:50123", "203.0.113.7"),
    (" 203.0.113.7:50123 ", "203.0.113.7"),
    ('"203.0.113.7:50123"', "203.0.113.7"),
    ("[203.0.113.7]:443", "203.0.113.7"),
    ("[2001:db8::1]:443", "2001:db8::1"),
    ("[2001:db8::1]", "2001:db8::1"),
    ('"[2001:db8::1]:443"', "2001:db8::1"),
    ("2001:db8::1", "2001:db8::1"),
    ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
    ("fe80::1%eth0", "fe80::1"),
    ("[fe80::1%eth0]:443", "fe80::1"),
    ("::ffff:203.0.113.7", "203.0.113.7"),
    ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
    ("unknown", None),
    ("_hidden", None),
    ("[2001:db8::1", None),
    ("2001:db8::1]", None),
    ("[2001:db8::1]443", None),
    ("203.0.113.7:", None),
    ("203.0.113.7:80:90", None),
    ("203.0.113.007", None),
    ("203.0.113.7:port", None),
    ("localhost:80", None),
    ("::ffff:203.0.113.7:443", None),
    ("", None),
    ("\x00", None),
)


@pytest.mark.parametrize(("entry", "address"), SPELLINGS)
def test_port_brackets_quotes_and_blanks_are_no_part_of_an_address(entry, address):
    assert bare_address(entry) == address


def _plain(address) -> str:
    return str(getattr(address, "ipv4_mapped", None) or address)


@given(address=st.ip_addresses(), port=st.integers(0, 65_535), quoted=st.booleans(), blank=st.booleans())
def test_every_address_is_the_same_with_and_without_a_port(address, port, quoted, blank):
    entry = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    entry = f'"{entry}"' if quoted else entry
    entry = f" {entry}\t" if blank else entry
    assert bare_address(entry) == bare_address(str(address)) == _plain(address)


@given(st.text())
def test_any_text_is_an_address_or_none(text):
    found = bare_address(text)
    assert found is None or bare_address(found) == found


@pytest.mark.parametrize(
    ("https", "header", "address"),
    [
        (True, "198.51.100.1, 203.0.113.7:50123", "203.0.113.7"),
        (True, "203.0.113.7,[2001:db8::1]:443", "2001:db8::1"),
        (True, "203.0.113.7, unknown", None),
        (True, "203.0.113.7, ", "192.0.2.1"),
        (True, None, "192.0.2.1"),
        (False, "203.0.113.7", "192.0.2.1"),
    ],
)
def test_the_last_entry_counts_and_only_behind_a_proxy(settings, https, header, address):
    settings.HTTPS = https
    headers = {} if header is None else {"X-Forwarded-For": header}
    request = RequestFactory(REMOTE_ADDR="192.0.2.1").get("/", headers=headers)
    assert client_address(request) == address


def test_a_network_is_an_ipv4_address_or_64_bits_of_ipv6():
    assert [network_of(text) for text in ("203.0.113.7", "2001:db8:0:1::7", "2001:db8:0:1:ffff::8")] == [
        "203.0.113.7",
        "2001:db8:0:1::/64",
        "2001:db8:0:1::/64",
    ]


def test_failures_of_one_client_behind_a_proxy_that_sends_ports_lock_nobody_else_out(cast, settings):
    settings.HTTPS, settings.SECURE_SSL_REDIRECT = True, False

    def sign_in(forwarded: str, email: str, password: str = PASSWORD) -> int:
        client = Client(headers={"X-Forwarded-For": forwarded})
        return client.post("/sign-in/", {"email": email, "password": password}).status_code

    for number in range(51):
        sign_in(f"203.0.113.7:{50_000 + number}", f"nobody{number % 13}@acme.example", "wrong")
    assert sign_in("203.0.113.7:60000", cast.acme_admin.email) == 429
    assert sign_in("203.0.113.8:60000", cast.acme_admin.email) == 302


def test_what_a_client_writes_before_the_last_entry_gives_no_further_guesses(cast, settings):
    settings.HTTPS, settings.SECURE_SSL_REDIRECT = True, False
    answers = [
        Client(headers={"X-Forwarded-For": f"198.51.100.{number}, 203.0.113.7"})
        .post("/sign-in/", {"email": cast.acme_admin.email, "password": "wrong"})
        .status_code
        for number in range(11)
    ]
    assert answers == [200] * 10 + [429]


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("203.0.113.7:99999", "203.0.113.7"),
        ("203.0.113.7:100000", None),
        ("[2001:db8::1]:", None),
        ("[2001:db8::1]:123456", None),
        ("[[2001:db8::1]]", None),
        ('""', None),
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - no address to listen on
        ("256.0.0.1", None),
        ("203.0.113", None),
        ("1", None),
        ("[fe80::1%]:443", "fe80::1"),
    ],
)
def test_an_entry_at_the_edge_of_what_a_proxy_writes_is_an_address_or_none(entry, address):
    assert bare_address(entry) == address


def test_a_request_that_says_nothing_of_where_it_comes_from_has_no_address(settings):
    request = RequestFactory().get("/")
    del request.META["REMOTE_ADDR"]
    for https in (True, False):
        settings.HTTPS = https
        assert client_address(request) is None


def test_the_network_of_ipv6_ends_after_64_bits():
    ends = ("2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::")
    assert [network_of(text) for text in ends] == ["2001:db8::/64", "2001:db8::/64", "2001:db8:0:1::/64"]
    with pytest.raises(ValueError):
        network_of("unknown")
