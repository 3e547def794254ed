"""A fleet that comes at once: registrations, then pulls of the whole feed, against the same bytes out of a file; and
pulls while the database is restarted, web processes are killed and APIs are published.

Web processes are processes of their own, as they are in use. The database restarts as after a crash: one of its
processes is killed, and it ends all others and begins anew.
"""

import asyncio
import gzip
import json
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from random import Random
from statistics import median
from typing import NamedTuple

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction

from apis.models import ApiDefinition
from apis.publishing import feed as published
from apis.publishing import publish
from dashboard.benchmarks import idle, measure, web
from dashboard.benchmarks import publish as publishing
from dashboard.benchmarks.ingest import make_organisations
from dashboard.benchmarks.web import Answer, Web
from dashboard.benchmarks.world import ORG_IDS
from dashboard.nodes import envelope
from orgs import scope

GATEWAYS = 1_000
APIS = 500
RUNS = 3
AT_ONCE = 40  # gateways that go on pulling while things break
SECONDS = 15.0  # for so long


def run(gateways: int, seed: int) -> dict[str, object]:
    """One line of figures. With fewer gateways there are fewer APIs, and less is broken."""
    machine = measure.machine() | {"load": round(os.getloadavg()[0], 1)}
    web.allow_many_sockets()
    draw = Random(seed)  # noqa: S311
    make_organisations()
    apis = min(APIS, gateways)
    publishing.fill(0, apis, draw)
    feed = published.current()
    with web.processes(*web.SITE) as site, tempfile.TemporaryDirectory() as folder:
        registered = asyncio.run(_all(site, gateways, "/register/node"))
        Path(folder, "feed").write_bytes(envelope.compressed_feed(feed.packed, "0" * 32))
        file = "dashboard.benchmarks.static_file:application"
        with web.processes(file, STATIC_FILE=f"{folder}/feed") as static:
            files, pulls = measure.in_turns(
                lambda: _pulls(static, gateways, "/", feed.packed),
                lambda: _pulls(site, gateways, "/system/apis", feed.packed),
                RUNS,
            )
        disturbed = _disturbed(site, draw, SECONDS * min(1, gateways / GATEWAYS) + 2)
    figures = {"pull": _figures(pulls), "static file": _figures(files)}
    return {
        "machine": machine,
        "what": "feed: ms until a registration, and a whole feed, is there, asked for by all gateways at once",
        "gateways": gateways,
        "apis": apis,
        "feed_bytes": feed.size,
        "sent_bytes": len(envelope.compressed_feed(feed.packed, "0" * 32)),
        "runs": RUNS,
        "register": web.percentiles(registered) | {"statuses": _statuses(registered)},
        **figures,
        "ratio": {
            name: round(figures["pull"][name] / figures["static file"][name], 2) for name in ("p50", "p99")
        },
        "whole": sum(answer.status == 200 and bool(answer.body) for run in pulls for answer in run.answers),
        "disturbed": disturbed,
    }


class Pulls(NamedTuple):
    """cpu_ms: milliseconds of processor time that each of the answers took, by who spent them."""

    answers: list[Answer]
    cpu_ms: dict[str, float]


def _pulls(site: Web, gateways: int, path: str, packed: bytes) -> Pulls:
    before = web.processor_seconds(site)
    answers = asyncio.run(_all(site, gateways, path, packed))
    after = web.processor_seconds(site)
    return Pulls(answers, {who: (after[who] - before[who]) * 1000 / gateways for who in after})


async def _all(site: Web, gateways: int, path: str, packed: bytes = b"") -> list[Answer]:
    """The answers to all of them. Of each body no more is kept than `packed`, if it is in there: a thousand are a
    gigabyte."""
    # Where it has to be: to look for it would cost more than to receive it.
    begin = envelope.compressed_feed(packed, "").index(packed)
    end = begin + len(packed)

    async def one(number: int) -> Answer:
        answer = await _pull(site, number, path)
        return answer._replace(body=packed if answer.body[begin:end] == packed else b"")

    return await asyncio.gather(*map(one, range(gateways)))


async def _pull(site: Web, number: int, path: str = "/system/apis") -> Answer:
    headers = {"Authorization": settings.NODE_SECRET, "X-Tyk-Session-Id": f"session-{number}"}
    headers |= {"X-Tyk-Hostname": f"edge-{number}", "Accept-Encoding": "gzip"}
    return await web.ask(site, "GET", path, headers)


def _figures(runs: list[Pulls]) -> dict[str, object]:
    found = [web.percentiles(run.answers) for run in runs]
    statuses = _statuses([answer for run in runs for answer in run.answers])
    return (
        {name: median(each[name] for each in found) for name in ("p50", "p99")}
        | {"cpu_ms": {who: round(median(run.cpu_ms[who] for run in runs), 2) for who in runs[0].cpu_ms}}
        | {"statuses": statuses}
    )


def _statuses(answers: list[Answer]) -> dict[str, int]:
    return {str(status): count for status, count in sorted(Counter(each.status for each in answers).items())}


def _disturbed(site: Web, draw: Random, seconds: float) -> dict[str, object]:
    """What gateways were given while all breaks: every 200 has to be whole and a feed that was committed."""
    committed, broken, ended = {_digest(published.current().body)}, Counter(), threading.Event()
    threads = [
        threading.Thread(target=_publish, args=(ended, committed, draw)),
        threading.Thread(target=_break, args=(ended, site, broken)),
    ]
    for thread in threads:
        thread.start()
    try:
        answers = asyncio.run(_pulling(site, time.monotonic() + seconds))
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    digests = [answer.body.decode() for answer in answers if answer.status == 200]
    seen = {digest for digest in digests if digest}
    return {
        "seconds": round(seconds, 1),
        "statuses": _statuses(answers),
        "whole": sum(digest in committed for digest in digests),
        "not parsed": digests.count(""),
        "never committed": len(seen - committed),
        "committed": len(committed),
        "seen": len(seen),
        **broken,
    }


async def _pulling(site: Web, end: float) -> list[Answer]:
    """The answers, of each body its digest."""

    async def gateway(number: int) -> list[Answer]:
        found = []
        while time.monotonic() < end:
            answer = await _pull(site, number)
            found.append(answer._replace(body=_message(answer.body).encode()))
            if found[-1].status != 200:
                await asyncio.sleep(0.05)
        return found

    return [answer for each in await asyncio.gather(*map(gateway, range(AT_ONCE))) for answer in each]


def _message(body: bytes) -> str:
    """What the list in an answer is known by; "" if that is no whole answer."""
    with suppress(ValueError, TypeError, KeyError, OSError, EOFError):
        text = gzip.decompress(body)
        answer = json.loads(text)
        if answer["Status"] == "OK" and isinstance(answer["Message"], list) and answer["Nonce"]:
            return _digest(text[text.index(b"[") : text.rindex(b',"Nonce"')])
    return ""


def _digest(text: bytes) -> str:
    return sha256(text).hexdigest()


def _publish(ended: threading.Event, committed: set[str], draw: Random) -> None:
    """Publish again and again, and note what each commit has made before there is another."""
    number = 0
    while not ended.wait(0.1):
        number += 1
        org_id = ORG_IDS[number % len(ORG_IDS)]
        with suppress(DatabaseError, InterfaceError), scope.org(org_id), transaction.atomic():
            api = ApiDefinition.objects.order_by("id").first()
            if api is not None:
                changed = publishing.definition(f"Changed {number}", api.listen_path, draw)
                publish.change(api, changed, author=None)
        _note(committed)
    connection.close()


def _note(committed: set[str]) -> None:
    """Whether a commit that lost its connection has been made, is seen by what there is now."""
    end = time.monotonic() + web.PATIENCE
    while time.monotonic() < end:
        try:
            committed.add(_digest(published.current().body))
        except (DatabaseError, InterfaceError, published.FeedInDoubt):
            connection.close()
            time.sleep(0.05)
        else:
            return


def _break(ended: threading.Event, site: Web, broken: Counter[str]) -> None:
    """Kill a web process every second, and one of the database's every third."""
    number = 0
    while not ended.wait(1):
        number += 1
        children = idle.tree(site.process)[1:]
        if children:
            with suppress(OSError):
                os.kill(children[number % len(children)], signal.SIGKILL)
                broken["web processes killed"] += 1
        if number % 3 == 1:
            with (
                suppress(psycopg.Error, OSError),
                psycopg.connect(os.environ["SCRATCH_SUPERUSER_URL"]) as session,
            ):
                # Its own: whose end is that of all sessions.
                os.kill(session.info.backend_pid, signal.SIGKILL)
                broken["database restarts"] += 1
