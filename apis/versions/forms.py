"""What people say of the versions of an API."""

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from apis.definitions import kinds
from apis.definitions.versions import SELF
from apis.models import ApiDefinition
from apis.versions.lifecycle import IS_THE_BASE, LONGEST, SAME_NAME


class VersionForm(forms.Form):
    """What a new version of an API is called. It stands in one <form> with the definition of the new one."""

    prefix = "version"

    name = forms.CharField(
        max_length=LONGEST,
        label="Name of the new version",
        help_text="What callers write, such as <code>v2</code>.",
    )
    base_name = forms.CharField(
        max_length=LONGEST,
        label="Name of the version that there is",
        help_text="What callers write who want the base, such as <code>v1</code>.",
    )
    default = forms.BooleanField(required=False, label="Callers who name no version come to the new one")

    def __init__(self, data: QueryDict | None = None, *, base: ApiDefinition, **options):
        super().__init__(data, **options)
        self._base, self._said = base, kinds.versioning(base.definition)
        if self._said.name:
            del self.fields["base_name"]

    def unsent(self) -> "VersionForm":
        """With what was typed, and nothing said of that."""
        typed = {name: self[name].value() for name in self.fields}
        return VersionForm(base=self._base, initial=typed)

    def clean(self) -> dict:
        cleaned = super().clean()
        name = cleaned.get("name")
        if name and name in (self._said.name, *self._said.apis, cleaned.get("base_name")):
            raise ValidationError({"name": f"{self._base.name} {SAME_NAME}."})
        if name == SELF:
            raise ValidationError({"name": f"{IS_THE_BASE}."})
        for field in ("name", "base_name"):
            if not cleaned.get(field, "").isprintable():
                self.add_error(field, "Has characters that cannot be printed.")
        return cleaned


class ChoiceForm(forms.Form):
    """What becomes of one version. name: of the version, "" for the base itself. started_from: the revision that was
    looked at."""

    name = forms.CharField(required=False, max_length=LONGEST, strip=False)
    do = forms.ChoiceField(choices=[("default", "default"), ("removal", "removal")])
    started_from = forms.IntegerField(min_value=1, max_value=2**31 - 1)
