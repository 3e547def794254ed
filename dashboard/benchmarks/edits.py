"""Very many edits of few APIs at once, by REST, and what became of each.

Every second edit says by If-Match what it saw; the others overwrite whatever is there, as clients of Tyk do. One is
lost if another is made from an older revision without being refused and without a trace: each revision has an entry in
the audit log that says which it replaced, so that it can be told who overwrote what.
"""

import asyncio
import itertools
import json
import os
from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Any

from django.db import transaction

from apis.models import ApiDefinition, Revision
from apis.publishing import publish
from dashboard.benchmarks import measure, web
from dashboard.benchmarks import publish as publishing
from dashboard.benchmarks.ingest import make_organisations
from dashboard.benchmarks.web import Answer, Web
from dashboard.benchmarks.world import ORG_IDS
from orgs import scope
from orgs.models import AuditEntry, User
from orgs.signing_in.credentials import access_key_hash, new_access_key

EDITS = 2_000
EDITORS = 50
APIS = 10
# Conditional edits that are refused, and those that are made.
STALE, MADE = 412, 200


def run(edits: int, seed: int) -> dict[str, object]:
    """One line of figures."""
    machine = measure.machine() | {"load": round(os.getloadavg()[0], 1)}
    make_organisations()
    draw, org_id = Random(seed), ORG_IDS[0]  # noqa: S311
    key, apis = _prepared(org_id, draw)
    with web.processes(*web.SITE) as site:
        answers = asyncio.run(_edited(site, key, apis, edits, draw))
    with scope.org(org_id), transaction.atomic():
        said = _judged(answers, apis)
    times = web.percentiles([answer for answer, _ in answers.values()])
    return {
        "machine": machine,
        "what": "edits: of few APIs by many at once, by REST; ms of one",
        "edits": edits,
        "editors": EDITORS,
        "apis": APIS,
        "ms": times,
        "statuses": {
            what: dict(
                Counter(str(answer.status) for answer, conditional in answers.values() if conditional is of)
            )
            for what, of in (("with If-Match", True), ("without", False))
        },
        **said,
    }


def _prepared(org_id: str, draw: Random) -> tuple[str, list[str]]:
    key = new_access_key()
    with scope.every_org():
        User.everyone.create(email="editor@example.org", access_key_hash=access_key_hash(key))
    with scope.org(org_id), transaction.atomic():
        made = [
            publish.create(
                org_id, publishing.definition(f"API {number}", f"/edits/{number}/", draw), author=None
            )
            for number in range(APIS)
        ]
    return key, [api.id for api in made]


async def _edited(
    site: Web, key: str, apis: list[str], edits: int, draw: Random
) -> dict[int, tuple[Answer, bool]]:
    """The answer to each edit by its number, and whether it said what it saw."""
    numbers, found = iter(range(edits)), {}

    async def editor() -> None:
        for number in numbers:
            path, conditional = f"/api/apis/{draw.choice(apis)}", number % 2 == 0
            found[number] = await _edit(site, key, path, number, conditional=conditional), conditional

    await asyncio.gather(*(editor() for _ in range(EDITORS)))
    return found


async def _edit(site: Web, key: str, path: str, number: int, *, conditional: bool) -> Answer:
    read = await web.ask(site, "GET", path, {"Authorization": key})
    body = json.loads(read.body)
    seen = int(read.tag.strip('"').partition("-")[0])
    body["api_definition"]["config_data"] = {"edit": number, "from": seen, "conditional": conditional}
    headers = {"Authorization": key, "Content-Type": "application/json"}
    headers |= {"If-Match": read.tag} if conditional else {}
    return await web.ask(site, "PUT", path, headers, json.dumps(body).encode())


def _judged(answers: dict[int, tuple[Answer, bool]], apis: list[str]) -> dict[str, int]:
    revisions = Revision.objects.filter(definition_id__in=apis).order_by("definition_id", "number")
    rows = list(revisions.values_list("definition_id", "number", "definition_text"))
    made = [(id, number, json.loads(text)["config_data"]) for id, number, text in rows if number > 1]
    entries = AuditEntry.objects.filter(action="api.published", object_id__in=apis)
    pairs = Counter((entry.object_id, *entry.changes["revision"]) for entry in entries)
    edits = Counter(edit["edit"] for _, _, edit in made)
    said = {number for number, (answer, _) in answers.items() if answer.status == MADE}
    return {
        "made": len(made),
        "overwritten": sum(number - 1 - edit["from"] for _, number, edit in made if not edit["conditional"]),
        "lost though If-Match was sent": sum(
            edit["from"] != number - 1 for _, number, edit in made if edit["conditional"]
        ),
        "without an audit pair": sum(pairs[id, number - 1, number] != 1 for id, number, _ in made),
        "said to be made, and not": len(said - edits.keys()),
        "made, and not said so": len(edits.keys() - said),
        "made twice": sum(count > 1 for count in edits.values()),
        "revisions left out": sum(_gaps(numbers) for numbers in _numbers(rows)),
        "not what is there now": _differing(apis, rows),
    }


def _numbers(rows: Iterable[tuple[str, int, str]]) -> Iterable[list[int]]:
    for _, same in itertools.groupby(rows, lambda row: row[0]):
        yield [number for _, number, _ in same]


def _gaps(numbers: list[int]) -> int:
    return len(numbers) != numbers[-1] or numbers != sorted(set(numbers))


def _differing(apis: list[str], rows: list[tuple[str, int, str]]) -> int:
    """How many APIs are another than their last revision."""
    last: dict[str, Any] = {id: (number, text) for id, number, text in rows}
    now = ApiDefinition.objects.filter(id__in=apis)
    return sum((api.revision, api.definition_text) != last[api.id] for api in now)
