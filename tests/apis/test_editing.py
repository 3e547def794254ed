"""The two ways to write a definition, and from one to the other with what was typed."""

import pytest
from django.test import RequestFactory

from apis.definition_form import ApiForm
from apis.definitions import document, starter
from apis.definitions.pointer import Problem
from apis.editing import begun_from, form_of, said_in, say_all, switched
from apis.forms import JsonForm
from apis.publishing import publish
from apis.publishing.refusals import Invalid
from orgs import scope
from orgs.refusals import NotAllowed
from tests.apis.examples import plain
from tests.apis.test_forms import TYPED, errors

STORED = starter.new() | {"name": "Stored"}
CARRIED = starter.new() | {"name": "Carried"}


def post(sent, path="/"):
    return RequestFactory().post(path, sent)


def test_a_page_that_is_only_looked_at_has_a_form_that_was_not_sent():
    get = RequestFactory().get
    plain, text = form_of(get("/"), base=STORED, started_from=3), form_of(get("/?as=json"), base=STORED)
    assert (type(plain), plain.is_bound, plain["name"].value(), plain["started_from"].value()) == (
        ApiForm,
        False,
        "Stored",
        3,
    )
    assert (type(text), text.is_bound, text["text"].value()) == (JsonForm, False, document.pretty(STORED))
    assert type(form_of(get("/?as=yaml"))) is ApiForm


@pytest.mark.parametrize(("path", "kind"), [("/", ApiForm), ("/?as=json", JsonForm)])
def test_a_form_that_was_sent_empty_was_sent(path, kind):
    form = form_of(post({}, path))
    assert (type(form), form.is_bound, form.is_valid()) == (kind, True, False)


@pytest.mark.parametrize(
    ("base_text", "base"),
    [("", STORED), ("[1]", STORED), ("{", STORED), ("{}", STORED), (document.compact(CARRIED), CARRIED)],
)
def test_what_is_carried_along_comes_before_what_is_stored_if_it_is_a_definition(base_text, base):
    assert form_of(post(TYPED | {"base_text": base_text}), base=STORED).base == base


def test_fields_become_text_with_what_was_typed_wrong_too():
    form = switched(form_of(post(TYPED | {"rate": "many", "started_from": "7", "message": "Why"})))
    assert (type(form), form.is_bound) == (JsonForm, False)
    assert document.parse(form["text"].value())["global_rate_limit"] == {"rate": "many"}
    assert (form["started_from"].value(), form["message"].value()) == ("7", "Why")


def test_text_becomes_fields_that_carry_it_along():
    sent = {"text": document.compact(CARRIED | {"new": 1}), "started_from": "7", "message": "Why"}
    form = switched(form_of(post(sent, "/?as=json")))
    assert (type(form), form.is_bound, form["name"].value()) == (ApiForm, False, "Carried")
    assert document.parse(form["base_text"].value()) == CARRIED | {"new": 1}
    assert (form["started_from"].value(), form["message"].value()) == ("7", "Why")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "Line 1: must be an object"),
        ("null", "Line 1: must be an object"),
        ("", "This field is required."),
        ("{", "This is not JSON: Expecting property name enclosed in double quotes at line 1 column 2"),
    ],
)
def test_text_that_is_no_object_stays_text_and_says_once_why(text, said):
    form = switched(form_of(post({"text": text}, "/?as=json")))
    assert (type(form), form["text"].value(), errors(form)) == (JsonForm, text, {"text": [said]})


def test_what_publishing_refuses_is_said_beside_its_field_and_a_rule_above_the_form():
    form = form_of(post(TYPED))
    with said_in(form):
        raise Invalid([Problem("/name", "must be text"), Problem("/x", "is odd")])
    with said_in(form):
        raise NotAllowed("Nobody may")
    assert errors(form) == {"name": ["must be text"], "__all__": ["/x: is odd", "Nobody may"]}
    with pytest.raises(LookupError), said_in(form):
        raise LookupError


def test_all_is_said_at_once_as_far_as_there_is_a_definition(cast):
    request = RequestFactory().post("/")
    request.user, request.org = cast.acme_admin, cast.acme
    fields = form_of(post(TYPED | {"name": "", "target_url": "ftp://x/"}))
    text = form_of(post({"text": "{"}, "/?as=json"))
    assert [fields.is_valid(), text.is_valid()] == [False, False]
    before = errors(text)
    with scope.org(cast.acme.id):
        say_all(request, fields)
        say_all(request, text)
    assert errors(fields) == {
        "name": ["This field is required."],
        "target_url": ["must be a URL with http or https"],
    }
    assert errors(text) == before


@pytest.mark.parametrize(
    ("said", "number"), [("1", 1), ("2", 2), ("3", 2), ("", 2), ("x", 2), ("-1", 2), ("9" * 30, 2)]
)
def test_a_form_is_read_against_the_revision_that_it_was_filled_with(cast, said, number):
    with scope.org(cast.acme.id):
        api = publish.create(cast.acme.id, plain(), author=cast.acme_admin)
        first = api.definition
        api = publish.change(api, first | {"name": "Two"}, author=cast.acme_admin)
        assert begun_from(post({"started_from": said}), api) == {1: first, 2: api.definition}[number]
