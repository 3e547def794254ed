"""The form of a definition as browsers send it back."""

import json

import pytest
from django.http import QueryDict

from apis.definition_form import ApiForm
from apis.definitions.document import compact
from apis.definitions.pointer import Problem
from tests.apis.definitions.fields.test_classic import sound
from tests.apis.examples import plain
from tests.apis.test_forms import errors


def as_sent(form, **typed):
    """What a browser sends of an unbound form in which something was typed: it ends lines in its own way."""
    shown = {name: form[name].value() for name in form.fields}
    shown |= {"version": form.version, **typed}
    sent = QueryDict(mutable=True)
    for name, value in shown.items():
        if value not in (None, False):
            sent[name] = "on" if value is True else str(value).replace("\n", "\r\n")
    return sent


def test_whatever_is_recorded_comes_back_from_its_form_byte_for_byte():
    for base in sound():
        form = ApiForm(as_sent(ApiForm(base=base)), base=base)
        assert (errors(form), compact(form.definition)) == ({}, compact(base))


def rewrites(*entries, **members):
    made = plain() | members
    made["version_data"]["versions"]["Default"]["extended_paths"]["url_rewrites"] = list(entries)
    return made


def test_a_new_entry_needs_what_a_gateway_needs_of_it_and_an_empty_one_is_none():
    typed = {"url_rewrites_1_path": "/old", "versions_1_key": "Default", "versions_1_expires": "soon"}
    base = rewrites({"path": "/a"})
    form = ApiForm(as_sent(ApiForm(base=base), **typed), base=base)
    assert errors(form) == {
        "url_rewrites_1_method": ["must not be empty"],
        "url_rewrites_1_pattern": ["must not be empty"],
        "url_rewrites_1_to": ["must not be empty"],
        "versions_1_key": ["is the name of another"],
    }
    gone = ApiForm(
        as_sent(ApiForm(base=base), **typed, url_rewrites_1_remove=True, versions_1_remove=True), base=base
    )
    assert (errors(gone), gone.definition) == ({}, base)


def test_a_fault_is_said_at_the_input_of_the_entry_that_it_is_about_wherever_that_stands_now():
    base = rewrites({"path": "/a"}, {"path": "/b"})
    form = ApiForm(as_sent(ApiForm(base=base), url_rewrites_0_remove=True), base=base)
    here = "/version_data/versions/Default/extended_paths/url_rewrites"
    assert form.is_valid()
    form.refuse(
        [
            Problem(f"{here}/0/rewrite_to", "must be short"),
            Problem(f"{here}/0/triggers/1/on", "must be any or all"),
            Problem("/use_standard_auth", "must be true or false"),
        ]
    )
    assert errors(form) == {
        "url_rewrites_1_to": ["must be short"],
        "__all__": [f"{here}/0/triggers/1/on: must be any or all"],
        "authentication": ["must be true or false"],
    }


@pytest.mark.parametrize(
    ("sent", "entries"), [("", 2), ("4", 4), ("x", 2), ("-1", 2), ("²", 2), ("99999", 2)]
)
def test_a_list_has_the_room_that_its_page_says(sent, entries):
    base = rewrites({"path": "/a"})
    form = ApiForm(as_sent(ApiForm(base=base), url_rewrites_rows=sent), base=base)
    assert (
        len([name for name in form.fields if name.startswith("url_rewrites_") and name.endswith("_path")])
        == entries
    )


def test_what_was_typed_stays_when_a_list_is_given_more_entries():
    typed = as_sent(ApiForm(), name="Half", rate="many", url_rewrites_0_path="/a", cors=True, active=False)
    typed["url_rewrites_rows"] = "1"
    form = ApiForm(typed=typed, more="url_rewrites_rows")
    shown = {name: form[name].value() for name in ("name", "rate", "url_rewrites_0_path", "cors", "active")}
    assert shown == {
        "name": "Half",
        "rate": "many",
        "url_rewrites_0_path": "/a",
        "cors": True,
        "active": False,
    }
    assert [name for name in form.fields if name.endswith("_path") and "rewrites" in name] == [
        f"url_rewrites_{index}_path" for index in range(4)
    ]
    unfolded = [each["section"].name for each in form.sections if each["is_unfolded"]]
    assert (unfolded, form.errors) == (["rewrites"], {})


def test_the_paths_of_one_version_are_shown_and_those_of_the_others_stay():
    base = rewrites({"path": "/a"})
    base["version_data"]["versions"]["v2"] = {
        "name": "v2",
        "extended_paths": {"url_rewrites": [{"path": "/2"}]},
    }
    assert [ApiForm(base=base, version=asked).version for asked in ("", "v2", "v3")] == [
        "Default",
        "v2",
        "Default",
    ]
    form = ApiForm(as_sent(ApiForm(base=base, version="v2"), url_rewrites_0_path="/two"), base=base)
    assert json.loads(compact(form.definition)) == {
        **base,
        "version_data": {
            **base["version_data"],
            "versions": {
                **base["version_data"]["versions"],
                "v2": {"name": "v2", "extended_paths": {"url_rewrites": [{"path": "/two"}]}},
            },
        },
    }


def test_each_section_says_what_stands_in_it_without_being_unfolded():
    base = rewrites({"path": "/a"}, enable_ip_whitelisting=True, tags=["a"], CORS={"allow_credentials": True})
    said = {each["section"].name: each["summary"] for each in ApiForm(base=base).sections}
    assert said == {
        **dict.fromkeys(said, ""),
        "api": "set",
        "path": "set",
        "target": "set",
        "callers": "set",
        "rewrites": "1 entry",
        "addresses": "on",
        "tags": "set",
    }


def test_a_limit_that_was_stored_in_halves_stays_so_until_it_is_touched():
    base = plain() | {"global_rate_limit": {"rate": 5}}
    kept = ApiForm(as_sent(ApiForm(base=base), name="New"), base=base)
    assert (errors(kept), kept.definition) == ({}, base | {"name": "New"})
    touched = ApiForm(as_sent(ApiForm(base=base), rate="6"), base=base)
    assert list(touched.errors) == ["per"]


def test_what_a_definition_lives_without_may_stay_away_and_a_new_one_may_not():
    base = plain()
    base["proxy"]["target_url"] = ""
    forms = [ApiForm(base=base), ApiForm(), ApiForm(base=plain())]
    assert [form.fields["target_url"].required for form in forms] == [False, True, True]
