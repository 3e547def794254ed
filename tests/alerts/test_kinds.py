"""What alerts watch, in numbers and words."""

import pytest

from dashboard.alerts.kinds import KINDS, condition, is_reached, number, said, worse
from orgs.rights import NAMES


@pytest.mark.parametrize(
    ("kind", "threshold", "reached", "not_reached"),
    [("errors", 5, 5, 4.99), ("p95", 800, 801, 799), ("quota", 90, 100, 89), ("certificate", 14, -3, 14.1)],
)
def test_a_threshold_is_reached_by_what_is_as_bad(kind, threshold, reached, not_reached):
    found = KINDS[kind]
    assert is_reached(found, threshold, reached)
    assert not is_reached(found, threshold, not_reached)
    assert worse(found, reached, not_reached) == worse(found, not_reached, reached) == reached


def test_every_kind_has_a_permission_and_words():
    told = {name: condition(kind, kind.proposed, 90, 20) for name, kind in KINDS.items()}
    assert told == {
        "errors": "5 % or more with 5xx in 1 hour 30 min, of 20 requests or more",
        "p95": "95th percentile of 1,000 ms or more in 1 hour 30 min, of 20 requests or more",
        "silence": "no request for 1 hour 30 min",
        "quota": "90 % or more of a quota used",
        "certificate": "14 days or fewer until a certificate ends",
    }
    assert {kind.permission for kind in KINDS.values()} <= set(NAMES)
    assert [
        said(KINDS[name], value) for name, value in (("errors", 5.126), ("silence", 1), ("p95", 1234))
    ] == [
        "5.13 % with 5xx",
        "no request for 1 minute",
        "1,234 ms",
    ]
    assert [said(KINDS["certificate"], value) for value in (6.25, 1, 0, -2)] == [
        "6.25 days left",
        "1 day left",
        "ended",
        "ended",
    ]


def test_numbers_have_two_decimals_at_most():
    assert [number(each) for each in (0, 10, 100.0, 0.5, 1e6)] == ["0", "10", "100", "0.5", "1,000,000"]
