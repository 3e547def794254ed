from django import forms

from orgs.providers.dry_run import MOST_DAYS

WEEK = 7


class DryRunForm(forms.Form):
    """What is sent beside the fields of a change to see what it would have refused."""

    dry_days = forms.IntegerField(label="Days", required=False, min_value=1, max_value=MOST_DAYS)
    dry_format = forms.ChoiceField(required=False, choices=[("", "page"), ("csv", "CSV")])

    @property
    def days(self) -> int:
        return self.cleaned_data["dry_days"] or WEEK
