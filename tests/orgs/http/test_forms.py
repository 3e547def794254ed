"""Fields of people and organisations are written once: every door has the same ones."""

import pytest
from django import forms
from django.contrib import admin
from django.forms.renderers import DjangoTemplates

from orgs.admin import OrganisationForm as AdminOrganisationForm
from orgs.admin import UserAddForm, UserChangeForm
from orgs.http.forms import SeenForm, body_types, field_of
from orgs.models import Organisation, User
from orgs.organisations.forms import OrganisationForm
from orgs.people.forms import PersonChangeForm, PersonForm


def described(field):
    return (type(field), field.label, field.help_text, field.required, getattr(field, "max_length", None))


@pytest.mark.parametrize(
    ("page", "of_admin", "apart"),
    [
        (OrganisationForm, AdminOrganisationForm, set()),
        (PersonForm, UserAddForm, {"password"}),  # the page makes one where none is typed
        (PersonChangeForm, UserChangeForm, set()),
    ],
)
def test_pages_and_djangos_admin_have_the_same_fields(page, of_admin, apart):
    names = set(page.base_fields) - apart
    assert {name: described(of_admin.base_fields[name]) for name in names} == {
        name: described(page.base_fields[name]) for name in names
    }


def test_a_field_has_the_length_the_label_and_the_emptiness_of_the_model():
    assert described(field_of(Organisation, "owner_name")) == (forms.CharField, "Name", "", True, 200)
    assert described(field_of(User, "last_name")) == (forms.CharField, "Last name", "", False, 150)


def test_a_body_has_the_names_of_the_wire_and_the_types_of_the_form():
    assert body_types(OrganisationForm, "slug", "cname_enabled", "time_zone", "max_keys") == {
        "owner_slug": str,
        "cname_enabled": bool,
        "time_zone": str,
        "max_keys": int,
    }
    assert body_types(PersonForm, "email", "first_name") == {"email_address": str, "first_name": str}


@pytest.mark.parametrize(("sent", "expected"), [("7", 7), ("", 3)])
def test_whoever_does_not_say_what_he_saw_saw_what_is_there(sent, expected):
    form = SeenForm({"seen": sent})
    assert (form.is_valid(), form.expected(User(change_number=3)), form.values()) == (True, expected, {})


def test_djangos_admin_uses_them():
    assert admin.site.get_model_admin(Organisation).form is AdminOrganisationForm


class Chosen(forms.Form):
    one = forms.ChoiceField(choices=[("", "Any <b>"), ("Of <i>", [("a", "A & B"), ("b", 'B "c"')])])
    many = forms.MultipleChoiceField(choices=[("a", "A"), ("b", "B")])
    unknown = forms.NullBooleanField(disabled=True, required=False)


def test_what_is_chosen_from_is_written_as_django_writes_it():
    asked = {"one": "b", "many": ["a", "b"]}
    ours, djangos = Chosen(asked), Chosen(asked, renderer=DjangoTemplates())
    for name in Chosen.base_fields:
        assert str(ours[name]).split() == str(djangos[name]).split()
    assert str(ours["one"]).count(" selected>") == 1
