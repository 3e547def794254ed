"""Hours become days once they are over, whoever counts, reads, keeps less or has a wrong clock meanwhile."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import msgpack
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from dashboard.analytics.clock import DAY, HOUR, MINUTE, day_start
from dashboard.analytics.dimensions import BASES, Dimension, Grain
from dashboard.analytics.ingest import closing, cuts, store, trust
from dashboard.analytics.ingest.entries import clean, decode
from dashboard.analytics.ingest.upkeep import forgetting, periods, rebuilding
from dashboard.analytics.models import Record, Rollup, RollupCut
from dashboard.analytics.radius import definitions
from dashboard.analytics.replay import reading as replays
from dashboard.analytics.reports import reader, usage, zones
from dashboard.analytics.reports.periods import cutting
from dashboard.analytics.reports.periods.period import Cut
from dashboard.analytics.reports.traffic import Filters, Owners
from orgs import scope
from orgs.models import Organisation
from orgs.organisations import lifecycle
from orgs.organisations.retention import KINDS
from orgs.providers.dry_run import Caller
from tests.analytics import recordings
from tests.analytics.arrivals import at_once, drained, open_since, organisations
from tests.analytics.ingest.test_housekeeping import existing, maintained, pushed
from tests.analytics.ingest.test_rollup import check_sums, close, everything
from tests.analytics.rest_wire import data, week
from tests.analytics.screens import Played, play, sheet
from tests.analytics.test_agreement import with_more

NOW = datetime(2026, 11, 25, 14, 10, tzinfo=UTC)


def worked(now: datetime) -> int:
    steps = 0
    while closing.work(now):
        steps += 1
        assert steps < 9, "it finds something to do for ever"
    return steps


def days_of(org_id: str) -> list[tuple[datetime, int]]:
    """The rows of days alone."""
    with scope.every_org():
        totals = [base + Dimension.TOTAL for base in BASES]
        rows = Rollup.objects.filter(org=org_id, grain=Grain.DAY, dimension__in=totals)
        return list(rows.order_by("ts").values_list("ts", "hits"))


def closed(org_id: str) -> datetime | None:
    with scope.every_org():
        return RollupCut.objects.get(org=org_id, state="active").days_until


def test_an_hour_counts_in_its_day_once_it_is_over_and_what_comes_later_at_once(committed, redis):
    organisations("Asia/Kathmandu", "UTC")
    midnight = datetime(2026, 11, 24, 18, 15, tzinfo=UTC)
    pushed(redis, NOW, APIKey="1" * 16)
    pushed(redis, NOW, OrgID=recordings.ORG_B)
    drained(redis, NOW)
    assert (closed(recordings.ORG_A), days_of(recordings.ORG_A)) == (None, [(midnight, 1)])
    # From here on it counts hours, in the zone of each.
    assert worked(NOW) == 2
    assert closed(recordings.ORG_A) == NOW.replace(hour=14, minute=15)
    assert closed(recordings.ORG_B) == NOW.replace(hour=15, minute=0)
    pushed(redis, NOW + HOUR, 4, APIKey="1" * 16)
    drained(redis, NOW + HOUR)
    assert days_of(recordings.ORG_A) == [(midnight, 1)]
    pushed(redis, NOW.replace(hour=15, minute=17))  # of the hour that is not over then
    drained(redis, NOW.replace(hour=15, minute=18))
    assert worked(NOW.replace(hour=15, minute=19)) == 0
    assert worked(NOW.replace(hour=15, minute=20)) == 1
    assert (closed(recordings.ORG_A), days_of(recordings.ORG_A)) == (
        NOW.replace(hour=15, minute=15),
        [(midnight, 5)],
    )
    # What still comes of the last hour, within minutes, is counted once.
    assert worked(NOW.replace(hour=17, minute=17)) == 2
    assert closed(recordings.ORG_A) == NOW.replace(hour=16, minute=15)
    assert worked(NOW + 3 * HOUR) == 0
    pushed(redis, NOW + HOUR, APIKey="2" * 16)
    drained(redis, NOW + 3 * HOUR)
    assert days_of(recordings.ORG_A) == [(midnight, 7)]
    with scope.every_org():
        check_sums()
        before = everything()
        for org in Organisation.everyone.all():
            assert rebuilding.rebuilt(org.pk, NOW.date(), NOW + 3 * HOUR)
        assert everything() == before


def test_an_hour_that_is_closed_while_it_is_counted_is_counted_once(committed, redis):
    organisations("UTC", "UTC")
    open_since([recordings.ORG_A], NOW - 2 * HOUR)
    entry = msgpack.packb({"OrgID": recordings.ORG_A, "ResponseCode": 200, "APIKey": "1" * 16})
    row = clean.clean(decode.decode(entry), 1, NOW, hashed_keys=True)
    lines = [clean.line_of(row._replace(id=number, ts=NOW - HOUR)) for number in range(3)]
    # It waits for who counts, and who counts for it.
    assert at_once(lambda: store.store(lines[:1], NOW, most_bad=0), lambda: closing.work(NOW)) == (True, True)
    assert days_of(recordings.ORG_A) == [(NOW.replace(hour=0, minute=0), 1)]
    with scope.every_org():
        RollupCut.objects.update(days_until=NOW - 2 * HOUR)
        Rollup.objects.filter(grain__in=("d", "k")).delete()

    def counted() -> dict:
        with scope.every_org(), transaction.atomic():
            return store.store(lines[1:], NOW, most_bad=0)

    assert at_once(lambda: closing.close(recordings.ORG_A, NOW), counted) == (True, {})
    assert days_of(recordings.ORG_A) == [(NOW.replace(hour=0, minute=0), 3)]
    with scope.every_org():
        check_sums()


def test_two_close_the_hours_of_an_organisation_once(committed, redis):
    organisations("UTC", "UTC")
    for org_id in (recordings.ORG_A, recordings.ORG_B):
        open_since([org_id], NOW - 2 * HOUR)
        pushed(redis, NOW - HOUR, 2, OrgID=org_id)
    drained(redis, NOW)
    # The other leaves it alone, and has the next one to do, for which it waits for the first.
    assert at_once(lambda: closing.work(NOW), lambda: closing.work(NOW)) == (True, True)
    assert worked(NOW) == 0
    for org_id in (recordings.ORG_A, recordings.ORG_B):
        assert days_of(org_id) == [(NOW.replace(hour=0, minute=0), 2)]
    pushed(redis, NOW, 2)
    drained(redis, NOW)
    # Who has to have it done waits for who is at it.
    org_ids = [recordings.ORG_A]
    assert at_once(lambda: close(org_ids, NOW + HOUR), lambda: close(org_ids, NOW + HOUR)) == (True, None)
    assert days_of(recordings.ORG_A) == [(NOW.replace(hour=0, minute=0), 4)]


def test_what_a_clock_that_was_ahead_has_closed_is_counted_in_days_at_once_until_it_is_right_again(
    committed, redis
):
    organisations("UTC", "UTC")
    open_since([recordings.ORG_A], NOW - HOUR)
    pushed(redis, NOW, 2)
    drained(redis, NOW)
    assert worked(NOW + 400 * DAY) == 1
    pushed(redis, NOW + HOUR)
    drained(redis, NOW + HOUR)
    assert days_of(recordings.ORG_A) == [(NOW.replace(hour=0, minute=0), 3)]
    assert worked(NOW + HOUR) == 1
    assert closed(recordings.ORG_A) == NOW.replace(hour=16, minute=0)
    pushed(redis, NOW + 2 * HOUR)
    drained(redis, NOW + 2 * HOUR)
    assert days_of(recordings.ORG_A) == [(NOW.replace(hour=0, minute=0), 3)]
    with scope.every_org():
        check_sums()
    assert worked(NOW - DAY) == 0  # and one that was behind closes nothing twice
    assert worked(NOW + 4 * HOUR) == 1
    assert days_of(recordings.ORG_A) == [(NOW.replace(hour=0, minute=0), 4)]
    with scope.every_org():
        check_sums()


def test_what_a_clock_that_was_ahead_has_counted_in_days_is_counted_once_and_leaves_nothing_to_do(
    committed, redis
):
    organisations("UTC", "UTC")
    ahead = NOW.replace(minute=0) + 9 * DAY
    pushed(redis, NOW)
    pushed(redis, NOW, OrgID=recordings.ORG_B)
    drained(redis, NOW)
    pushed(redis, ahead, 3)
    drained(redis, ahead)
    # The last hour that is counted in its day already is over for days, of the one organisation.
    assert worked(NOW) == 2
    assert (closed(recordings.ORG_A), closed(recordings.ORG_B)) == (
        ahead + HOUR,
        NOW.replace(hour=15, minute=0),
    )
    pushed(redis, NOW)
    drained(redis, NOW)
    pushed(redis, ahead)
    pushed(redis, ahead + HOUR)
    drained(redis, ahead + HOUR)
    today, later = NOW.replace(hour=0, minute=0), ahead.replace(hour=0)
    assert days_of(recordings.ORG_A) == [(today, 2), (later, 4)]
    # Of both hours are closed by that clock. Which nothing was counted in, those are open again.
    assert worked(ahead + 3 * HOUR) == 2
    assert worked(NOW + HOUR) == 1
    assert closed(recordings.ORG_A) == ahead + 2 * HOUR
    assert closed(recordings.ORG_B) == NOW.replace(hour=15, minute=0)
    assert days_of(recordings.ORG_A) == [(today, 2), (later, 5)]
    with scope.every_org():
        check_sums()


def test_hours_are_closed_while_a_zone_is_changed_and_then_in_the_new_one(committed, redis, monkeypatch):
    monkeypatch.setattr(cuts, "STEP", 40)
    organisations("UTC", "UTC")
    open_since([recordings.ORG_A], NOW - 3 * HOUR)
    for hours in range(3):
        pushed(redis, NOW - hours * HOUR, 20, APIKey="1" * 16)
    drained(redis, NOW)
    with scope.every_org():
        Organisation.everyone.filter(pk=recordings.ORG_A).update(time_zone="Asia/Kathmandu")
    assert [cuts.work(NOW), cuts.work(NOW)] == [True, True]
    # The new figures have two of the hours now, all in days; the old ones have them in hours alone.
    pushed(redis, NOW - HOUR, APIKey="1" * 16)
    drained(redis, NOW)
    assert worked(NOW) == 1
    pushed(redis, NOW - HOUR, APIKey="1" * 16)
    drained(redis, NOW)
    while cuts.work(NOW):
        pass
    midnight = datetime(2026, 11, 24, 18, 15, tzinfo=UTC)
    assert days_of(recordings.ORG_A) == [(midnight, 62)]
    assert (worked(NOW), closed(recordings.ORG_A)) == (1, NOW.replace(minute=15))
    assert worked(NOW - 4 * HOUR) == 0
    pushed(redis, NOW + HOUR, 2, APIKey="1" * 16)
    drained(redis, NOW + HOUR)
    assert days_of(recordings.ORG_A) == [(midnight, 62)]
    for now, hits in ((NOW + HOUR, 62), (NOW + 3 * HOUR, 64)):
        assert worked(now) == (hits == 64)
        assert days_of(recordings.ORG_A) == [(midnight, hits)]
        with scope.every_org():
            before = everything()
            assert rebuilding.rebuilt(recordings.ORG_A, NOW.date(), now) == 64
            assert everything() == before


def test_a_zone_is_changed_of_days_that_open_hours_alone_know(committed, redis):
    organisations("UTC", "UTC")
    with scope.every_org(), transaction.atomic():
        alpha = Organisation.everyone.get(pk=recordings.ORG_A)
        lifecycle.change(alpha, kept_days={"records": 1})
    open_since([recordings.ORG_A], NOW - 3 * DAY)
    pushed(redis, NOW - 2 * DAY, 3)
    pushed(redis, NOW)
    drained(redis, NOW)
    with scope.every_org():
        Organisation.everyone.filter(pk=recordings.ORG_A).update(time_zone="Asia/Kathmandu")
    while cuts.work(NOW):
        pass
    today = datetime(2026, 11, 24, 18, 15, tzinfo=UTC)
    assert days_of(recordings.ORG_A) == [(today - 2 * DAY, 3), (today, 1)]
    with scope.every_org():
        exact_from = RollupCut.objects.get(org=recordings.ORG_A).exact_from
    assert exact_from == NOW.replace(hour=0, minute=0) - DAY


@pytest.mark.parametrize(
    "by", ["store", "partitions", "partitions of a month", "period", "period of hours", "rebuild"]
)
def test_hours_count_in_days_before_their_rows_go(committed, redis, monkeypatch, by):
    """Where nobody has closed them for days."""
    if by == "partitions of a month":
        # An installation may keep hours of what has few values for less time than those of what has many.
        for kind, kept in (("minutes", 31), ("hours", 9)):
            monkeypatch.setitem(KINDS, kind, KINDS[kind]._replace(days=kept))
        with scope.every_org():
            periods.follow(NOW, confirmed=True)
    organisations("UTC", "UTC")
    with scope.every_org(), transaction.atomic():
        own = {"period": {"minutes": 1}, "period of hours": {"hours": 9}}.get(by, {})
        lifecycle.change(Organisation.everyone.get(pk=recordings.ORG_A), kept_days=own)
    for org_id in (recordings.ORG_A, recordings.ORG_B):
        open_since([org_id], NOW - DAY)
        pushed(redis, NOW - MINUTE, 2, OrgID=org_id, APIKey="1" * 16)
    drained(redis, NOW)
    assert days_of(recordings.ORG_A) == []
    midnight, later = NOW.replace(hour=0, minute=0), NOW + 6 * DAY
    if by == "store":
        # Of a time of which rows of hours were kept when it was open.
        pushed(redis, NOW, 3)
        drained(redis, later)
    elif by == "partitions":
        assert "rollup_x_20261125" in existing()
        maintained(later)
        assert "rollup_x_20261125" not in existing()
    elif by == "partitions of a month":
        assert "rollup_h_202611" in existing()
        maintained(NOW + 16 * DAY)
        assert "rollup_h_202611" not in existing()
    elif by == "period of hours":
        with scope.every_org():
            trust.vouch(NOW + 11 * DAY)
        list(forgetting.slices(NOW + 11 * DAY, timedelta))
        with scope.every_org():
            assert not Rollup.objects.filter(org=recordings.ORG_A, grain=Grain.HOUR).exists()
    elif by == "period":
        maintained(NOW + 2 * DAY)
        assert days_of(recordings.ORG_A) == []
        list(forgetting.slices(NOW + 2 * DAY, timedelta))
    else:
        with scope.every_org():
            assert rebuilding.rebuilt(recordings.ORG_A, NOW.date(), later) == 2
    assert days_of(recordings.ORG_A) == [(midnight, 5 if by == "store" else 2)]
    with scope.every_org():
        keys = Rollup.objects.filter(org=recordings.ORG_A, grain=Grain.DAY_DETAIL, dimension=Dimension.KEY)
        assert [row.hits for row in keys] == [2]
        assert Record.objects.filter(org=recordings.ORG_A).count() == (5 if by == "store" else 2)


def test_closed_hours_leave_the_rows_that_counting_them_at_once_would_have_left(committed, redis):
    organisations("Europe/Berlin", "UTC")
    for part in range(3):
        for number, status in enumerate((200, 404, 503, 429, 200)):
            pushed(
                redis, NOW - number * HOUR + part * MINUTE,
                OrgID=(recordings.ORG_A, recordings.ORG_B)[part % 2], ResponseCode=status, Path=f"/{number % 2}",
                APIKey=f"{number % 3}" * 16, Tags=["a", "b"], OauthID="shop", APIVersion="v1",
                Geo={"Country": {"ISOCode": "CH"}}, MCPStats={"IsMCP": True, "JSONRPCMethod": "tools/list"},
                Latency={"Total": 100 * number + part, "Upstream": 7},
            )  # fmt: skip
        if part == 0:
            open_since([recordings.ORG_A, recordings.ORG_B], NOW - DAY)
        drained(redis, NOW)
    assert days_of(recordings.ORG_A) == []
    assert worked(NOW + 2 * HOUR) == 2
    with scope.every_org():
        found = everything()
        Rollup.objects.all().delete()
        for org in Organisation.everyone.all():
            rebuilding.rebuilt(org.pk, NOW.date(), NOW)
        assert everything() == found
        assert {row[1] for row in found} == {"m", "h", "x", "d", "k"}
        check_sums()


def test_of_a_day_with_open_hours_each_request_and_each_of_its_keys_counts_once(committed, redis):
    """Also for who asked before up to when they are closed, and of buckets of one day and of more."""
    alpha, _ = organisations("America/New_York", "UTC")
    # In the evening of the 24th there.
    open_since([alpha.pk], datetime(2026, 11, 25, 2, tzinfo=UTC))
    sent = [
        (datetime(2026, 11, day, hour, 30, tzinfo=UTC), name * 16, api)
        for day, hour, name, api in (
            *((21, 18, "2", "one"), (23, 18, "1", "one"), (24, 18, "2", "one"), (24, 20, "1", "two")),
            *((25, 1, "4", "one"), (25, 2, "1", "one"), (25, 4, "1", "two"), (25, 12, "1", "one")),
            *((25, 13, "3", "two"),),
        )
    ]
    for moment, key, api in sent:
        pushed(redis, moment, APIKey=key, APIID=api)
    drained(redis, NOW)

    def asked() -> Owners:
        with scope.org(alpha.pk), transaction.atomic():
            return zones.of(alpha, NOW).owners(alpha.pk)

    def check(owners: Owners) -> None:
        edges = [day_start(date(2026, 11, day), owners.zone) for day in range(21, 27)]
        for chosen in (edges, edges[:3], edges[:4], edges[3:], edges[4:], edges[::2], [*edges[1::2]]):
            cut = Cut(tuple(chosen), (chosen[1] - chosen[0]), Grain.DAY_DETAIL)
            for apis in ((), ("one",), ("one", "two")):
                called = [(at, key) for at, key, api in sent if api in (apis or ("one", "two"))]
                of = [{key for at, key in called if start <= at < end} for start, end in pairwise(chosen)]
                told = reader.active_keys(owners, cut, Filters(apis=apis))
                assert told == (len(set().union(*of)), list(map(len, of))), (chosen, apis)
                hits = sum(chosen[0] <= at < chosen[-1] for at, _ in called)
                assert reader.totals(owners, cut.span, Filters(apis=apis), histograms=False).hits == hits

    before = asked()
    for owners in (before, replace(before, days_until=None)):
        with scope.org(alpha.pk), transaction.atomic():
            check(owners)
    close([alpha.pk], NOW)
    for owners in (before, replace(before, days_until=None), asked()):
        with scope.org(alpha.pk), transaction.atomic():
            check(owners)


def test_days_count_everything_again_before_tables_are_spread_and_stay_so_where_they_are(
    committed, redis, monkeypatch
):
    organisations("UTC", "UTC")
    now = datetime.now(UTC)
    open_since([recordings.ORG_A], now - DAY)
    pushed(redis, now - MINUTE, 2)
    drained(redis, now)
    with pytest.raises(CommandError, match="no coordinator"):
        call_command("analytics", "distribute")
    assert closed(recordings.ORG_A) is None
    monkeypatch.setattr(closing.distribution, "is_distributed", lambda: True)
    assert worked(now) == 0
    pushed(redis, now - MINUTE)
    drained(redis, now)
    assert sum(hits for _, hits in days_of(recordings.ORG_A)) == 3
    with scope.every_org():
        check_sums()


TABLES = (
    *("requests", "apis", "keys", "endpoints", "versions", "clients", "countries", "tags", "primitives"),
    *("agents", "addresses"),
)


def shown(client, rest, played: Played, now: datetime) -> dict[str, object]:
    """What pages, files, REST and confirmations tell of days."""
    dates = week()
    days = {"from": f"{now - timedelta(days=20):%Y-%m-%d}", "to": f"{now + timedelta(days=2):%Y-%m-%d}"}
    found: dict[str, object] = {}
    api, key = next(
        (record["APIID"], record["APIKey"])
        for record in played.records[played.alpha.id]
        if record["APIKey"].strip("0")
    )
    for asked in (
        {},
        {"api": api},
        {"key": key},
        {"api": api, "key": key},
        {"country": "CH"},
        {"status": "4xx"},
    ):
        page = client.get("/o/alpha/analytics/", {**days, **asked})
        found[f"tiles {asked}"] = [(tile.name, tile.exact, tile.value) for tile, _ in page.context["tiles"]]
        for table in TABLES:
            file = client.get("/o/alpha/analytics/", {**days, "format": "csv", "table": table, **asked})
            assert file.status_code == 200
            found[f"{table} {asked}"] = sheet(file)
    errors = client.get("/o/alpha/errors/", {**days, "format": "csv"})
    found["errors"] = sheet(errors)
    for path in ("usage", "activity/keys", "activity/endpoint", "activity/errors", "usage/apis"):
        for unit in ("day", "month"):
            found[f"{path} {unit}"] = data(rest, f"/api/{path}/{dates}", res=unit, p="-1")
    start, org = now - timedelta(days=7), played.alpha
    with scope.org(org.id), transaction.atomic():
        found["callers"] = usage.callers(org, 7, now).hashes
        found["called"] = usage.called_apis(org, [key], 7, now)
        cut, of_key = zones.of(org, now), [Caller(key, "", (key,), {}.get)]
        found["busiest"] = [(caller.id, hits) for caller, hits in replays._busiest(org, cut, of_key, start)]
        owners = cut.owners(org.pk)
        found["paths"] = definitions._counted(owners, Dimension.ENDPOINT, [api], start)
        found["newest"] = reader.newest_of_keys(owners, [key], apis=[api])
        # Of two organisations each hour is asked for beside its own cut.
        both = replace(owners, org_ids=(org.pk, played.beta.pk), days_until=None)
        span = cutting.days(start.date(), now.date(), owners.zone, Grain.DAY_DETAIL)
    with scope.every_org(), transaction.atomic():
        found["both"] = [
            reader.totals(both, span, histograms=False),
            reader.ranking("key", both, span, limit=9, histograms=False),
        ]
        found["any"] = reader.any_traffic([org.pk])
    return found


def test_pages_files_rest_and_confirmations_tell_the_same_before_and_after_hours_are_closed(
    committed, redis, client_for, rest
):
    played = play(redis, with_more=with_more)
    client, api, now = client_for(played.ann), rest(played.ann), timezone.now()
    with scope.every_org():
        assert not Rollup.objects.filter(org=played.alpha, grain__in=("d", "k")).exists()
    before = shown(client, api, played, now)
    while closing.work(datetime.now(UTC) + timedelta(hours=2)):
        pass
    with scope.every_org():
        assert Rollup.objects.filter(org=played.alpha, grain="d", dimension=0).exists()
    after = shown(client, api, played, now)
    for name, told in before.items():
        assert after[name] == told, name
    assert len(before["keys {}"]) > 10
    assert before["callers"]
    assert before["busiest"][0][1] > 1
    assert before["paths"]
    assert before["newest"]
    assert before["both"][0].hits == sum(map(len, played.records.values()))
    assert before["any"] is True
