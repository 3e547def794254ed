"""What people type about people and organisations. The rules behind every door are in orgs.people.accounts."""

from django import forms
from django.core.exceptions import ValidationError

from orgs import declarations, rights
from orgs.email_address import LONGEST, normal_address, validate_address
from orgs.models import zone_names
from orgs.organisations.limits import LIMITS
from orgs.signing_in import passwords


def add_errors(form: forms.Form, error: ValidationError) -> None:
    """Put an error of orgs.people.accounts beside the fields it names, or above the form where it names none."""
    for name, texts in getattr(error, "message_dict", {None: error.messages}).items():
        form.add_error(name if name in form.fields else None, texts)


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


class EmailAddressField(forms.CharField):
    """An address in its normal spelling. A plain text box: browsers refuse `jürgen@…` in one for e-mail addresses."""

    default_validators = [validate_address]

    def __init__(self, *, autocomplete: str = "off", **kwargs):
        attributes = {"autocomplete": autocomplete, "inputmode": "email", "autocapitalize": "none"}
        super().__init__(
            **{
                "label": "E-mail address",
                "max_length": LONGEST,
                "widget": forms.TextInput(attrs={**attributes, "spellcheck": "false"}),
                **kwargs,
            }
        )

    def to_python(self, value) -> str:
        return normal_address(super().to_python(value))


class SignInForm(forms.Form):
    email = EmailAddressField(autocomplete="username")
    password = forms.CharField(
        max_length=passwords.LONGEST,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class NamesForm(forms.Form):
    first_name = forms.CharField(
        max_length=150, required=False, widget=forms.TextInput(attrs={"autocomplete": "given-name"})
    )
    last_name = forms.CharField(
        max_length=150, required=False, widget=forms.TextInput(attrs={"autocomplete": "family-name"})
    )


class PasswordForm(forms.Form):
    """The caller's own new password."""

    current = forms.CharField(
        label="Current password",
        max_length=passwords.LONGEST,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = forms.CharField(
        label="New password",
        help_text="At least 15 characters. A few unrelated words are easy to remember and hard to guess.",
        max_length=passwords.LONGEST,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
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


class PersonForm(NamesForm):
    """A new person."""

    email = EmailAddressField()
    password = forms.CharField(
        label="Initial password",
        help_text="At least 15 characters. Leave it empty and one is made, and shown to you once.",
        max_length=passwords.LONGEST,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    field_order = ("email", "first_name", "last_name", "password")

    def clean_password(self) -> str:
        if self.cleaned_data["password"]:
            passwords.validate(self.cleaned_data["password"])
        return self.cleaned_data["password"]


class ProfileForm(NamesForm, SeenForm):
    """The caller's own names."""


class PersonChangeForm(NamesForm, SeenForm):
    email = EmailAddressField()
    field_order = ("email", "first_name", "last_name")


LEVELS = (("", "None"), ("read", "Read"), ("write", "Write"), ("deny", "Deny"))


class RightsForm(forms.Form):
    """A permission map as a grid of permission and level.

    held: the person's own map now. granter: what counts for the caller (orgs.rights.effective).
    A level which the caller may not grant is shown but cannot be chosen; not arriving, it stays as it was.
    """

    administrator = forms.BooleanField(
        required=False,
        label="Administrator",
        help_text="May do everything in the organisation that is not denied below.",
    )

    def __init__(self, held: dict[str, str], granter: dict[str, str], data=None):
        super().__init__(data, prefix="rights", initial={"administrator": held.get("IsAdmin") == "admin"})
        self.held, self.granter = held, granter
        self.fields["administrator"].disabled = not self.may_grant("IsAdmin", "admin")
        for name in rights.NAMES:
            self.fields[name] = forms.ChoiceField(choices=self.levels(name), required=False)

    def may_grant(self, name: str, level: str) -> bool:
        return not rights.exceeding({name: level}, self.granter)

    @staticmethod
    def levels(name: str) -> list[tuple[str, str]]:
        return [level for level in LEVELS if level[0] != "write" or name not in rights.READ_ONLY]

    def rows(self) -> list[dict]:
        return [self.row(name, words) for name, words in declarations.rights().items()]

    def other_rows(self) -> list[dict]:
        """Those without a page yet, which matter to REST clients only."""
        worded = declarations.rights()
        return [self.row(name, name) for name in rights.NAMES if name not in worded]

    def row(self, name: str, label: str) -> dict:
        chosen = self.data.get(self.add_prefix(name), self.held.get(name, ""))
        choosable = dict(self.levels(name))
        cells = [
            {
                "level": level,
                "text": text,
                "exists": level in choosable,
                "chosen": level == chosen,
                "disabled": level in ("read", "write") and not self.may_grant(name, level),
            }
            for level, text in LEVELS
        ]
        return {"name": self.add_prefix(name), "permission": name, "label": label, "cells": cells}

    def granted(self) -> dict[str, str]:
        """The whole new map, of a valid form."""
        new = dict(self.held)
        for name in rights.NAMES:
            if self.add_prefix(name) in self.data:
                new[name] = self.cleaned_data[name]
        # Left as it was, it changes nothing: an administrator may hold one of the two only.
        ticked = self.cleaned_data["administrator"]
        if ticked != (self.held.get("IsAdmin") == "admin"):
            new |= dict.fromkeys(rights.PSEUDO, "admin" if ticked else "")
        return {name: level for name, level in new.items() if level}


def _limit(name: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=f"Most {LIMITS[name].what}",
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        initial=LIMITS[name].default,
    )


class OrganisationForm(forms.Form):
    owner_name = forms.CharField(label="Name", max_length=200)
    slug = forms.SlugField(
        max_length=60,
        required=False,
        help_text="Part of the address of all its pages. Left empty it is made from the name.",
    )
    time_zone = forms.ChoiceField(
        choices=lambda: [(name, name) for name in zone_names()],
        initial="UTC",
        help_text="Days and hours on the organisation's pages are counted in it.",
    )
    cname = forms.CharField(label="Custom domain", max_length=253, required=False)
    cname_enabled = forms.BooleanField(label="Use the custom domain", required=False)
    enabled = forms.BooleanField(
        label="Enabled",
        required=False,
        initial=True,
        help_text="While an organisation is disabled nobody in it can sign in.",
    )
    max_apis = _limit("max_apis")
    max_definition_bytes = _limit("max_definition_bytes")
    max_definitions_bytes = _limit("max_definitions_bytes")
    max_keys = _limit("max_keys")
    max_people = _limit("max_people")

    def clean(self):
        """A limit left out stays as it is."""
        cleaned = super().clean()
        return {name: value for name, value in cleaned.items() if name not in LIMITS or value is not None}

    def limits(self):
        return [self[name] for name in LIMITS]


class OrganisationChangeForm(OrganisationForm, SeenForm):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.fields["slug"].help_text = "Part of the address of all its pages. Left empty it stays as it is."
