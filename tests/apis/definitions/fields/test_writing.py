"""What was typed, in a definition: entries that come and go, ways to authenticate, and what stays."""

import pytest

from apis.definitions.fields import classic, reading
from apis.definitions.fields.description import of_version
from apis.definitions.fields.writing import write
from tests.apis.examples import plain

SECTIONS = of_version(classic.SECTIONS, "Default")


def written(definition, said, version="Default"):
    sections = of_version(classic.SECTIONS, version)
    return write(definition, reading.read(definition, sections), said, version)


def test_entries_are_changed_removed_and_added_in_their_places():
    rows = [{"path": "/0", "zebra": 1.0}, {"path": "/1"}, "odd", {"path": "/3", "match_pattern": None}]
    base = {"version_data": {"versions": {"Default": {"extended_paths": {"url_rewrites": rows}}}}}
    said = {
        "url_rewrites_0_remove": True,
        "url_rewrites_3_to": "/new",
        "url_rewrites_4_path": "/4",
        "url_rewrites_4_method": "GET",
    }
    made = written(base, said)
    paths = made.definition["version_data"]["versions"]["Default"]["extended_paths"]
    assert paths == {
        "url_rewrites": [
            {"path": "/1"},
            "odd",
            {"path": "/3", "match_pattern": None, "rewrite_to": "/new"},
            {"path": "/4", "method": "GET"},
        ]
    }
    here = "/version_data/versions/Default/extended_paths/url_rewrites"
    assert [
        made.owner(f"{here}/{at}")
        for at in ("0/path", "1/path", "2/rewrite_to", "3/method", "2/triggers/0", "9/path")
    ] == ["url_rewrites_1_path", None, "url_rewrites_3_to", "url_rewrites_4_method", None, None]
    assert base["version_data"]["versions"]["Default"]["extended_paths"]["url_rewrites"] == rows


def test_versions_and_handlers_keep_their_order_and_what_else_is_typed_in_them():
    base = {
        "version_data": {"versions": {"v1": {"name": "v1"}, "v2": None, "v3": {"expires": "x", "zebra": 1}}},
        "event_handlers": {
            "events": {"B": [], "A": [{"zebra": 1}, {"handler_name": "h"}], "C": [{"zebra": 3}]}
        },
    }
    said = {
        "versions_0_remove": True,
        "versions_2_expires": "y",
        "versions_3_key": "v4",
        "white_list_0_path": "/typed",
        "events_0_remove": True,
        "events_2_remove": True,
        "events_3_event": "HostUp",
        "events_4_event": "A",
    }
    sections = of_version(classic.SECTIONS, "v3")
    parts = reading.read(base, sections, lambda name: 5 if name == "events_rows" else 0)
    assert write(base, parts, said, "v3").definition == {
        "version_data": {
            "versions": {
                "v2": None,
                "v3": {"expires": "y", "zebra": 1, "extended_paths": {"white_list": [{"path": "/typed"}]}},
                "v4": {"name": "v4", "use_extended_paths": True, "extended_paths": {}},
            }
        },
        "event_handlers": {
            "events": {
                "B": [],
                "A": [{"handler_name": "h"}, {"handler_name": "", "handler_meta": {"prefix": ""}}],
                "HostUp": [{"handler_name": "", "handler_meta": {"prefix": ""}}],
            }
        },
    }


@pytest.mark.parametrize("base", [{}, {"version_data": None}, {"version_data": {"versions": {}, "zebra": 1}}])
def test_a_version_that_has_come_by_its_paths_has_what_gateways_need(base):
    made = written(base, {"ignored_0_path": "/x"}).definition
    assert made == {
        "version_data": {
            **((base or {}).get("version_data") or {}),
            "versions": {
                "Default": {
                    "name": "Default",
                    "use_extended_paths": True,
                    "extended_paths": {"ignored": [{"path": "/x"}]},
                }
            },
            "not_versioned": True,
        }
    }


def test_a_version_that_is_named_and_one_that_comes_by_its_paths_are_both_there():
    made = written({}, {"versions_0_key": "v2", "ignored_0_path": "/x"}).definition
    assert made["version_data"]["versions"] == {
        "v2": {"name": "v2", "use_extended_paths": True, "extended_paths": {}},
        "Default": {
            "name": "Default",
            "use_extended_paths": True,
            "extended_paths": {"ignored": [{"path": "/x"}]},
        },
    }


def test_what_is_of_another_shape_is_left_alone_and_nothing_put_beside_it():
    base = {"proxy": 5, "version_data": "x", "auth_configs": 1, "event_handlers": {"events": []}, "tags": "a"}
    parts = reading.read(base, SECTIONS)
    said = {cell.name: "typed" for cell in reading.cells(parts)} | {"name": "New"}
    shown = {cell.name for cell in reading.cells(parts) if cell.shown is not None}
    assert {"listen_path", "target_url", "auth_header_name", "tags", "global_headers"} & shown == set()
    assert [listed.rows.name for listed in reading.lists(parts) if not listed.refusal] == []
    made = write(base, parts, {"name": "New", "listen_path": "/x", "tags": ["b"]}, "Default").definition
    assert (made, "white_list_0_path" in said) == (base | {"name": "New"}, False)


@pytest.mark.parametrize(
    ("base", "way", "made"),
    [
        (
            {"enable_jwt": True, "use_openid": False},
            "token",
            {"enable_jwt": False, "use_openid": False, "use_keyless": False, "use_standard_auth": True},
        ),
        (
            {"use_standard_auth": True, "auth": {"use_certificate": True}},
            "keyless",
            {"use_standard_auth": False, "use_keyless": True, "auth": {"use_certificate": False}},
        ),
        (
            {"use_keyless": True, "use_basic_auth": True},
            "enable_jwt",
            {"use_keyless": False, "use_basic_auth": False, "use_standard_auth": False, "enable_jwt": True},
        ),
    ],
)
def test_one_way_to_authenticate_switches_the_others_off_that_are_there(base, way, made):
    assert written(base, {"authentication": way}).definition == made


@pytest.mark.parametrize(
    ("base", "made"),
    [
        ({}, {"auth": {"auth_header_name": "X"}}),
        ({"auth": None, "auth_configs": None}, {"auth": {"auth_header_name": "X"}, "auth_configs": None}),
        (
            {"auth_configs": {"authToken": {"use_param": True}}},
            {
                "auth_configs": {"authToken": {"use_param": True, "auth_header_name": "X"}},
                "auth": {"auth_header_name": "X"},
            },
        ),
    ],
)
def test_the_header_is_changed_where_gateways_read_it(base, made):
    assert written(base, {"auth_header_name": "X"}).definition == made


def test_a_processor_that_is_there_is_not_added_again_nor_for_an_entry_that_was_there():
    named = {"name": "header_injector", "options": {"zebra": 1}}
    base = plain() | {"response_processors": [named]}
    made = written(base, {"transform_response_headers_0_path": "/x"}).definition
    assert made["response_processors"] == [named]
    changed = written(
        {key: value for key, value in made.items() if key != "response_processors"},
        {"transform_response_headers_0_path": "/y"},
    )
    assert "response_processors" not in changed.definition


@pytest.mark.parametrize("name", ["global_response_headers", "global_response_headers_remove"])
def test_headers_of_every_response_are_changed_by_gateways_of_3_too(name):
    """They were set on 5.x alone."""
    first, second = ({"A": "1"}, {"A": "2"}) if name == "global_response_headers" else (["A"], ["B"])
    made = written(plain(), {name: first}).definition
    assert made["response_processors"] == [{"name": "header_injector", "options": {}}]
    without = {key: value for key, value in made.items() if key != "response_processors"}
    for said in ({name: second}, {name: None}, {"name": "New"}):
        assert "response_processors" not in written(without, said).definition
