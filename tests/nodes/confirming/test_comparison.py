"""What a gateway's answer has in common with what it was given: recorded answers of 3.0.12 and 5.14.0 behave so."""

import copy

import pytest

from dashboard.nodes.confirming.comparison import MOST, differences

SERVED = {
    "name": "Orders",
    "active": True,
    "tags": ["edge"],
    "tag_headers": ["X-Lab"],
    "proxy": {"listen_path": "/orders/", "target_url": "http://a.example/"},
    "uptime_tests": {"check_list": []},
    "config_data": {"limit": 3, "off": False},
    "version_data": {
        "versions": {
            "Default": {"name": "Default", "use_extended_paths": True, "global_enforce_timeout": None}
        }
    },
    "cache_options": {"cache_timeout": 60},
    "unknown_to_all": {"x": 1},
}
# As a gateway answers: every member that it knows, none that it does not.
RUNS = {
    "name": "Orders",
    "slug": "",
    "active": True,
    "tags": ["edge"],
    "tag_headers": ["x-lab"],
    "proxy": {"listen_path": "/orders/", "target_url": "http://a.example/", "strip_listen_path": False},
    "uptime_tests": {"check_list": None, "config": {"expire_utime_after": 0}},
    "config_data": {"limit": 3},
    "version_data": {
        "versions": {
            "Default": {
                "name": "Default",
                "expires": "",
                "use_extended_paths": True,
                "global_enforce_timeout": "0s",
            }
        }
    },
    "cache_options": {"cache_timeout": 60, "cache_response_codes": []},
    "blacklist": None,
}


def changed(document, place, value):
    made = below = copy.deepcopy(document)
    *above, last = place.split("/")
    for name in above:
        below = below[name]
    below[last] = value
    return made


def test_what_a_gateway_adds_and_what_it_does_not_know_is_no_difference():
    assert differences(SERVED, RUNS) == []


@pytest.mark.parametrize(
    ("place", "value", "pointers"),
    [
        ("name", "Other", ["/name"]),
        ("active", False, ["/active"]),
        ("slug", "left-over", ["/slug"]),
        ("tags", ["edge", "eu"], ["/tags"]),
        ("tags", None, ["/tags"]),
        ("tag_headers", ["x-other"], ["/tag_headers/0"]),
        ("proxy/target_url", "http://b.example/", ["/proxy/target_url"]),
        ("proxy/strip_listen_path", True, ["/proxy/strip_listen_path"]),
        ("proxy", None, ["/proxy/listen_path", "/proxy/target_url"]),
        ("config_data", {"limit": 4}, ["/config_data/limit"]),
        ("config_data", {"limit": 3, "off": True}, ["/config_data/off"]),
        ("cache_options/cache_response_codes", [200], ["/cache_options/cache_response_codes"]),
        ("version_data/versions", {}, None),
        ("version_data/versions/v2", {"name": "v2"}, ["/version_data/versions/v2/name"]),
        ("version_data/versions/Default/global_enforce_timeout", "5s", None),
        ("blacklist", ["10.0.0.1"], []),
        ("proxy", "text", ["/proxy"]),
        ("tags", "text", ["/tags"]),
    ],
)
def test_what_it_runs_otherwise_is_named(place, value, pointers):
    found = differences(SERVED, changed(RUNS, place, value))
    assert (
        found == pointers
        if pointers is not None
        else found and all(each.startswith("/version_data/versions/Default") for each in found)
    )


@pytest.mark.parametrize(
    ("served", "runs", "same"),
    [
        ("90s", "1m30s", True),
        ("", "0s", True),
        ("1.5h", "1h30m0s", True),
        ("5s", "6s", False),
        ("-5s", "5s", False),
        ("x", "0s", True),
        ("9" * 1_000_001 + "s", "0s", True),
        # No pattern may go through so many digits again and again.
        ("1" * 100_000, "1s" + "1" * 100_000, True),
    ],
    ids=lambda value: str(value)[:20],
)
def test_durations_are_compared_by_how_long_they_are(served, runs, same):
    assert (differences({"d": served}, {"d": runs}, {"d": "duration"}) == []) is same


def test_only_the_first_differences_are_named():
    served = {"m": {str(number): number + 1 for number in range(100)}}
    assert len(differences(served, {"m": {}}, {"m": {"*": "int"}})) == MOST


def test_names_that_a_gateway_makes_up_are_named_so_that_they_can_be_stored():
    served, runs = {"m": {}}, {"m": {"a\0\ud800": 1, "b" * 1_000: 1}}
    assert differences(served, runs, {"m": {"*": "int"}}) == ["/m/a??", "/m/" + "b" * 297]
