from orgs.ids import is_id, new_id

WRONG_IDS = ("", "x" * 24, "A" * 24, "a" * 23, "a" * 25, "a" * 24 + "\n", None, 5)


def test_ids_are_24_hexadecimal_digits_and_never_the_same():
    made = {new_id() for _ in range(2_000)}
    assert (len(made), all(map(is_id, made))) == (2_000, True)
    assert [is_id(text) for text in WRONG_IDS] == [False] * len(WRONG_IDS)
