"""Where the control API of a gateway is, as a super-user says it."""

from django import forms

from orgs.http.outgoing import parts_of

LONGEST_SECRET = 500


class NameForm(forms.Form):
    """Whose control API a page is about: the host name that a gateway says."""

    hostname = forms.CharField(max_length=253, strip=False)


class ControlForm(NameForm):
    """present: the GatewayControl that there is, or None; its secret goes to no other address than it was given for."""

    hostname = forms.CharField(max_length=253, strip=False, widget=forms.HiddenInput)
    url = forms.CharField(
        label="Address",
        max_length=500,
        help_text="Where Gatehouse reaches the gateway\u2019s control API, such as http://10.0.0.7:8080. It must "
        "lie in one of the networks of the setting GATEWAY_CONTROL_NETWORKS.",
    )
    secret = forms.CharField(
        label="Secret",
        max_length=LONGEST_SECRET,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="The member secret of the gateway\u2019s tyk.conf. It is kept sealed and shown to nobody again; "
        "left empty, the one that is kept stays, as long as the address does.",
    )

    def __init__(self, *arguments, present=None, **named):
        super().__init__(*arguments, **named)
        self.present = present

    def clean_url(self):
        url = self.cleaned_data["url"].rstrip("/")
        try:
            parts_of(url)
        except ValueError as error:
            raise forms.ValidationError(f"{error}.") from None
        return url

    def clean_secret(self):
        secret = self.cleaned_data["secret"]
        if not (secret.isascii() and secret.isprintable()):
            raise forms.ValidationError("must be printable ASCII, as a header has it.")
        return secret

    def clean(self):
        said = self.cleaned_data
        same = self.present is not None and said.get("url") == self.present.url
        if not same and "secret" in said and not said["secret"]:
            self.add_error("secret", "must be given with a new address.")
        return said
