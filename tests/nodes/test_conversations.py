"""Every recorded conversation of stock gateways, once more with us in the dashboard's place."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from tests.nodes.gateway import Gateway

DATA = Path(__file__).parent / "data"


class Replay:
    """Holds the node id and nonce its gateway was given, and which sessions must be known."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.given = {}
        self.latest = ""
        self.known = set()
        self.surprises = []

    def send(self, line):
        session = line.get("session", "")
        # Pulls of 3.0 name no session; each recording has one process at a time.
        self.latest = session or self.latest
        held = self.given.setdefault(self.latest, {})
        headers = {"encoding": "gzip"}
        headers |= {name: line[name] for name in ("session", "hostname") if name in line}
        for name in ("node", "nonce"):
            if name in line:
                headers[name] = held.get(name, "lost") if line[name] == "(issued)" else line[name]
        answer = self.gateway.ask(line["request"], body=line.get("body"), **headers)
        expected = 409 if line["request"] == "GET /register/node" and session in self.known else 200
        if answer.status != expected:
            self.surprises.append(f"{line['run']}, {line['case']}: {line['request']} {answer.status}")
        self.remember(line["request"], session, held, answer)

    def remember(self, request, session, held, answer):
        if request == "DELETE /system/node":
            self.known.discard(session)
        elif session:
            self.known.add(session)
        if answer.status == 200:
            body = answer.body
            if answer.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            message = json.loads(body)
            held["nonce"] = message["Nonce"]
            if request == "GET /register/node":
                held["node"] = message["Message"]["NodeID"]


def thinned(lines):
    """A gateway asks the same again every few seconds: of a case, twice is enough."""
    seen = Counter()
    for line in lines:
        what = (line["run"], line["case"], line["request"], line.get("session"))
        seen[what] += 1
        if seen[what] <= 2:
            yield line


@pytest.mark.parametrize(("version", "requests"), [("v3.0.12", 573), ("v5.14.0", 2077)])
def test_every_answer_in_the_recorded_conversations_is_acceptable_to_the_gateway(version, requests, gunicorn):
    packed = (DATA / f"conversations-{version}.jsonl.gz").read_bytes()
    lines = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    # Where a redirection led that only the recording's stand-in gave.
    lines = [line for line in thinned(lines) if line["request"] != "GET /login"]
    with Gateway(gunicorn) as gateway:
        replay = Replay(gateway)
        for line in lines:
            replay.send(line)
    assert len(lines) == requests
    assert (gateway.objections, replay.surprises) == ([], [])
