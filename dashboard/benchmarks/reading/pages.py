"""The pages that show traffic, as the administrator of the largest organisation has them, and what each asks of the
database."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from django.db import connection
from django.test import Client
from psycopg.errors import QueryCanceled

from orgs.models import Organisation, User

API, KEY = f"{0:032x}", sha256(b"0").hexdigest()  # the busiest
ABSENT = "/never/called"
PAGES = {
    "home": "",
    "overview, 1 h": "analytics/?range=1h",
    "overview, 24 h": "analytics/",
    "overview, 7 d": "analytics/?range=7d",
    "overview, 30 d": "analytics/?range=30d",
    "overview, 30 d, busiest API": f"analytics/?range=30d&api={API}",
    "overview, 24 h, busiest key": f"analytics/?key={KEY}",
    "overview, 30 d, busiest key": f"analytics/?range=30d&key={KEY}",
    "overview, 30 d, an endpoint": "analytics/?range=30d&endpoint=GET+/orders",
    "APIs, 30 d": "analytics/apis/?range=30d",
    "keys, 30 d": "analytics/keys/?range=30d",
    "endpoints, 30 d": "analytics/endpoints/?range=30d",
    "errors, 24 h": "errors/",
    "errors, 30 d": "errors/?range=30d",
    "logs": "logs/",
    "logs, 30 d, rare status": "logs/?range=30d&status=504",
    "logs, 30 d, absent status": "logs/?range=30d&status=418",
    "logs, 30 d, absent path": f"logs/?range=30d&path={ABSENT}",
}


@dataclass
class Statement:
    """`plan`: as PostgreSQL's EXPLAIN (ANALYZE, FORMAT JSON) has it, where it was asked for and came in time."""

    sql: str
    params: object
    ms: float
    plan: dict | None = None

    @property
    def short(self) -> str:
        return " ".join(self.sql.split())[:200]


@dataclass
class Asked:
    status: int
    ms: float
    processor_ms: float  # of this process
    statements: list[Statement] = field(default_factory=list)

    @property
    def sql_ms(self) -> float:
        return sum(statement.ms for statement in self.statements)


def signed_in(org: Organisation) -> Client:
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(User.everyone.get(org=org))
    return browser


def ask(browser: Client, org: Organisation, page: str, *, plans: bool = False) -> Asked:
    """One of PAGES. plans: have each statement explained before, which takes its time again."""
    with _seen(plans) as statements:
        begun, spent = time.perf_counter(), time.process_time()
        status = browser.get(f"/o/{org.slug}/{PAGES[page]}").status_code
        ms, processor = (time.perf_counter() - begun) * 1_000, (time.process_time() - spent) * 1_000
    return Asked(status, ms, processor, statements)


@contextmanager
def _seen(plans: bool) -> Iterator[list[Statement]]:
    statements: list[Statement] = []

    def see(execute, sql, params, many, context):
        plan = _plan(sql, params) if plans and reads(sql) else None
        begun = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            statements.append(Statement(sql, params, (time.perf_counter() - begun) * 1_000, plan))

    with connection.execute_wrapper(see):
        yield statements


def reads(sql: str) -> bool:
    return sql.lstrip().startswith(("SELECT", "WITH"))


def _plan(sql: str, params: object) -> dict | None:
    connection.send_scope()
    try:
        with connection.connection.transaction(), connection.connection.cursor() as cursor:
            [[[plan]]] = cursor.execute(
                f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params
            ).fetchall()
    except QueryCanceled:
        return None
    return plan["Plan"]


def rows_read(plan: dict) -> float:
    """How many rows the scans of tables and indexes looked at."""
    parts = plan.get("Plans", [])
    if "Relation Name" not in plan:
        return sum(map(rows_read, parts))
    each = sum(
        plan.get(name, 0)
        for name in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    )
    return each * plan["Actual Loops"] + sum(map(rows_read, parts))
