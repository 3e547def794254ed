"""What a policy says in sentences, and where gateways differ."""

import pytest

from keys.policies import document
from keys.policies.effect import words

ID, ORG = "a" * 24, "b" * 24
SLOW = {"rate": 3, "per": 60}
NAMES = {"x": "Orders", "y": "Returns"}


def stored(*apis, **members):
    rights = {api_id: {"api_id": api_id, "versions": ["Default"]} for api_id in apis}
    given = {"name": "Gold", "access_rights": rights, **members}
    return document.normal_form(given, id=ID, org_id=ORG, updated=7)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, ("none", "none", "none", "none")),
        (
            {"rate": 1000.0, "per": 60, "quota_max": 10_000, "quota_renewal_rate": 86_400},
            ("1,000 requests in 60 s", "10,000 requests, renewed after 1 day", "none", "none"),
        ),
        ({"rate": 0.5, "per": 1.5}, ("0.5 requests in 1.5 s", "none", "none", "none")),
        (
            {"rate": -1, "quota_max": -1, "max_query_depth": -1},
            ("unlimited", "unlimited", "none", "unlimited"),
        ),
        (
            {"throttle_interval": 2, "throttle_retry_limit": 3, "max_query_depth": 4},
            ("none", "none", "over the rate they are tried again after 2 s, 3 times at most", "4 levels"),
        ),
        ({"throttle_interval": 2}, ("none", "none", "none", "none")),
    ],
)
def test_limits_are_said_in_words(members, said):
    assert (
        words.rate(members),
        words.quota(members),
        words.throttling(members),
        words.depth(members),
    ) == said


def test_limits_of_single_paths_are_counted_with_those_of_a_right():
    methods = [{"name": "GET", "limit": SLOW}, {"name": "POST", "limit": SLOW}]
    paths = [{"path": "/a", "methods": methods[:1]}, {"path": "/b", "methods": methods}, {"path": "/c"}]
    assert [
        words.limits_of({"endpoints": paths}),
        words.limits_of({"endpoints": paths[:1], "limit": SLOW}),
        words.limits_of({"endpoints": paths[2:]}),
    ] == [
        "3 limits of single paths, not on gateways of 3.0",
        "rate 3 requests in 60 s; 1 limit of single paths, not on gateways of 3.0",
        "none",
    ]


def test_what_a_policy_sets_is_what_it_names_or_all():
    assert words.sets(stored("x")) == "all: access, rate, quota and query depth"
    assert words.sets(stored("x", partitions={"acl": True, "quota": True})) == "access, quota"


@pytest.mark.parametrize(
    ("policy", "seen"),
    [
        (stored("x", "y"), [("3.0", "opens 2 APIs"), ("5.x", "opens 2 APIs")]),
        (stored(), [("3.0", "opens nothing"), ("5.x", "opens nothing")]),
        (
            stored("x", state="deny"),
            [("3.0", "refused: the policy denies"), ("5.x", "refused: the policy denies")],
        ),
        (
            stored("x", partitions={"quota": True}),
            [("3.0", "opens nothing"), ("5.x", "refused: no policy grants an API")],
        ),
        # An API that is deleted is served no more.
        (stored("gone"), [("3.0", "opens nothing"), ("5.x", "opens nothing")]),
    ],
)
def test_each_version_says_what_it_makes_of_the_policy_alone(policy, seen):
    assert words.seen(policy, NAMES) == seen


def test_a_limit_of_an_api_that_only_older_gateways_take_is_shown():
    limited = {"api_id": "x", "limit": {"rate": 100, "per": 1, "quota_max": 5, "quota_renewal_rate": 60}}
    policy = stored(rate=10, per=60, access_rights={"x": limited})
    assert words.differing(policy, NAMES) == [
        words.Differing(
            "Orders",
            "rate 100 requests in 60 s; quota 5 requests, renewed after 1 minute",
            "rate 10 requests in 60 s",
        )
    ]
    assert words.differing(stored("x", "y", rate=10, per=60), NAMES) == []


def test_a_change_says_what_it_means_for_keys():
    before, denying, limiting = (
        stored("x"),
        stored("x", state="deny"),
        stored("x", partitions={"quota": True}),
    )
    assert [
        words.consequences(before, before, 3),
        words.consequences(before, denying, 3),
        words.consequences(denying, before, 3),
        words.consequences(before, limiting, 0),
        words.consequences(before, limiting, 1),
        words.consequences(limiting, stored(), 1),
    ] == [
        [],
        ["Every key that has it is refused from then on."],
        ["Keys that have it are no longer refused for it."],
        [],
        [
            "It opens nothing any more, and 1 key has no other policy that does: they open nothing, whatever "
            "their own rights are."
        ],
        [],
    ]


@pytest.mark.parametrize(
    ("policy", "beginnings"),
    [
        (stored("x"), ["Where a key has it"]),
        (stored("x", state="draft"), ["Gateways do not know drafts", "Where a key has it"]),
        (stored("x", state="deny"), ["Every key that has it is refused", "Where a key has it"]),
        (stored(), ["It opens nothing by itself"]),
        (stored("x", id="gold"), ["Where a key has it", "Gateways are given it under both"]),
        (
            stored(access_rights={"x": {"allowed_urls": [{"url": "/", "methods": ["GET"]}]}}),
            ["Where a key has it", "It has allowed_urls: gateways of 3.0 write"],
        ),
        (
            stored(
                access_rights={
                    "x": {"endpoints": [{"path": "/", "methods": [{"name": "GET", "limit": SLOW}]}]}
                }
            ),
            ["Where a key has it", "It has limits of single paths, which gateways of 3.0 do not know"],
        ),
    ],
)
def test_what_members_do_not_say_is_noted(policy, beginnings):
    said = words.notes(policy)
    assert [note[: len(start)] for note, start in zip(said, beginnings, strict=True)] == beginnings


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (2_592_000, "30 days"),
        (86_400, "1 day"),
        (5_400, "90 minutes"),
        (60, "1 minute"),
        (61, "61 s"),
        (100_001, "100,001 s"),
        (0.5, "0.5 s"),
    ],
)
def test_a_duration_is_said_in_the_greatest_unit_that_holds_it_whole(seconds, said):
    assert words.duration(seconds) == said
