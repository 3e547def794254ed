"""What a list of keys is asked for."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from keys.finding import tokens
from keys.keys.search import LONGEST_SEARCH, Called, Found, found
from keys.keys.session import Api, PolicyFacts
from keys.models import STATES
from orgs.models import Organisation, User
from orgs.providers import callers

NEWEST_FIRST = "-created"
SORTS = {
    "created": ("created_at", "id"),
    NEWEST_FIRST: ("-created_at", "-id"),
    "name": ("alias", "id"),
    "-name": ("-alias", "-id"),
}
# What `used` asks: its words, within how many days, whether such keys are wanted or the others.
USED = {
    "24h": ("Used in 24 hours", callers.DAY, True),
    "no-24h": ("Not used in 24 hours", callers.DAY, False),
    "30d": ("Used in 30 days", callers.MONTH, True),
    "no-90d": ("Silent for 90 days", callers.QUARTER, False),
    "never": ("Never used", callers.EVER, False),
}
ENDING = {"30d": ("Within 30 days", timedelta(days=30))}


class KeyFilterForm(forms.Form):
    """A search over name, owner, tags, metadata, id and the start of the hash; a state; an API; a policy; a tag; an
    owner, or none; use; expiry; in which order. sees_traffic: whether it may ask for use."""

    q = forms.CharField(label="Search", required=False, max_length=LONGEST_SEARCH)
    state = forms.ChoiceField(
        required=False, choices=[("", "Any state"), *((state, state.capitalize()) for state in STATES)]
    )
    api = forms.CharField(label="API", required=False)
    policy = forms.CharField(required=False)
    tag = forms.CharField(required=False, max_length=100)
    owner = forms.CharField(required=False, max_length=200)
    no_owner = forms.ChoiceField(required=False, choices=[("yes", "without an owner")])
    used = forms.ChoiceField(
        required=False, choices=[("", "Used or not"), *((name, words) for name, (words, *_) in USED.items())]
    )
    ends = forms.ChoiceField(
        required=False, choices=[("", "Any expiry"), *((name, words) for name, (words, _) in ENDING.items())]
    )
    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in SORTS])

    def __init__(
        self,
        data: Any,
        *,
        apis: Iterable[Api],
        policies: Collection[PolicyFacts],
        sees_traffic: bool,
    ):
        super().__init__(data)
        # From when on the traffic is known that it asks for.
        self.since: datetime | None = None
        self.own = {api.api_id for api in apis}
        self.policies = {policy.id: policy for policy in policies}
        if not sees_traffic:
            del self.fields["used"]

    def clean_q(self) -> str:
        text = self.cleaned_data["q"]
        if tokens.is_token(text):
            raise ValidationError(
                "This is a token, which must stand in no address. Type it into the search of the list."
            )
        return text

    def clean_api(self) -> str:
        chosen = self.cleaned_data["api"]
        if chosen and chosen not in self.own:
            raise ValidationError("There is no such API.")
        return chosen

    def clean_policy(self) -> str:
        chosen = self.cleaned_data["policy"]
        if chosen and chosen not in self.policies:
            raise ValidationError("There is no such policy.")
        return chosen

    def asked(self) -> dict[str, str]:
        """What a valid form asks for, as addresses say it."""
        return {name: value for name, value in self.cleaned_data.items() if value}

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that a valid form sorts by (orgs.http.paging)."""
        return SORTS[self.cleaned_data["sort"] or NEWEST_FIRST]

    def found(self, org: Organisation, user: User, now: datetime) -> Found | None:
        """The keys that a valid form asks for; None if it cannot be said now which of them were used."""
        asked = self.asked()
        called = None
        if "used" in asked:
            _, days, wanted = USED[asked["used"]]
            known = callers.of(org, user, days, now)
            if known is None:
                return None
            self.since = known.since
            # A key that is younger has not been silent for so long.
            before = now - timedelta(days=days) if days == callers.QUARTER else None
            called = Called(known.hashes, wanted, before)
        return found(
            text=asked.get("q", ""),
            state=asked.get("state", ""),
            api_id=asked.get("api", ""),
            policy=asked.get("policy", ""),
            tag=asked.get("tag", ""),
            owner="" if "no_owner" in asked else asked.get("owner"),
            called=called,
            ends_by=now + ENDING[asked["ends"]][1] if "ends" in asked else None,
        )
