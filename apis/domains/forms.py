"""A domain that an organisation is to have."""

from django import forms

from apis.domains.names import LONGEST, host


class DomainForm(forms.Form):
    name = forms.CharField(
        label="Domain",
        max_length=LONGEST + 7,  # with a dot and a port, which are left out
        help_text="A host name, such as <code>api.acme.example</code>. It stands for itself alone, on every port.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_name(self):
        name = host(self.cleaned_data["name"])
        if name is None:
            raise forms.ValidationError("Must be a host name of letters, digits, dots and hyphens.")
        return name
