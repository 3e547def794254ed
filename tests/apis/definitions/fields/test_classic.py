"""The form of classic definitions: what it says of a member is what gateways know, and nothing but that changes."""

import base64
import copy

from apis.definitions import starter
from apis.definitions.classic import problems
from apis.definitions.document import compact
from apis.definitions.fields import classic, reading, writing
from apis.definitions.fields.description import Rows, fields, of_version
from apis.definitions.pointer import pointer, walk
from apis.definitions.rules.shape import TYPES
from tests.apis.definitions.test_classic import RECORDED, definition_of
from tests.apis.examples import plain

SECTIONS = of_version(classic.SECTIONS, "Default")
TEXT, SWITCH = {"string"}, {"bool"}
TYPES_OF = {
    "line": TEXT,
    "duration": {"duration"},
    "area": TEXT,
    "blob": TEXT,
    "template": TEXT,
    "choice": TEXT,
    "endpoint method": TEXT,
    "token header": TEXT,
    "switch": SWITCH,
    "reversed": SWITCH,
    "way": SWITCH,
    "scheme": SWITCH,
    "key name": TEXT,
    "whole": {"int", "int64"},
    "number": {"float64"},
    "lines": {"[string]"},
    "codes": {"[int]"},
    "pairs": {"{string}"},
    "headers": {"[name, value]"},
}
# Of what gateways take as it comes.
FREE = dict.fromkeys(("target", "hook_method", "prefix", "pause"), "any")
SAMPLES = {
    "line": "/typed",
    "duration": "1m30s",
    "area": "{\n}",
    "template": base64.b64encode(b"{{ .name }}").decode(),
    "token header": "X-Key",
    "key name": "X-Key",
    "blob": base64.b64encode(b"{{ .name }}").decode(),
    "whole": 299,
    "number": 2.5,
    "lines": ["one", "two"],
    "codes": [200, 404],
    "pairs": {"X-One": "a: b"},
    "headers": [{"name": "X-One", "value": "a: b"}],
}


def type_at(types, path):
    for step in path:
        types = types[0] if isinstance(types, list) else types.get(step, types.get("*"))
    if isinstance(types, list):
        return f"[{', '.join(types[0])}]" if isinstance(types[0], dict) else f"[{types[0]}]"
    return "{" + types["*"] + "}" if isinstance(types, dict) else types


def members(sections):
    """(field, the path of its member in a definition) of the whole form."""
    for section in sections:
        for part in section.parts:
            if not isinstance(part, Rows):
                yield part, part.path
                continue
            below = {"list": (0,), "map": ("v",), "members": ("v",), "lists": ("E", 0)}[part.shape]
            yield from (
                (field, (*part.path, *below, *field.path)) for field in part.columns if field.kind != "key"
            )


def wrong_types(sections, types):
    """{name: the type that gateways want} of fields that say something else."""
    found = {(field.name, field.kind): type_at(types, path) for field, path in members(sections)}
    return {
        name: wanted
        for (name, kind), wanted in found.items()
        if wanted != FREE.get(name) and wanted not in TYPES_OF[kind]
    }


def test_each_field_says_what_gateways_read_there():
    assert wrong_types(SECTIONS, TYPES) == {}


def test_the_names_of_inputs_are_each_of_one_member():
    names = [cell.name for cell in reading.cells(reading.read(plain(), SECTIONS))]
    assert len(names) == len(set(names)) > 80


def sound():
    given = [definition_of(case) for recorded in RECORDED.values() for case in recorded]
    return [each for each in given if isinstance(each, dict)]


def test_whatever_is_recorded_is_read_and_written_byte_for_byte():
    assert len(sound()) > 80
    for definition in sound():
        before = compact(definition)
        written = writing.write(definition, reading.read(definition, SECTIONS), {}, "Default")
        assert (compact(written.definition), compact(definition)) == (before, before)


def busy():
    """A definition with something in every part of the form, and beside it what no form shows."""
    made = plain() | {"zebra": 1.0, "tags": ["a"], "enable_jwt": False}
    made["version_data"] = {"not_versioned": False, "versions": {"Default": {"name": "Default", "x": None}}}
    for part in (part for section in SECTIONS for part in section.parts if isinstance(part, Rows)):
        holder = made
        for step in part.path:
            holder = holder.setdefault(step, {})
        entry = {"path": "/a", "method": "GET", "zebra": [1.0]}
        if part.shape == "list":
            holder = made
            for step in part.path[:-1]:
                holder = holder[step]
            holder[part.path[-1]] = [entry, {**entry, "path": "/b"}]
        elif part.shape == "lists":
            holder["HostUp"] = [{"handler_name": "eh_log_handler", "handler_meta": {"zebra": 1.0}}]
    return made


def leaves(definition):
    return {
        (pointer(path), compact(value))
        for path, _, value in walk(definition)
        if not (value and isinstance(value, dict | list))
    }


def typed(cell):
    """Something else than a cell shows."""
    if isinstance(cell.shown, bool):
        return (not cell.shown) != (cell.field.kind == "reversed")
    if cell.field.choices:
        return next(name for name, _ in reversed(cell.field.choices) if name not in ("", cell.shown))
    return SAMPLES[cell.field.kind]


def try_each_input(definition, sections):
    """How many inputs there are of what stands in a definition; each changes its member and no other."""
    parts = reading.read(definition, sections)
    new = {
        cell.name
        for listed in reading.lists(parts)
        for entry in listed.entries
        for cell in entry.cells
        if entry.is_new or cell.field.kind == "key"
    }
    before = copy.deepcopy(definition)
    tried = [cell for cell in reading.cells(parts) if cell.name not in new]
    for cell in tried:
        written = writing.write(definition, parts, {cell.name: typed(cell)}, "Default")
        changed = leaves(before) ^ leaves(written.definition)
        beside = "/response_processors/" if cell.field.needs else None
        owners = {written.owner(at) for at, _ in changed if not (beside and at.startswith(beside))}
        assert owners == {cell.name}, cell
        again = {each.name: each for each in reading.cells(reading.read(written.definition, sections))}
        assert again[cell.name].shown not in (cell.shown, None), cell
        assert definition == before
    return len(tried)


def test_what_is_typed_in_an_input_changes_its_member_and_no_other():
    assert try_each_input(busy(), SECTIONS) > 100


def test_a_new_entry_of_every_list_is_one_that_both_gateways_take():
    definition = plain()
    parts = reading.read(definition, SECTIONS)
    new = {
        entry.cells[0].name: entry
        for listed in reading.lists(parts)
        for entry in listed.entries
        if entry.is_new
    }
    said = {}
    for entry in new.values():
        for cell in entry.cells:
            said[cell.name] = {"key": "HostDown" if cell.field.choices else "v2"}.get(
                cell.field.kind
            ) or typed(cell)
    said |= {
        cell.name: value
        for cell in reading.cells(parts)
        for value in [
            {"target": "https://hooks.example/", "override_target": "http://two.example/"}.get(
                cell.field.name
            )
        ]
        if value and cell.name in said
    }
    made = writing.write(definition, parts, said, "Default").definition
    assert problems(made, may_use_references=False) == []
    version = made["version_data"]["versions"]
    assert version["v2"] == {
        "name": "v2",
        "use_extended_paths": True,
        "extended_paths": {},
        "override_target": "http://two.example/",
        "expires": "/typed",
    }
    allowed = {
        "path": "/typed",
        "method": "TRACE",
        "method_actions": {"TRACE": {"action": "no_action", "code": 200, "data": "", "headers": {}}},
        "ignore_case": True,
    }
    headers = {
        "path": "/typed",
        "method": "TRACE",
        "add_headers": {"X-One": "a: b"},
        "delete_headers": ["one", "two"],
    }
    body = {
        "path": "/typed",
        "method": "TRACE",
        "template_data": {
            "template_mode": "blob",
            "template_source": SAMPLES["template"],
            "input_type": "xml",
            "enable_session": True,
        },
    }
    assert version["Default"]["extended_paths"] == {
        "white_list": [allowed],
        "black_list": [allowed],
        "ignored": [allowed],
        "transform_headers": [headers],
        "transform_response_headers": [headers],
        "transform": [body],
        "transform_response": [body],
        "url_rewrites": [
            {"path": "/typed", "method": "TRACE", "match_pattern": "/typed", "rewrite_to": "/typed"}
        ],
        "mock_response": [
            {"path": "/typed", "method": "TRACE", "code": 299, "headers": {"X-One": "a: b"}, "body": "{\n}"}
        ],
    }
    assert made["response_processors"] == [
        {"name": "header_injector", "options": {}},
        {"name": "response_body_transform", "options": {}},
    ]
    assert made["event_handlers"] == {
        "events": {
            "HostDown": [
                {
                    "handler_name": "eh_log_handler",
                    "handler_meta": {
                        "prefix": "/typed",
                        "target_path": "https://hooks.example/",
                        "method": "GET",
                        "event_timeout": 299,
                    },
                }
            ]
        }
    }


def test_the_description_holds_what_forms_of_apis_always_had():
    names = {field.name for field in fields(classic.SECTIONS)}
    assert starter.fields(starter.new()).keys() <= names
