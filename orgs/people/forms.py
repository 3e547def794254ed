"""What is typed about people. The rules behind every door are in orgs.people.accounts."""

from django import forms

from orgs import declarations, rights
from orgs.email_address import LONGEST, normal_address, validate_address
from orgs.http.forms import SeenForm, field_of
from orgs.models import User
from orgs.signing_in import passwords


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


class PasswordField(forms.CharField):
    """A password as it is typed, blanks included. autocomplete: "current-password" or "new-password"."""

    def __init__(self, *, autocomplete: str, **kwargs):
        widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
        super().__init__(max_length=passwords.LONGEST, strip=False, widget=widget, **kwargs)


class NamesForm(forms.Form):
    first_name = field_of(User, "first_name", widget=forms.TextInput(attrs={"autocomplete": "given-name"}))
    last_name = field_of(User, "last_name", widget=forms.TextInput(attrs={"autocomplete": "family-name"}))


class PersonForm(NamesForm):
    """A new person."""

    email = EmailAddressField()
    password = PasswordField(
        label="Initial password",
        help_text="At least 15 characters. Leave it empty and one is made, and shown to you once.",
        required=False,
        autocomplete="new-password",
    )
    field_order = ("email", "first_name", "last_name", "password")

    def clean_password(self) -> str:
        if self.cleaned_data["password"]:
            passwords.validate(self.cleaned_data["password"])
        return self.cleaned_data["password"]


class PersonChangeForm(NamesForm, SeenForm):
    email = EmailAddressField()
    field_order = ("email", "first_name", "last_name")


SORTS = {
    "email": ("email", "id"),
    "-email": ("-email", "-id"),
    "name": ("name", "id"),
    "-name": ("-name", "-id"),
    "signed_in": ("signed_in", "id"),
    "-signed_in": ("-signed_in", "-id"),
}


class PersonListForm(forms.Form):
    """In which order a list of people is."""

    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in SORTS])

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that a valid form sorts by (orgs.http.paging)."""
        return SORTS[self.cleaned_data["sort"] or "email"]


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
