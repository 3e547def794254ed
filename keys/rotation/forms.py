"""What is asked when a key is rotated."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from keys.keys.forms import SeenKeyForm
from keys.rotation.lifecycle import LONGEST
from keys.sessions.fields import ExpiryField

UNTIL = "until"
OVERLAPS = (
    ("3600", "1 hour"),
    ("86400", "24 hours"),
    ("604800", "7 days"),
    ("2592000", "30 days"),
    (UNTIL, "Until a date"),
)


class OverlapForm(SeenKeyForm):
    """How long a former token lives from now on. zone: that of the date."""

    overlap = forms.ChoiceField(label="The old token works for", choices=OVERLAPS, widget=forms.RadioSelect)

    def __init__(self, data: Any = None, *, zone: ZoneInfo, **options):
        super().__init__(data, **options)
        self.fields[UNTIL] = ExpiryField(
            zone=zone,
            label="Date at which it ends",
            help_text=f"Within {LONGEST.days} days. Time zone: {zone.key}.",
        )

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("overlap") == UNTIL and UNTIL not in self.errors:
            left = cleaned[UNTIL] - timezone.now() if cleaned[UNTIL] else None
            if left is None:
                self.add_error(UNTIL, "Enter a date and a time.")
            elif not timedelta(0) < left <= LONGEST:
                self.add_error(UNTIL, f"Must be in the future, at most {LONGEST.days} days from now.")
            cleaned["left"] = left
        return cleaned

    def for_how_long(self) -> timedelta:
        """What a valid form says."""
        overlap = self.cleaned_data["overlap"]
        left: timedelta = self.cleaned_data["left"] if overlap == UNTIL else timedelta(seconds=int(overlap))
        return left


class RotationForm(OverlapForm):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.fields["overlap"].choices = [("0", "No longer: it ends at once"), *OVERLAPS]


class TokenForm(SeenKeyForm):
    """A button beside a token. number: which of the key's it is, by its place in time."""

    act = forms.ChoiceField(choices=[("retire", "retire"), ("extend", "extend"), ("undo", "undo")])
    number = forms.IntegerField(min_value=1, max_value=2**31 - 1, required=False)

    def clean_number(self) -> int:
        return self.cleaned_data["number"] or 0


def seconds(value: object) -> timedelta:
    """An overlap as REST says it. Raises ValidationError."""
    longest = int(LONGEST.total_seconds())
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= longest:
        raise ValidationError(f"must be a whole number of seconds, from 0 to {longest}")
    return timedelta(seconds=value)
