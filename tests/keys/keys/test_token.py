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


@pytest.mark.parametrize("function", ["murmur32", "murmur64", "murmur128", "sha256"])
def test_hashes_are_those_recorded_from_gateways(function):
    assert [token.hashed(text, function) for text, _ in hashes(function)] == [
        stored for _, stored in hashes(function)
    ]
    assert len(hashes(function)) == 2


def test_a_token_that_names_no_function_is_hashed_by_the_first_one_there_was():
    assert token.hashed("5e9d9544a1dcd60001d0ed207f94f79ca46c4fe09af742902ce5a89f", "legacy") == "39ddbb84"


def test_what_a_gateway_makes_of_a_chosen_id_is_hashed_as_recorded():
    made = {function: token.token_of(ORG_A, "shorty", function) for function in token.FUNCTIONS}
    assert made["legacy"] == "5e9d9544a1dcd60001d0ed20shorty"
    assert made["murmur32"] == (
        "eyJvcmciOiI1ZTlkOTU0NGExZGNkNjAwMDFkMGVkMjAiLCJpZCI6InNob3J0eSIsImgiOiJtdXJtdXIzMiJ9"
    )
    assert [token.hashed(made[name], name) for name in ("legacy", "murmur32")] == ["0432f58d", "899fdf1b"]


@pytest.mark.parametrize("id", ['x","org":"5e9d9544a1dcd60001d0ed21', "a\\b", "a\nb", "a\0b"])
def test_a_chosen_id_cannot_name_another_organisation(id):
    with pytest.raises(ValueError, match="escapes"):
        token.token_of(ORG_A, id, "sha256")


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


def test_a_text_nested_without_end_names_nothing():
    assert token.parts_of(base64.b64encode(b"[" * 3_000).decode()) is None
