"""The conflict page: what others changed while a form was being filled in, and what was typed, which is not lost."""

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from orgs.audit.changes import Stale, facts, meanwhile
from orgs.audit.views import shown


def conflict(request: HttpRequest, error: Stale, form: Form, typed: dict, **context) -> HttpResponse:
    """409: both changes side by side, and the form as it was sent, which now puts its own on top of the other.

    typed: the values that the form would store. context: `section`, `again` (the address to begin anew from) and
    whatever else of the form is drawn.
    """
    form.data = form.data.copy()
    form.data["seen"] = error.row.change_number
    context |= {
        "row": error.row,
        "form": form,
        "theirs": [(entry, _noted(entry.changes)) for entry in meanwhile(error.row, error.expected)],
        "yours": differences(facts(error.row), typed),
    }
    return render(request, "orgs/stale.html", context, status=409)


def differences(before: dict, after: dict) -> list[tuple[str, str, str]]:
    """(member, before, after) as text of what differs; the levels of a permission map one by one."""
    found = []
    for name, value in after.items():
        held = before[name]
        if isinstance(value, dict):
            held = held or {}
            found += [
                (f"{name}.{key}", shown(held.get(key)), shown(value.get(key)))
                for key in sorted({*held, *value})
                if held.get(key) != value.get(key)
            ]
        elif held != value:
            found.append((name, shown(held), shown(value)))
    return found


def _noted(changes: dict[str, list]) -> list[tuple[str, str, str]]:
    return differences(
        {name: before for name, (before, _) in changes.items()},
        {name: after for name, (_, after) in changes.items()},
    )
