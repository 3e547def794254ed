"""Latency histograms that merge by appending: 512 log-linear buckets over 0 to 1,048,575 ms.

Exact up to 63 ms, above that 32 buckets an octave, so that the middle of a bucket is off by at most 1/64 of
the true value; everything from 17.5 minutes on shares the last bucket. Stored as big-endian (uint16 bucket,
uint32 count) pairs in any order, repeats allowed. The SQL function `latency_bucket` is the same rule; a test
compares all of its 2**20 values.
"""

import math
import struct
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate

BUCKETS = 512
LAST_MS = (1 << 20) - 1
LARGEST_COUNT = (1 << 31) - 1  # what SQL's int4send can write
PAIR = struct.Struct(">HI")


def bucket(milliseconds: int) -> int:
    """The bucket, 0 to 511, of a latency in milliseconds; negative counts as 0."""
    value = min(max(milliseconds, 0), LAST_MS)
    if value < 64:
        return value
    octave = value.bit_length() - 6
    return (octave << 5) + (value >> octave)


def value(index: int) -> float:
    """The latency in milliseconds that stands for a bucket: its middle."""
    if index < 64:
        return float(index)
    octave = (index >> 5) - 1
    lowest = ((index & 31) + 32) << octave
    return lowest + ((1 << octave) - 1) / 2


def encode(counts: Mapping[int, int]) -> bytes:
    """Counts by bucket as the stored bytes, in the order of the buckets."""
    return b"".join(PAIR.pack(index, min(count, LARGEST_COUNT)) for index, count in sorted(counts.items()))


def running(data: bytes) -> list[int]:
    """Of the stored bytes, how many records lie in each bucket and all below it. ValueError if their length is not
    whole pairs."""
    if len(data) % PAIR.size:
        raise ValueError("a histogram is a whole number of six-byte pairs")
    counts = [0] * BUCKETS
    for index, count in PAIR.iter_unpack(data):
        counts[index] += count
    return list(accumulate(counts))


def quantile(running: Sequence[int], share: float) -> float | None:
    """The latency in milliseconds below which `share` (0 to 1) of the records lie; None without records. running: as
    running() returns it.

    It is the value of the first bucket at which the running count reaches ceil(share x n).
    """
    total = running[-1]
    if not total:
        return None
    rank = min(total, max(1, math.ceil(round(share * total, 6))))  # 0.07 x 100 is 7.000000000000001
    return value(bisect_left(running, rank))
