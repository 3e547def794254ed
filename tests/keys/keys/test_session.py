import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from keys.keys.session import Api, Limits, Right, encoded, parsed, same, session, with_quota_state
from tests.keys.recorded import API_A, API_B, ORG_A, ORG_B, RECORDED

CREATED = datetime(2026, 11, 25, 12, 0, 0, 999_999, tzinfo=UTC)
OWN = Api(API_A, "A auth")


def made(**changes):
    values = {
        "org_id": ORG_A,
        "apis": [OWN],
        "rights": [Right(API_A)],
        "limits": Limits(),
        "created_at": CREATED,
        "updated_at": CREATED,
    }
    return session(**values | changes)


def test_a_session_spells_out_everything_a_gateway_decodes():
    assert made(
        alias="Partner",
        limits=Limits(rate=100, per=60, quota_max=5000, quota_renewal_rate=3600),
        expires_at=datetime(2027, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=1))),
        suspended=True,
        tags=["gold"],
        meta_data={"tier": 1},
    ) == {
        "org_id": ORG_A,
        "alias": "Partner",
        "access_rights": {API_A: {"api_name": "A auth", "api_id": API_A, "versions": ["Default"]}},
        "rate": 100,
        "per": 60,
        "quota_max": 5000,
        "quota_renews": 0,
        "quota_remaining": 5000,
        "quota_renewal_rate": 3600,
        "expires": 1798761600,
        "is_inactive": True,
        "tags": ["gold"],
        "meta_data": {"tier": 1},
        "date_created": "2026-11-25T12:00:00Z",
        "last_updated": "1795608000",
    }


def test_no_rights_are_all_apis_of_the_organisation_spelled_out():
    apis = [Api("b", "Second", ("v1", "v2")), Api("a", "First")]
    assert made(rights=None, apis=apis)["access_rights"] == {
        "a": {"api_name": "First", "api_id": "a", "versions": ["Default"]},
        "b": {"api_name": "Second", "api_id": "b", "versions": ["v1", "v2"]},
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"rights": []},
        {"rights": [Right(API_B)]},
        {"rights": None, "apis": []},
        {"apis": []},
        {"org_id": ""},
    ],
)
def test_nothing_to_open_makes_no_session_at_all(changes):
    assert made(**changes) is None


def test_policies_in_the_metadata_of_a_key_of_an_earlier_version_never_reach_a_gateway():
    policies = [{"org_id": ORG_B, "access_rights": {API_B: {}}}]
    meta_data = {"tier": 1, "policies": policies}
    wanted = made(meta_data=meta_data)
    assert wanted["meta_data"] == {"tier": 1}
    assert meta_data == {"tier": 1, "policies": policies}
    stored = wanted | {"meta_data": meta_data}
    assert not same(wanted, stored)
    with pytest.raises(ValueError, match="policies in the metadata"):
        encoded(stored)


def test_a_right_on_an_api_which_is_gone_is_left_out():
    assert list(made(rights=[Right(API_A), Right("gone")])["access_rights"]) == [API_A]


def test_a_path_of_an_own_right_that_gateways_cannot_read_opens_nothing():
    members = {"allowed_urls": [{"url": "^/(?!admin)", "methods": ["GET"]}]}
    [right] = made(rights=[Right(API_A, members=members)])["access_rights"].values()
    assert right["allowed_urls"] == [{"url": r"\z.", "methods": []}]


def test_versions_asked_for_are_kept_and_none_means_all_the_api_has():
    api = Api(API_A, "A auth", ("v1", "v2"))
    assert made(apis=[api], rights=[Right(API_A, ("v2",))])["access_rights"][API_A]["versions"] == ["v2"]
    assert made(apis=[api], rights=[Right(API_A)])["access_rights"][API_A]["versions"] == ["v1", "v2"]


@pytest.mark.parametrize("pair", RECORDED["written_back"], ids=lambda pair: pair["gateway"])
def test_what_gateways_write_back_is_the_same_session(pair):
    assert pair["before"] != pair["after"]
    assert same(pair["before"], pair["after"])


def test_a_session_without_its_zero_members_is_the_same():
    ours = made()
    stored = {name: value for name, value in ours.items() if value not in (0, -1, "", [], {}, False)}
    assert len(stored) < len(ours)
    assert same(ours, stored)


@pytest.mark.parametrize(
    "change",
    [
        {"org_id": ORG_B},
        {"access_rights": {}},
        {"access_rights": None},
        {"access_rights": {API_A: {}, API_B: {}}},
        {"access_rights": {API_A: {"api_id": API_A, "api_name": "A auth", "versions": ["Default", "v2"]}}},
        {"rate": 5},
        {"quota_max": 10},
        {"expires": 1795600000},
        {"is_inactive": True},
        {"alias": "other"},
        {"tags": ["x"]},
        {"meta_data": {"zero": 0}},
        {"apply_policies": ["p"]},
        {"hmac_enabled": True},
        {"Access_Rights": {API_B: {"api_id": API_B}}},
    ],
)
def test_what_matters_to_a_gateway_makes_a_difference(change):
    ours = made()
    assert same(ours, ours | {"last_check": 7, "quota_renews": 9})
    assert not same(ours, ours | change)


def test_a_missing_session_is_not_the_same():
    assert not same(made(), None)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        b"",
        b"null",
        b"[]",
        b"not json",
        b"\xff",
        b"[" * 100_000,
        b'{"a":1,"a":2}',
        b'{"is_inactive":true,"IS_INACTIVE":false}',
        b'{"access_rights":{"a":{}},"Access_Rights":{"b":{}}}',
    ],
)
def test_what_a_gateway_could_read_otherwise_is_no_session(stored):
    assert parsed(stored) is None


def test_what_we_encode_is_what_we_parse():
    assert parsed(encoded(made())) == json.loads(encoded(made())) == made()


@pytest.mark.parametrize("change", [{"access_rights": {}}, {"access_rights": None}, {"org_id": ""}])
def test_a_session_that_opens_everything_cannot_be_encoded(change):
    with pytest.raises(ValueError, match="opens every API"):
        encoded(made() | change)


NOW = 1795600000


def test_the_quota_period_a_gateway_has_begun_goes_on():
    ours = made(limits=Limits(quota_max=5, quota_renewal_rate=3600))
    stored = {"quota_max": 5, "quota_renews": NOW + 7, "quota_remaining": 3}
    assert with_quota_state(ours, stored, NOW) == ours | {"quota_renews": NOW + 7, "quota_remaining": 3}


def test_a_changed_quota_keeps_its_period_and_starts_from_its_new_size():
    ours = made(limits=Limits(quota_max=9, quota_renewal_rate=3600))
    stored = {"quota_max": 5, "quota_renews": NOW + 7, "quota_remaining": 3}
    assert with_quota_state(ours, stored, NOW) == ours | {"quota_renews": NOW + 7, "quota_remaining": 9}


@pytest.mark.parametrize(
    "stored",
    [None, {}, {"quota_renews": "x", "quota_max": 5, "quota_remaining": True}, {"quota_renews": NOW}],
)
def test_a_quota_without_a_period_begins_one_as_gateways_do_on_creation(stored):
    ours = made(limits=Limits(quota_max=5, quota_renewal_rate=3600))
    begun = ours | {"quota_renews": NOW + 3600, "quota_remaining": 5}
    assert with_quota_state(ours, stored, NOW) == begun


def test_an_unlimited_key_has_no_period():
    assert (
        with_quota_state(made(), {"quota_renews": NOW + 7, "quota_max": -1, "quota_remaining": 3}, NOW)
        == made()
    )
