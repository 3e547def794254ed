"""Publishing with few and with many APIs present, and the first pull of the feed after it.

What is measured is the change of one API of one of 50 organisations, from the begin of its transaction to its commit,
and what a web process then does for the first gateway that asks. A change must not know how many APIs there are; a pull
reads them.
"""

import time
from collections.abc import Callable
from itertools import islice
from random import Random
from statistics import median

from django.db import connections, transaction

from apis.definitions import kinds, starter
from apis.definitions.document import compact
from apis.models import ApiDefinition, FeedVersion, Revision, ServedApi
from apis.publishing import feed, packing, publish, render, serving
from apis.publishing.columns import columns
from dashboard.benchmarks import measure
from dashboard.benchmarks.ingest import make_organisations
from dashboard.benchmarks.world import ORG_IDS
from dashboard.nodes import envelope
from orgs import scope
from orgs.ids import new_id

SIZES = (10, 1_000, 10_000)
RUNS = 11
AT_ONCE = 500
PADDING = 2_600  # bytes, so that 10,000 APIs make a feed of 33 MB


def run(largest: int, seed: int) -> dict[str, object]:
    """One line of figures: milliseconds for each number of APIs present."""
    make_organisations()
    draw, present, figures = Random(seed), 0, {}  # noqa: S311
    for size in (size for size in SIZES if size <= largest):
        fill(present, size, draw)
        present = size
        figures[size] = _measured(draw)
    parts = {
        name: {str(size): round(median(found[name]), 1) for size, found in figures.items()}
        for name in figures[size]
    }
    smallest, largest = min(figures), max(figures)
    return {
        "machine": measure.machine(),
        "what": "publish: ms for a change of one API, and for the first pull after it, by the number of APIs present",
        "feed_bytes": feed.outline().size,
        "runs": RUNS,
        "parts": parts,
        "growth": {
            name: round(found[str(largest)] / found[str(smallest)], 2) for name, found in parts.items()
        },
        "spread": {
            name: measure.spread(figures[largest][name]) for name in ("change", "create", "delete", "pull")
        },
    }


def _measured(draw: Random) -> dict[str, list[float]]:
    """Milliseconds of each run: the first of a kind warms up and does not count."""
    found: dict[str, list[float]] = {"change": [], "create": [], "delete": [], "pull": []}
    for number in range(RUNS + 1):
        org_id = ORG_IDS[number % len(ORG_IDS)]
        with scope.org(org_id):
            [api] = _timed(found["create"], lambda org_id=org_id: [_create(org_id, draw)])
            changed = definition(f"Changed {number}", api.listen_path, draw)
            _timed(
                found["change"], lambda api=api, changed=changed: publish.change(api, changed, author=None)
            )
            _timed(found["pull"], _pull)
            _timed(found["delete"], lambda api=api: publish.delete(api, author=None))
    return {name: times[1:] for name, times in found.items()}


def _create(org_id: str, draw: Random) -> ApiDefinition:
    return publish.create(org_id, definition("New", f"/new-{new_id()}/", draw), author=None)


def _pull() -> bytes:
    return envelope.compressed_feed(feed.current().packed, "nonce")


def _timed(times: list[float], work: Callable[[], object]) -> object:
    begun = time.perf_counter()
    with transaction.atomic():
        answer = work()
    times.append((time.perf_counter() - begun) * 1000)
    return answer


def definition(name: str, listen_path: str, draw: Random) -> dict:
    made = starter.new() | {
        "name": name,
        "config_data": {"padding": f"{draw.getrandbits(4 * PADDING):x}"},
    }
    made["proxy"] |= {"listen_path": listen_path, "target_url": "http://upstream.example/"}
    return made


def fill(present: int, size: int, draw: Random) -> None:
    """Bring the number of APIs up to `size`, past publishing: as its rows would be."""
    numbers = iter(range(present, size))
    while part := list(islice(numbers, AT_ONCE)):
        with scope.every_org(), transaction.atomic():
            apis = [_row(number, draw) for number in part]
            ApiDefinition.objects.bulk_create(apis)
            Revision.objects.bulk_create(_revision(api) for api in apis)
            ServedApi.objects.bulk_create(_served(api) for api in apis)
    FeedVersion.objects.update(apis=size, stamp=new_id())
    with scope.nobody(), transaction.atomic(using="owner"):
        connections["owner"].cursor().execute("ANALYZE apis_apidefinition, apis_servedapi, apis_revision")


def _row(number: int, draw: Random) -> ApiDefinition:
    org_id, id = ORG_IDS[number % len(ORG_IDS)], new_id()
    said = definition(f"API {number}", f"/o{number % len(ORG_IDS)}/a{number}/", draw)
    normal = kinds.normal_form(said, id=id, api_id=new_id(), org_id=org_id)
    return ApiDefinition(id=id, org_id=org_id, definition_text=compact(normal), revision=1, **columns(normal))


def _revision(api: ApiDefinition) -> Revision:
    return Revision(
        org_id=api.org_id,
        definition_id=api.id,
        api_id=api.api_id,
        number=1,
        author="bench",
        definition_text=api.definition_text,
    )


def _served(api: ApiDefinition) -> ServedApi:
    body = render.wrapper(api.definition, id=api.id, api_id=api.api_id, org_id=api.org_id)
    return ServedApi(
        org_id=api.org_id,
        api_id=api.id,
        sort_key=api.api_id,
        body=body,
        packed=packing.pack(body),
        made_by=serving.made_by(),
        revision=1,
    )
