"""CSV that is sent as it is read."""

import pytest
from django.db import InterfaceError, OperationalError

from orgs.http.spreadsheet import csv_stream


def sent(batches, **options):
    return csv_stream("x.csv", ("a", "b"), batches, **options).getvalue().decode("utf-8-sig").splitlines()


def test_all_batches_are_sent_and_no_formula_is_run():
    assert sent([[(1, "x"), (2, "=x")], [], [(3, "y")]]) == ["a,b", "1,x", "2,'=x", "3,y"]


def test_a_file_that_is_cut_says_so_in_its_last_line():
    batches = [[(1, "x"), (2, "y")], [(3, "z")]]
    cut = '"This file is cut here: it holds 2 rows, and there are more."'
    assert sent(batches, most=2) == ["a,b", "1,x", "2,y", cut]
    assert sent(batches, most=3) == ["a,b", "1,x", "2,y", "3,z"]


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
