import pytest

from dashboard.analytics.reports.charts import figures
from dashboard.analytics.reports.charts.figures import MINUS, NONE, Change


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, NONE),
        (0, "0"),
        (9999, "9,999"),
        (10_000, "10k"),
        (12_345, "12.3k"),
        (402_123, "402k"),
        (999_600, "1M"),
        (3_210_000_000, "3.21G"),
        (4_000_000_000_000, "4,000G"),
        (0.25, "0.25"),
        (0.00125, "0.00125"),
        (999.4, "999"),
        (999.6, "1,000"),
        (1_284.4, "1,284"),
        (9_999.4, "9,999"),
        (-402_123, "-402k"),
        (999_499, "999k"),
        (999_500, "1M"),
        (999_500_000, "1G"),
    ],
)
def test_large_numbers_are_shortened_to_three_figures(value, text):
    assert figures.short(value) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, NONE),
        (0, 10, "0 %"),
        (1, 1_000_000, "< 0.01 %"),
        (1, 10_000, "0.01 %"),
        (999, 1_000, "99.9 %"),
        (9_991, 10_000, "> 99.9 %"),
        (999_999, 1_000_000, "> 99.9 %"),
        (10, 10, "100 %"),
        (177, 10_000, "1.77 %"),
    ],
)
def test_a_share_never_reads_as_none_or_all_when_it_is_not(part, whole, text):
    assert figures.per_cent(figures.share(part, whole)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, NONE),
        (0, "0 ms"),
        (2.4, "2.4 ms"),
        (95.5, "96 ms"),
        (999.4, "999 ms"),
        (999.5, "1 s"),
        (1500, "1.5 s"),
        (30_001, "30 s"),
        (9.5, "9.5 ms"),
        (10, "10 ms"),
        (1_048_575, "1,049 s"),
    ],
)
def test_milliseconds_become_seconds_from_a_thousand_on(value, text):
    assert figures.milliseconds(value) == text


def test_a_change_says_its_direction_and_whether_that_is_good():
    assert figures.change_in_per_cent(108.4, 100) == Change("+8.4 %", "", "8.4 % more")
    assert figures.change_in_per_cent(97, 100, more_is="bad") == Change(f"{MINUS}3 %", "good", "3 % less")
    more = Change("+1.1 points", "bad", "1.1 points more")
    assert figures.change_in_points(2.9, 1.8, more_is="bad") == more
    assert figures.change_in_number(17, 1300, more_is="good") == Change(f"{MINUS}1,283", "bad", "1,283 less")


def test_no_change_is_neither_good_nor_bad():
    assert figures.change_in_per_cent(100.0001, 100, more_is="bad") == Change("unchanged", "", "unchanged")


def test_nothing_is_compared_with_nothing():
    assert figures.change_in_per_cent(5, 0) is None
    assert figures.change_in_per_cent(None, 5) is None
    assert figures.change_in_points(5.0, None) is None
    assert figures.change_in_number(None, 3) is None
    assert figures.change_in_number(3, None) is None


def test_what_has_become_nothing_or_very_much_is_still_said():
    assert figures.change_in_per_cent(0, 7) == Change(f"{MINUS}100 %", "", "100 % less")
    much = Change("+99,999,999,900 %", "", "99,999,999,900 % more")
    assert figures.change_in_per_cent(10**9, 1) == much
    assert figures.change_in_number(0, 0, more_is="bad") == Change("unchanged", "", "unchanged")


def test_exact_numbers_keep_every_digit():
    written = [figures.exact(value) for value in (None, 0, 999, 1_000, 2**63)]
    assert written == [NONE, "0", "999", "1,000", "9,223,372,036,854,775,808"]


def test_one_of_a_thing_is_said_as_one():
    counted = [figures.counted(number, "request") for number in (0, 1, 2, 1_000)]
    assert counted == ["0 requests", "1 request", "2 requests", "1,000 requests"]
