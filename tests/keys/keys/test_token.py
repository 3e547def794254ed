import base64
import re

import pytest

from keys.keys import token
from tests.keys.recorded import ORG_A, RECORDED


def hashes(function):
    return [
        (vector["token"], vector["hash"]) for vector in RECORDED["hashes"] if vector["function"] == function
    ]


def test_a_token_is_the_gateways_own_form_with_padding_and_no_blanks():
    made = token.new_token(ORG_A)
    text = base64.b64decode(made, validate=True).decode()
    assert re.fullmatch(r'\{"org":"5e9d9544a1dcd60001d0ed20","id":"[0-9a-f]{32}","h":"sha256"\}', text)
    assert base64.b64encode(text.encode()).decode() == made


def test_a_token_differs_from_a_recorded_one_in_nothing_but_its_random_id():
    [recorded, *_] = [vector for vector in RECORDED["hashes"] if vector["function"] == "sha256"]
    made = base64.b64decode(token.new_token(ORG_A)).decode()
    assert re.sub(r"[0-9a-f]{32}", "ID", made) == re.sub(r"[0-9a-f]{32}", "ID", recorded["decoded"])


def test_two_tokens_are_never_the_same():
    assert len({token.new_token(ORG_A) for _ in range(100)}) == 100


def test_token_hashes_are_those_recorded_from_gateways():
    assert [token.token_hash(text) for text, _ in hashes("sha256")] == [
        stored for _, stored in hashes("sha256")
    ]
    assert len(hashes("sha256")) == 2


def test_cache_keys_are_the_murmur64_hashes_recorded_from_gateways():
    assert [token.cache_key(text) for text, _ in hashes("murmur64")] == [
        stored for _, stored in hashes("murmur64")
    ]
    assert len(hashes("murmur64")) == 2


def test_cache_keys_are_the_first_half_of_the_recorded_murmur128_hashes():
    assert [token.cache_key(text) for text, _ in hashes("murmur128")] == [
        stored[:16] for _, stored in hashes("murmur128")
    ]
    assert len(hashes("murmur128")) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "0000000000000000"),
        ("hello", "cbd8a7b341bd9b02"),
        ("The quick brown fox jumps over the lazy dog", "e34bbc7bbc071b6c"),
    ],
)
def test_cache_keys_of_other_lengths_are_the_published_ones(text, expected):
    assert token.cache_key(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 64, True),
        ("0" * 63, False),
        ("A" * 64, False),
        ("g" * 64, False),
        ("", False),
        ("²" * 64, False),
    ],
)
def test_only_64_lower_case_hex_digits_pass_for_a_token_hash(text, expected):
    assert token.is_token_hash(text) is expected
