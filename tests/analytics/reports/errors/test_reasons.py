"""What records tell of an error, in words."""

import pytest

from dashboard.analytics.reports.errors.reasons import is_refused, reason

UNREACHED = "The gateway got no answer: the upstream could not be reached, broke off, or took too long."

EITHER = "The upstream answered with an error, or a gateway of 5.x got no answer from it."


@pytest.mark.parametrize(
    ("status", "key", "timed", "words"),
    [
        (401, False, 0, "Refused by the gateway: no key was sent, or not where the API expects it."),
        (401, True, 0, "Refused by the gateway: the key has expired."),
        (401, None, 0, "Refused by the gateway: no key was sent, or one that has expired."),
        (429, True, 0, "Refused by the gateway: a rate limit was reached."),
        (429, True, 3, "Answered by the upstream."),
        (
            403,
            True,
            1,
            "Refused by the gateway: the key may not call this API or version, is suspended, or has used up its quota. "
            "Some of them the upstream answered.",
        ),
        (404, True, 3, "Answered by the upstream."),
        (500, False, 0, UNREACHED),
        (504, False, 0, UNREACHED),
        (500, None, 1, f"{UNREACHED} Some of them the upstream answered with an error."),
        (500, True, 0, EITHER),
        (500, False, 3, EITHER),
        (501, True, 3, "The upstream answered with an error."),
        (504, True, 3, "The upstream did not answer in time."),
    ],
)
def test_three_requests_of_a_kind_are_explained_by_what_was_recorded(status, key, timed, words):
    assert reason(status, key=key, hits=3, timed=timed) == words


def test_a_time_of_the_upstream_tells_that_it_answered():
    words = reason(500, key=True, hits=3, timed=3, upstream=True)
    assert words == "The upstream answered with an error."


def test_only_what_the_gateway_turned_away_is_refused_and_no_unreachable_upstream():
    refused = {status for status in range(400, 600) if is_refused(status, timed=False)}
    assert refused == {401, 403, 429}
    assert not any(is_refused(status, timed=True) for status in range(400, 600))
