"""Whoever sees the traffic of own APIs alone cannot tell how much there is of others."""

import re
from datetime import UTC, datetime, timedelta
from itertools import product

from django.db import transaction
from django.utils import timezone

from apis.publishing import publish
from dashboard.analytics.models import IngestState
from dashboard.analytics.reports import traffic
from dashboard.analytics.reports.rankings import KINDS
from orgs import scope
from tests import make
from tests.analytics.screens import ago, push
from tests.keys import build

OVERVIEW, ERRORS, HOURS = "/o/acme/analytics/", "/o/acme/errors/", "/o/acme/analytics/hours/"
SHARED = "c0ffee" * 4
OWN, OTHER = ("shared", "owner"), ("shared anew", "other")
# (minutes ago, status, path, country, version, tags) of each request.
TRAFFIC = [
    (minutes, status, path, country, version, tags)
    for minutes, (status, path, country, version, tags) in zip(
        (1, 2, 3, 8, 9, 30, 50, 70, 90, 200, 1500, 3000, 9000),
        [
            (200, "/a", "CH", "v1", ["red", "green"]),
            (404, "/b", "CH", "v2", ["red"]),
            (503, "/a", "DE", "v1", []),
        ]
        * 5,
        strict=False,
    )
]


def requests(org, apis, aliases: tuple[str, str], shift: float) -> list[dict]:
    return [
        {
            "OrgID": org.id,
            "APIID": api.api_id,
            "APIKey": SHARED if number % 2 else aliases[1].encode().hex() * 3,
            "Alias": aliases[0] if number % 2 else aliases[1],
            "APIVersion": version,
            "Tags": tags,
            "Geo": {"Country": {"ISOCode": country}},
            "Path": path,
            "RawPath": path,
            "ResponseCode": status,
            "TimeStamp": ago(minutes=minutes + shift),
        }
        for api in apis
        for number, (minutes, status, path, country, version, tags) in enumerate(TRAFFIC)
    ]


def addresses(api) -> list[tuple[str, dict]]:
    filters = (
        {},
        {"country": "CH", "version": "v1"},
        {"key": SHARED, "endpoint": "GET /a"},
        {"tag": ["red", "green"]},
        {"api": api.api_id, "country": "CH", "version": "v1"},
    )
    found = [
        (OVERVIEW, {"range": span, **of})
        for span, of in zip(("24h", "1h", "30d", "24h", "1h"), filters, strict=True)
    ]
    found += [
        (ERRORS, {"range": span, **of}) for span, of in zip(("1h", "30d", "24h"), filters[:3], strict=True)
    ]
    found += [(HOURS, {"range": "7d"}), (ERRORS, {"by": "endpoint"}), (ERRORS, {"format": "csv"})]
    for table in (name for name, kind in KINDS.items() if not kind.personal):
        found += [(OVERVIEW, {"range": "24h", **of, "format": "csv", "table": table}) for of in filters[:2]]
    return [*found, (f"{OVERVIEW}keys/", {"range": "1h"}), (f"{OVERVIEW}clients/", {"range": "1h"})]


def wire(api, now: datetime) -> list[str]:
    days = "/".join(f"{day.day}/{day.month}/{day.year}" for day in (now - timedelta(days=6), now))
    paths = ("usage", f"usage/apis/{api.api_id}", "usage/apis", "activity/errors", "activity/endpoint")
    return [
        f"/api/{path}/{days}{asked}"
        for path, asked in product(paths, ("", "?res=hour&api_version=v1&tags=red,green"))
    ]


def test_no_page_file_or_answer_of_own_apis_changes_with_the_traffic_of_others(
    committed, redis, cast, rest, monkeypatch
):
    monkeypatch.setattr(traffic, "MOST_RECORDS", 5)
    orders, returns, foreign = (build.api(cast.acme, name) for name in ("Orders", "Returns", "Foreign"))
    owner = make.user("olaf@acme.example", cast.acme, {"owned_analytics": "read"})
    for api in (orders, returns):
        with scope.org(cast.acme.id), transaction.atomic():
            publish.keep(api, {"user_owners": [owner.id]}, author=cast.acme_admin, started_from=1)
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    everything = make.user("ann@acme.example", cast.acme, {"analytics": "read"})

    def seen(person, pages: list[tuple[str, dict]]) -> dict[str, str]:
        with scope.every_org():
            IngestState.objects.update(up_to=now, waiting=0)
        client, machine = make.signed_in(person), rest(person)
        found = {}
        for path, asked in pages:
            answer = client.get(path, asked)
            assert answer.status_code == 200, (path, asked)
            found[f"{path} {asked}"] = re.sub('name="csrfmiddlewaretoken" value="[^"]+"', "", text(answer))
        for path in wire(orders, now.astimezone(UTC)):
            answer = machine.get(path)
            assert answer.status_code == 200, path
            found[path] = answer.content.decode()
        return found

    push(redis, *requests(cast.acme, (orders, returns), OWN, 0))
    pages = addresses(orders)
    before, of_all = seen(owner, pages), seen(everything, pages[:3])
    assert sum("among the newest 5 requests of these APIs, since " in each for each in before.values()) > 3
    assert sum('"cut":' in each for each in before.values()) > 3
    for shift in (-0.5, 0.02, 5, 100):
        push(redis, *requests(cast.acme, [foreign], OTHER, shift))
    after, of_all_after = seen(owner, pages), seen(everything, pages[:3])
    assert [path for path in before if before[path] != after[path]] == []
    # That there is something to tell: whoever sees all of it sees another page.
    assert [path for path in of_all if path.startswith("/o/") and of_all[path] == of_all_after[path]] == []


def text(answer) -> str:
    return (answer.getvalue() if answer.streaming else answer.content).decode()
