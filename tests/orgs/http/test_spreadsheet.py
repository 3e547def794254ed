"""CSV that is sent as it is read."""

import pytest
from django.db import InterfaceError, OperationalError

from orgs.http.spreadsheet import MOST_ROWS, csv_stream, harmless


def sent(batches, **options):
    return csv_stream("x.csv", ("a", "b"), batches, **options).getvalue().decode("utf-8-sig").splitlines()


def test_all_batches_are_sent_and_no_formula_is_run():
    assert sent([[(1, "x"), (2, "=x")], [], [(3, "y")]]) == ["a,b", "1,x", "2,'=x", "3,y"]


def test_a_file_that_is_cut_says_so_in_its_last_line():
    batches = [[(1, "x"), (2, "y")], [(3, "z")]]
    cut = '"This file is cut here: it holds 2 rows, and there are more."'
    assert sent(batches, most=2) == ["a,b", "1,x", "2,y", cut]
    assert sent(batches, most=3) == ["a,b", "1,x", "2,y", "3,z"]
    assert sent(batches, most=2, left_out="=Older") == ["a,b", "1,x", "2,y", cut, "'=Older"]


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_file_that_the_database_cut_says_so_too(error):
    def batches():
        yield [(1, "x")]
        raise error("gone")

    assert sent(batches()) == [
        "a,b",
        "1,x",
        "This file is cut here: the database did not answer. Please try again.",
    ]


def test_nothing_is_read_before_it_is_sent():
    read = []

    def batches():
        read.append(1)
        yield [(1, "x")]

    answer = csv_stream("x.csv", ("a", "b"), batches())
    assert read == []
    assert (answer.getvalue(), read) == (b"\xef\xbb\xbfa,b\r\n1,x\r\n", [1])


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("", ""),
        ("a=b", "a=b"),
        ("a - b", "a - b"),
        ("it's", "it's"),
        (-5, -5),
        (1.5, 1.5),
        (None, None),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\uff1d1", "'\uff1d1"),
        ("\uff0b1", "'\uff0b1"),
        ("\uff0d1", "'\uff0d1"),
        ("\uff20x", "'\uff20x"),
        ("  =x", "'  =x"),
        ("\u00a0=x", "'\u00a0=x"),
        ("\"'=x", "'\"'=x"),
        ("a;=x", "a;'=x"),
        ("a|=x|+y", "a|'=x|'+y"),
        ("a\t=x", "a\t'=x"),
        ("a\r\n=x", "a\r'\n=x"),
        ("\ta", "'\ta"),
        ("\ra", "'\ra"),
        ("\na", "'\na"),
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_is_text_and_no_other_is_touched(value, cell):
    assert harmless(value) == cell


def test_a_file_is_named_and_can_be_opened_as_unicode():
    made = csv_stream("keys.csv", ("=a", "ü"), [[("x,y", 'say "hi"'), (None, True)]])
    assert (made["Content-Type"], made["Content-Disposition"]) == (
        "text/csv; charset=utf-8",
        'attachment; filename="keys.csv"',
    )
    assert made.getvalue().decode() == '\ufeff\'=a,ü\r\n"x,y","say ""hi"""\r\n,True\r\n'


def test_a_cut_is_made_where_the_rows_end_in_the_middle_of_a_batch_or_with_it():
    rows = [(1, "x"), (2, "y"), (3, "z")]
    cut = '"This file is cut here: it holds 1 row, and there are more."'
    assert sent([rows], most=1) == sent([rows[:1], rows[1:]], most=1) == ["a,b", "1,x", cut]
    assert sent([rows[:1], []], most=1) == ["a,b", "1,x"]
    assert MOST_ROWS == 1_000_000


def test_no_more_than_one_row_beyond_the_last_is_read():
    read = []

    def rows():
        for number in range(10):
            read.append(number)
            yield (number, "x")

    assert len(sent([rows()], most=2)) == 4
    assert read == [0, 1, 2]
