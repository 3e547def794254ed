"""What gateways take on trust: event handlers, stores, schemas of bodies."""

import pytest

from apis.definitions.pointer import Problem
from apis.definitions.rules.trusted import problems
from tests.apis.examples import b64


def found(definition):
    return list(problems(definition))


def handled(*handlers, event="Quota/Exceeded"):
    return {"event_handlers": {"events": {event: list(handlers)}}}


def checked(check, version="v1"):
    return {"version_data": {"versions": {version: {"extended_paths": {"validate_json": [check]}}}}}


@pytest.mark.parametrize("member", ["auth_provider", "session_provider"])
@pytest.mark.parametrize(
    ("provider", "right"),
    [
        (None, True),
        ({}, True),
        ({"storage_engine": None}, True),
        ({"storage_engine": ""}, True),
        ({"storage_engine": "redis"}, True),
        ({"storage_engine": "Redis"}, False),
        ({"storage_engine": "rpc"}, False),
        ({"storage_engine": "ldap"}, False),
    ],
)
def test_keys_are_kept_in_redis_and_nowhere_else(member, provider, right):
    refused = [Problem(f"/{member}/storage_engine", "must be redis")]
    assert found({member: provider}) == ([] if right else refused)


@pytest.mark.parametrize(
    ("handler", "members"),
    [
        ({"handler_name": "eh_log_handler", "handler_meta": {"prefix": ""}}, []),
        ({"handler_name": "eh_log_handler", "handler_meta": {"prefix": None}}, ["prefix"]),
        ({"handler_name": "eh_log_handler", "handler_meta": {"Prefix": "x"}}, ["prefix"]),
        ({"handler_name": "eh_log_handler", "handler_meta": None}, ["prefix"]),
        ({"handler_name": "eh_log_handler"}, ["prefix"]),
        ({"handler_name": "eh_dynamic_handler", "handler_meta": {"name": "a", "path": "b"}}, []),
        ({"handler_name": "eh_dynamic_handler", "handler_meta": {"name": 1, "path": []}}, ["name", "path"]),
        ({"handler_name": "cp_dynamic_handler", "handler_meta": {"name": "a"}}, []),
        ({"handler_name": "cp_dynamic_handler", "handler_meta": {}}, ["name"]),
        ({"handler_name": "eh_web_hook_handler", "handler_meta": {}}, []),
        ({"handler_name": None, "handler_meta": {}}, []),
        (None, []),
    ],
)
def test_what_a_handler_is_read_for_is_text(handler, members):
    place = "/event_handlers/events/Quota~1Exceeded/1/handler_meta"
    assert found(handled({}, handler)) == [Problem(f"{place}/{name}", "must be text") for name in members]


BACK, OUT = (
    "must not lead back to itself by $ref in the same place",
    "must have no $ref but such that begin with #/",
)


@pytest.mark.parametrize(
    ("check", "refused"),
    [
        (None, []),
        ({}, []),
        ({"schema": None, "schema_b64": None}, []),
        ({"schema": {"type": "object"}, "schema_b64": b64('{"type": "object"}')}, []),
        ({"schema_b64": ""}, []),
        ({"schema_b64": "no base64!"}, []),
        ({"schema_b64": b64("no JSON")}, []),
        ({"schema_b64": b64("[" * 100_000)}, []),
        ({"schema": {"$ref": "http://x/"}}, [("schema", OUT)]),
        ({"schema": {"$ref": "#/"}}, []),
        ({"schema": {"not": {"$ref": "#"}}}, [("schema", OUT)]),
        ({"schema_b64": b64('{"a": {"$ref": "#/a"}}')}, [("schema_b64", BACK)]),
        (
            {"schema": {"$ref": "x"}, "schema_b64": b64('{"$ref": "y"}')},
            [("schema", OUT), ("schema_b64", OUT)],
        ),
    ],
)
def test_a_schema_is_looked_at_in_clear_and_in_base64(check, refused):
    place = "/version_data/versions/v~11/extended_paths/validate_json/0"
    assert found(checked(check, "v/1")) == [Problem(f"{place}/{name}", said) for name, said in refused]


@pytest.mark.parametrize(
    "definition",
    [
        {},
        {"event_handlers": None, "version_data": None},
        {"event_handlers": {"events": None}, "version_data": {"versions": None}},
        {"event_handlers": {"events": {"X": None}}, "version_data": {"versions": {"v1": None}}},
        {"version_data": {"versions": {"v1": {"extended_paths": None}}}},
        {"version_data": {"versions": {"v1": {"extended_paths": {"validate_json": None}}}}},
    ],
)
def test_what_is_not_there_has_no_fault(definition):
    assert found(definition) == []
