"""An alert as a person types it, and as a program sends it: the same rules behind both doors."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apis.models import ApiDefinition
from dashboard.alerts.kinds import KINDS, MOST_QUIET, MOST_WINDOW, Kind
from dashboard.alerts.models import Rule
from dashboard.alerts.sending import webhook
from orgs.email_address import normal_address, validate_address
from orgs.http import outgoing
from orgs.http.forms import SeenForm
from orgs.ids import is_id
from orgs.models import User

MOST_MAILS = 20
_LITERAL = "Must not be an address of a private network."


class KindForm(forms.Form):
    """Which kind of alert a page is about."""

    kind = forms.ChoiceField(choices=[(name, kind.label) for name, kind in KINDS.items()])


class RuleForm(SeenForm):
    """After is_valid(): `columns`, those of Rule. kind: what is watched. rule: the alert that is changed, None of a new
    one, which may be about one of `apis`, (id, name), of the organisation. author: who asks; only administrators may
    have others than its people written to."""

    name = forms.CharField(max_length=200)
    api = forms.ChoiceField(label="API", required=False)
    threshold = forms.FloatField()
    window = forms.IntegerField(label="Minutes looked at", min_value=1, max_value=MOST_WINDOW, initial=10)
    least = forms.IntegerField(
        label="Fewest requests",
        min_value=1,
        max_value=1_000_000,
        initial=20,
        help_text="With fewer in these minutes nothing is said: one failure of one request is no alert.",
    )
    quiet = forms.IntegerField(
        label="Quiet period, minutes",
        min_value=0,
        max_value=MOST_QUIET,
        initial=60,
        help_text="The same thing bad again within so many minutes is not told again before they are over.",
    )
    mails = forms.CharField(
        label="Mail to",
        required=False,
        max_length=6_000,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text=f"Addresses of people of this organisation, one a line, {MOST_MAILS} at most. "
        "Only administrators may name others.",
    )
    webhook = forms.CharField(
        required=False,
        max_length=2_000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="A public address that takes a signed POST of JSON, such as https://hooks.example/alerts.",
    )
    enabled = forms.BooleanField(label="On", required=False, initial=True)

    def __init__(
        self, data: Any, *, kind: Kind, author: User, org_id: str, rule: Rule | None = None, apis=(), **named
    ):
        super().__init__(data, **named)
        self.kind, self.author, self.org_id, self.rule = kind, author, org_id, rule
        self.fields["api"].choices = [("", "All APIs"), *apis]
        for name in self._useless():
            del self.fields[name]
        if kind.unit:
            self.fields["threshold"] = forms.FloatField(
                label=_THRESHOLDS[kind.name],
                initial=kind.proposed,
                min_value=kind.lowest,
                max_value=kind.highest,
            )
        self.order_fields(
            ["name", "api", "threshold", "window", "least", "quiet", "mails", "webhook", "enabled"]
        )

    def _useless(self) -> list[str]:
        """The fields that say nothing of this kind, or that stay as they are."""
        found = [] if self.kind.of_share else ["least"]
        found += [] if self.kind.unit else ["threshold"]
        found += [] if self.kind.of_traffic else ["window", "api"]
        return found + (["api"] if self.rule and "api" not in found else [])

    def clean_name(self):
        name = self.cleaned_data["name"]
        if not name.isprintable():
            raise ValidationError("Must be printable.")
        return name

    def clean_mails(self):
        typed = self.cleaned_data["mails"].replace(",", "\n").split("\n")
        addresses = list(dict.fromkeys(normal_address(line) for line in typed if line.strip()))
        if len(addresses) > MOST_MAILS:
            raise ValidationError(f"Must not be more than {MOST_MAILS} addresses.")
        for address in addresses:
            validate_address(address)
        return addresses

    def clean_webhook(self):
        url = self.cleaned_data["webhook"]
        if not url:
            return url
        try:
            host = outgoing.parts_of(url, query=True).hostname
        except ValueError as error:
            raise ValidationError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
        # A name is looked up when it is asked; an address can be told now.
        if outgoing.is_address(host) and not webhook.is_allowed(host):
            raise ValidationError(_LITERAL)
        return url

    def clean(self):
        cleaned = super().clean()
        if not self.errors:
            self.columns = {name: value for name, value in cleaned.items() if name not in ("seen", "api")}
            self.columns["outside"] = self._outside(cleaned["mails"])
            if self.rule is None:
                self.columns |= {"kind": self.kind.name, "api_id": cleaned.get("api") or None}
        return cleaned

    def _outside(self, mails: list[str]) -> list[str]:
        """Those of some addresses that are no member's, if the author may name them or an administrator has. Not those
        of people who have left since they were named: nobody has allowed that."""
        members = set(
            User.everyone.filter(org_id=self.org_id, email__in=mails).values_list("email", flat=True)
        )
        known, named = (self.rule.outside, self.rule.mails) if self.rule else ((), ())
        left = [address for address in named if address not in known]
        others = [address for address in mails if address not in members and address not in left]
        if not (self.author.is_superuser or self.author.is_administrator):
            for address in others:
                if address not in known:
                    raise ValidationError({"mails": f"{address} is nobody of this organisation."})
        return others


class AcknowledgementForm(forms.Form):
    incident = forms.CharField(max_length=24)

    def clean_incident(self):
        if not is_id(self.cleaned_data["incident"]):
            raise ValidationError("Is no id.")
        return self.cleaned_data["incident"]


def choices(org_id: str) -> list[tuple[str, str]]:
    """The APIs of an organisation that an alert may be about, by name."""
    rows = ApiDefinition.objects.filter(org_id=org_id).order_by("name", "api_id")
    return [(id, name) for id, name in rows.values_list("id", "name")]


_THRESHOLDS = {
    "errors": "5xx at least, %",
    "p95": "95th percentile at least, ms",
    "quota": "Used at least, %",
    "certificate": "Days before it ends",
}
