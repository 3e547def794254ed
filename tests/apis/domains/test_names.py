"""What a host name is."""

import pytest

from apis.definitions import kinds
from apis.definitions.listen_path import claimed_domain
from apis.domains.names import host
from tests.apis.examples import plain


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a.example", "a.example"),
        (" API.Example.:8080 ", "api.example"),
        ("localhost", "localhost"),
        ("10.0.0.1", "10.0.0.1"),
        ("a_b-c.example", "a_b-c.example"),
        ("", None),
        (":80", None),
        ("-a.example", None),
        ("a..example", None),
        ("*.example", None),
        ("{sub}.example", None),
        ("http://a.example", None),
        ("a.example/x", None),
        ("a b", None),
        (".".join(["a" * 63] * 4), None),
        ("a" * 64, None),
        ("\N{FULLWIDTH LATIN SMALL LETTER A}.example", None),
        ("a.example:x", None),
    ],
)
def test_a_host_name_is_read_as_a_definition_s_domain_is(text, name):
    assert host(text) == name
    if name:
        assert claimed_domain(kinds.address(plain(domain=text.strip())).domain) == name
