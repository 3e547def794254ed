"""The one validation of keys: pages post texts to it, REST hands it values of JSON."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone

from keys.keys.lifecycle import KeySpec
from keys.keys.parameters import NO_RIGHTS
from keys.keys.session import INT64, LIFETIME, UNLIMITED, Api, PolicyFacts, Right
from keys.models import Key
from keys.sessions.fields import (
    ExpiryField,
    MetaDataField,
    PoliciesField,
    PolicyField,
    RightsField,
    TagsField,
)
from orgs.http.forms import SeenForm


class KeyForm(forms.Form):
    """What a key shall be. `apis`: all of its organisation. `policies`: those of its organisation that are offered.
    `key` with its `rights` and its policies, `has`, when one is changed. `extra`:
    further members of its session; None leaves them as they are."""

    alias = forms.CharField(label="Name", max_length=200, required=False)
    owner = forms.CharField(
        max_length=200, required=False, help_text="Whoever answers for it: a person or a team."
    )
    all_apis = forms.BooleanField(label="All APIs of this organisation, also those to come", required=False)
    rate = forms.FloatField(label="Rate, requests", required=False, help_text="Empty: unlimited.")
    per = forms.FloatField(
        label="Rate, in how many seconds",
        required=False,
        min_value=-1,
        max_value=INT64,
        help_text="1 is a second, 60 a minute. Needed with a rate.",
    )
    quota_max = forms.IntegerField(
        label="Quota, requests", required=False, max_value=INT64, help_text="Empty: unlimited."
    )
    quota_renewal_rate = forms.IntegerField(
        label="Quota, renewed after seconds",
        required=False,
        min_value=-1,
        max_value=INT64,
        help_text="3600 is an hour, 86400 a day, 2592000 thirty days.",
    )
    tags = TagsField(
        required=False,
        max_length=100,
        help_text="With commas between them; each request's record carries them.",
    )
    meta_data = MetaDataField(
        label="Metadata", required=False, help_text="A JSON object that middleware can read."
    )

    def __init__(
        self,
        data: Any = None,
        *,
        apis: list[Api],
        zone: ZoneInfo,
        key: Key | None = None,
        rights: Iterable[Right] = (),
        policies: Iterable[PolicyFacts] = (),
        has: Iterable[PolicyFacts] = (),
        extra: dict[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        typed: QueryDict | None = None,
    ):
        """secrets: new ones in clear, by name. typed: what stands in the fields of a page that was sent to search and
        not to save."""
        rights, policies, has = list(rights), list(policies), [policy.id for policy in has]
        super().__init__(data, initial=_initial(key, rights, has) if typed is None else _typed(typed))
        self.key = key
        self.secrets = secrets or {}
        self.extra = (key.session_extra if key else {}) if extra is None else extra
        self.is_page = extra is None
        self.fields["access_rights"] = RightsField(apis=apis, kept=rights, label="Or these APIs")
        self.fields["apply_policies"] = PoliciesField(policies=policies, kept=has, label="Policies")
        self.fields["apply_policy_id"] = PolicyField(policies=policies)
        self.fields["expires"] = ExpiryField(
            zone=zone, label="Expiry", help_text=f"Empty: never. Time zone: {zone.key}."
        )

    def clean_expires(self) -> datetime | None:
        expires = self.cleaned_data["expires"]
        kept = self.key.expires_at if self.key else None
        # Saved unchanged, an expiry must not move: neither by its fraction of a second, nor, where a page
        # has shown an hour that occurs twice, from the second of them to the first.
        shown = self.fields["expires"].prepare_value
        if None not in (kept, expires) and shown(kept) == shown(expires):
            return kept
        if expires is not None and expires <= timezone.now():
            raise ValidationError("Must be in the future.")
        return expires

    def clean_rate(self) -> float:
        return self._unlimited_or_more("rate")

    def clean_quota_max(self) -> int:
        return self._unlimited_or_more("quota_max")

    def _unlimited_or_more(self, name: str) -> float:
        value = self.cleaned_data[name]
        if value is None:
            return UNLIMITED
        if value < 0 and value != UNLIMITED:
            raise ValidationError("Must be a number from 0 up, or -1 for unlimited.")
        return value

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("rate", 0) > 0 and (cleaned.get("per") or 0) <= 0:
            self._missing("per", "A rate needs the seconds it is counted in.")
        if cleaned.get("quota_max", 0) > 0 and (cleaned.get("quota_renewal_rate") or 0) <= 0:
            self._missing("quota_renewal_rate", "A quota needs the seconds after which it is renewed.")
        opens = (
            cleaned.get("all_apis")
            or self.policies()
            or self.errors.keys() & {"apply_policies", "apply_policy_id"}
        )
        if not opens and cleaned.get("access_rights") == []:
            self.add_error("access_rights", NO_RIGHTS)
        return cleaned

    def policies(self) -> list[PolicyFacts]:
        """Those that were asked for: as gateways do, the one counts where there is no list."""
        return self.cleaned_data.get("apply_policies") or self.cleaned_data.get("apply_policy_id") or []

    def _missing(self, name: str, message: str) -> None:
        if name not in self.errors:
            self.add_error(name, message)

    def spec(self) -> KeySpec:
        """What a valid form asks for."""
        values = self.cleaned_data
        return KeySpec(
            alias=values["alias"],
            owner=values["owner"],
            expires_at=values["expires"],
            rate=values["rate"],
            per=values["per"] or 0,
            quota_max=values["quota_max"],
            quota_renewal_rate=values["quota_renewal_rate"] or 0,
            all_apis=values["all_apis"],
            rights=() if values["all_apis"] else tuple(values["access_rights"]),
            policies=tuple(policy.id for policy in self.policies()),
            tags=values["tags"],
            meta_data=values["meta_data"],
            session_extra=self._extra(),
            secrets=self.secrets,
        )

    def _extra(self) -> dict[str, Any]:
        """Whoever takes the expiry away on a page takes the lifetime away that it came from."""
        if self.is_page and self.cleaned_data["expires"] is None:
            return {name: value for name, value in self.extra.items() if name != LIFETIME}
        return self.extra


def _typed(sent: QueryDict) -> dict[str, Any]:
    lists = {name: sent.getlist(name) for name in ("access_rights", "apply_policies")}
    return sent.dict() | lists | {"all_apis": "all_apis" in sent}


def _initial(key: Key | None, rights: list[Right], has: list[str]) -> dict[str, Any]:
    """What the page shows before anybody has typed; unlimited is an empty field there."""
    if key is None:
        return {}
    limits = {name: value for name, value in vars(key.limits).items() if value > 0}
    return limits | {
        "alias": key.alias,
        "owner": key.owner,
        "all_apis": key.all_apis,
        "access_rights": [right.api_id for right in rights],
        "apply_policies": has,
        "expires": key.expires_at,
        "tags": key.tags,
        "meta_data": key.meta_data or "",
    }


class SeenKeyForm(SeenForm):
    """Whoever changes a key on a page says which state of it the page showed."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.fields["seen"].required = True


class SuspensionForm(SeenKeyForm):
    suspended = forms.TypedChoiceField(
        choices=[("true", "suspend"), ("false", "resume")], coerce=lambda text: text == "true"
    )
