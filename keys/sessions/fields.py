"""The fields of a form for keys. Each takes the texts of a page and the values of a request body."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError

from keys.keys.parameters import SessionError, policies_from, rights_from
from keys.keys.session import Api, PolicyFacts, Right
from keys.policies.document import ACTED_ON
from orgs.http import strict_json

LONGEST_META_DATA = 10_000
# 9999-12-31T23:59:59Z, the last second a datetime can hold.
LAST_SECOND = 253402300799
MOST_TAGS = 100
TOO_MANY_TAGS = f"At most {MOST_TAGS} tags."


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


class PoliciesField(forms.MultipleChoiceField):
    """The policies a key has, in the order in which gateways apply them: ids of rows ticked on a page, or those of a
    request body. kept: those that it has already, whose order ticks leave as it is."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, *, policies: Iterable[PolicyFacts], kept: Iterable[str], **kwargs):
        self.own, self.kept = list(policies), list(kept)
        choices = [(policy.id, policy.name) for policy in self.own]
        super().__init__(choices=choices, required=False, **kwargs)

    def clean(self, value: Any) -> list[PolicyFacts]:
        names = value or []
        names = [id for id in self.kept if id in names] + [name for name in names if name not in self.kept]
        try:
            return policies_from(names, self.own)
        except SessionError as error:
            raise ValidationError(error.message) from None


class PolicyField(forms.CharField):
    """The one policy of a key, as older clients of REST name it."""

    def __init__(self, *, policies: Iterable[PolicyFacts]):
        super().__init__(required=False)
        self.own = list(policies)

    def clean(self, value: Any) -> list[PolicyFacts]:
        try:
            return policies_from([value] if value else [], self.own)
        except SessionError as error:
            raise ValidationError(error.message) from None


class TagsField(forms.CharField):
    """Tags: a list, or texts with commas between them."""

    def prepare_value(self, value):
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        texts = value if isinstance(value, list) else str(value or "").split(",")
        cleaned = [super(TagsField, self).clean(text) for text in texts]
        if len(cleaned) > MOST_TAGS:
            raise ValidationError(TOO_MANY_TAGS)
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
        if len(_json_text(value)) > LONGEST_META_DATA:
            raise ValidationError(f"At most {LONGEST_META_DATA} characters.")
        for name, why in ACTED_ON.items():
            if name in value:
                raise ValidationError(f"{name}: {why}.")
        return value


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
