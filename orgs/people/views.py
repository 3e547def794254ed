"""Pages of people: those of an organisation, and the super-users."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.gzip import gzip_page

from orgs.access import access
from orgs.changes import Stale
from orgs.http import paging
from orgs.http.conflict import conflict
from orgs.http.forms import SeenForm
from orgs.http.refusals import said_in, status_of
from orgs.http.tables import Column, heads
from orgs.models import User
from orgs.people import accounts
from orgs.people.forms import PersonChangeForm, PersonForm, RightsForm
from orgs.refusals import NotAllowed
from orgs.rights import effective

ORDER = ("email", "id")
COLUMNS = (
    Column("Person", "name"),
    Column("State", "badge"),
    Column("Rights"),
    Column("Last sign-in", "time"),
)


def rights_form(held: dict[str, str], request) -> RightsForm:
    return RightsForm(held, effective(request.user), request.POST if request.method == "POST" else None)


@access("session", "users")
@gzip_page
def person_list(request, org):
    can_edit = request.user.may("users", "write")
    context = {
        "section": "people",
        "can_edit": can_edit,
        **_listed(request, User.objects.filter(org=request.org)),
    }
    return render(request, "orgs/people.html", context)


def _listed(request, people) -> dict:
    page = paging.page(request.GET, people, ORDER)
    return {
        "heads": heads(COLUMNS),
        "rows": page.items,
        "page": page,
        "newer": page.newer,
        "older": page.older,
    }


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
    context = {"section": "super-users", "can_edit": True, **_listed(request, User.objects.filter(org=None))}
    return render(request, "orgs/super_users.html", context)


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
