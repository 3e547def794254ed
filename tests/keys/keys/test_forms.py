from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.http import QueryDict
from django.utils import timezone

from keys.keys.forms import KeyForm
from keys.keys.lifecycle import KeySpec
from keys.keys.parameters import NO_RIGHTS
from keys.keys.session import Api, Right
from keys.models import Key

APIS = [Api("a", "First"), Api("b", "Second")]
BERLIN = ZoneInfo("Europe/Berlin")


def form(data, *, key=None, rights=(), zone=BERLIN, apis=APIS):
    if isinstance(data, str):
        data = QueryDict(data)
    return KeyForm(data, apis=apis, zone=zone, key=key, rights=rights)


def errors(data, **named):
    return {field: list(messages) for field, messages in form(data, **named).errors.items()}


def spec(data, **named):
    made = form(data, **named)
    assert made.errors == {}
    return made.spec()


def test_texts_of_a_page_and_values_of_json_ask_for_the_same_key():
    page = (
        "alias=Partner&owner=Ann&access_rights=a&access_rights=b&rate=5&per=1&quota_max=100"
        "&quota_renewal_rate=3600&expires=2030-01-01T01:00:00&tags=gold,+silver&meta_data=%7B%22tier%22:1%7D"
    )
    body = {
        "alias": "Partner",
        "owner": "Ann",
        "access_rights": {"a": {}, "b": {}},
        "rate": 5,
        "per": 1,
        "quota_max": 100,
        "quota_renewal_rate": 3600,
        "expires": 1893456000,
        "tags": ["gold", "silver"],
        "meta_data": {"tier": 1},
    }
    assert (
        spec(page)
        == spec(body)
        == KeySpec(
            alias="Partner",
            owner="Ann",
            rights=(Right("a"), Right("b")),
            rate=5,
            per=1,
            quota_max=100,
            quota_renewal_rate=3600,
            expires_at=datetime(2030, 1, 1, tzinfo=UTC),
            tags=["gold", "silver"],
            meta_data={"tier": 1},
        )
    )


def test_empty_fields_are_unlimited_and_never():
    assert spec(
        "access_rights=a&rate=&per=&quota_max=&quota_renewal_rate=&expires=&tags=&meta_data="
    ) == KeySpec(rights=(Right("a"),))


@pytest.mark.parametrize("data", ["alias=x", {"alias": "x"}, {"access_rights": {}}, {"access_rights": None}])
def test_rights_that_are_empty_are_refused(data):
    assert errors(data) == {"access_rights": [NO_RIGHTS]}


def test_all_apis_need_no_list_and_leave_none():
    assert spec("all_apis=on").rights == spec({"all_apis": True, "access_rights": {"a": {}}}).rights == ()


@pytest.mark.parametrize("data", ["access_rights=a&access_rights=c", {"access_rights": {"c": {}}}])
def test_an_api_that_is_not_offered_is_refused_even_beside_all_apis(data):
    expected = {"access_rights": ["There is no API 'c' in this organisation."]}
    assert errors(data) == expected
    with_all = data + "&all_apis=on" if isinstance(data, str) else data | {"all_apis": True}
    assert errors(with_all) == expected


def test_ticks_keep_the_versions_that_were_set_before():
    kept = [Right("a", ("v1",))]
    assert spec("access_rights=a&access_rights=b", rights=kept).rights == (Right("a", ("v1",)), Right("b"))


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ("rate=5", "per"),
        ("rate=5&per=0", "per"),
        ("rate=-2&per=1", "rate"),
        ("rate=-0.5&per=1", "rate"),
        ("rate=x&per=1", "rate"),
        ("rate=nan&per=1", "rate"),
        ("rate=1e400&per=1", "rate"),
        ("per=-2", "per"),
        ("quota_max=5", "quota_renewal_rate"),
        ("quota_max=5&quota_renewal_rate=0", "quota_renewal_rate"),
        ("quota_max=-5", "quota_max"),
        ("quota_max=9223372036854775808&quota_renewal_rate=1", "quota_max"),
        ("quota_renewal_rate=9223372036854775808", "quota_renewal_rate"),
        ("expires=tomorrow", "expires"),
        ("expires=2030-13-01T00:00", "expires"),
        ("expires=2020-01-01T00:00", "expires"),
        ("expires=0001-01-01T00:00", "expires"),
        ("expires=9999-12-31T23:59", "expires"),
        ("expires=2030-01-01T00:00Z", "expires"),
        ("meta_data=nope", "meta_data"),
        ("meta_data=[]", "meta_data"),
        ("meta_data=%7B%22policies%22:[]%7D", "meta_data"),
        ("meta_data=%7B%22a%22:1,%22a%22:2%7D", "meta_data"),
        ("meta_data=%7B%22a%22:%22%5Cu0000%22%7D", "meta_data"),
        ("alias=%00", "alias"),
        ("owner=" + "x" * 201, "owner"),
        ("tags=" + "x" * 101, "tags"),
        ("tags=%00", "tags"),
        ("tags=" + ",".join(map(str, range(101))), "tags"),
    ],
)
def test_what_cannot_be_is_refused_by_field(data, field):
    assert list(errors(f"access_rights=a&{data}")) == [field]


@pytest.mark.parametrize("seconds", [-2, 1, 253402300800, 2**62])
def test_seconds_that_are_no_future_moment_are_refused(seconds):
    assert list(errors({"access_rights": {"a": {}}, "expires": seconds})) == ["expires"]


@pytest.mark.parametrize("seconds", [0, -1])
def test_seconds_of_never_are_never(seconds):
    assert spec({"access_rights": {"a": {}}, "expires": seconds}).expires_at is None


def posted(page):
    """What a browser sends of a page on which nothing was touched."""
    data = QueryDict(mutable=True)
    for bound in page:
        value = bound.value()
        if isinstance(value, list):
            data.setlist(bound.name, value)
        elif value is True:
            data[bound.name] = "on"
        elif value not in (None, False):
            data[bound.name] = value
    return data


@pytest.mark.parametrize(
    "zone",
    sorted(
        available_timezones()
        & {
            "UTC",
            "Europe/Berlin",
            "America/New_York",
            "Asia/Kolkata",
            "Australia/Lord_Howe",
            "Pacific/Chatham",
            "America/St_Johns",
            "Asia/Shanghai",
            "Africa/Casablanca",
            "Pacific/Apia",
        }
    ),
)
def test_saving_an_untouched_page_changes_nothing_in_any_zone(zone):
    moments = [datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)]
    # Both hours that wall clocks call the same, when they go back.
    moments += [
        datetime(2030, month, day, hour, 30, tzinfo=UTC)
        for month, day in ((10, 27), (11, 3), (4, 6))
        for hour in range(24)
    ]
    for moment in moments:
        key = Key(
            alias="x",
            owner="y",
            expires_at=moment,
            rate=0.5,
            per=2,
            tags=["a", "b"],
            meta_data={"c": [1, "ü"]},
        )
        page = form(None, key=key, rights=[Right("a", ("v1",))], zone=ZoneInfo(zone))
        assert spec(posted(page), key=key, rights=[Right("a", ("v1",))], zone=ZoneInfo(zone)) == KeySpec(
            alias="x",
            owner="y",
            expires_at=moment,
            rate=0.5,
            per=2,
            rights=(Right("a", ("v1",)),),
            tags=["a", "b"],
            meta_data={"c": [1, "ü"]},
        )


def test_an_expiry_that_has_passed_may_stay_as_it_is_but_not_be_moved_in_the_past():
    key = Key(expires_at=timezone.now() - timedelta(days=2))
    page = posted(form(None, key=key, rights=[Right("a")]))
    assert spec(page, key=key).expires_at == key.expires_at
    page["expires"] = "2020-01-01T00:00:00"
    assert errors(page, key=key) == {"expires": ["Must be in the future."]}
