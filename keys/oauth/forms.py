"""What people type to make or change an OAuth client. Whether that is good, keys.oauth.rules and lifecycle say."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.db.models import Q

from keys.keys.session import PolicyFacts
from keys.models import OAuthClient
from keys.oauth.rules import LONGEST
from keys.sessions.fields import MetaDataField
from orgs.http.forms import SeenForm

NEWEST_FIRST = "-created"
SORTS = {
    "client": ("client_id", "id"),
    "-client": ("-client_id", "-id"),
    "created": ("created_at", "id"),
    NEWEST_FIRST: ("-created_at", "-id"),
}


class _OwnField(forms.ChoiceField):
    """One of the organisation's things. That it is one is said where it is looked up, in the words of REST."""

    def valid_value(self, value):
        return True


class ClientForm(forms.Form):
    """A client that is there, when `client` is given, or a new one. policies: those that it may be given; apis:
    (API ID, name) of those that use OAuth 2.0."""

    api_id = _OwnField(label="API")
    client_id = forms.CharField(
        label="Client ID",
        required=False,
        max_length=LONGEST["client_id"],
        help_text="Leave it empty to have one made. It cannot be changed later.",
    )
    policy_id = _OwnField(
        label="Policy", help_text="What its tokens open, and how much. Another one ends the tokens there are."
    )
    redirect_uri = forms.CharField(
        label="Redirect URI",
        max_length=LONGEST["redirect_uri"],
        help_text=(
            "Where people come back to after they agreed. Gateways require one, however the client gets its tokens."
        ),
    )
    description = forms.CharField(required=False, max_length=LONGEST["description"])
    meta_data = MetaDataField(
        label="Metadata", required=False, help_text="A JSON object that goes into the session of each token."
    )

    def __init__(
        self,
        data: Any = None,
        *,
        policies: Iterable[PolicyFacts],
        apis: Iterable[tuple[str, str]] = (),
        client: OAuthClient | None = None,
        initial: dict[str, Any] | None = None,
    ):
        super().__init__(data, initial=_initial(client) if client else initial)
        self.fields["policy_id"].choices = [
            ("", "Choose one"),
            *((policy.id, policy.name) for policy in policies if policy.grants_rights),
        ]
        self.fields["api_id"].choices = [("", "Choose one"), *apis]
        if client:
            del self.fields["api_id"], self.fields["client_id"]

    def values(self) -> dict[str, Any]:
        """A valid form as a request's body would say it."""
        return {name: value for name, value in self.cleaned_data.items() if name != "api_id"}


def _initial(client: OAuthClient) -> dict[str, Any]:
    return {
        "policy_id": client.policy_id,
        "redirect_uri": client.redirect_uri,
        "description": client.description,
        "meta_data": client.meta_data,
    }


class SeenClientForm(SeenForm):
    """Whoever changes a client on a page says which state of it the page showed."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.fields["seen"].required = True


class SuspensionForm(SeenClientForm):
    suspended = forms.TypedChoiceField(
        choices=[("true", "suspend"), ("false", "resume")], coerce=lambda text: text == "true"
    )


class TokensForm(forms.Form):
    """Which token ends; all of them without."""

    token = forms.RegexField(r"^[0-9a-f]{8,64}$", required=False)


class ListForm(forms.Form):
    """What the list shows: a part of id or description, an API, a state; in which order."""

    q = forms.CharField(label="Search", required=False, max_length=200)
    api = forms.CharField(required=False, max_length=200)
    state = forms.ChoiceField(
        required=False,
        choices=[
            ("", "Active and suspended"),
            ("active", "Active"),
            ("suspended", "Suspended"),
            ("deleted", "Deleted"),
        ],
    )
    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in SORTS])

    def found(self, clients):
        """Those of `clients` that a valid form asks for."""
        asked = self.cleaned_data
        if asked["q"]:
            clients = clients.filter(
                Q(client_id__icontains=asked["q"]) | Q(description__icontains=asked["q"])
            )
        if asked["api"]:
            clients = clients.filter(served_api_id=asked["api"])
        if asked["state"] == "deleted":
            return clients.filter(deleted_at__isnull=False)
        clients = clients.filter(deleted_at=None)
        return clients.filter(suspended=asked["state"] == "suspended") if asked["state"] else clients

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that a valid form sorts by (orgs.http.paging)."""
        return SORTS[self.cleaned_data["sort"] or NEWEST_FIRST]
