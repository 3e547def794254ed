"""The invented traffic has the shape of recorded traffic, and the habits it claims."""

import base64
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgpack
import pytest

from dashboard.demonstration import catalogue
from dashboard.demonstration.traffic import HOUR, Incident, Tenant, Traffic

RECORDED = Path(__file__).parent / "data" / "gateway-5.14-records.b64"
END = datetime(2026, 11, 25, 14, tzinfo=UTC)
HOURS = [END - HOUR * back for back in range(28 * 24, 0, -1)]
INCIDENT = Incident("1" * 23 + "0", datetime(2026, 11, 23, 10, 20, tzinfo=UTC), timedelta(minutes=55))


def tenant(number: int, organisation: catalogue.Organisation) -> Tenant:
    return Tenant(
        org_id=f"{number:024x}",
        organisation=organisation,
        api_ids={api.name: f"{str(number) * 23}{place:x}" for place, api in enumerate(organisation.apis)},
        key_hashes={
            caller.alias: f"{number}{place:063x}"
            for place, caller in enumerate(organisation.callers, start=1)
        },
    )


TENANTS = [
    tenant(number, organisation) for number, organisation in enumerate(catalogue.ORGANISATIONS, start=1)
]


def shape(value):
    """Names in their order and types, all the way down."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return {type(member).__name__ for member in value}
    return type(value).__name__


@pytest.fixture(scope="module")
def records() -> list[dict]:
    """The last two weeks."""
    traffic = Traffic(TENANTS, seed=7, incident=INCIDENT)
    return [msgpack.unpackb(packed) for hour in HOURS[14 * 24 :] for _, packed in traffic.hour(hour)]


def test_every_record_has_the_members_and_types_of_a_recorded_one_in_the_same_order(records):
    recorded = [msgpack.unpackb(base64.b64decode(line)) for line in RECORDED.read_text().splitlines()]
    of_the_gateway = {repr(shape(record)) for record in recorded}
    assert len(of_the_gateway) == 1
    assert {repr(shape(record)) for record in records} == of_the_gateway


def test_four_weeks_hold_about_two_hundred_thousand_records():
    traffic = Traffic(TENANTS, seed=7)
    assert 195_000 < sum(traffic.volume(hour) for hour in HOURS) < 205_000


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    hour = HOURS[200]
    first = list(Traffic(TENANTS, seed=7).hour(hour))
    assert list(Traffic(TENANTS, seed=7).hour(hour)) == first
    assert list(Traffic(TENANTS, seed=8).hour(hour)) != first


def test_the_announced_volume_is_the_number_of_records_made():
    traffic = Traffic(TENANTS, seed=7)
    hours = HOURS[:48]
    assert [traffic.volume(hour) for hour in hours] == [len(list(traffic.hour(hour))) for hour in hours]


def test_records_lie_within_their_hour_in_the_order_of_time():
    start = HOURS[300]
    stamped = list(Traffic(TENANTS, seed=7).hour(start))
    moments = [moment for moment, _ in stamped]
    begin = start.timestamp()
    assert moments == sorted(moments)
    assert begin <= moments[0] < moments[-1] < begin + 3600
    decoded = [msgpack.unpackb(packed) for _, packed in stamped]
    assert [record["TimeStamp"][0] for record in decoded] == [int(moment) for moment in moments]
    assert {(r["Day"], r["Month"], r["Year"], r["Hour"]) for r in decoded} == {
        (start.day, start.month, start.year, start.hour)
    }


def local_counts(records, tenant, part) -> Counter:
    zone = ZoneInfo(tenant.organisation.zone)
    return Counter(
        part(datetime.fromtimestamp(record["TimeStamp"][0], zone))
        for record in records
        if record["OrgID"] == tenant.org_id
    )


def test_the_office_works_by_day_and_on_weekdays_in_its_own_zone(records):
    hours = local_counts(records, TENANTS[0], lambda moment: moment.hour)
    days = local_counts(records, TENANTS[0], lambda moment: moment.isoweekday())
    assert hours[10] > 15 * hours[3]
    assert min(days[day] for day in range(1, 6)) > 2.5 * max(days[6], days[7])


def test_the_bookshop_is_busiest_in_the_evening_and_at_the_weekend_in_its_own_zone(records):
    hours = local_counts(records, TENANTS[1], lambda moment: moment.hour)
    days = local_counts(records, TENANTS[1], lambda moment: moment.isoweekday())
    assert hours.most_common(1)[0][0] in (19, 20, 21)
    assert min(days[6], days[7]) > max(days[day] for day in range(1, 6))


def test_apis_and_keys_follow_a_zipf_order(records):
    for tenant in TENANTS:
        own = [record for record in records if record["OrgID"] == tenant.org_id]
        apis = Counter(record["APIName"] for record in own)
        active = [api.name for api in tenant.organisation.apis if api.active]
        assert [name for name, _ in apis.most_common()] == active
        assert apis[active[0]] > 1.6 * apis[active[1]]
        every_api = [caller.alias for caller in tenant.organisation.callers if not caller.apis]
        keys = Counter(record["Alias"] for record in own if record["Alias"])
        assert keys.most_common(1)[0][0] == every_api[0]
        assert keys[every_api[0]] > 1.8 * keys[every_api[1]]


def test_a_key_is_used_only_where_it_has_rights_or_is_refused(records):
    for tenant in TENANTS:
        callers = {caller.alias: caller for caller in tenant.organisation.callers}
        for record in records:
            if record["OrgID"] == tenant.org_id and record["Alias"]:
                apis = callers[record["Alias"]].apis
                may = not apis or record["APIName"] in apis
                assert may == (record["ResponseCode"] != 403)


def test_refused_requests_took_no_time_and_unknown_callers_have_no_key(records):
    refused = [record for record in records if record["ResponseCode"] in (401, 403, 429)]
    assert {(record["RequestTime"], record["Latency"]["Total"]) for record in refused} == {(0, 0)}
    assert {record["APIKey"] for record in refused if record["ResponseCode"] == 401} == {"00000000"}
    counts = Counter(record["ResponseCode"] for record in refused)
    assert all(500 < counts[code] < 5_000 for code in (401, 403, 429))


def test_failures_of_the_gateway_carry_no_key_and_no_time_while_those_of_an_upstream_may(records):
    keyed = {api for tenant in TENANTS for name, api in tenant.api_ids.items()} - {
        tenant.api_ids[api.name] for tenant in TENANTS for api in tenant.organisation.apis if api.keyless
    }
    failed = [record for record in records if record["ResponseCode"] == 500 and record["APIID"] in keyed]
    by_gateway = [record for record in failed if record["RequestTime"] == 0]
    assert len(by_gateway) > 50
    assert {(record["APIKey"], record["Alias"]) for record in by_gateway} == {("00000000", "")}
    assert all(record["Alias"] for record in failed if record["RequestTime"] > 0)


def test_latency_is_skewed_with_a_heavy_tail(records):
    times = sorted(record["RequestTime"] for record in records if record["ResponseCode"] < 400)
    median, p95, p99 = (times[len(times) * percent // 100] for percent in (50, 95, 99))
    assert 20 < median < 100
    assert p95 > 4 * median
    assert p99 > 1.7 * p95
    assert times[-1] > 20 * p95


def test_the_incident_raises_errors_and_latency_on_its_api_while_it_lasts_and_nowhere_else(records):
    begin = INCIDENT.begins.timestamp()
    end = begin + INCIDENT.lasts.total_seconds()

    def share_and_median(api_id, lower, upper):
        chosen = [r for r in records if r["APIID"] == api_id and lower <= r["TimeStamp"][0] < upper]
        times = sorted(r["RequestTime"] for r in chosen if r["RequestTime"])
        return sum(r["ResponseCode"] >= 500 for r in chosen) / len(chosen), times[len(times) // 2]

    other = TENANTS[0].api_ids["Rates"]
    share, median = share_and_median(INCIDENT.api_id, begin, end)
    share_before, median_before = share_and_median(INCIDENT.api_id, begin - 7200, begin)
    share_after, median_after = share_and_median(INCIDENT.api_id, end, end + 7200)
    assert share > 0.2
    assert max(share_before, share_after, share_and_median(other, begin, end)[0]) < 0.05
    assert median > 3 * max(median_before, median_after)


def test_endpoints_hold_ids_that_repeat(records):
    events = Counter(
        record["Path"]
        for record in records
        if record["APIName"] == "Shipments" and record["Path"].endswith("/events")
    )
    assert 200 < len(events) <= 240
    assert events.most_common(1)[0][1] > 5 * events.most_common()[-1][1]


def test_an_api_or_key_that_was_deleted_has_no_traffic_and_the_rest_goes_on():
    whole = TENANTS[0]
    less = Tenant(
        whole.org_id,
        whole.organisation,
        {name: api for name, api in whole.api_ids.items() if name != "Shipments"},
        {alias: key for alias, key in whole.key_hashes.items() if alias != "warehouse-north"},
    )
    made = [msgpack.unpackb(packed) for _, packed in Traffic([less], seed=7).hour(HOURS[300])]
    assert len(made) == Traffic([whole], seed=7).volume(HOURS[300])
    assert not {record["APIName"] for record in made} & {"Shipments"}
    assert not {record["Alias"] for record in made} & {"warehouse-north"}


def test_every_answer_of_the_catalogue_occurs_and_nothing_else(records):
    seen: dict[str, set[int]] = {}
    for record in records:
        seen.setdefault(record["Method"], set()).add(record["ResponseCode"])
    upstream, refused, incident = {500, 502, 503}, {401, 403, 429}, {504}
    assert seen.keys() == {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert seen["GET"] == {200, 404} | upstream | refused | incident
    assert seen["POST"] == {201, 400, 422} | upstream | refused | incident
    assert {200, 204} & seen["DELETE"] == {204}
    for method, good in (("PUT", 200), ("PATCH", 200), ("DELETE", 204)):
        mistakes = {409} if method == "DELETE" else set()
        assert good in seen[method]
        assert seen[method] <= {good} | mistakes | upstream | refused | incident


def test_no_time_is_longer_than_a_gateway_waits_and_a_time_out_takes_just_so_long(records):
    assert max(record["RequestTime"] for record in records) == 30_000
    assert {record["RequestTime"] for record in records if record["ResponseCode"] == 504} == {30_000}
    for record in records:
        latency = record["Latency"]
        assert latency["Total"] == record["RequestTime"] == latency["Upstream"] + latency["Gateway"]
        assert 0 <= latency["Gateway"] <= min(2, latency["Total"])


def test_only_what_sends_something_has_a_body(records):
    lengths = {True: set(), False: set()}
    for record in records:
        lengths[record["Method"] in ("POST", "PUT", "PATCH")].add(record["ContentLength"])
    assert lengths[False] == {0}
    assert min(lengths[True]) == 120
    assert max(lengths[True]) == 120 + 39 * 48


def test_mistakes_of_callers_are_as_frequent_as_the_catalogue_of_chances_says(records):
    posts = [record for record in records if record["Method"] == "POST" and record["RequestTime"]]
    calm = [
        record
        for record in posts
        if not INCIDENT.covers(record["APIID"], record["TimeStamp"][0]) and record["ResponseCode"] < 500
    ]
    share = Counter(record["ResponseCode"] for record in calm)
    assert share[400] / len(calm) == pytest.approx(0.009, abs=0.003)
    assert share[422] / len(calm) == pytest.approx(0.005, abs=0.003)


def test_moments_are_spread_below_the_second(records):
    nanoseconds = [record["TimeStamp"][1] for record in records]
    assert 0 <= min(nanoseconds) < 10**7
    assert 10**9 - 10**7 < max(nanoseconds) < 10**9


def test_an_incident_begins_with_its_first_second_and_ends_before_its_last():
    begin, last = INCIDENT.begins.timestamp(), INCIDENT.lasts.total_seconds()
    moments = (begin - 0.001, begin, begin + last - 0.001, begin + last)
    assert [INCIDENT.covers(INCIDENT.api_id, moment) for moment in moments] == [False, True, True, False]
    assert not INCIDENT.covers("another", begin)


def test_making_records_is_far_faster_than_storing_them():
    traffic = Traffic(TENANTS, seed=7)
    begun = time.process_time()
    made = sum(len(list(traffic.hour(hour))) for hour in HOURS[:96])
    assert made / (time.process_time() - begun) > 20_000
