"""Doing something to many things of a list: which are meant, and whether what would be done was seen. Shared by the
pages of all apps that have such actions."""

from collections.abc import Sequence
from typing import Any, TypeVar

from django import forms
from django.contrib.postgres.aggregates import StringAgg
from django.db.models import Model, QuerySet, Value
from django.db.models.functions import MD5

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
    # The digest of the things that the page said would be changed.
    seen = forms.CharField(required=False, max_length=32)

    def __init__(self, data: Any, actions: Sequence[tuple[str, str]]):
        # The filter of the list has fields of these names, too.
        super().__init__(data, prefix="do")
        self.fields["action"].choices = [("", "Do…"), *actions]

    def sent(self, arguments: dict[str, Any], touched: str) -> dict[str, Any]:
        """What the button that confirms sends beside the chosen things: the same again. touched: the digest of what is
        to be changed."""
        return {f"do-{name}": value for name, value in arguments.items()} | {
            "do-action": self.cleaned_data["action"],
            "do-which": self.cleaned_data["which"],
            "do-seen": touched,
            "do-confirmed": "yes",
        }


def digest(rows: QuerySet) -> str:
    """What some rows are known by, and no others; "" for none."""
    ids = StringAgg("pk", Value(","), order_by="pk")
    return rows.order_by().aggregate(digest=MD5(ids))["digest"] or ""


def ticked(rows: QuerySet[Row], ids: Sequence[str], what: str) -> QuerySet[Row]:
    """Those of some rows in scope that a page was sent with. what: what they are called, "key". Raises Invalid for what
    is no id, and for none."""
    if not ids:
        raise Invalid(f"Tick the {what}s that you mean.", what)
    if len(ids) > max(SIZES) or not all(is_id(id) for id in ids):
        raise Invalid(f"That is no {what} of this list.", what)
    return rows.filter(id__in=ids)
