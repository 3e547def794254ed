"""Doing something to many things of a list: which are meant, and whether what would be done was seen. Shared by the
pages of all apps that have such actions."""

from collections.abc import Sequence
from typing import Any, TypeVar

from django import forms
from django.db.models import Model, QuerySet

from orgs.http.paging import SIZES
from orgs.ids import is_id
from orgs.refusals import Invalid

Row = TypeVar("Row", bound=Model)


class ChosenForm(forms.Form):
    """What each action is sent with, beside its own fields. which: the ticked things, or all that the filter of the
    list finds."""

    action = forms.ChoiceField()
    which = forms.ChoiceField(choices=[("ticked", ""), ("filter", "")])
    confirmed = forms.ChoiceField(required=False, choices=[("yes", "yes")])
    # How many things the page said that would be changed.
    seen = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)

    def __init__(self, data: Any, actions: Sequence[tuple[str, str]]):
        # The filter of the list has fields of these names, too.
        super().__init__(data, prefix="do")
        self.fields["action"].choices = [("", "Do…"), *actions]

    def sent(self, arguments: dict[str, Any], touched: int) -> dict[str, Any]:
        """What the button that confirms sends beside the chosen things: the same again."""
        return {f"do-{name}": value for name, value in arguments.items()} | {
            "do-action": self.cleaned_data["action"],
            "do-which": self.cleaned_data["which"],
            "do-seen": touched,
            "do-confirmed": "yes",
        }


def ticked(rows: QuerySet[Row], ids: Sequence[str], what: str) -> QuerySet[Row]:
    """Those of some rows in scope that a page was sent with. what: what they are called, "key". Raises Invalid for what
    is no id, and for none."""
    if not ids:
        raise Invalid(f"Tick the {what}s that you mean.", what)
    if len(ids) > max(SIZES) or not all(is_id(id) for id in ids):
        raise Invalid(f"That is no {what} of this list.", what)
    return rows.filter(id__in=ids)
