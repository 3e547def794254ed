"""clock.py cuts hours and days where PostgreSQL does, in every zone."""

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.db import connection

from dashboard.analytics import clock

# PostgreSQL takes a name like CET for an abbreviation without summer time, so those are no zones to choose.
ZONES = sorted(name for name in available_timezones() if "/" in name)


def transitions(zone: ZoneInfo) -> list[datetime]:
    """Instants around each change of the clock in 2025, a quarter of an hour apart, and an ordinary day."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    hours = [start + timedelta(hours=hour) for hour in range(365 * 24)]
    changes = [
        a
        for a, b in itertools.pairwise(hours)
        if zone.utcoffset(a.astimezone(zone)) != zone.utcoffset(b.astimezone(zone))
    ]
    return [
        centre + timedelta(minutes=15 * quarter, seconds=61)
        for centre in (*changes, datetime(2025, 6, 1, 12, tzinfo=UTC))
        for quarter in range(-120, 121, 1 if centre in changes else 40)
    ]


@pytest.mark.django_db
def test_hour_rows_are_keyed_and_day_rows_contained_as_the_database_cuts_them():
    for name in [*ZONES[::9], "Australia/Lord_Howe", "America/Havana", "Africa/Cairo", "Asia/Kathmandu"]:
        zone = ZoneInfo(name)
        instants = transitions(zone)
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT t, date_trunc('hour', t, %s),
                    date_trunc('day', date_trunc('hour', t, %s), %s) FROM unnest(%s::timestamptz[]) AS t""",
                [name, name, name, instants],
            )
            rows = cursor.fetchall()
        for instant, hour, day in rows:
            assert (name, clock.hour_key(instant, zone)) == (name, hour)
            local = instant.astimezone(zone).date()
            start, end = clock.day_start(local, zone), clock.day_start(local + timedelta(days=1), zone)
            assert (name, instant, start <= day < end) == (name, instant, True)
            start = clock.hour_start(instant, zone)
            assert start <= instant < clock.next_hour(start, zone)
