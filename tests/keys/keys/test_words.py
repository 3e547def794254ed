"""The words that a key is found by."""

import pytest

from keys.keys import words


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (("Partner Mobile", "Ann"), ["ann", "mobile", "partner"]),
        (("billing@acme.example (v2)", ""), ["acme", "billing", "example", "v2"]),
        (("a-b_c.d/e\\f[g]{h}~i", ""), ["a", "b", "c", "d", "e", "f", "g", "h", "i"]),
        (("Müller ÉCOLE 日本 ключ", ""), ["ключ", "müller", "école", "日本"]),
        (("same Same SAME", "same"), ["same"]),
        ((" \t\n -- %_", ""), []),
        (("", ""), []),
        (("x" * 200, ""), ["x" * 64]),
    ],
)
def test_texts_fall_into_words(texts, found):
    assert words.words(*texts) == sorted(found)


def test_a_beginning_spans_all_words_that_begin_so_and_no_others():
    lowest, highest = words.beginning("pa")
    inside = [
        word for word in ("p", "pa", "pab", "pa日", "pa\U0010fffe", "pb", "oz") if lowest <= word <= highest
    ]
    assert inside == ["pa", "pab", "pa日", "pa\U0010fffe"]


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("f6a0", ("f6a0", "f6a0g")),
        (" F6A0 ", ("f6a0", "f6a0g")),
        ("", None),
        ("partner", None),
        ("f6 a0", None),
        ("0" * 64, ("0" * 64, "0" * 64 + "g")),
        ("0" * 65, None),
    ],
)
def test_the_beginning_of_a_hash_is_hexadecimal(text, span):
    assert words.hash_beginning(text) == span
