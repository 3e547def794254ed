"""The data of the demonstration: nothing in it contradicts what is made of it."""

import re
from collections import Counter
from zoneinfo import available_timezones

import pytest

from apis.definitions import kinds, starter
from dashboard.demonstration.catalogue import ORGANISATIONS, VISITOR_AGENTS, VISITOR_COUNTRIES
from orgs import rights

APIS = [(organisation, api) for organisation in ORGANISATIONS for api in organisation.apis]
EACH = pytest.mark.parametrize("organisation", ORGANISATIONS, ids=lambda organisation: organisation.slug)


def twice(values):
    return [value for value, count in Counter(values).items() if count > 1]


def test_no_name_is_there_twice_where_it_is_looked_up_by():
    assert twice(organisation.slug for organisation in ORGANISATIONS) == []
    assert twice(api.listen_path for _, api in APIS) == []
    for organisation in ORGANISATIONS:
        assert twice(api.name for api in organisation.apis) == []
        assert twice(policy.name for policy in organisation.policies) == []
        assert twice(caller.alias for caller in organisation.callers) == []
        assert twice((each.first_name, each.last_name) for each in organisation.people) == []
    for _, api in APIS:
        assert twice((endpoint.method, endpoint.path) for endpoint in api.endpoints) == []


@EACH
def test_a_rhythm_has_every_hour_and_every_day_and_a_zone_that_exists(organisation):
    assert (len(organisation.hours), len(organisation.weekdays)) == (24, 7)
    assert min(*organisation.hours, *organisation.weekdays) > 0
    assert organisation.zone in available_timezones()


def test_the_shares_are_all_of_the_traffic():
    assert sum(organisation.share for organisation in ORGANISATIONS) == pytest.approx(1)


@EACH
def test_a_key_opens_only_apis_that_are_there_active_and_take_keys(organisation):
    taking = {api.name for api in organisation.apis if api.active and not api.keyless}
    assert {name for caller in organisation.callers for name in caller.apis} - taking == set()


@EACH
def test_a_key_with_a_policy_opens_what_that_opens_and_is_as_limited(organisation):
    policies = {policy.name: policy for policy in organisation.policies}
    for caller in organisation.callers:
        if caller.policy:
            policy = policies[caller.policy]
            assert (policy.apis, policy.rate < 100, policy.state) == (caller.apis, caller.limited, "active")


@EACH
def test_every_active_api_has_a_caller_or_needs_none(organisation):
    opened = {name for caller in organisation.callers for name in caller.apis}
    everywhere = any(not caller.apis for caller in organisation.callers)
    assert [
        api.name
        for api in organisation.apis
        if api.active and not (api.keyless or everywhere or api.name in opened)
    ] == []


@pytest.mark.parametrize(("organisation", "api"), APIS, ids=lambda each: getattr(each, "listen_path", None))
def test_an_api_is_one_that_gateways_serve(organisation, api):
    definition = starter.new()
    proxy = definition["proxy"] | {"listen_path": api.listen_path, "target_url": api.target_url}
    definition |= {"name": api.name, "proxy": proxy}
    assert kinds.problems(definition, may_use_references=False) == []
    # A host of anybody else would be called by whoever tries the demonstration.
    assert re.fullmatch(r"http://[a-z]+\.[a-z]+\.example/(v2/)?", api.target_url)


@pytest.mark.parametrize(("organisation", "api"), APIS, ids=lambda each: getattr(each, "listen_path", None))
def test_an_endpoint_can_be_drawn_and_its_path_filled_in(organisation, api):
    for endpoint in api.endpoints:
        assert endpoint.method in {"GET", "POST", "PUT", "PATCH", "DELETE"}
        assert (endpoint.path[0], endpoint.weight > 0, endpoint.median > 0) == ("/", True, True)
        assert set(re.findall(r"\{(\w*)\}", endpoint.path)) <= {"number", "uuid", "parcel", "isbn"}
    assert sum(endpoint.weight for endpoint in api.endpoints) == 100


@EACH
def test_people_hold_rights_that_exist_and_one_of_them_all(organisation):
    assert [rights.problems(person.permissions) for person in organisation.people] == [[], []]
    assert [person.permissions == rights.ADMINISTRATOR for person in organisation.people] == [True, False]


def test_countries_are_written_as_records_have_them_and_visitors_are_no_two_the_same():
    callers = [caller.country for organisation in ORGANISATIONS for caller in organisation.callers]
    assert [each for each in (*callers, *VISITOR_COUNTRIES) if not re.fullmatch("[A-Z]{2}", each)] == []
    assert twice(VISITOR_AGENTS) == twice(VISITOR_COUNTRIES) == []
