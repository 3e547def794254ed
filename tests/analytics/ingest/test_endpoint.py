"""Folding of paths into endpoints."""

from time import process_time

import pytest

from dashboard.analytics.ingest import endpoint


@pytest.mark.parametrize(
    ("path", "folded"),
    [
        ("/orders", "/orders"),
        ("/", "/"),
        ("", "/"),
        ("/orders/17", "/orders/{id}"),
        ("/orders/17/", "/orders/{id}/"),
        ("/v2/users", "/v2/users"),
        ("/files/0d3b5b1c-33a7-4f7e-9d0a-0c8a1f6f9b11/raw", "/files/{id}/raw"),
        ("/orgs/5e9d9544a1dcd600", "/orgs/{id}"),
        ("/orgs/5e9d9544a1dcd60", "/orgs/{id}"),
        ("/parcels/TW2017411148DE", "/parcels/{id}"),
        ("/s/abcdefghijklmnopqrs1", "/s/{id}"),
        ("/s/abcdefghijklmnopqrst", "/s/abcdefghijklmnopqrst"),
        ("/a/b/c/d/e/f/g/1/i/j", "/a/b/c/d/e/f/g/{id}/{rest}"),
        ("orders/17", "/orders/{id}"),
        ("//17", "//{id}"),
        ("/x\n12", "/x\n12"),
        ("/a/b/c/d/e/f/g/h", "/a/b/c/d/e/f/g/h"),
        ("/a/b/c/d/e/f/g/h/", "/a/b/c/d/e/f/g/h/{rest}"),
        ("/a/b/c/d/e/f/g/h/i/j/k", "/a/b/c/d/e/f/g/h/{rest}"),
        ("/{id}/{rest}", "/{id}/{rest}"),
        # A number is one of the ten digits that every client writes.
        ("/٤٢", "/٤٢"),
    ],
)
def test_variable_segments_are_folded_and_names_are_kept(path, folded):
    assert endpoint.fold(path) == folded


VALUES = """
    17 0 TW2017411148DE 0d3b5b1c-33a7-4f7e-9d0a-0c8a1f6f9b11 aaaaaaaa-bbbb-4ccc-addd-eeeeeeeeeeee 5e9d9544a1dcd600
    5e9d9544a1dcd60 5f3a9c a1b2c3 a1b2c3d X7K2P9 dQw4w9WgXcQ V1StGXR8 V1StGXR8_Z5jdHi6B-myT
    01ARZ3NDEKTSV4RRFFQ69G5FAV abcdefghijklmnopqrs1 ORD-12345 user_8812 order1234 LH4711 9783161484100
    978-3-16-148410-0 DE89370400440532013000 2026-11-26 2026-11 cus_9s6XKzkNRiz8i3 3f9a2c1b 10.0.0.1 48.8584,2.2945
    +4930123456 INV2026-0042 app.3f9a2c1b.js
"""
NAMES = """
    orders v1 v2 v1.2 v1.2.3 1.0 2.1 oauth2 2fa s3 mp3 mp4 h264 md5 sha256 sha-256 base64 utf8 utf-8 http2 ipv4 ipv6
    x509 x86_64 i18n l10n a11y k8s b2b p2p c3p0 r2d2 log4j log4j2 web3 ec2 us-east-1 eu-west-3 route53 top10 top-10
    covid-19 step-1 chapter-10 q3 windows10 swagger2.json jquery-3.6.0.min.js fp16 Base64Encode OAuth2Callback
    getUserV2 listOrders2 deadbeef decade caf%C3%A9 %D0%9C%D0%BE%D1%81 abcdefghijklmnopqrst {id} users:batchGet
    .well-known favicon.ico s3v4 3d 3ds2 24h 7d BA117 SKU-123 user-42
"""


@pytest.mark.parametrize("segment", VALUES.split())
def test_ids_and_tokens_are_values(segment):
    assert endpoint.is_value(segment) is True


@pytest.mark.parametrize("segment", NAMES.split())
def test_words_with_a_few_digits_are_names(segment):
    assert endpoint.is_value(segment) is False


@pytest.mark.parametrize(
    "segment", ["a1" * 1000, "1" * 2000 + "x", "%" * 2000, "aA" * 1000, "a" * 1999 + "1"]
)
def test_a_path_made_to_be_slow_is_folded_at_once(segment):
    begun = process_time()
    for _ in range(100):
        endpoint.fold(f"/{segment}")
    assert process_time() - begun < 1


def test_an_untracked_request_is_named_by_method_and_folded_path():
    assert endpoint.name("GET", "/orders/17", tracked=False) == "GET /orders/{id}"


@pytest.mark.parametrize(
    ("segment", "value"),
    [
        ("", False),
        # Letters of hexadecimal numbers: from sixteen on.
        ("abcdefabcdefabc", False),
        ("abcdefabcdefabcd", True),
        # A digit among so many characters.
        ("abcdefghijklmnopqr1", False),
        ("abcdefghijklmnopqrs1", True),
        # Four digits in a row, or five in all.
        ("ab123", False),
        ("ab1234", True),
        ("ab12-34", False),
        ("ab12-34-5", True),
        # Letters and digits that change places: with three digits, or in both cases from eight characters on.
        ("a1b2", False),
        ("a1b2c3", True),
        ("aB1cD2e", False),
        ("aB1cD2eF", True),
        ("ab1cd2ef", False),
        # The digits of an encoded character are none.
        ("%41%42%43%44%45", False),
        ("%411234", True),
        # The groups of a UUID have their lengths.
        ("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", True),
        ("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeee", False),
        ("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\n", False),
    ],
)
def test_a_segment_becomes_a_value_at_each_boundary(segment, value):
    assert endpoint.is_value(segment) is value


def test_a_tracked_request_keeps_the_path_its_gateway_gave():
    assert endpoint.name("GET", "/orders/17", tracked=True) == "GET /orders/17"


def test_an_endpoint_is_never_longer_than_its_column():
    assert len(endpoint.name("GET", "/a" * 500, tracked=True)) == 200


def test_folding_a_folded_path_changes_nothing():
    once = endpoint.fold("/a/17/5e9d9544a1dcd60001d0ed20/c/d/e/f/g/h/i")
    assert once == "/a/{id}/{id}/c/d/e/f/g/{rest}"
    assert endpoint.fold(once) == once
