"""The one validation of keys: pages post texts to it, REST hands it values of JSON."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone

from keys.keys.lifecycle import KeySpec
from keys.keys.parameters import NO_RIGHTS, SessionError, rights_from
from keys.keys.search import LONGEST_SEARCH
from keys.keys.session import INT64, POLICIES, UNLIMITED, Api, Right
from keys.models import STATES, Key
from orgs.http import strict_json
from orgs.http.forms import SeenForm

LONGEST_META_DATA = 10_000
# 9999-12-31T23:59:59Z, the last second a datetime can hold.
LAST_SECOND = 253402300799


class ExpiryField(forms.Field):
    """When a key ends: unix seconds (0 and -1 are never), or local time as a browser sends it, in `zone`."""

    widget = forms.DateTimeInput(format="%Y-%m-%dT%H:%M:%S", attrs={"type": "datetime-local", "step": "1"})

    def __init__(self, *, zone: ZoneInfo, **kwargs):
        super().__init__(required=False, **kwargs)
        self.zone = zone

    def prepare_value(self, value):
        return (
            value.astimezone(self.zone).strftime("%Y-%m-%dT%H:%M:%S")
            if isinstance(value, datetime)
            else value
        )

    def to_python(self, value: Any) -> datetime | None:
        if value in (None, ""):
            return None
        return self._of_seconds(value) if isinstance(value, int) else self._of_text(value)

    def _of_seconds(self, seconds: int) -> datetime | None:
        if seconds in (0, -1):
            return None
        if not 0 < seconds <= LAST_SECOND:
            raise ValidationError("Must be unix seconds; 0 is never.")
        return datetime.fromtimestamp(seconds, UTC)

    def _of_text(self, text: str) -> datetime:
        try:
            local = datetime.fromisoformat(text.strip())
        except ValueError:
            local = None
        # Years at the ends of the calendar leave it when a zone is applied.
        if local is None or local.tzinfo is not None or not 1970 < local.year < 9999:
            raise ValidationError("Enter a date and a time.")
        # Of an hour that occurs twice, when clocks go back, the first is meant.
        return local.replace(tzinfo=self.zone).astimezone(UTC)


class RightsField(forms.MultipleChoiceField):
    """The APIs a key may open: ids ticked on a page, or the `access_rights` object of a request body."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, *, apis: Iterable[Api], kept: Iterable[Right], **kwargs):
        self.own = [api.api_id for api in apis]
        self.kept = {right.api_id: right for right in kept}
        choices = [(api.api_id, api.name or api.api_id) for api in apis]
        super().__init__(choices=choices, **kwargs)

    def prepare_value(self, value):
        return list(value) if isinstance(value, Mapping) else value

    def clean(self, value: Any) -> list[Right]:
        """Empty here is empty: whether it may be depends on the rest of the form."""
        ticked = isinstance(value, list)
        if ticked:
            value = {api_id: {} for api_id in value}
        if not value and isinstance(value, dict | None):
            return []
        try:
            rights = rights_from(value, self.own)
        except SessionError as error:
            place = error.field.removeprefix("access_rights").removeprefix(".")
            raise ValidationError(f"{place}: {error.message}" if place else error.message) from None
        # A page does not ask for versions, so it leaves those which REST has set.
        return [self.kept.get(right.api_id, right) for right in rights] if ticked else rights


class TagsField(forms.CharField):
    """Tags: a list, or texts with commas between them."""

    def prepare_value(self, value):
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        texts = value if isinstance(value, list) else str(value or "").split(",")
        cleaned = [super(TagsField, self).clean(text) for text in texts]
        if len(cleaned) > 100:
            raise ValidationError("At most 100 tags.")
        return [text for text in dict.fromkeys(cleaned) if text]


class MetaDataField(forms.Field):
    """Metadata: an object, or the text of one."""

    widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})

    def prepare_value(self, value):
        return _json_text(value) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> dict:
        if value in (None, ""):
            return {}
        if isinstance(value, str):
            try:
                value = strict_json.loads(value)
            except strict_json.BadJson as error:
                raise ValidationError(f"Not JSON: {error}.") from None
        if not isinstance(value, dict):
            raise ValidationError("Must be an object.")
        if POLICIES in value:
            raise ValidationError(
                f"{POLICIES!r} cannot be a name here: gateways would take it for the key's policies."
            )
        if len(_json_text(value)) > LONGEST_META_DATA:
            raise ValidationError(f"At most {LONGEST_META_DATA} characters.")
        return value


class KeyForm(forms.Form):
    """What a key shall be. `apis`: all of its organisation. `key` with its `rights` when one is changed."""

    alias = forms.CharField(label="Name", max_length=200, required=False)
    owner = forms.CharField(
        max_length=200, required=False, help_text="Whoever answers for it: a person or a team."
    )
    all_apis = forms.BooleanField(label="All APIs of this organisation, also those to come", required=False)
    rate = forms.FloatField(label="Rate, requests", required=False, help_text="Empty: unlimited.")
    per = forms.FloatField(label="Rate, in how many seconds", required=False, min_value=-1, max_value=INT64)
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
        typed: QueryDict | None = None,
    ):
        """typed: what stands in the fields of a page that was sent to search and not to save."""
        rights = list(rights)
        super().__init__(data, initial=_initial(key, rights) if typed is None else _typed(typed))
        self.key = key
        self.fields["access_rights"] = RightsField(apis=apis, kept=rights, label="Or these APIs")
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
        if not cleaned.get("all_apis") and cleaned.get("access_rights") == []:
            self.add_error("access_rights", NO_RIGHTS)
        return cleaned

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
            tags=values["tags"],
            meta_data=values["meta_data"],
        )


def _typed(sent: QueryDict) -> dict[str, Any]:
    return sent.dict() | {"access_rights": sent.getlist("access_rights"), "all_apis": "all_apis" in sent}


def _initial(key: Key | None, rights: list[Right]) -> dict[str, Any]:
    """What the page shows before anybody has typed; unlimited is an empty field there."""
    if key is None:
        return {}
    limits = {name: value for name, value in vars(key.limits).items() if value > 0}
    return limits | {
        "alias": key.alias,
        "owner": key.owner,
        "all_apis": key.all_apis,
        "access_rights": [right.api_id for right in rights],
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


NEWEST_FIRST = "-created"
SORTS = {
    "created": ("created_at", "id"),
    NEWEST_FIRST: ("-created_at", "-id"),
    "name": ("alias", "id"),
    "-name": ("-alias", "-id"),
}


class KeyFilterForm(forms.Form):
    """What the list shows: a search over name, owner and the start of the hash; a state; an API; in which order."""

    q = forms.CharField(label="Search", required=False, max_length=LONGEST_SEARCH)
    state = forms.ChoiceField(
        required=False, choices=[("", "Any state"), *((state, state.capitalize()) for state in STATES)]
    )
    api = forms.CharField(label="API", required=False)
    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in SORTS])

    def __init__(self, data: Any, *, apis: Iterable[Api]):
        super().__init__(data)
        self.own = {api.api_id for api in apis}

    def clean_api(self) -> str:
        chosen = self.cleaned_data["api"]
        if chosen and chosen not in self.own:
            raise ValidationError("There is no such API.")
        return chosen

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that a valid form sorts by (orgs.http.paging)."""
        return SORTS[self.cleaned_data["sort"] or NEWEST_FIRST]


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
