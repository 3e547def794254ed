"""What keys may open, and what it costs to read it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from keys.keys import reader
from orgs import scope
from tests.keys import build


@pytest.fixture
def keys(cast):
    """Two keys that name APIs, one for all, and one of another organisation for all of its own."""
    orders, returns = build.api(cast.acme, "Orders"), build.api(cast.acme, "Returns")
    versions = {"not_versioned": False, "versions": {"a": {"name": "v1"}, "b": {}}}
    build.api(cast.acme, "Versioned", version_data=versions)
    build.api(cast.globex, "Strange")
    return [
        build.key(cast.acme, orders)[0],
        build.key(cast.acme, orders, returns)[0],
        build.key(cast.acme)[0],
        build.key(cast.globex)[0],
    ]


def asked(call, keys):
    with scope.every_org(), CaptureQueriesContext(connection) as queries:
        answer = call(keys)
    return answer, [query["sql"] for query in queries if query["sql"].startswith("SELECT")]


def test_each_session_names_what_its_key_opens(keys):
    sessions, _ = asked(reader.sessions_of, keys)
    opened = [
        {right["api_name"]: right["versions"] for right in sessions[key.id]["access_rights"].values()}
        for key in keys
    ]
    assert opened == [
        {"Orders": ["Default"]},
        {"Orders": ["Default"], "Returns": ["Default"]},
        {"Orders": ["Default"], "Returns": ["Default"], "Versioned": ["v1", "b"]},
        {"Strange": ["Default"]},
    ]


@pytest.mark.parametrize("call", [reader.sessions_of, reader.described_of])
def test_sessions_of_all_keys_cost_three_queries_and_no_definition_is_read(keys, call):
    answer, statements = asked(call, keys)
    assert (len(answer), len(statements)) == (4, 3)
    assert "definition_text" not in " ".join(statements)


def test_of_keys_that_name_their_apis_no_other_api_is_read(keys):
    _, statements = asked(reader.sessions_of, keys[:2])
    tables = ("keys_keyright", "keys_keypolicy", "apis_apidefinition")
    assert [[table for table in tables if f'FROM "{table}"' in statement] for statement in statements] == [
        ["keys_keypolicy"],
        ["keys_keyright"],
    ]


def test_nothing_is_asked_about_no_keys(keys):
    assert asked(reader.sessions_of, []) == ({}, [])
