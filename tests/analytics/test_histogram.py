"""The pure half of the latency histogram."""

import math
import random
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.analytics import histogram


def test_every_bucket_is_used_and_buckets_never_fall_as_latencies_rise():
    edges = [histogram.bucket(ms) for ms in range(200_000)]
    assert edges == sorted(edges)
    assert sorted({histogram.bucket(ms) for ms in range(1 << 20)}) == list(range(histogram.BUCKETS))


def test_latencies_outside_the_range_go_to_the_first_and_last_bucket():
    assert [histogram.bucket(ms) for ms in (-5, 0, 1 << 20, 1 << 40)] == [0, 0, 511, 511]


def test_the_value_of_a_bucket_is_at_most_one_part_in_64_from_every_latency_in_it():
    worst = max(abs(histogram.value(histogram.bucket(ms)) - ms) / max(ms, 1) for ms in range(1 << 20))
    assert worst <= 1 / 64


def test_latencies_to_63_ms_are_exact():
    assert [histogram.value(histogram.bucket(ms)) for ms in range(64)] == list(range(64))


@given(st.lists(st.dictionaries(st.integers(0, 511), st.integers(1, 1_000_000)), max_size=5))
def test_appending_stored_histograms_is_adding_their_counts(parts):
    expected = accumulate(sum(part.get(index, 0) for part in parts) for index in range(histogram.BUCKETS))
    assert histogram.running(b"".join(map(histogram.encode, parts))) == list(expected)


def test_the_stored_form_is_big_endian_pairs_of_bucket_and_count():
    assert histogram.encode({300: 70_000, 1: 2}).hex() == "000100000002012c00011170"


def test_a_count_above_what_the_database_can_write_is_cut_instead_of_failing():
    assert histogram.running(histogram.encode({7: 1 << 40}))[-1] == (1 << 31) - 1


def test_a_histogram_cut_off_in_the_middle_of_a_pair_is_refused():
    with pytest.raises(ValueError, match="whole number"):
        histogram.running(b"\x00\x01\x00")


def test_the_percentiles_of_nothing_are_nothing():
    assert histogram.quantile(histogram.running(b""), 0.95) is None


@pytest.mark.parametrize("share", [0.07, 0.5, 0.95, 0.99, 1.0])
def test_percentiles_are_within_the_stated_error_of_the_exact_ones(share):
    source = random.Random(11)  # noqa: S311
    latencies = sorted(min(int(source.lognormvariate(4.5, 1.4)), 1_000_000) for _ in range(20_000))
    counts: dict[int, int] = {}
    for latency in latencies:
        index = histogram.bucket(latency)
        counts[index] = counts.get(index, 0) + 1
    exact = latencies[math.ceil(round(share * len(latencies), 6)) - 1]
    running = histogram.running(histogram.encode(counts))
    assert abs(histogram.quantile(running, share) - exact) <= exact / 64


def test_a_percentile_takes_the_first_bucket_that_reaches_its_rank():
    running = histogram.running(histogram.encode({1: 19, 2: 1}))
    assert [histogram.quantile(running, share) for share in (0.0, 0.95, 0.951, 1.0)] == [1.0, 1.0, 2.0, 2.0]
