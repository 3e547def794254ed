"""YAML is read as JSON would say it, or refused by its line."""

import json

import pytest

from apis.definitions import yaml_text
from orgs.http.strict_json import BadJson

pytest.importorskip("yaml", reason="the packages of requirements.lock are not all installed")

TEXT = """\
openapi: 3.0.3
info: {title: "no", version: '1.0', x-empty: }
paths:
  /a:
    get:
      description: |
        two
        lines
      responses:
        200: &ok {description: off}
        "404": *ok
x-values: [1, -2, 1.5, 1e3, 0o17, 0777, true, ~, 2024-01-31, 12:30:45, 1_000, 1.2.3]
"""


def test_a_text_is_read_by_the_core_schema_of_1_2_and_its_surprises_are_said():
    found = yaml_text.read(TEXT, ["/paths/~1a/get/responses/404", "/x-values/2", "/none"])
    assert found.value == {
        "openapi": "3.0.3",
        "info": {"title": "no", "version": "1.0", "x-empty": None},
        "paths": {
            "/a": {
                "get": {
                    "description": "two\nlines\n",
                    "responses": {"200": {"description": "off"}, "404": {"description": "off"}},
                }
            }
        },
        "x-values": [
            1, -2, 1.5, 1000.0, 15, 777, True, None, "2024-01-31", "12:30:45", "1_000", "1.2.3",
        ],
    }  # fmt: skip
    assert found.lines == {"/paths/~1a/get/responses/404": 10, "/x-values/2": 12}
    said = [(note.split(" is read")[0], note.split("take it for ")[1]) for note in found.notes]
    assert list(dict.fromkeys(said)) == [
        ("Line 10: off", "false."),
        ("Line 12: 2024-01-31", "a date."),
        ("Line 12: 12:30:45", "a number to the base of 60."),
        ("Line 12: 1_000", "a number."),
    ]


def test_json_is_yaml_too_and_told_apart_by_its_first_character():
    value = {"a": [1, "x", None, {"é": "1:2"}]}
    assert yaml_text.read(json.dumps(value)).value == value
    assert [yaml_text.is_json(text) for text in ("\ufeff\n {}", " [1]", "a: {}", "")] == [
        True,
        True,
        False,
        False,
    ]


ALIASES = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n + 1}: &a{n + 1} [{','.join([f'*a{n}'] * 10)}]\n" for n in range(8)
)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\n'a': 2", "line 2: the member a is there twice"),
        (
            "a: !!python/object/apply:os.system [id]",
            "line 1: the tag tag:yaml.org,2002:python/object/apply:os.system",
        ),
        ("a: !!str 5", "line 1: the tag tag:yaml.org,2002:str must not be there"),
        ("!!int 5: a", "line 1: the tag tag:yaml.org,2002:int must not be there"),
        ("a:\n  <<: {b: 1}", "line 2: << must not be there: write out what is to be merged"),
        ("? [a]\n: 1", "line 1: the name of a member must be text"),
        ("&a [*a]", "line 1: it is nested too deeply"),
        (ALIASES, yaml_text.TOO_MANY),
        ("- a: 1\n" * 140_000, yaml_text.TOO_MANY),
        (
            f"a: &a '{'x' * 600_000}'\nb: *a",
            "it is longer than 1,000,000 characters, with its aliases written out",
        ),
        ("[" * 5_000, "exceeded maximum nesting depth at line 1 column 1001"),
        ("x" * 1_000_001, "it is longer than 1,000,000 characters"),
        ("a: .inf", "line 1: .inf is not JSON"),
        (f"a: {'9' * 5_000}", "line 1: a number is too large"),
        ("a: 99999999999999999999", "the number at /a is too large"),
        ('a: "\\0"', "/a holds a NUL character"),
        ("a: '\ud800'", "it has characters that YAML has not"),
        ("a: b: c", "mapping values are not allowed in this context at line 1 column 5"),
        ("a: 1\n---\nb: 1", "but found another document at line 2 column 1"),
        ("# nothing", "there is nothing in it"),
    ],
)
def test_what_json_could_not_say_is_refused_by_its_line(text, fault):
    with pytest.raises(BadJson) as refused:
        yaml_text.read(text)
    assert str(refused.value).startswith(fault)
