"""Pages of a list that are counted."""

import pytest

from orgs.http import numbered
from orgs.http.paging import BadPlace


def page(address: dict, total: int, kept: dict | None = None):
    asked = numbered.asked(address).within(total)
    items = list(range(total))[asked.offset : asked.offset + asked.size]
    return numbered.page(asked, items, total, kept)


def addresses(found):
    return found.newest, found.newer, found.older, found.oldest


def test_pages_say_where_they_are_and_lead_to_the_others():
    first, third, last = (page({"p": p}, 230, {"q": "a b"}) for p in ("", "3", "5"))
    assert [found.position for found in (first, third, last)] == [
        "1 to 50 of 230",
        "101 to 150 of 230",
        "201 to 230 of 230",
    ]
    assert addresses(first) == ("", "", "?q=a+b&p=2", "?q=a+b&p=5")
    assert addresses(third) == ("?q=a+b", "?q=a+b&p=2", "?q=a+b&p=4", "?q=a+b&p=5")
    assert addresses(last) == ("?q=a+b", "?q=a+b&p=4", "", "")


def test_a_size_is_kept_and_another_begins_on_the_first_page():
    found = page({"p": "2", "size": "100"}, 230)
    assert (found.position, found.older) == ("101 to 200 of 230", "?size=100&p=3")
    assert found.sizes == (
        (25, "?size=25", False),
        (50, "?size=50", False),
        (100, "?size=100", True),
        (200, "?size=200", False),
    )


@pytest.mark.parametrize(
    ("total", "position", "sizes"), [(0, "", 0), (25, "1 to 25 of 25", 0), (26, "1 to 26 of 26", 4)]
)
def test_a_list_that_fits_on_the_smallest_page_offers_no_other(total, position, sizes):
    found = page({}, total)
    assert (found.position, len(found.sizes), addresses(found)) == (position, sizes, ("", "", "", ""))


def test_a_page_beyond_the_last_is_the_last_where_that_is_wanted():
    assert numbered.asked({"p": "9"}).within(51) == numbered.Asked(2, 50)
    assert numbered.asked({"p": "9"}).within(0) == numbered.Asked(1, 50)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ({"p": "0"}, "p: must be the number"),
        ({"p": "100000"}, "p: must be"),
        ({"p": "x"}, "p: must be a whole"),
        ({"size": "7"}, "size: "),
    ],
)
def test_what_is_no_page_is_refused_by_name(address, said):
    with pytest.raises(BadPlace, match=f"^{said}"):
        numbered.asked(address)
