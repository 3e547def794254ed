"""The feed's list in pieces, each compressed once."""

import gzip
import json
import zlib

from hypothesis import given
from hypothesis import strategies as st

from apis.publishing import packing

ELEMENTS = st.lists(st.binary(min_size=1, max_size=40), max_size=8)


@given(ELEMENTS)
def test_packed_elements_put_together_are_the_packed_list(elements):
    packed = packing.joined(map(packing.pack, elements))
    text = b"[" + b",".join(elements) + b"]"
    assert packing.unpacked(packed) == gzip.decompress(packed) == text
    assert packing.size(len(elements), sum(map(len, elements))) == len(text)


def test_the_same_text_is_packed_alike_at_any_time():
    assert packing.pack(b"x" * 100) == packing.pack(b"x" * 100)


def test_a_list_without_elements_is_one_too():
    assert json.loads(packing.unpacked(packing.joined([]))) == []


def test_a_stream_that_was_cut_is_not_taken_for_whole():
    packed = packing.joined([packing.pack(b"{}")])
    for length in (len(packed) - 1, len(packed) - 9):
        try:
            found = packing.unpacked(packed[:length])
        except (EOFError, gzip.BadGzipFile, zlib.error):
            continue
        raise AssertionError(found)
