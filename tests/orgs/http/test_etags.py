"""Entity tags as RFC 9110 writes them."""

import pytest

from orgs.http import etags
from orgs.http.etags import Tags


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("*", Tags(anything=True)),
        (" * ", Tags(anything=True)),
        ('"7"', Tags(strong=("7",))),
        ('"7", "8-x" ,\t"9"', Tags(strong=("7", "8-x", "9"))),
        ('W/"7", "8"', Tags(strong=("8",), weak=("7",))),
        ('"a,b"', Tags(strong=("a,b",))),
        ('""', Tags(strong=("",))),
        (', "7",,', Tags(strong=("7",))),
    ],
)
def test_a_header_is_a_star_or_a_list(header, meant):
    assert etags.parse(header) == meant


@pytest.mark.parametrize(
    "header", ["", ",", "7", '"7', '7"', '"7" "8"', 'w/"7"', 'W/ "7"', '*, "7"', '"7", *', '"a b"', '"7";q=1']
)
def test_anything_else_is_malformed(header):
    with pytest.raises(etags.Malformed):
        etags.parse(header)


def test_a_change_is_made_from_a_number_whatever_the_answer_showed_besides():
    asked = [etags.parse(header).name_number(7) for header in ('"7"', '"7-once"', '"6", "7"', "*")]
    assert asked == [True] * 4
    asked = [
        etags.parse(header).name_number(7) for header in ('W/"7"', '"6"', '"07"', '"70"', '""', '"once-7"')
    ]
    assert asked == [False] * 6


def test_a_copy_is_current_only_if_all_of_the_tag_is():
    tag = etags.tag(7, "once")
    assert tag == '"7-once"'
    assert [etags.parse(header).name_tag(tag) for header in ('"7-once"', 'W/"7-once"', "*")] == [True] * 3
    assert [etags.parse(header).name_tag(tag) for header in ('"7"', '"7-on"', '"8-once"')] == [False] * 3


def test_a_long_header_that_is_none_is_refused_in_time_that_grows_with_its_length():
    with pytest.raises(etags.Malformed):
        etags.parse('"1",' + " " * 50_000 + "x")


def test_a_tag_has_a_variant_only_where_it_is_told_one():
    assert [etags.tag(7), etags.tag(0), etags.tag(7, "x-y")] == ['"7"', '"0"', '"7-x-y"']
    assert etags.parse(etags.tag(7, "x-y")).name_number(7)


@pytest.mark.parametrize("letter", ["\x7f", "\x00", "\n", " "])
def test_no_control_character_or_blank_stands_in_a_tag(letter):
    with pytest.raises(etags.Malformed):
        etags.parse(f'"a{letter}b"')


@pytest.mark.parametrize("letter", ["!", "#", "~", "\x80", "ü", "\U0010ffff"])
def test_every_other_letter_may(letter):
    assert etags.parse(f'W/"{letter}"') == Tags(weak=(letter,))


def test_nothing_named_is_nothing_matched():
    assert (Tags().name_number(0), Tags().name_tag('""')) == (False, False)
