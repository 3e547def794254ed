"""Fields of people and organisations, written once: forms of pages and of Django's admin take them from the models, and
bodies of REST take their names and types from the forms."""

from django import forms
from django.db import models

# Of fields, as the wire calls them.
WIRE_NAMES = {
    "email": "email_address",
    "permissions": "user_permissions",
    "is_active": "active",
    "slug": "owner_slug",
}
# Of the nearest class.
_TYPES = {forms.BooleanField: bool, forms.IntegerField: int, forms.JSONField: dict, forms.Field: str}


def field_of(model: type[models.Model], name: str, **differently) -> forms.Field:
    """The form field of a model's field, with its length, its label and whether it may be empty."""
    return model._meta.get_field(name).formfield(**differently)


def body_types(form: type[forms.Form], *names: str) -> dict[str, type]:
    """{member: type} of a body that has these fields of a form, as the wire calls them."""
    kinds = {name: type(form.base_fields[name]).__mro__ for name in names}
    return {
        WIRE_NAMES.get(name, name): next(_TYPES[kind] for kind in mro if kind in _TYPES)
        for name, mro in kinds.items()
    }


class SeenForm(forms.Form):
    """A form about what others may change meanwhile."""

    # The change number of the state that the page showed.
    seen = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        widget=forms.HiddenInput(attrs={"autocomplete": "off"}),
    )

    def values(self) -> dict:
        """The fields of a valid form that are stored."""
        return {name: value for name, value in self.cleaned_data.items() if name != "seen"}

    def expected(self, row) -> int:
        """The change number that the sender saw; who does not say saw `row` as it is read."""
        seen = self.cleaned_data["seen"]
        return row.change_number if seen is None else seen
