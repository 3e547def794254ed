"""Records that cannot be stored, and what becomes of them."""

import hashlib
from datetime import timedelta
from io import StringIO

import msgspec
from django.core.management import call_command

from dashboard.analytics.dimensions import RECORDS, Dimension, Grain, oldest
from dashboard.analytics.ingest import claim, dead_letters
from dashboard.analytics.ingest.entries import clean, decode
from dashboard.analytics.models import (
    Batch,
    DeadLetter,
    IngestState,
    Record,
    Rollup,
)
from orgs import scope
from tests import make
from tests.analytics import recordings
from tests.analytics.arrivals import drained, organisations
from tests.analytics.ingest.test_drain import NOW, SECONDS, entry


def test_what_cannot_be_stored_becomes_a_dead_letter_with_its_reason(committed, redis):
    organisations("UTC", "UTC")
    first = oldest(RECORDS, NOW)
    redis.rpush(
        claim.LIST,
        entry(),
        b"\xc1 noise",
        entry(OrgID="5e9d9544a1dcd60001d0ffff", TimeStamp=[SECONDS, 0]),
        entry(OrgID="'; DROP TABLE record; --\x00"),
        entry(TimeStamp=[SECONDS - 31 * 86_400, 0]),
        entry(ResponseCode="ok"),
        entry(ResponseCode=-1),
        entry(),
        # Of the very first moment that is kept.
        entry(TimeStamp=[int(first.timestamp()), 0]),
    )
    drained(redis, NOW)
    with scope.every_org():
        [batch] = Batch.objects.all()
        letters = DeadLetter.objects.order_by("id").values_list("id", "reason", "detail", "org_ref")
        assert list(letters) == [
            (batch.no << 20 | 1, "undecodable", "not MessagePack (FormatError)", ""),
            (batch.no << 20 | 2, "unknown_org", "", "5e9d9544a1dcd60001d0ffff"),
            (batch.no << 20 | 3, "unknown_org", "", "'; DROP TABLE record; --\ufffd"),
            (batch.no << 20 | 4, "too_old", "", recordings.ORG_A),
            (batch.no << 20 | 5, "undecodable", "Expected `int`, got `str` - at `$.ResponseCode`", ""),
        ]
        assert list(Record.objects.order_by("id").values_list("id", flat=True)) == [
            batch.no << 20 | 0,
            batch.no << 20 | 7,
            batch.no << 20 | 8,
        ]
        assert (batch.done, batch.rejected) == (True, 5)
        assert (batch.first_ts, batch.last_ts) == (first, NOW - timedelta(seconds=5))
    assert IngestState.objects.get().counters == {
        "taken": 9,
        "tcp": 1,
        "undecodable": 2,
        "unknown_org": 2,
        "too_old": 1,
    }
    status = StringIO()
    call_command("analytics", "status", stdout=status, skip_checks=True)
    assert "taken from the lists: 9" in status.getvalue().splitlines()
    assert "not stored, tcp: 1" in status.getvalue().splitlines()
    assert redis.keys("*") == []


def test_dead_letters_of_unknown_organisations_are_samples_and_the_rest_is_counted(committed, redis):
    redis.rpush(claim.LIST, *(entry(OrgID=f"{n:024x}") for n in range(250)))
    drained(redis, NOW)
    redis.rpush(claim.LIST, entry(OrgID="0" * 24))
    drained(redis, NOW + timedelta(minutes=59))
    with scope.every_org():
        assert DeadLetter.objects.count() == 100
        assert sorted(Batch.objects.values_list("n", "rejected")) == [(1, 1), (250, 250)]
    redis.rpush(claim.LIST, entry(OrgID="0" * 24))
    drained(redis, NOW + timedelta(minutes=61))
    with scope.every_org():
        assert DeadLetter.objects.count() == 101
    assert IngestState.objects.get().counters == {"taken": 252, "unknown_org": 252}


def test_dead_letters_are_stored_once_their_organisation_exists(committed, redis):
    organisations("UTC", "UTC")
    unknown = "5e9d9544a1dcd60001d0ffff"
    redis.rpush(claim.LIST, entry(OrgID=unknown, APIKey="a" * 24), entry(OrgID="f" * 24), b"noise", entry())
    drained(redis, NOW)
    make.organisation("Gamma", "gamma", id=unknown)
    with scope.every_org():
        assert dead_letters.retry(NOW) == {"stored": 1, "left": 1}
        assert dead_letters.retry(NOW) == {"stored": 0, "left": 1}
        [record] = Record.objects.filter(org=unknown)
        assert (record.key, record.ts) == (hashlib.sha256(b"a" * 24).hexdigest(), NOW - timedelta(seconds=5))
        assert Rollup.objects.get(org=unknown, grain=Grain.DAY, dimension=Dimension.TOTAL).hits == 1
        assert sorted(DeadLetter.objects.values_list("reason", flat=True)) == ["undecodable", "unknown_org"]


def test_a_dead_letter_of_an_earlier_version_is_stored_too(committed, redis):
    organisations("UTC", "UTC")
    redis.rpush(claim.LIST, entry(OrgID="f" * 24), entry())
    drained(redis, NOW)
    row = clean.clean(decode.decode(entry(Path="/kept")), 7, NOW, hashed_keys=True)
    with scope.every_org():
        DeadLetter.objects.update(payload=msgspec.msgpack.encode(row))
        assert dead_letters.retry(NOW) == {"stored": 1, "left": 0}
        assert set(Record.objects.values_list("id", "path")) == {
            (7, "/kept"),
            (Batch.objects.get().no << 20 | 1, "/a"),
        }
