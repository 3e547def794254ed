"""What shall be done to which keys."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from keys.actions.kinds import KINDS
from keys.keys.session import PolicyFacts
from keys.models import Key
from orgs.http.paging import SIZES
from orgs.ids import is_id
from orgs.refusals import Invalid

MOST = 100_000  # keys


class ActionForm(forms.Form):
    """which: the ticked keys, or all that the filter of the list finds. policies: those that keys may be given."""

    action = forms.ChoiceField(choices=[("", "Do…"), *((name, kind.words) for name, kind in KINDS.items())])
    which = forms.ChoiceField(choices=[("ticked", "the ticked keys"), ("filter", "all keys of this list")])
    days = forms.IntegerField(required=False, min_value=1, max_value=3650)
    tag = forms.CharField(required=False, max_length=100)
    policy = forms.CharField(required=False)
    confirmed = forms.ChoiceField(required=False, choices=[("yes", "yes")])
    # How many keys the page said that would be changed.
    seen = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)

    def __init__(self, data: Any, *, policies: Collection[PolicyFacts]):
        # The filter of the list has fields of these names, too.
        super().__init__(data, prefix="do")
        self.policies = {policy.id: policy for policy in policies}

    def clean_tag(self) -> str:
        tag = self.cleaned_data["tag"]
        if "," in tag:
            raise ValidationError("Must be one tag, without a comma.")
        return tag

    def clean_policy(self) -> str:
        chosen = self.cleaned_data["policy"]
        if chosen and chosen not in self.policies:
            raise ValidationError("There is no such policy that keys may be given.")
        return chosen

    def clean(self) -> dict:
        cleaned = super().clean()
        if kind := KINDS.get(cleaned.get("action", "")):
            needed = kind.needs
            if needed and needed not in self.errors and not cleaned.get(needed):
                self.add_error(needed, f"“{kind.words}” needs it.")
        return cleaned

    @property
    def arguments(self) -> dict[str, Any]:
        needed = KINDS[self.cleaned_data["action"]].needs
        return {needed: self.cleaned_data[needed]} if needed else {}


def ticked(ids: list[str]) -> QuerySet[Key]:
    """The keys in scope that a page was sent with. Raises Invalid for what is no key's id, and for none."""
    if not ids:
        raise Invalid("Tick the keys that you mean.", "key")
    if len(ids) > max(SIZES) or not all(is_id(id) for id in ids):
        raise Invalid("That is no key of this list.", "key")
    return Key.objects.filter(id__in=ids)
