"""The pages that show traffic, as the administrator of the largest organisation has them, and what each asks of the
database. Besides what REST answers him, and the page of a super-user."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import connection
from django.test import Client
from psycopg.errors import QueryCanceled

from apis.models import ApiDefinition
from dashboard.analytics.models import Record
from dashboard.analytics.reports.search import Place, microseconds
from dashboard.benchmarks.reading import belongings
from keys.models import Policy
from orgs import scope
from orgs.models import Organisation, User
from orgs.signing_in.credentials import access_key_hash, new_access_key

API, KEY = f"{0:032x}", sha256(b"0").hexdigest()  # the busiest
VERSIONED = f"{1:032x}"
CLIENT = "client-3"
ABSENT = "/never/called"
# Addresses below the organisation's, or from the root. What stands in braces is found once (_places).
PAGES = {
    "home": "",
    "overview, 1 h": "analytics/?range=1h",
    "overview, 24 h": "analytics/",
    "overview, 24 h, compared": "analytics/?compare=before",
    "overview, 7 d": "analytics/?range=7d",
    "overview, 30 d": "analytics/?range=30d",
    "overview, 24 h, busiest API": f"analytics/?api={API}",
    "overview, 30 d, busiest API": f"analytics/?range=30d&api={API}",
    "overview, 24 h, busiest key": f"analytics/?key={KEY}",
    "overview, 30 d, busiest key": f"analytics/?range=30d&key={KEY}",
    "overview, 30 d, busiest key of an API": f"analytics/?range=30d&key={KEY}&api={API}",
    "overview, 24 h, an endpoint": "analytics/?endpoint=GET+/orders",
    "overview, 30 d, an endpoint": "analytics/?range=30d&endpoint=GET+/orders",
    "overview, 30 d, an endpoint of an API": f"analytics/?range=30d&endpoint=GET+/orders&api={API}",
    "overview, 30 d, a version": f"analytics/?range=30d&api={VERSIONED}&version=v1",
    "overview, 30 d, a client": f"analytics/?range=30d&oauth={CLIENT}",
    "overview, 24 h, a country": "analytics/?country=DE",
    "overview, 30 d, a country": "analytics/?range=30d&country=DE",
    "overview, 24 h, a tag": "analytics/?tag=edge-a",
    "overview, 30 d, a tag": "analytics/?range=30d&tag=edge-a",
    "APIs, 30 d": "analytics/apis/?range=30d",
    "keys, 24 h": "analytics/keys/",
    "keys, 30 d": "analytics/keys/?range=30d",
    "keys, 30 d, by p95": "analytics/keys/?range=30d&sort=p95",
    "endpoints, 24 h": "analytics/endpoints/",
    "endpoints, 30 d": "analytics/endpoints/?range=30d",
    "versions, 30 d": "analytics/versions/?range=30d",
    "clients, 30 d": "analytics/clients/?range=30d",
    "countries, 24 h": "analytics/countries/",
    "countries, 30 d": "analytics/countries/?range=30d",
    "tags, 24 h": "analytics/tags/",
    "tags, 30 d": "analytics/tags/?range=30d",
    "agents, 24 h": "analytics/agents/",
    "agents, 30 d": "analytics/agents/?range=30d",
    "addresses, 24 h": "analytics/addresses/",
    "addresses, 30 d": "analytics/addresses/?range=30d",
    "hours, 7 d": "analytics/hours/",
    "hours, 30 d, p95": "analytics/hours/?range=30d&show=p95",
    "errors, 24 h": "errors/",
    "errors, 24 h, busiest API": f"errors/?api={API}",
    "errors, 24 h, busiest key": f"errors/?key={KEY}",
    "errors, 30 d": "errors/?range=30d",
    "errors, 30 d, busiest key": f"errors/?range=30d&key={KEY}",
    "errors, 30 d, by endpoint": "errors/?range=30d&by=endpoint",
    "logs": "logs/",
    "logs, new ones": "logs/?format=rows&after={a_minute_ago}",
    "logs, 30 d, busiest key": f"logs/?range=30d&key={KEY}",
    "logs, 30 d, an endpoint": "logs/?range=30d&endpoint=GET+/orders",
    "logs, 30 d, a country": "logs/?range=30d&country=DE",
    "logs, 30 d, rare status": "logs/?range=30d&status=504",
    "logs, 30 d, absent status": "logs/?range=30d&status=418",
    "logs, 30 d, absent path": f"logs/?range=30d&path={ABSENT}",
    "logs, 30 d, absent method": "logs/?range=30d&method=DELETE",
    "logs, 30 d, absent address": "logs/?range=30d&address=192.0.2.1",
    "logs, 30 d, absent country": "logs/?range=30d&country=AQ",
    "logs, 30 d, absent tag": "logs/?range=30d&tag=absent",
    "logs, 30 d, very slow ones": "logs/?range=30d&least_ms=100000",
    "a refused record": "logs/{refused}/",
    "list of APIs": "apis/",
    "list of keys": "keys/",
    "a key revoked": f"keys/{0:024x}/revocation/",
    "an API deleted": "apis/{api}/deletion/",
    "a policy of 100 keys deleted": "policies/{of_100}/deletion/",
    "a policy of 400 keys deleted": "policies/{of_400}/deletion/",
    "traffic of all organisations": "/traffic/",
    "REST usage, 30 d": "/api/usage/{month}",
    "REST usage, 30 d, by the hour": "/api/usage/{month}?res=hour",
    "REST usage, 30 d, a tag": "/api/usage/{month}?tags=edge-a",
    "REST usage, 30 d, two tags": "/api/usage/{month}?tags=edge-a,plan-1",
    "REST usage of APIs, 30 d": "/api/usage/apis/{month}",
    "REST keys, 30 d": "/api/activity/keys/{month}",
    "REST busiest key, 30 d": f"/api/activity/keys/{KEY}/{{month}}",
    "REST endpoints of the busiest key, 30 d": f"/api/activity/keys/endpoint/{KEY}/{{month}}",
    "REST errors, 30 d": "/api/activity/errors/{month}",
    "REST endpoints, 30 d": "/api/activity/endpoint/{month}",
    "REST countries, 30 d": "/api/activity/geo/{month}",
    "REST logs": "/api/logs",
    "REST logs, 30 d": "/api/logs?start={month_ago}",
    "REST logs, 30 d, busiest key": f"/api/logs?start={{month_ago}}&key={KEY}",
    "REST logs, 30 d, a code": "/api/logs?start={month_ago}&code=500",
    "REST logs, 30 d, absent code": "/api/logs?start={month_ago}&code=418",
    "REST logs, 30 d, errors of an API": f"/api/logs?start={{month_ago}}&errors=1&api={API}",
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


class Reader:
    """Whoever asks for the pages, of whom each has what he asks for."""

    def __init__(self, org: Organisation, now: datetime):
        self.prefix = f"/o/{org.slug}/"
        self.places = _places(org, now)
        key, admin = new_access_key(), User.everyone.get(email=belongings.ADMIN)
        User.everyone.filter(pk=admin.pk).update(access_key_hash=access_key_hash(key))
        self.admin, self.super_user = (Client(SERVER_NAME="localhost") for _ in range(2))
        self.program = Client(SERVER_NAME="localhost", headers={"Authorization": key})
        self.admin.force_login(User.everyone.get(pk=admin.pk))
        self.super_user.force_login(User.everyone.get(email=belongings.SUPER_USER))

    def ask(self, page: str, *, plans: bool = False) -> Asked:
        """One of PAGES. plans: have each statement explained before, which takes its time again."""
        address = PAGES[page].format_map(self.places)
        client = self.program if address.startswith("/api/") else self.admin
        if address == "/traffic/":
            client = self.super_user
        address = address if address.startswith("/") else self.prefix + address
        with _seen(plans) as statements:
            begun, spent = time.perf_counter(), time.process_time()
            status = client.get(address).status_code
            ms, processor = (time.perf_counter() - begun) * 1_000, (time.process_time() - spent) * 1_000
        return Asked(status, ms, processor, statements)


def _places(org: Organisation, now: datetime) -> dict[str, str]:
    """What addresses name that is made anew in each database."""
    with scope.org(org.pk):
        refused = Record.objects.filter(org_id=org.pk, status=429).order_by("-ts").first()
        few, many = (Policy.objects.get(name=belongings.named(held)).id for held in belongings.HOLDING)
        api = ApiDefinition.objects.get(api_id=API).id
    month_ago = now - timedelta(days=29)
    return {
        "api": api,
        "of_100": few,
        "of_400": many,
        "refused": f"{microseconds(refused.ts)}/{refused.id}" if refused else "0/0",
        "a_minute_ago": str(Place(now - timedelta(minutes=1), 0)),
        "month": f"{month_ago:%d/%m/%Y}/{now:%d/%m/%Y}",
        "month_ago": f"{month_ago.timestamp():.0f}",
    }


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
