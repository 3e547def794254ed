"""What somebody types about himself: to get in, his names, his password."""

from django import forms
from django.core.exceptions import ValidationError

from orgs.http.forms import SeenForm
from orgs.people.forms import EmailAddressField, NamesForm, PasswordField
from orgs.signing_in import passwords


class SignInForm(forms.Form):
    email = EmailAddressField(autocomplete="username")
    password = PasswordField(autocomplete="current-password")


class ProfileForm(NamesForm, SeenForm):
    """The caller's own names."""


class PasswordForm(forms.Form):
    """The caller's own new password."""

    current = PasswordField(label="Current password", autocomplete="current-password")
    new = PasswordField(
        label="New password",
        help_text="At least 15 characters. A few unrelated words are easy to remember and hard to guess.",
        autocomplete="new-password",
    )

    def __init__(self, user, data=None):
        super().__init__(data, prefix="password")
        self.user = user

    def clean_current(self) -> str:
        given = self.cleaned_data["current"]
        if not self.user.check_password(given):
            raise ValidationError("This is not your current password.")
        return given

    def clean_new(self) -> str:
        passwords.validate(self.cleaned_data["new"], self.user)
        return self.cleaned_data["new"]
