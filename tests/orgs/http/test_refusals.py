"""What a refusal is in HTTP: the same for every door, whoever refuses."""

import json

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import path

from dashboard.urls import handler400, handler403, handler404, handler500
from dashboard.urls import urlpatterns as site
from orgs import refusals
from orgs.access import access
from orgs.http.refusals import said_in, status_of
from orgs.organisations.locks import Departed
from orgs.people import duplicates
from orgs.people.rules import DenialUnseen

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class Unknown(refusals.NotAllowed):
    """Of an app that the table does not name."""


class Renamed(refusals.Missing):
    """Which machines know by another name."""

    def for_machines(self) -> str:
        return "The object is gone"


REFUSALS = {
    "lack": refusals.NotAllowed("You cannot grant what you do not hold: keys"),
    "kind": Unknown("Certificates of others are not yours"),
    "limit": refusals.LimitReached("This organisation may have 1 APIs at most"),
    "gone": Departed("6b06e0000000000000000000"),
    "stale": refusals.Stale("Revision 7 was published meanwhile"),
    "denial": DenialUnseen("apis, keys"),
    "taken": refusals.Taken("This form was sent before."),
    "invalid": refusals.Invalid("Must be a number.", "limits.rate"),
    "renamed": Renamed("The row is gone"),
    "field": ValidationError({"email": "Enter a valid email address.", "first_name": "Too long."}),
    "address": ValidationError({"email": duplicates.EMAIL}),
}


@access("anyone", methods="GET POST")
def refusing(request, name):
    raise REFUSALS[name]


urlpatterns = [path("api/<str:name>", refusing), path("refusing/<str:name>/", refusing), *site]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("lack", 403, "You cannot grant what you do not hold: keys"),
        ("kind", 403, "Certificates of others are not yours"),
        ("limit", 403, "This organisation may have 1 APIs at most"),
        ("gone", 404, "Not found"),
        ("stale", 412, "Somebody else changed this since the version that If-Match names"),
        (
            "denial",
            428,
            "user_permissions: to take the denial of apis, keys away, send If-Match with the ETag that you saw",
        ),
        ("taken", 409, "This form was sent before."),
        ("invalid", 400, "limits.rate: Must be a number."),
        ("renamed", 404, "The object is gone"),
        ("field", 400, "email_address: Enter a valid email address.; first_name: Too long."),
        ("address", 403, "User email already exists for this Org"),
    ],
)
def test_machines_are_told_by_status_and_message(db, name, status, said):
    answer = Client().post(f"/api/{name}")
    assert (answer.status_code, json.loads(answer.content)) == (
        status,
        {"Status": "Error", "Message": said, "Meta": None},
    )


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("lack", 403, "You cannot grant what you do not hold: keys"),
        ("limit", 403, "This organisation may have 1 APIs at most"),
        ("gone", 404, "There is no such page, or it is not yours to see."),
        ("stale", 409, "Revision 7 was published meanwhile"),
        ("denial", 409, "apis, keys"),
        ("taken", 409, "This form was sent before."),
        ("invalid", 400, "limits.rate: Must be a number."),
        ("renamed", 404, "There is no such page, or it is not yours to see."),
    ],
)
def test_people_are_told_on_a_page(db, name, status, said):
    answer = Client().get(f"/refusing/{name}/")
    assert (answer.status_code, answer.content.decode().count(f">{said}</p>")) == (status, 1)


@pytest.mark.urls(__name__)
def test_what_is_gone_looks_like_what_never_was(db):
    client = Client()
    assert client.get("/refusing/gone/").content == client.get("/nowhere/").content


class Limits(forms.Form):
    limits = forms.CharField()


@pytest.mark.parametrize(
    ("refusal", "errors", "status"),
    [
        (refusals.Invalid("Must be a number.", "limits.rate"), {"limits": ["Must be a number."]}, 400),
        (refusals.Invalid("Must be a number.", "rate"), {"__all__": ["Must be a number."]}, 400),
        (refusals.Invalid("Is too much."), {"__all__": ["Is too much."]}, 400),
        (refusals.LimitReached("1 at most"), {"__all__": ["1 at most"]}, 403),
        (refusals.NotAllowed("Not yours"), {"__all__": ["Not yours"]}, 403),
        (ValidationError({"limits": "Taken."}), {"limits": ["Taken."]}, 400),
        (ValidationError({"email": "Taken."}), {"__all__": ["Taken."]}, 400),
    ],
)
def test_a_form_says_what_is_refused_beside_its_field_and_its_page_says_whose_fault_it_is(
    refusal, errors, status
):
    form = Limits({"limits": "1"})
    with said_in(form):
        raise refusal
    assert (form.errors, status_of(Limits({"limits": "1"}), form)) == (errors, status)


@pytest.mark.parametrize(
    "refusal", [refusals.Stale("newer"), refusals.Missing("gone"), refusals.Taken("sent")]
)
def test_what_no_form_can_say_passes_through_it(refusal):
    form = Limits({"limits": "1"})
    with pytest.raises(type(refusal)), said_in(form):
        raise refusal
    assert status_of(form) == 200


def test_the_page_of_an_unsent_form_is_fine():
    assert status_of(Limits()) == 200
