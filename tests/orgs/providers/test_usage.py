"""What the column of requests says at its head."""

from orgs.providers.usage import Usage


def test_the_name_of_a_zone_is_broken_after_a_slash_and_nowhere_else():
    column = Usage({}, "24 h to 26 Nov 18:02", "America/Argentina/ComodRivadavia").column
    parts = column.label.split("\N{ZERO WIDTH SPACE}")
    assert parts == ["Requests, 24 h to 26 Nov 18:02, America/", "Argentina/", "ComodRivadavia"]
    assert Usage({}, "24 h to 26 Nov 18:02", "UTC").column.label == "Requests, 24 h to 26 Nov 18:02, UTC"
