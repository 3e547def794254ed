"""The short way from a record to its line and the long one give the same, byte by byte."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from dashboard.analytics.ingest import endpoint
from dashboard.analytics.ingest.entries import clean, decode, ordinary
from dashboard.benchmarks.world import World
from tests.analytics import recordings

RECEIVED = datetime(2026, 11, 28, 14, 0, 0, 999_999, tzinfo=UTC)
SECONDS = int(RECEIVED.timestamp())

# Of each member what is usual, several times, and then what is not.
# fmt: off
TEXTS = ["", "plain", "two words", "tab\t", "line\n", "back\\slash", 'q"uote', "nul\0", "half\ud800", "é", "x" * 3000]
NUMBERS = [0, 1, 63, 2_000, -1, -2, (1 << 15) - 1, 1 << 15, (1 << 31) - 1, 1 << 31, (1 << 63) - 1, 1 << 63, -(1 << 63)]
HASHES = ["", "00000000", "9f1c22aa", "2e744064ed61c06a", "a" * 32, "b" * 64, "B" * 64, "5e9d9544" * 7, "9f1c22aa\n"]
ORGS = [recordings.ORG_A, recordings.ORG_A, recordings.ORG_B, "é" * 24, "a" * 101, *TEXTS]
SEGMENTS = [
    "", "orders", "v2", "7", "0123456789", "{id}", "a" * 16, "deadbeefdeadbeef", "DEADBEEFdeadbeef0", "é", "7\n", "7 ",
    "5e9d9544-a1dc-4001-80ed-20aabbccddee", "a1b2c3", "%41%42", "٣", "\\7", "\ud800", "dQw4w9WgXcQ",
    "x" * 2000, "1" * 30,
]
ADDRESSES = [
    "10.0.0.1", "255.255.255.255", "1.0.0.9", "192.168.1.77", "10.0.0.300", "10.0.0.01", "1.2.3", "1.2.3.4.5", "x",
    "1.2.3.4\n", "1.2.3.", "::1", "FE80::1", "::ffff:1.2.3.4", "fe80::1%eth0", "", "1.2.3.٤", " 1.2.3.4",
]
TAGS = ["edge-a", "key-secret", "org-x", "api-y", "key", "key\t", "Key-x", *TEXTS]
STAMPS = [
    0, 1, 99_999_999, 100_000_000, -62_135_596_800, 253_402_300_799, 1 << 40, -(1 << 62), SECONDS - 7,
    SECONDS + 58, SECONDS + 59, SECONDS + 60, SECONDS + 61,
]
NANOSECONDS = [0, 999, 1000, 5_000_000, 420_896_316, 999_998_999, 999_999_999, 1_000_000_000, -1, 1 << 60]
# fmt: on


def odd(source: random.Random) -> decode.GatewayRecord:
    """A record of which each member may be anything that a decoder lets through."""

    def text() -> str:
        return source.choice(TEXTS)

    def number() -> int:
        return source.choice(NUMBERS) if source.random() < 0.1 else source.randrange(30_000)

    def path() -> str:
        return "/".join(source.choice(SEGMENTS) for _ in range(source.randrange(11)))

    countries = [decode.Country(code) for code in ("DE", "de", "DEU", "", "D\n")]
    often, nanoseconds = source.random() < 0.8, source.choice(NANOSECONDS)
    return decode.GatewayRecord(
        org_id=recordings.ORG_A if often else source.choice(ORGS),
        api_id=text(),
        time_stamp=(SECONDS - source.randrange(3_000_000) if often else source.choice(STAMPS), nanoseconds),
        response_code=source.choice((200, 404, 500)) if often else number(),
        request_time=number(),
        latency=source.choice((None, decode.Latency(), decode.Latency(number(), number()))),
        content_length=number(),
        api_version=text(),
        method=source.choice(("GET", "POST", text())),
        host=text(),
        path=path(),
        raw_path=source.choice(("", path())),
        track_path=source.random() < 0.3,
        api_key=source.choice(HASHES + TEXTS),
        alias=text(),
        oauth_id=text(),
        geo=source.choice((None, decode.Geo(), decode.Geo(source.choice(countries)))),
        user_agent=text(),
        ip_address=source.choice(ADDRESSES),
        tags=source.choice((None, [], source.choices(TAGS, k=source.randrange(30)))),
        mcp=source.choice((None, decode.McpCall(), decode.McpCall(often, text(), text(), text()))),
    )


def both_ways(record: decode.GatewayRecord, *, hashed_keys: bool) -> tuple[clean.Line, clean.Line]:
    row = clean.clean(record, 7 << 20, RECEIVED, hashed_keys=hashed_keys)
    return ordinary.lines(RECEIVED, hashed_keys=hashed_keys)(record, 7 << 20), clean.line_of(row)


@pytest.mark.parametrize("hashed_keys", [True, False])
def test_of_any_record_the_short_way_makes_what_the_long_one_does(hashed_keys, monkeypatch):
    monkeypatch.setattr(ordinary, "REMEMBERED", 5)
    source = random.Random(11)  # noqa: S311
    for _ in range(3_000):
        record = odd(source)
        short, long = both_ways(record, hashed_keys=hashed_keys)
        assert short == long, record


@pytest.mark.parametrize("name", [*recordings.ALL, recordings.MCP])
def test_of_a_recorded_record_too_and_each_of_them_is_ordinary(name, monkeypatch):
    records = [decode.decode(entry) for entry in recordings.entries(name)]
    pairs = [both_ways(record, hashed_keys=True) for record in records]
    assert [short for short, _ in pairs] == [long for _, long in pairs]
    only_short(monkeypatch)
    line = ordinary.lines(RECEIVED, hashed_keys=True)
    assert [line(record, 7 << 20) for record in records] == [short for short, _ in pairs]


def test_none_of_a_large_installations_traffic_goes_the_long_way(monkeypatch):
    entries = list(World(3).entries(1_000, RECEIVED - timedelta(days=30), RECEIVED))
    only_short(monkeypatch)
    line = ordinary.lines(RECEIVED, hashed_keys=True)
    assert len([line(decode.decode(entry), number) for number, entry in enumerate(entries)]) == 1_000


def only_short(monkeypatch) -> None:
    monkeypatch.delattr(clean, "clean")


def test_what_is_remembered_has_bounds(monkeypatch):
    monkeypatch.setattr(ordinary, "REMEMBERED", 3)
    memory = ordinary.Memory(str.upper)
    assert [memory[text] for text in ("a", "b", "a", "x" * 1_001, "c", "d")] == [
        "A",
        "B",
        "A",
        "X" * 1_001,
        "C",
        "D",
    ]
    assert dict(memory) == {"d": "D"}


def test_a_path_without_its_numbers_folds_to_the_same():
    source = random.Random(5)  # noqa: S311
    paths = ["/".join(source.choices(SEGMENTS, k=source.randrange(11))) for _ in range(2_000)]
    assert [endpoint.fold(endpoint.without_numbers(path)) for path in paths] == [
        endpoint.fold(path) for path in paths
    ]
    assert endpoint.without_numbers("/orders/17/lines/5e9d9544a1dcd6000/v2") == "/orders/{id}/lines/{id}/v2"
