"""What an author is told to do about a fault."""

import pytest

from apis.definitions.remedies import _OTHERWISE, remedy
from apis.definitions.rules.members import NONE_OWN, NOT_OWN


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("must be text", 'Put it between double quotes: "…".'),
        ('must be text like "5s", not null', 'Put it between double quotes: "…".'),
        ("must be a whole number", "Write a number within these bounds, without quotes."),
        ("must be a URL with a host", "Write it in full, such as https://orders.example/."),
        ("must begin with a slash", "Put a / in front of it."),
        (
            'differs from "org_id" only by upper and lower case',
            "Keep one of the two, spelt as it is named here.",
        ),
        ("the member a is there twice", "Take one of the two out."),
        (NOT_OWN, "Upload the certificate first, and write its ID."),
        (NONE_OWN, "Upload the certificate first, and write its ID."),
        (
            "is for super-users only: it reaches the gateway's host",
            "Take it out, or have a super-user of this installation publish it.",
        ),
        ("Found API with same url", "Choose another listen path, or a domain."),
        ("Expecting value at line 1 column 2", "Look for a comma too many, or for a value that is missing."),
        ("must be redis", _OTHERWISE),
        (
            "must be more than 0 where there is a rate: in how many seconds",
            "Write 1 for a second, 60 for a minute, 3600 for an hour.",
        ),
    ],
)
def test_each_fault_has_its_remedy(message, told):
    assert remedy(message) == told
