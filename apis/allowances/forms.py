"""A reference that an organisation may use."""

from django import forms

from apis.definitions.rules import references

NO_REFERENCE = "Is no reference: one begins with env://, vault://, consul://, secrets://, $secret_ or $kv{."


class ReferenceForm(forms.Form):
    text = forms.CharField(
        label="Reference",
        max_length=500,
        strip=False,
        help_text=(
            "The whole text of a member, such as <code>env://ORDERS_KEY</code> or "
            "<code>$secret_env.ORDERS_KEY</code>; upper and lower case count."
        ),
    )

    def clean_text(self):
        text = self.cleaned_data["text"]
        if not references.is_reference(text):
            raise forms.ValidationError(NO_REFERENCE)
        if not text.isprintable():
            raise forms.ValidationError("Has characters that cannot be seen.")
        return text
