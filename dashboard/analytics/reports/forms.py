"""Filters as they stand in a URL. What cannot be meant is an error that names its field."""

from django import forms
from django.core.validators import RegexValidator

STATUS = r"\A[1-5](xx|[0-9]{2})\Z"
CURSOR = r"\A[0-9]{1,16}\.[0-9]{1,19}\Z"


class FilterForm(forms.Form):
    api = forms.CharField(required=False, max_length=200, label="API")
    key = forms.CharField(required=False, max_length=128, label="Key")


class LogForm(FilterForm):
    status = forms.CharField(
        required=False, validators=[RegexValidator(STATUS, "A code such as 404 or a class such as 5xx.")]
    )
    method = forms.CharField(
        required=False, validators=[RegexValidator(r"\A[A-Za-z]{1,20}\Z", "A method such as GET.")]
    )
    path = forms.CharField(required=False, max_length=500, strip=False, label="Path begins with")
    least_ms = forms.IntegerField(
        required=False, min_value=0, max_value=2**31 - 1, label="At least this many milliseconds"
    )
    before = forms.CharField(required=False, validators=[RegexValidator(CURSOR, "A place in the list.")])

    def clean_method(self) -> str:
        return self.cleaned_data["method"].upper()


class RestLogForm(forms.Form):
    """The parameters of Tyk's log route."""

    start = forms.IntegerField(required=False, min_value=0, max_value=2**33)
    end = forms.IntegerField(required=False, min_value=0, max_value=2**33)
    api = forms.CharField(required=False, max_length=200)
    key = forms.CharField(required=False, max_length=128)
    code = forms.IntegerField(required=False, min_value=100, max_value=599)
    errors = forms.ChoiceField(required=False, choices=[(value, value) for value in ("", "0", "1")])

    def clean(self) -> dict:
        start, end = self.cleaned_data.get("start"), self.cleaned_data.get("end")
        if start is not None and end is not None and end < start:
            self.add_error("end", "Must not be earlier than start.")
        return self.cleaned_data


class RestUsageForm(forms.Form):
    """The parameters of Tyk's usage and activity routes."""

    res = forms.ChoiceField(
        required=False, choices=[(value, value) for value in ("", "hour", "day", "month")]
    )
    api_id = forms.CharField(required=False, max_length=200)
    by = forms.CharField(required=False, max_length=30)
    sort = forms.ChoiceField(required=False, choices=[(value, value) for value in ("", "1", "-1")])
