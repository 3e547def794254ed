"""What row-level security costs the pages that show traffic.

Each of their statements is asked as it is, and by a role whom no policy binds, in turns. What counts is the least of
the runs: a busy machine adds to some of them, and that is neither's cost.
"""

import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime

import psycopg
from psycopg import ClientCursor

from dashboard.benchmarks import measure
from dashboard.benchmarks.keys import superuser
from dashboard.benchmarks.reading import month, pages
from dashboard.benchmarks.reading.pages import Statement
from dashboard.web.gunicorn_settings import settle
from orgs.models import Organisation

RUNS = 11
LEAST_MS = 1.0  # below it a ratio is that of two noises
PLANNED = "SET LOCAL enable_"  # what a page tells the planner for one statement


def run(records: int, seed: int) -> dict[str, object]:
    """One line of figures: for each page the milliseconds of its statements with and without, and the worst of them."""
    now = datetime.now(UTC)
    org = month.make(records, seed, now)
    settle()
    reads = pages.Reader(org, now)
    with (
        psycopg.connect(os.environ["DATABASE_URL"], cursor_factory=ClientCursor) as bound,
        psycopg.connect(superuser(), cursor_factory=ClientCursor) as free,
    ):
        found = {}
        for page in pages.PAGES:
            reads.ask(page)
            found[page] = _compared(reads.ask(page).statements, org, bound, free)
    worst = {page: figures["worst"]["ratio"] for page, figures in found.items() if figures["worst"]}
    return {
        "machine": measure.machine(),
        "what": "tenancy: ms of each page's SQL, largest organisation, with row-level security and without",
        "records": records,
        "runs": RUNS,
        "worst": max(worst.values(), default=None),
        "pages": found,
    }


def _compared(
    statements: Iterable[Statement], org: Organisation, bound: psycopg.Connection, free: psycopg.Connection
) -> dict[str, object]:
    lines, planned = [], ""
    for statement in statements:
        if statement.sql.startswith(PLANNED):
            planned = statement.sql
        elif pages.reads(statement.sql):
            without, with_policy = measure.in_turns(
                lambda statement=statement, planned=planned: _ms(free, "", planned, statement),
                lambda statement=statement, planned=planned: _ms(bound, org.pk, planned, statement),
                RUNS,
            )
            lines.append((statement.short, min(with_policy), min(without)))
    with_policy, without = (sum(line[place] for line in lines) for place in (1, 2))
    long = [line for line in lines if max(line[1:]) >= LEAST_MS]
    worst = max(long, key=lambda line: line[1] / line[2], default=None)
    return {
        "with": round(with_policy, 1),
        "without": round(without, 1),
        "ratio": round(with_policy / without, 2),
        "worst": worst and {"sql": worst[0], "with": round(worst[1], 1), "without": round(worst[2], 1),
                            "ratio": round(worst[1] / worst[2], 2)},
    }  # fmt: skip


def _ms(server: psycopg.Connection, org_id: str, planned: str, statement: Statement) -> float:
    with server.transaction(force_rollback=True), server.cursor() as cursor:
        cursor.execute("SELECT set_config('app.org', %s, true)", [org_id])
        if planned:
            cursor.execute(planned)
        begun = time.perf_counter()
        cursor.execute(statement.sql, statement.params)
        cursor.fetchall()
        return (time.perf_counter() - begun) * 1_000
