"""How gateways count, against a second telling of it that is slow and plain."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.analytics.replay.limits import CACHED, FORGOTTEN, LateQuota, Log, Quota, Window

times = st.lists(st.integers(0, 3_000), max_size=60).map(sorted)
most, per = st.integers(1, 5), st.integers(1, 900)


def refused(limit, at) -> list[bool]:
    return [limit.refuses(each) for each in at]


@settings(max_examples=200, deadline=None)
@given(times, most, per)
def test_a_gateway_that_is_alone_lets_as_many_pass_in_each_window_that_begins_with_a_request(at, most, per):
    found = refused(Window(most, per), at)
    left, plain = list(enumerate(at)), {}
    while left:
        begin = left[0][1]
        within, previous = [], begin
        for place, moment in left:
            if moment > begin + per or moment - previous > FORGOTTEN:
                break
            within.append(place)
            previous = moment
        plain |= {place: order >= most for order, place in enumerate(within)}
        left = left[len(within) :]
    assert found == [plain[place] for place in range(len(at))]


@settings(max_examples=200, deadline=None)
@given(times, most, per)
def test_gateways_that_count_together_refuse_whoever_finds_as_many_before_also_refused_ones(at, most, per):
    plain = [sum(moment - per < other for other in at[:place]) >= most for place, moment in enumerate(at)]
    assert refused(Log(most, per), at) == plain


@settings(max_examples=200, deadline=None)
@given(times, most, per)
def test_a_quota_is_used_up_by_the_first_and_renewed_by_the_first_after_its_end(at, most, per):
    found, begin, used = [], None, 0
    for moment in at:
        if begin is None or moment >= begin + per:
            begin, used = moment, 0
        used += 1
        found.append(used > most)
    assert refused(Quota(most, per), at) == found


@settings(max_examples=100, deadline=None)
@given(times, most, per)
def test_a_higher_limit_never_refuses_more(at, most, per):
    for kind in (Window, Log, Quota):
        assert sum(refused(kind(most + 1, per), at)) <= sum(refused(kind(most, per), at))


def test_fractions_are_cut_as_gateways_cut_them():
    assert refused(Window(2.9, 1.9), [0, 0, 0, 1.5]) == [False, False, True, False]
    assert refused(Window(0.5, 10), [0, 1]) == [False, True]
    assert refused(Log(2.9, 1.9), [0, 0, 0, 1.5]) == [False, False, True, False]
    # Gateways that count together take less than one for none.
    assert refused(Log(0.5, 10), [0]) == [True]


def test_a_window_is_forgotten_only_once_nobody_called_for_longer_than_that():
    assert refused(Window(1, 2 * FORGOTTEN), [0, FORGOTTEN]) == [False, True]
    assert refused(Window(1, 2 * FORGOTTEN), [0, FORGOTTEN + 1]) == [False, False]


def test_a_late_quota_that_is_used_up_holds_until_the_end_that_was_read_and_that_second_too():
    assert refused(LateQuota(1, 12), [0, 5, 10, 17, 18]) == [False, False, False, True, False]


# Seconds at which stock gateways were called after a first request at 0, and which of the calls they refused (x).
RECORDED = json.loads((Path(__file__).parent.parent / "data" / "limits.json").read_text())
HOW = {
    "one of 5.14.0: rate 3 in 5 s": lambda: Window(3, 5),
    "two of 5.14.0: rate 3 in 5 s": lambda: Log(3, 5),
    "one of 3.0.12: rate 3 in 5 s": lambda: Window(3, 5),
    "one of 5.14.0: quota 5 in 12 s": lambda: Quota(5, 12),
    "one of 3.0.12: quota 5 in 12 s": lambda: LateQuota(5, 12),
    "one of 5.14.0: quota 20 in 3600 s": lambda: Quota(20, 3_600),
}


@pytest.mark.parametrize("gateways", RECORDED)
def test_stock_gateways_refused_the_same_requests(gateways):
    found = refused(HOW[gateways](), [0, *RECORDED[gateways]["at"]])
    assert "".join(".x"[each] for each in found[1:]) == RECORDED[gateways]["refused"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=60, unique=True).map(sorted), most, per)
def test_a_late_quota_is_as_any_other_for_those_who_call_seldom(at, most, per):
    seldom = [each * CACHED for each in at]
    assert refused(LateQuota(most, per), seldom) == refused(Quota(most, per), seldom)
