"""What shall be done to which APIs."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apis import wrapper
from apis.actions.kinds import EXPORT, KINDS
from apis.forms import removed_field
from orgs.http.choosing import ChosenForm
from orgs.http.rest import RestError

MOST = 500  # APIs; all are changed in one transaction


class ActionForm(ChosenForm):
    category = forms.CharField(required=False, max_length=wrapper.LONGEST)
    tag = forms.CharField(required=False, max_length=wrapper.LONGEST)
    removed = removed_field()

    def __init__(self, data: Any):
        actions = [*((name, kind.words) for name, kind in KINDS.items()), (EXPORT, "Export")]
        super().__init__(data, actions)

    def clean_category(self) -> str:
        return self._printable("category")

    def clean_tag(self) -> str:
        return self._printable("tag")

    def _printable(self, field: str) -> str:
        name = self.cleaned_data[field]
        try:
            return wrapper.texts(field, [name])[0] if name else ""
        except RestError:
            raise ValidationError("Must be text that can be printed.") from None

    def clean(self) -> dict:
        cleaned = super().clean()
        kind = KINDS.get(cleaned.get("action", ""))
        if kind and kind.needs and kind.needs not in self.errors and not cleaned.get(kind.needs):
            self.add_error(kind.needs, f"“{kind.words}” needs it.")
        return cleaned

    @property
    def arguments(self) -> dict[str, Any]:
        kind = KINDS.get(self.cleaned_data["action"])
        return {kind.needs: self.cleaned_data[kind.needs]} if kind and kind.needs else {}
