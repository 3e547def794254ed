"""The types that gateways decode: each bound, and what passes on either side of it."""

import pytest

from apis.definitions.pointer import Problem
from apis.definitions.rules.shape import MOST, problems

SSL, SKEW = ("proxy", "transport", "ssl_min_version"), ("jwt_expires_at_validation_skew",)
TIMEOUT = ("version_data", "versions", "v1", "global_enforce_timeout")
RATE, TIME = ("global_rate_limit", "rate"), ("graphql", "last_schema_update")
INT64 = "must be between -9223372036854775808 and 9223372036854775807"
MOMENT = "must be a time like 2026-01-31T12:00:00Z"
ID = "must be 24 hexadecimal digits"


def holding(path, value):
    for step in reversed(path):
        value = {step: value}
    return value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("name",), ""),
        (("name",), None),
        (("active",), False),
        (("active",), None),
        (("listen_port",), -(2**63)),
        (("listen_port",), 2**63 - 1),
        (("session_lifetime",), -(2**63)),
        (("session_lifetime",), None),
        (SSL, 0),
        (SSL, 2**16 - 1),
        (SKEW, 0),
        (SKEW, 2**64 - 1),
        (RATE, 1),
        (RATE, -1.5),
        (RATE, None),
        (TIMEOUT, ""),
        (TIMEOUT, "5s"),
        (TIME, "2026-01-31T12:00:00Z"),
        (TIME, "2024-02-29T23:59:59.123456+05:30"),
        (TIME, "2026-01-31T12:00:00-00:00"),
        (TIME, None),
        (("id",), ""),
        (("id",), "5e9d9544A1DCD60001d0ed20"),
        (("id",), {"$oid": "5e9d9544a1dcd60001d0ed20"}),
        (("id",), {"$oid": ""}),
        (("id",), None),
        (("proxy",), None),
        (("proxy",), {}),
        (("tags",), None),
        (("tags",), []),
        (("version_data", "versions"), None),
        (("config_data",), {"a": [1, {"b": None}]}),
    ],
)
def test_what_a_gateway_decodes_passes(path, value):
    assert problems(holding(path, value)) == []


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("name",), 1, "must be text"),
        (("active",), 0, "must be true or false"),
        (("listen_port",), True, "must be a whole number"),
        (("listen_port",), 1.0, "must be a whole number"),
        (("listen_port",), 2**63, INT64),
        (("session_lifetime",), -(2**63) - 1, INT64),
        (SSL, -1, "must be between 0 and 65535"),
        (SSL, 2**16, "must be between 0 and 65535"),
        (SKEW, -1, "must be between 0 and 18446744073709551615"),
        (SKEW, 2**64, "must be between 0 and 18446744073709551615"),
        (RATE, True, "must be a number"),
        (RATE, "1", "must be a number"),
        (TIMEOUT, None, 'must be text like "5s", not null'),
        (TIMEOUT, 5, 'must be text like "5s"'),
        (TIME, "", MOMENT),
        (TIME, "2026-01-31T12:00:00", MOMENT),
        (TIME, "2026-01-31 12:00:00Z", MOMENT),
        (TIME, "2026-02-29T12:00:00Z", MOMENT),
        (TIME, "2026-01-31T12:00:00Z\n", MOMENT),
        (TIME, 5, MOMENT),
        (("id",), "5e9d9544a1dcd60001d0ed2", ID),
        (("id",), "5e9d9544a1dcd60001d0ed200", ID),
        (("id",), "5e9d9544a1dcd60001d0ed20\n", ID),
        (("id",), {"$oid": "5e9d9544a1dcd60001d0ed20", "x": 1}, ID),
        (("id",), {"$oid": {"$oid": ""}}, ID),
        (("id",), {}, ID),
        (("id",), 5, ID),
        (("proxy",), [], "must be an object"),
        (("version_data", "versions"), "x", "must be an object"),
        (("config_data",), [], "must be an object"),
        (("tags",), {}, "must be a list"),
    ],
)
def test_what_it_does_not_decode_is_refused_at_its_place(path, value, fault):
    assert problems(holding(path, value)) == [Problem("/" + "/".join(path), fault)]


@pytest.mark.parametrize("value", [None, [], "x", 1, True])
def test_a_definition_is_an_object(value):
    assert problems(value) == [Problem("", "must be an object")]


def test_all_that_is_wrong_is_named_in_the_order_of_the_document():
    assert problems({"tags": ["a", 1, None, []], "proxy": {"listen_path": 7}, "name": {}}) == [
        Problem("/tags/1", "must be text"),
        Problem("/tags/3", "must be text"),
        Problem("/proxy/listen_path", "must be text"),
        Problem("/name", "must be text"),
    ]


def test_names_that_differ_by_case_alone_are_refused_wherever_a_gateway_could_look():
    said = 'differs from "{}" only by upper and lower case'.format
    assert problems(
        {
            "NAME": 1,
            "proxy": {"Listen_Path": 1},
            "config_data": {"a": {"X": 1, "x": 1}, "A": 1},
            "new": [{"b": 1, "B": 1}],
            "version_data": {"versions": {"v1": None, "V1": None}},
        }
    ) == [
        Problem("/NAME", said("name")),
        Problem("/proxy/Listen_Path", said("listen_path")),
        Problem("/config_data/A", said("a")),
        Problem("/config_data/a/x", said("X")),
        Problem("/new/0/B", said("b")),
        Problem("/version_data/versions/V1", said("v1")),
    ]


def test_no_more_than_a_thousand_are_looked_for():
    assert [len(problems({"tags": [1] * count})) for count in (MOST - 1, MOST, MOST + 1)] == [
        999,
        1_000,
        1_000,
    ]
