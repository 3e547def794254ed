"""Pages of people: those of an organisation, and the super-users."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters

from orgs.access import access
from orgs.changes import Stale
from orgs.forms import PersonChangeForm, PersonForm, RightsForm, SeenForm, add_errors
from orgs.http import paging
from orgs.http.conflict import conflict
from orgs.http.tables import Column, heads
from orgs.models import User
from orgs.organisations.limits import LimitReached
from orgs.people import accounts
from orgs.people.accounts import NotAllowed
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
    form, rights, status = PersonForm(request.POST or None), rights_form({}, request), 200
    if request.method == "POST" and all([form.is_valid(), rights.is_valid()]):
        try:
            added = added_person(request, form, rights.granted())
        except LimitReached as error:
            form.add_error(None, str(error))
            status = 403
        else:
            if added is not None:
                return added
    context = {"section": "people", "form": form, "rights": rights}
    return render(request, "orgs/person_add.html", context, status=status)


def added_person(request, form: PersonForm, granted: dict[str, str]):
    """Create the person; the answer shows a made password this once. None if orgs.people.accounts refused.
    Raises LimitReached."""
    facts = dict(form.cleaned_data)
    typed = facts.pop("password")
    password = typed or accounts.initial_password()
    try:
        person, _ = accounts.create_user(
            org=request.user.org, password=password, granted=granted, actor=request.user, **facts
        )
    except ValidationError as error:
        add_errors(form, error)
    except NotAllowed as error:
        form.add_error(None, str(error))
    else:
        if not typed:
            return render(request, "orgs/person_added.html", {"person": person, "password": password})
        messages.success(request, f"{person.full_name} can sign in now.")
        return redirect("people", request.org.slug) if request.org else redirect("super-user-list")
    return None


@access("session", "users", methods="GET POST", form=True)
def person_edit(request, org, person):
    person = get_object_or_404(User.objects.filter(org=request.org), pk=person)
    form, rights = change_form(person, request), rights_form(person.permissions, request)
    if request.method == "POST" and all([form.is_valid(), rights.is_valid()]):
        try:
            if changed(request, person, form, {**form.values(), "permissions": rights.granted()}):
                return redirect("people", request.org.slug)
        except Stale as error:
            typed = {**form.values(), "permissions": rights.granted()}
            again = rights_form(error.row.permissions, request)
            return conflict(request, error, form, typed, section="people", rights=again, again=request.path)
    context = {"section": "people", "person": User.objects.get(pk=person.pk), "form": form, "rights": rights}
    return render(request, "orgs/person_edit.html", context)


@access("session", "users", methods="POST")
def person_activation(request, org, person):
    """active=yes or no: may the person sign in and use the access key, from the next request on."""
    person = get_object_or_404(User.objects.filter(org=request.org), pk=person)
    activate(request, person)
    return redirect("person-edit", request.org.slug, person.pk)


def change_form(person: User, request) -> PersonChangeForm:
    initial = {
        "email": person.email,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "seen": person.change_number,
    }
    return PersonChangeForm(request.POST if request.method == "POST" else None, initial=initial)


def changed(request, person: User, form: PersonChangeForm, values: dict) -> bool:
    """Whether it is saved; if not, the form says why. Raises Stale."""
    try:
        accounts.change_user(person, actor=request.user, expected=form.expected(person), **values)
    except ValidationError as error:
        add_errors(form, error)
    except NotAllowed as error:
        form.add_error(None, str(error))
    else:
        messages.success(request, f"{person.full_name} is saved.")
        return True
    return False


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
        added = added_person(request, form, {})
        if added is not None:
            return added
    return render(request, "orgs/person_add.html", {"section": "super-users", "form": form})


@access("super", methods="GET POST")
def super_user_edit(request, person):
    person = get_object_or_404(User.objects.filter(org=None), pk=person)
    form = change_form(person, request)
    if request.method == "POST" and form.is_valid():
        try:
            if changed(request, person, form, form.values()):
                return redirect("super-user-list")
        except Stale as error:
            return conflict(request, error, form, form.values(), section="super-users", again=request.path)
    context = {"section": "super-users", "person": User.objects.get(pk=person.pk), "form": form}
    return render(request, "orgs/person_edit.html", context)


@access("super", methods="POST")
def super_user_activation(request, person):
    person = get_object_or_404(User.objects.filter(org=None), pk=person)
    activate(request, person)
    return redirect("super-user-edit", person.pk)
