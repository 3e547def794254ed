"""The way of a request on the page of its record: what was in force then, not what is now, and who is told what."""

import base64
from datetime import datetime, timedelta
from html import unescape

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apis.publishing import publish
from dashboard.analytics.ingest import partitions
from dashboard.analytics.ingest.entries.clean import clean
from dashboard.analytics.ingest.entries.decode import decode
from dashboard.analytics.models import Record
from dashboard.analytics.reports.search import microseconds
from keys.keys import lifecycle
from keys.organisations import lifecycle as organisations
from keys.policies import lifecycle as policies
from orgs import scope
from orgs.audit import log
from tests.analytics.explaining.test_judgement import refusals
from tests.conftest import _copy_database
from tests.keys import build
from tests.keys.policies.build import policy

pytestmark = pytest.mark.django_db
_numbers = iter(range(1, 1_000))


@pytest.fixture(scope="module", autouse=True)
def days(django_db_setup, django_db_blocker):
    """The partitions of today, and of tomorrow."""
    with django_db_blocker.unblock():
        partitions.prepare(timezone.now())
        connections.close_all()
        yield
        connections.close_all()
        _copy_database(connections["default"].settings_dict["NAME"])


def stored(org, case: str, at: datetime, gateway: str = "3.0.12", **changes) -> Record:
    """What a gateway recorded of a refusal, as of this organisation, at that time."""
    line = next(each for each in refusals() if (each["case"], each["gateway"]) == (case, gateway))
    row = clean(decode(base64.b64decode(line["record"])), next(_numbers), at, hashed_keys=True)
    row = row._replace(org_id=org.id, ts=at, tags=list(row.tags), **changes)
    with scope.every_org():
        return Record.objects.create(**row._asdict())


def shown(client, org, record) -> dict:
    """The conclusion and the steps by name."""
    page = client.get(f"/o/{org.slug}/logs/{microseconds(record.ts)}/{record.id}/")
    assert page.status_code == 200
    way = page.context["way"]
    return {"": way.conclusion, **{step.name: step for step in way.steps}}


def failing(found: dict) -> list[str]:
    return [name for name, step in found.items() if name and step.verdict == "failed"]


def inside(org, change, *args, **named):
    with scope.org(org.id), transaction.atomic():
        return change(*args, **named)


@pytest.fixture
def admin(cast, client_for):
    return client_for(cast.acme_admin)


def test_a_key_is_judged_as_it_was_and_not_as_it_has_become(cast, admin):
    api = build.api(cast.acme)
    key, _ = build.key(cast.acme, api, alias="Till", suspended=True)
    now = timezone.now()
    record = stored(cast.acme, "suspended", now, api_id=api.api_id, key=key.token_hash)
    with log.dated(now + timedelta(minutes=1)):
        key = inside(cast.acme, lifecycle.set_suspended, key, False)
    found = shown(admin, cast.acme, record)
    assert (failing(found), found[""]) == (["State of the key"], "It was refused at: State of the key.")
    step = found["State of the key"]
    assert (step.words, step.links) == (
        "The key was refused: it was suspended.",
        (("The key", f"/o/acme/keys/{key.id}/"),),
    )
    later = stored(cast.acme, "suspended", now + timedelta(minutes=5), api_id=api.api_id, key=key.token_hash)
    assert failing(shown(admin, cast.acme, later)) == []
    meanwhile = stored(
        cast.acme, "suspended", now + timedelta(seconds=90), api_id=api.api_id, key=key.token_hash
    )
    step = shown(admin, cast.acme, meanwhile)["State of the key"]
    assert (step.verdict, step.words) == (
        "cannot be known",
        "It depends on the gateway's version or on how soon it heard of a change. The key was neither suspended nor "
        "past its end. Or: The key was refused: it was suspended.",
    )
    with log.dated(now + timedelta(minutes=6)):
        inside(cast.acme, lifecycle.revoke, key)
    assert failing(shown(admin, cast.acme, record)) == ["State of the key"]


def test_what_the_log_does_not_tell_in_time_is_said(cast, admin, monkeypatch):
    api = build.api(cast.acme)
    key, _ = build.key(cast.acme, api, suspended=True)
    record = stored(cast.acme, "suspended", timezone.now(), api_id=api.api_id, key=key.token_hash)
    inside(cast.acme, lifecycle.set_suspended, key, False)
    monkeypatch.setattr("keys.history.then.MOST_CHANGES", 0)
    found = shown(admin, cast.acme, record)
    assert failing(found) == []
    assert (
        "(The key as it is today; it was changed after this request, on " in found["State of the key"].words
    )


def test_a_policy_is_the_revision_of_then_and_what_was_used_of_its_limit_is_counted(cast, admin):
    api, other = build.api(cast.acme), build.api(cast.acme, "Other")
    gold = policy(cast.acme, api, rate=2, per=60)
    key, _ = build.key(cast.acme, api, policies=(gold.id,))
    now = timezone.now() + timedelta(minutes=2)  # of yesterday no records can be stored
    of_it = {"api_id": api.api_id, "key": key.token_hash}
    for seconds in (10, 20):
        stored(cast.acme, "rate", now - timedelta(seconds=seconds), status=200, **of_it)
    record = stored(cast.acme, "rate by policy", now, **of_it)
    stored(cast.acme, "rate", now - timedelta(seconds=61), status=200, **of_it)
    stored(cast.acme, "rate", now - timedelta(seconds=5), status=200, api_id=other.api_id, key=key.token_hash)
    changed = gold.document | {"rate": 1000, "name": "Platinum"}
    with log.dated(now + timedelta(minutes=1)):
        inside(cast.acme, policies.change, gold, changed, author=None)
    found = shown(admin, cast.acme, record)
    assert failing(found) == ["Rate"]
    assert found["Rate"].words == (
        f"Requests of the key, by {gold.name} (revision 1): 2 in 1 minute; 2 let through in the 1 minute before are "
        "recorded."
    )
    assert found["Rate"].links[1] == (
        f"{gold.name}, revision 1",
        f"/o/acme/policies/{gold.id}/history/1/",
    )


def test_a_limit_whose_use_cannot_be_counted_is_not_said_to_be_reached(cast, admin, monkeypatch):
    api = build.api(cast.acme)
    key, _ = build.key(cast.acme, api, rate=2, per=1e300)
    record = stored(cast.acme, "rate", timezone.now(), api_id=api.api_id, key=key.token_hash)
    found = shown(admin, cast.acme, record)
    assert (failing(found), found["Rate"].verdict) == ([], "cannot be known")
    assert found["Rate"].words.endswith("What was used of it could not be counted.")


def test_the_revision_in_force_is_named_and_the_one_before_while_gateways_may_run_it(cast, admin):
    api = build.api(cast.acme)
    blocking = api.definition | {"enable_ip_blacklisting": True, "blacklisted_ips": ["127.0.0.1"]}
    api = inside(cast.acme, publish.change, api, blocking, author=None)
    published = timezone.now()
    record = stored(cast.acme, "address blocked", published + timedelta(seconds=5), api_id=api.api_id)
    found = shown(admin, cast.acme, record)
    assert (failing(found), found["Addresses"].verdict) == ([], "cannot be known")
    assert found["API"].words == (
        "A gateway had it. Revision 2 was in force. There was a change about then: the gateway may have run "
        "revision 1."
    )
    later = stored(cast.acme, "address blocked", published + timedelta(minutes=2), api_id=api.api_id)
    inside(
        cast.acme,
        publish.change,
        api,
        blocking | {"blacklisted_ips": ["10.0.0.1"]},
        author=None,
        at=published + timedelta(minutes=3),
    )
    found = shown(admin, cast.acme, later)
    assert failing(found) == ["Addresses"]
    assert found["Addresses"].links == (
        ("Revision 2", f"/o/acme/apis/{api.id}/history/2/"),
        ("Change the API", f"/o/acme/apis/{api.id}/edit/"),
    )


def test_without_a_revision_from_before_it_is_said_that_no_more_is_known(cast, admin):
    record = stored(cast.acme, "no key", timezone.now(), api_id="nobody knows")
    assert shown(admin, cast.acme, record) == {
        "": "More cannot be known: no revision of this API is kept from before the request."
    }


def test_the_key_of_another_organisation_is_spoken_of_like_one_that_nobody_has(cast, admin):
    api, theirs = build.api(cast.acme), build.api(cast.globex)
    key, _ = build.key(cast.globex, theirs, alias="Globex till")
    now = timezone.now()
    pages = [
        shown(admin, cast.acme, stored(cast.acme, "their key", now, api_id=api.api_id, key=hash))
        for hash in (key.token_hash, "ab" * 32)
    ]
    assert pages[0] == pages[1]
    assert pages[0]["Key known"].words == (
        "Gateways knew the key. This organisation has no key with its hash, so what it was is not known here."
    )
    assert failing(pages[0]) == []


def test_whoever_may_not_see_keys_or_apis_is_told_the_checks_alone(cast, client_for):
    api = build.api(cast.acme)
    gold = policy(cast.acme, api, name="Golden", rate=2, per=60)
    key, _ = build.key(cast.acme, api, policies=(gold.id,), alias="Till")
    record = stored(
        cast.acme, "rate by policy", timezone.now(), api_id=api.api_id, key=key.token_hash, alias=""
    )
    url = f"/o/acme/logs/{microseconds(record.ts)}/{record.id}/"
    member = cast.acme_member
    for granted, seen in (
        ({"log": "read"}, set()),
        ({"log": "read", "apis": "read"}, {"Revision 1"}),
        ({"log": "read", "keys": "read"}, {"The key"}),
        ({"log": "read", "keys": "read", "policies": "read"}, {"The key", "Golden, revision 1"}),
        ({"log": "read", "apis": "write"}, {"Revision 1"}),
    ):
        member.permissions = granted
        member.save()
        page = client_for(member).get(url)
        steps = page.context["way"].steps
        assert {text for step in steps for text, _ in step.links} - {"Change the API"} == seen
        text = unescape(page.content.decode())
        assert ("Golden" in text, "2 in 1 minute" in text) == ("keys" in granted, "keys" in granted)
        assert ("Revision 1 was in force" in text) == ("apis" in granted)
        assert [step.verdict for step in steps if step.name == "Rate"] == ["cannot be known"]


def test_the_page_of_a_record_takes_as_many_queries_whatever_was_changed_and_counted(cast, admin):
    api = build.api(cast.acme)
    gold = policy(cast.acme, api, rate=2, per=60)
    key, _ = build.key(cast.acme, api, policies=(gold.id,))
    now = timezone.now()
    of_it = {"api_id": api.api_id, "key": key.token_hash}
    record = stored(cast.acme, "rate by policy", now, **of_it)
    admin.get("/")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            shown(admin, cast.acme, record)
        return len(captured)

    before = queries()
    for number in range(3):
        key = inside(cast.acme, lifecycle.set_suspended, key, not key.suspended)
        inside(cast.acme, policies.change, gold, gold.document | {"rate": 100 + number}, author=None)
        stored(cast.acme, "rate", now - timedelta(milliseconds=number), status=200, **of_it)
    assert queries() == before
    assert before <= 35


def test_limits_of_the_whole_organisation_leave_open_where_it_was(cast, admin):
    api = build.api(cast.acme)
    inside(cast.acme, organisations.put, cast.acme.id, {"rate": 5, "per": 10})
    record = stored(cast.acme, "unknown key", timezone.now(), api_id=api.api_id)
    found = shown(admin, cast.acme, record)
    assert (failing(found), found["Limits of the organisation"].verdict) == ([], "cannot be known")
