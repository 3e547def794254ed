"""Pages of people: those of an organisation, and the super-users."""

from datetime import UTC, datetime

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import DateTimeField, F, QuerySet, Value
from django.db.models.functions import Coalesce, Concat, Lower, NullIf, Trim
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.gzip import gzip_page

from orgs.access import access
from orgs.audit.changes import Stale
from orgs.http import paging
from orgs.http.conflict import conflict
from orgs.http.forms import SeenForm
from orgs.http.refusals import bad_form, said_in, status_of
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads
from orgs.models import User
from orgs.people import accounts
from orgs.people.forms import PersonChangeForm, PersonForm, PersonListForm, RightsForm
from orgs.people.rules import rights_in_words
from orgs.refusals import NotAllowed
from orgs.rights import effective

COLUMNS = (
    Column("Person", "fifth", "name"),
    Column("E-mail address", sort="email"),
    Column("State", "badge"),
    Column("Rights", lesser=True),
    Column("Last sign-in", "time", "signed_in"),
)
CSV_HEADER = ("id", "first name", "last name", "e-mail address", "active", "rights", "last sign-in", "added")
NEVER = datetime(1, 1, 2, tzinfo=UTC)


def rights_form(held: dict[str, str], request) -> RightsForm:
    return RightsForm(held, effective(request.user), request.POST if request.method == "POST" else None)


@access("session", "users")
@gzip_page
def person_list(request, org):
    people = User.objects.filter(org=request.org)
    context = {"section": "people", "can_edit": request.user.may("users", "write")}
    return _listed(request, people, f"people-{request.org.slug}.csv", "orgs/people.html", context)


def _listed(request, people: QuerySet[User], filename: str, template: str, context: dict):
    """People of one organisation or super-users: few enough to be sorted by what no index has."""
    form = PersonListForm(request.GET)
    if not form.is_valid():
        return bad_form(request, form)
    name = NullIf(Trim(Concat("first_name", Value(" "), "last_name")), Value(""))
    signed_in = Coalesce("last_login", Value(NEVER), output_field=DateTimeField())
    people = people.annotate(name=Lower(Coalesce(name, F("email"))), signed_in=signed_in)
    if request.GET.get("format") == "csv":
        org_id = request.org.id if request.org else None
        batches = paging.batches(people, form.order, lambda rows: map(_csv_row, rows), org_id=org_id)
        return csv_stream(filename, CSV_HEADER, batches)
    asked = {name: value for name, value in form.cleaned_data.items() if value}
    page = paging.page(request.GET, people, form.order, asked)
    context |= {
        "heads": heads(COLUMNS, asked, default="email"),
        "rows": page.items,
        "page": page,
        "csv": "?" + urlencode({**asked, "format": "csv"}),
    }
    return render(request, template, context)


def _csv_row(person: User) -> tuple:
    return (
        person.id,
        person.first_name,
        person.last_name,
        person.email,
        "yes" if person.is_active else "no",
        rights_in_words(person),
        person.last_login.isoformat(timespec="seconds") if person.last_login else "",
        person.created_at.isoformat(timespec="seconds"),
    )


@sensitive_post_parameters("password")
@access("session", "users", methods="GET POST", form=True)
def person_add(request, org):
    """A new person of the caller's own organisation. A super-user has none: he adds super-users."""
    if request.user.is_superuser:
        raise PermissionDenied
    form, rights = PersonForm(request.POST or None), rights_form({}, request)
    if request.method == "POST" and all([form.is_valid(), rights.is_valid()]):
        with said_in(form):
            return added_person(request, form, rights.granted())
    context = {"section": "people", "form": form, "rights": rights}
    return render(request, "orgs/person_add.html", context, status=status_of(form, rights))


def added_person(request, form: PersonForm, granted: dict[str, str]):
    """Create the person; the answer shows a made password this once. Raises what orgs.people.accounts does."""
    facts = dict(form.cleaned_data)
    typed = facts.pop("password")
    password = typed or accounts.initial_password()
    person, _ = accounts.create_user(
        org=request.user.org, password=password, granted=granted, actor=request.user, **facts
    )
    if not typed:
        return render(request, "orgs/person_added.html", {"person": person, "password": password})
    messages.success(request, f"{person.full_name} can sign in now.")
    return redirect("people", request.org.slug) if request.org else redirect("super-user-list")


@access("session", "users", methods="GET POST", form=True)
def person_edit(request, org, person):
    person = get_object_or_404(User.objects.filter(org=request.org), pk=person)
    form, rights = change_form(person, request), rights_form(person.permissions, request)
    if request.method == "POST" and all([form.is_valid(), rights.is_valid()]):
        try:
            with said_in(form):
                change(request, person, form, {**form.values(), "permissions": rights.granted()})
                return redirect("people", request.org.slug)
        except Stale as error:
            typed = {**form.values(), "permissions": rights.granted()}
            again = rights_form(error.row.permissions, request)
            return conflict(request, error, form, typed, section="people", rights=again, again=request.path)
    context = {"section": "people", "person": User.objects.get(pk=person.pk), "form": form, "rights": rights}
    return render(request, "orgs/person_edit.html", context, status=status_of(form, rights))


@access("session", "users", methods="GET POST", form=True)
def person_activation(request, org, person):
    """active=yes or no: may the person sign in and use the access key, from the next request on. GET asks first."""
    person = get_object_or_404(User.objects.filter(org=request.org), pk=person)
    return activation(request, person, "people", reverse("person-edit", args=[request.org.slug, person.pk]))


def activation(request, person: User, section: str, back: str):
    if request.method == "GET":
        context = {"section": section, "person": person, "back": back}
        return render(request, "orgs/person_deactivate.html", context)
    activate(request, person)
    return redirect(back)


def change_form(person: User, request) -> PersonChangeForm:
    initial = {
        "email": person.email,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "seen": person.change_number,
    }
    return PersonChangeForm(request.POST if request.method == "POST" else None, initial=initial)


def change(request, person: User, form: PersonChangeForm, values: dict) -> None:
    """Raises what orgs.people.accounts does."""
    accounts.change_user(person, actor=request.user, expected=form.expected(person), **values)
    messages.success(request, f"{person.full_name} is saved.")


def activate(request, person: User) -> None:
    active, seen = request.POST.get("active") == "yes", SeenForm(request.POST)
    try:
        expected = seen.expected(person) if seen.is_valid() else 0
        accounts.change_user(person, actor=request.user, expected=expected, is_active=active)
    except Stale:
        messages.error(request, "Somebody else changed this person meanwhile: look again.")
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{person.full_name} is {'active' if active else 'deactivated'}.")


@access("super")
def super_user_list(request):
    context = {"section": "super-users", "can_edit": True}
    # Of no organisation, so there is none to enter while the file is sent.
    people = User.everyone.filter(org=None)
    return _listed(request, people, "super-users.csv", "orgs/super_users.html", context)


@sensitive_post_parameters("password")
@access("super", methods="GET POST")
def super_user_add(request):
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with said_in(form):
            return added_person(request, form, {})
    context = {"section": "super-users", "form": form}
    return render(request, "orgs/person_add.html", context, status=status_of(form))


@access("super", methods="GET POST")
def super_user_edit(request, person):
    person = get_object_or_404(User.objects.filter(org=None), pk=person)
    form = change_form(person, request)
    if request.method == "POST" and form.is_valid():
        try:
            with said_in(form):
                change(request, person, form, form.values())
                return redirect("super-user-list")
        except Stale as error:
            return conflict(request, error, form, form.values(), section="super-users", again=request.path)
    context = {"section": "super-users", "person": User.objects.get(pk=person.pk), "form": form}
    return render(request, "orgs/person_edit.html", context, status=status_of(form))


@access("super", methods="GET POST")
def super_user_activation(request, person):
    person = get_object_or_404(User.objects.filter(org=None), pk=person)
    return activation(request, person, "super-users", reverse("super-user-edit", args=[person.pk]))
