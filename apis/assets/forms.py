"""A template as a person types it. The rules are those of the wire (apis.assets.members)."""

from django import forms
from django.core.exceptions import ValidationError

from apis.assets.members import KIND, LONGEST_DESCRIPTION, taken
from apis.definitions import document
from orgs.http.rest import RestError
from orgs.http.strict_json import BadJson

_FIELDS = {"id": "asset_id", "data": "text"}


class AssetForm(forms.Form):
    """After is_valid(): `members`, columns of Asset. seen: the state that is changed, None of a new one."""

    name = forms.CharField(max_length=200)
    description = forms.CharField(required=False, max_length=LONGEST_DESCRIPTION)
    asset_id = forms.CharField(
        required=False,
        max_length=200,
        label="ID",
        help_text="By which <code>?templateID=</code> names it. Left empty it is given one.",
    )
    text = forms.CharField(
        label="Template",
        strip=False,
        max_length=document.LARGEST,
        widget=forms.Textarea(attrs={"class": "editor", "spellcheck": "false", "autocomplete": "off"}),
        help_text=(
            "A JSON object: what a document lacks of it, it is given when an API is made of it. All else stays as the "
            "document says."
        ),
    )
    seen = forms.IntegerField(required=False, min_value=0, max_value=2**63 - 1, widget=forms.HiddenInput)

    def clean(self):
        cleaned = super().clean()
        if not self.errors:
            try:
                self.members = taken(self._body(cleaned))
            except BadJson as error:
                raise ValidationError({"text": f"This is not JSON: {error}"}) from None
            except RestError as error:
                member, _, fault = str(error).partition(": ")
                name = _FIELDS.get(member, member)
                raise ValidationError({name: fault} if name in self.fields else str(error)) from None
        return cleaned

    def _body(self, cleaned):
        data = document.parse(cleaned["text"])
        if not isinstance(data, dict):
            raise ValidationError({"text": "Must be a JSON object."})
        body = {"kind": KIND, "name": cleaned["name"], "description": cleaned["description"], "data": data}
        return body | ({"id": cleaned["asset_id"]} if cleaned["asset_id"] else {})
