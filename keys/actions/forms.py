"""What shall be done to which keys."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from keys.actions.kinds import KINDS
from keys.keys.session import PolicyFacts
from orgs.http.choosing import ChosenForm

MOST = 100_000  # keys


class ActionForm(ChosenForm):
    """policies: those that keys may be given."""

    days = forms.IntegerField(required=False, min_value=1, max_value=3650)
    tag = forms.CharField(required=False, max_length=100)
    policy = forms.CharField(required=False)

    def __init__(self, data: Any, *, policies: Collection[PolicyFacts]):
        super().__init__(data, [(name, kind.words) for name, kind in KINDS.items()])
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
