"""The recorded analytics of real gateways: list entries as a gateway appended them."""

import base64
import gzip
from pathlib import Path

import msgpack

DATA = Path(__file__).parent / "data"

ALL = ("v3.0.12-5000", "v3.0.12-mixed", "v5.14.0-mixed")
PROTOBUF = "v5.14.0-protobuf"  # of the other serialiser
MCP, MCP_PROTOBUF = "v5.14.0-mcp", "v5.14.0-mcp-protobuf"  # the same ten calls of an MCP proxy, by either
ORG_A = "5e9d9544a1dcd60001d0ed20"
ORG_B = "5e9d9544a1dcd60001d0ed21"


def entries(name: str) -> list[bytes]:
    """The raw entries of one recording, in the order of the list."""
    with gzip.open(DATA / f"{name}.b64.gz") as lines:
        return [base64.b64decode(line) for line in lines]


def loose(entry: bytes) -> dict:
    """One entry as a plain dict, read without any code of ours."""
    return msgpack.unpackb(entry, raw=False, strict_map_key=False)


def moved(name: str, seconds: int) -> list[bytes]:
    """The entries of a recording with every stamp moved by so many seconds, else as they were."""
    moved_entries = []
    for entry in entries(name):
        record = loose(entry)
        record["TimeStamp"][0] += seconds
        moved_entries.append(msgpack.packb(record))
    return moved_entries
