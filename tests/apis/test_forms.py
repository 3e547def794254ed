"""What people type to change an API, before anything is asked of the database."""

import pytest

from apis.definition_form import ApiForm
from apis.definitions import document, starter
from apis.definitions.pointer import Problem
from apis.forms import (
    SORTS,
    ActivationForm,
    DeletionForm,
    Finding,
    HistoryForm,
    JsonForm,
    ListForm,
    RestoreForm,
    RevisionForm,
)

TYPED = {
    "name": "Orders",
    "listen_path": "/orders/",
    "target_url": "http://orders.internal/",
    "strip_listen_path": "on",
    "authentication": "token",
    "auth_header_name": "Authorization",
    "active": "on",
}
WHOLE = "Ensure this value is less than or equal to 2147483647."
POSITIVE = "Ensure this value is greater than or equal to 1."
NEEDED = "This field is required."
BOTH = "A rate limit needs both a number of requests and of seconds."


def errors(form):
    return {name: list(texts) for name, texts in form.errors.items()}


@pytest.mark.parametrize(
    ("typed", "limit"),
    [
        ({}, {}),
        ({"rate": "0", "per": "0"}, {}),
        ({"rate": "100.0", "per": "60"}, {"rate": 100, "per": 60}),
        ({"rate": "0.5", "per": "1000000000"}, {"rate": 0.5, "per": 1_000_000_000}),
    ],
)
def test_a_rate_limit_is_both_or_neither_and_whole_numbers_are_written_so(typed, limit):
    form = ApiForm(TYPED | typed)
    assert errors(form) == {}
    assert document.compact(form.definition.get("global_rate_limit", {})) == document.compact(limit)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"rate": "1"}, {"per": [BOTH]}),
        ({"per": "1", "rate": "0"}, {"per": [BOTH]}),
        ({"rate": "-1"}, {"rate": ["must be from 0 to 1,000,000,000"]}),
        (
            {"rate": "1", "per": "1000000001"},
            {"per": ["must be from 0 to 1,000,000,000"]},
        ),
        ({"rate": "nan", "per": "1"}, {"rate": ["must be a number, such as 100 or 0.5"]}),
        ({"rate": "inf", "per": "1"}, {"rate": ["must be a number, such as 100 or 0.5"]}),
        ({"name": ""}, {"name": [NEEDED]}),
        ({"name": "x" * 201}, {"name": ["must have at most 200 characters, not 201"]}),
        ({"message": "x" * 501}, {"message": ["Ensure this value has at most 500 characters (it has 501)."]}),
        (
            {"authentication": "other"},
            {"authentication": ["must be one of those offered"]},
        ),
        ({"base_text": "[1]"}, {"base_text": ["Is no definition."]}),
        ({"base_text": "{"}, {"base_text": ["Is no definition."]}),
        ({"base_text": "{}", "name": "x" * 200, "message": "x" * 500}, {}),
    ],
)
def test_a_field_that_cannot_be_is_named(typed, said):
    assert errors(ApiForm(TYPED | typed)) == said


@pytest.mark.parametrize(
    ("members", "shown"),
    [
        ({"enable_jwt": True}, "enable_jwt"),
        ({"use_openid": True}, "use_openid"),
        ({"enable_jwt": True, "use_basic_auth": True}, "several"),
    ],
)
def test_another_way_of_authenticating_may_stay_where_it_is_one(members, shown):
    base = starter.new() | members | {"use_standard_auth": False}
    form = ApiForm(TYPED | {"authentication": shown}, base=base)
    assert (form["authentication"].initial, errors(form)) == (shown, {})
    assert {name: form.definition[name] for name in (*members, "use_standard_auth")} == members | {
        "use_standard_auth": False
    }


@pytest.mark.parametrize("kind", [ApiForm, JsonForm])
@pytest.mark.parametrize(
    ("started_from", "sent", "said"),
    [
        (None, "", []),
        (3, "", [NEEDED]),
        (3, "0", [POSITIVE]),
        (3, "2147483648", [WHOLE]),
        (3, "2147483647", []),
        (3, "x", ["Enter a whole number."]),
    ],
)
def test_a_change_says_from_which_revision_it_started(kind, started_from, sent, said):
    form = kind(TYPED | {"text": "{}", "started_from": sent}, started_from=started_from)
    assert errors(form).get("started_from", []) == said


def test_of_a_form_that_is_not_valid_the_draft_has_what_was_typed_and_the_sound_part_does_not():
    form = ApiForm(TYPED | {"name": "New", "rate": "many", "target_url": "x" * 2_001})
    assert sorted(form.errors) == ["rate", "target_url"]
    draft, sound = form.draft, form.definition
    assert (draft["name"], draft["proxy"]["target_url"], draft["global_rate_limit"]) == (
        "New",
        "x" * 2_001,
        {"rate": "many"},
    )
    assert (sound["name"], sound["proxy"]["target_url"], "global_rate_limit" in sound) == ("New", "", False)


@pytest.mark.parametrize(
    ("problem", "field", "text"),
    [
        (Problem("/name", "must be text"), "name", "must be text"),
        (Problem("/domain", "must be a host"), "domain", "must be a host"),
        (Problem("/global_rate_limit/per", "must be more"), "per", "must be more"),
        (Problem("/api_id", "must be text"), "__all__", "/api_id: must be text"),
        (Problem("", "must be an object"), "__all__", "must be an object"),
        (Problem("/api_id", "Found API with the same ID"), "__all__", "This API ID is already in use."),
        (
            Problem("/proxy/listen_path", "Found API with same url"),
            "listen_path",
            "This listen path is taken on this domain, or is above or below one that is.",
        ),
    ],
)
def test_a_problem_is_said_at_the_field_that_it_is_about(problem, field, text):
    form = ApiForm(TYPED)
    assert form.is_valid()
    form.refuse([problem])
    assert errors(form) == {field: [text]}


@pytest.mark.parametrize("more", [0, 1])
def test_twenty_problems_are_said_and_the_number_of_the_rest(more):
    form = JsonForm({"text": "{}"})
    assert form.is_valid()
    form.refuse([Problem(f"/x{number}", "is bad") for number in range(20 + more)])
    said = [f"Line 1: /x{number}: is bad" for number in range(20)]
    assert errors(form) == {"text": said + ["and 1 more"] * more}


def test_what_a_field_said_itself_is_not_said_again():
    form = ApiForm(TYPED | {"name": ""})
    assert not form.is_valid()
    form.refuse_further(
        [Problem("/name", "must not be empty"), Problem("/domain", "must be a host"), Problem("", "x")]
    )
    assert errors(form) == {"name": [NEEDED], "domain": ["must be a host"], "__all__": ["x"]}


def test_each_refusal_names_the_member_its_line_what_is_expected_and_the_remedy():
    form = JsonForm({"text": '{\n"name": 1,\n"x": [\n2]}', "message": "x" * 501})
    assert not form.is_valid()
    form.refuse([Problem("/x/0", "must be text"), Problem("/api_id", "Found API with the same ID")])
    form.add_error(None, "Nobody may")
    lines = [(2, '"name": 1,'), (3, '"x": ['), (4, "2]}")]
    assert form.findings == [
        Finding("", "", "", "Nobody may", ""),
        Finding(
            "Message",
            "id_message",
            "",
            "Ensure this value has at most 500 characters (it has 501)",
            "Shorten it.",
        ),
        Finding(
            "Definition",
            "id_text",
            "/x/0",
            "must be text",
            'Put it between double quotes: "…".',
            4,
            lines[1:],
        ),
        Finding(
            "Definition",
            "id_text",
            "/api_id",
            "This API ID is already in use",
            "Leave it out: it is given one.",
            1,
            [(1, "{"), lines[0]],
        ),
    ]
    broken = JsonForm({"text": '{\n"a": 1,\n"a": 2}'}).findings
    assert [(found.line, found.message, found.remedy) for found in broken] == [
        (3, "This is not JSON: the member a is there twice", "Take one of the two out.")
    ]
    fields = ApiForm(
        TYPED | {"name": "", "cors_age": "x", "url_rewrites_0_path": "/a", "url_rewrites_0_to": "/b"}
    )
    fields.refuse([Problem("/zebra", "must be a list")])
    found = [(each.label, each.input, each.pointer, each.message, each.line) for each in fields.findings]
    here = "/version_data/versions/Default/extended_paths/url_rewrites/0"
    assert found == [
        ("", "", "/zebra", "must be a list", None),
        ("Name", "id_name", "/name", "This field is required", None),
        ("They keep the answer for", "id_cors_age", "/CORS/max_age", "must be a whole number", None),
        (
            "Rewrites, new entry, Method",
            "id_url_rewrites_0_method",
            f"{here}/method",
            "must not be empty",
            None,
        ),
        (
            "Rewrites, new entry, Pattern",
            "id_url_rewrites_0_pattern",
            f"{here}/match_pattern",
            "must not be empty",
            None,
        ),
    ]


def test_json_names_the_line_of_what_is_there_and_of_what_would_hold_what_is_not():
    form = JsonForm({"text": '{\n"name": 1,\n"x": [\n2]}'})
    assert form.is_valid()
    assert form.definition == form.draft == {"name": 1, "x": [2]}
    form.refuse([Problem("/x/0", "is bad"), Problem("/proxy", "is missing"), Problem("", "is odd")])
    assert errors(form) == {"text": ["Line 4: /x/0: is bad", "Line 1: /proxy: is missing", "Line 1: is odd"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", NEEDED),
        ("{", "This is not JSON: Expecting property name enclosed in double quotes at line 1 column 2"),
        ('{"a":1,"a":2}', "This is not JSON: the member a is there twice"),
        ("x" * 1_000_001, "Ensure this value has at most 1000000 characters (it has 1000001)."),
    ],
)
def test_text_that_is_no_json_is_said_and_gives_no_definition(text, said):
    form = JsonForm({"text": text})
    assert (errors(form), form.draft, form.definition) == ({"text": [said]}, None, None)


@pytest.mark.parametrize(
    ("kind", "sent", "named"),
    [
        (ListForm, {}, []),
        (ListForm, {"q": "x" * 200, "sort": "-name", "active": "no"}, []),
        (ListForm, {"q": "x" * 201, "sort": "owner", "active": "maybe"}, ["active", "q", "sort"]),
        (HistoryForm, {}, []),
        (HistoryForm, {"sort": "number"}, []),
        (HistoryForm, {"sort": "author"}, ["sort"]),
        (RevisionForm, {}, []),
        (RevisionForm, {"against": "1"}, []),
        (RevisionForm, {"against": "2147483647"}, []),
        (RevisionForm, {"against": "0"}, ["against"]),
        (RevisionForm, {"against": "2147483648"}, ["against"]),
        (DeletionForm, {}, []),
        (DeletionForm, {"started_from": "0"}, ["started_from"]),
        (ActivationForm, {"active": "yes"}, []),
        (ActivationForm, {}, ["active"]),
        (ActivationForm, {"active": "on", "started_from": "x"}, ["active", "started_from"]),
        (RestoreForm, {"started_from": "1"}, []),
        (RestoreForm, {}, ["started_from"]),
        (RestoreForm, {"started_from": "2147483648"}, ["started_from"]),
    ],
)
def test_each_form_takes_its_bounds_and_names_what_is_beyond(kind, sent, named):
    assert sorted(kind(sent).errors) == named


def test_a_list_is_in_the_order_asked_for_which_no_two_rows_share_else_by_name():
    orders = {name: ListForm({"sort": name}) for name in ["", *SORTS]}
    assert all(form.is_valid() for form in orders.values())
    assert {name: form.order for name, form in orders.items()} == {
        "": ("name", "id"),
        "name": ("name", "id"),
        "-name": ("-name", "-id"),
        "listen_path": ("listen_path", "id"),
        "-listen_path": ("-listen_path", "-id"),
        "updated_at": ("updated_at", "id"),
        "-updated_at": ("-updated_at", "-id"),
        "created_at": ("created_at", "id"),
        "-created_at": ("-created_at", "-id"),
    }
