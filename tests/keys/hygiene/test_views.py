"""Keys that somebody should look at, and taking from one what it never calls."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keys.hygiene import findings
from keys.keys import lifecycle
from keys.models import Key, KeyRight
from orgs import scope
from tests import make
from tests.analytics.screens import ago, push
from tests.keys import build
from tests.keys.finding.test_views import listed
from tests.keys.policies.build import policy

PLACE = "/o/acme/keys/hygiene/"


def numbers(page):
    return {finding.name: finding.number for finding in page.context["findings"]}


def of(page, name):
    return next(finding for finding in page.context["findings"] if finding.name == name)


@pytest.mark.usefixtures("committed")
def test_each_finding_counts_what_its_list_shows_and_a_key_is_shrunk_to_what_it_calls(
    cast, client_for, redis, monkeypatch
):
    acme = client_for(cast.acme_admin)
    orders, returns = build.api(cast.acme, "Orders"), build.api(cast.acme, "Returns")
    build.key(cast.globex, build.api(cast.globex), alias="foreign")
    soon = timezone.now() + timedelta(days=9)
    wide, _ = build.key(cast.acme, orders, returns, alias="wide", owner="Ann", rate=5, per=1, tags=["t"])
    keys = [
        wide,
        build.key(cast.acme, orders, alias="twin", owner="Bo")[0],
        build.key(cast.acme, orders, alias="other twin", owner="Bo", suspended=False)[0],
        build.key(cast.acme, orders, alias="ending", owner="Cy", expires_at=soon)[0],
        build.key(cast.acme, orders, alias="bare")[0],
        build.key(cast.acme, orders, alias="paused", suspended=True)[0],
        build.key(cast.acme, orders, returns, alias="young", owner="Di")[0],
    ]
    with scope.org(cast.acme.id):
        long_ago = timezone.now() - timedelta(days=100)
        Key.objects.filter(alias__in=["wide", "twin"]).update(created_at=long_ago)
    called = [wide, keys[2], keys[3], keys[-1]]
    stamps = ({"OrgID": cast.acme.id, "APIKey": key.token_hash, "APIID": orders.api_id} for key in called)
    push(redis, *({**stamp, "TimeStamp": ago(hours=2)} for stamp in stamps))
    page = acme.get(PLACE)
    assert numbers(page) == {"unowned": 1, "never": 2, "silent": 1, "ending": 1, "uncalled": 1, "twice": 2}
    for finding in page.context["findings"]:
        if finding.query:
            assert len(listed(acme.get(f"/o/acme/keys/?{finding.query}"))) == finding.number
    assert [(key.alias, note) for key, note in of(page, "uncalled").first] == [("wide", "1 API never called")]
    assert [(key.owner, note) for key, note in of(page, "twice").first] == [("Bo", "2 keys of Bo")]

    with monkeypatch.context() as context:
        context.setattr(findings, "COMPARED", 1)
        page = acme.get(PLACE)
    # The newest key alone is paused, and of those called one is looked into.
    assert numbers(page)["twice"] == 0
    assert of(page, "twice").words.endswith(" Compared are the newest 1 keys.")
    assert of(page, "uncalled").words.endswith(" Looked into are 1 of those that were called.")

    place = f"/o/acme/keys/{wide.id}/shrinking/"
    asked = acme.get(place)
    assert (asked.context["spare"], asked.context["kept"]) == (["Returns"], ["Orders"])
    seen = re.search(r'name="seen" value="(\d+)"', asked.content.decode())[1]
    assert acme.post(place, {"seen": int(seen) + 1}).status_code == 409
    assert acme.post(place, {"seen": "x"}).status_code == 400
    assert acme.post(place, {"seen": seen}).status_code == 302
    session = build.again(wide)
    with scope.org(cast.acme.id):
        spec = lifecycle.spec_of(session)
    assert [right.api_id for right in spec.rights] == [orders.api_id]
    assert (spec.alias, spec.rate, spec.tags) == ("wide", 5, ["t"])
    assert acme.post(place, {"seen": int(seen) + 1}).status_code == 404
    assert client_for(cast.globex_admin).get(place.replace("acme", "globex")).status_code == 404

    blind = client_for(make.user("kay@acme.example", cast.acme, {"keys": "write"}))
    assert numbers(blind.get(PLACE)) == {"unowned": 1, "twice": 2}
    assert blind.get(place).context["spare"] == []


@pytest.mark.parametrize(
    ("opened", "called", "spare"),
    [
        ("ab", "a", {"b"}),
        ("ab", "ab", set()),
        ("ab", "", set()),
        ("ab", "c", set()),
        ("ab", ["a", ""], set()),  # some calls cannot be told apart
    ],
)
def test_what_is_spare_is_never_all_and_never_guessed(opened, called, spare):
    assert findings.spare_of(opened, called) == spare


def test_the_same_twice_are_living_keys_of_one_owner_with_the_same_policies_and_rights(cast, monkeypatch):
    orders = build.api(cast.acme, "Orders")
    plan, later = policy(cast.acme, orders), timezone.now() + timedelta(days=9)
    alike = [build.key(cast.acme, orders, owner="Bo", expires_at=later)[0].id for _ in range(2)]
    other_versions, revoked, expired = (build.key(cast.acme, orders, owner="Bo")[0].id for _ in range(3))
    for spec in (
        {"owner": "Cy"},
        {"owner": "Bo", "policies": (plan.id,)},
        {"owner": "Bo", "suspended": True},
    ):
        build.key(cast.acme, orders, **spec)
    build.key(cast.acme, owner="Bo")
    now = timezone.now()
    with scope.org(cast.acme.id):
        KeyRight.objects.filter(key_id=other_versions).update(versions=["v2"])
        Key.objects.filter(id=revoked).update(revoked_at=now)
        Key.objects.filter(id=expired).update(expires_at=now)
        [(owner, number, ids)] = findings._groups(cast.acme, now)
        assert (owner, number, sorted(ids)) == ("Bo", 2, sorted(alike))
        # They are the oldest.
        monkeypatch.setattr(findings, "COMPARED", 8)
        assert findings._groups(cast.acme, now) == []


def test_hygiene_costs_the_same_queries_for_two_keys_and_for_three(cast, client_for):
    acme, orders = client_for(cast.acme_admin), build.api(cast.acme, "Orders")
    acme.get(PLACE)
    counts = []
    for more in (2, 1):
        for _ in range(more):
            build.key(cast.acme, orders, owner="Ann")
        with CaptureQueriesContext(connection) as queries:
            assert acme.get(PLACE).status_code == 200
        counts.append(len(queries))
    assert counts == [74, 74]
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)  # each limit ended with what it was about
