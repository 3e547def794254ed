"""Where a definition sends requests."""

import pytest

from apis.definitions.rules.targets import outside_fault, puts_secrets_together, rewrite_fault, target_fault

LITERAL = [
    "",
    "/new/$1",
    "/$1/$2",
    "/$1",
    "?x=$1",
    "anything/$1?q=$2",
    "plain",
    "http://upstream.example",
    "https://upstream.example:8443/a/$1?b=$2&c=$tyk_context.headers_Accept",
    "http://upstream.example/$tyk_meta.customer/orders",
    "h2c://upstream.example/$1",
    "tyk://self/$1",
    "tyk://orders/$1?check_limits=true",
    "tyk://orders",
    "tyk://self/x?loop_limit=10&check_limits=true",
    "/odata?$filter=$1&$top=5",
]
NOT_LITERAL = [
    "tyk:/$1",  # the capture "/<id>/secret" makes it tyk://<id>/secret
    "tyk://$1",
    "tyk://a$1/x",
    "tyk://{{.x}}/",
    "tyk:x",
    "tyk:///x",
    "TYK:/$1",
    " tyk://orders/",
    "\ttyk://orders/",
    "TYK://orders/x",
    "$1",
    "$1/x",
    "t$1",
    "tyk$1",
    "$tyk_context.headers_To/x",
    "x$1/y",
    "tyk://self/x?loop_limit=1000000000",  # one request held a processor for as long as its caller liked
    "tyk://orders/x?a=b&loop%5flimit=100",
    "tyk://self/x?loop_limit=$1",
    "http://good$1/",  # a capture in the host
    "http://good.example$1",
    "http://$1/",
    "http:/$1",
    "http:$1",
    "http://$tyk_meta.host/",
    "http://{{.host}}/",
    "http://good.example:$1/",
    "//$1/x",
    "//upstream.example/x",
    "file:///etc/passwd",
    "http://",
]


@pytest.mark.parametrize("text", LITERAL)
def test_a_rewrite_with_literal_scheme_and_host_passes(text):
    assert (rewrite_fault(text), puts_secrets_together(text)) == (None, None)


@pytest.mark.parametrize("text", NOT_LITERAL)
def test_a_rewrite_whose_scheme_or_host_a_caller_could_complete_is_refused(text):
    assert rewrite_fault(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "/x/$1$2",
        "/x/$secret$1_conf.x",
        "/x/$se$1cret_conf.x",
        "/x/$$1",
        "/x/$1secret_conf.x",
        "/x/$1ret_conf.x",
        "/x/$1_conf.x",
        "/x/$0",
        "/x/$0conf.x",
        "/x/$secret_$1",
        "/x/$s$tyk_context.headers_A",
        "tyk://self/x/$tyk_context.headers_A",  # "http?loop_limit=…" is put in as it is
    ],
)
def test_pieces_from_which_a_caller_could_make_a_reference_are_refused(text):
    assert puts_secrets_together(text) is not None


def test_a_target_is_literal_and_internal_only_as_an_own_id():
    for target in ("http://a.example/", "tyk://orders/x", "tls://a.example:443"):
        assert target_fault(target) is None
    for target in ("tyk://self/x", "TYK://orders", "tyk:orders", "http://a$1/", "http://{{.x}}/", "tyk:///x"):
        assert target_fault(target) is not None
    for target in ("a.example:80", "http://a.example", "10.0.0.1"):
        assert outside_fault(target) is None
    for target in ("tyk://orders", "TYK://orders", " tyk://orders", "tyk:orders", "file:///x"):
        assert outside_fault(target) is not None
