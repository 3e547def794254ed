"""What people type to change a policy, as Tyk's policy object. Whether that is good, keys.policies.lifecycle says."""

import json
from collections.abc import Iterable
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict

from apis import forms as apis
from apis.definitions.document import LARGEST, compact, object_in
from apis.definitions.pointer import steps
from keys.keys.session import INT64, Api
from keys.models import Policy, PolicyRight
from keys.policies import document, fields
from orgs.http import strict_json

STATES = (
    ("active", "Active: keys can be given it"),
    ("draft", "Draft: being prepared; keys that have it already go on working"),
    ("deny", "Deny: keys that have it are refused"),
)
LAST_CHANGED_FIRST = "-updated_at"
SORTS = {
    "name": ("name", "id"),
    "-name": ("-name", "-id"),
    "updated_at": ("updated_at", "id"),
    LAST_CHANGED_FIRST: ("-updated_at", "-id"),
}
# Members that have a field of their own name; faults below one are said there too.
_FIELDS = ("name", "state", "access_rights", "tags", "meta_data", *fields.NUMBERS)


def _number(label: str, help_text: str = "", *, whole: bool = False) -> forms.Field:
    kind = forms.IntegerField if whole else forms.FloatField
    return kind(label=label, required=False, min_value=-1, max_value=INT64, help_text=help_text)


def _flag(label: str, help_text: str) -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False, help_text=help_text)


class ApisField(forms.MultipleChoiceField):
    """The ids of APIs. That each is one of the organisation's is said with all else that is wrong with a policy."""

    def valid_value(self, value):
        return True


class PolicyForm(apis.DocumentForm):
    """The fields that most policies need. base: the policy they are put into (a new one without). own: the APIs of the
    organisation.

    carried: `base` came over from the JSON and is stored nowhere, so the form carries it along. typed: what stands in
    the fields of a page that was sent to search and not to save.
    """

    base_text = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)
    name = forms.CharField(max_length=document.LONGEST_NAME)
    state = forms.ChoiceField(choices=STATES, widget=forms.RadioSelect)
    access_rights = ApisField(label="APIs", required=False)
    rate = _number("Rate, requests", "Empty: none. -1: unlimited, also where another policy sets one.")
    per = _number("Rate, in how many seconds", "1 is a second, 60 a minute. Needed with a rate.")
    quota_max = _number("Quota, requests", "Empty: none. -1: unlimited.", whole=True)
    quota_renewal_rate = _number(
        "Quota, renewed after seconds", "86400 is a day, 2592000 thirty days.", whole=True
    )
    throttle_interval = _number(
        "Throttling, wait in seconds", "Requests over the rate wait and are tried again."
    )
    throttle_retry_limit = _number("Throttling, most tries", whole=True)
    max_query_depth = _number("GraphQL query depth", "Empty: none. -1: unlimited.", whole=True)
    partition_acl = _flag("Access", "Keys take the APIs, versions and paths from this policy.")
    partition_rate_limit = _flag("Rate", "Keys take rate and throttling from this policy.")
    partition_quota = _flag("Quota", "Keys take the quota from this policy.")
    partition_complexity = _flag("Query depth", "Keys take the depth of GraphQL queries from this policy.")
    partition_per_api = _flag(
        "Limits for each API",
        "Each API is counted by itself, by the limits that its entry has in the JSON. Not together with the others.",
    )
    key_expires_in = _number(
        "Keys end after seconds",
        "For keys that others make by this policy, such as developers in a portal. Empty: never.",
        whole=True,
    )
    tags = forms.CharField(
        required=False, help_text="With commas between them; each request's record carries them."
    )
    meta_data = forms.CharField(
        label="Metadata",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="A JSON object that middleware can read; it is put into that of the key.",
    )

    def __init__(
        self,
        data: Any = None,
        *,
        own: Iterable[Api],
        base: dict | None = None,
        started_from: int | None = None,
        message: str = "",
        carried: bool = False,
        typed: QueryDict | None = None,
    ):
        self.own = list(own)
        self.base = base or fields.new()
        self.shown = fields.fields(self.base)
        initial = _initial(self.shown) if typed is None else _typed(typed)
        if carried:
            initial["base_text"] = compact(self.base)
        super().__init__(data, initial, started_from, message)

    def field_of(self, pointer):
        first, second = [*steps(pointer), "", ""][:2]
        if first == "partitions":
            return f"partition_{second}" if second in fields.FLAGS else None
        first = "access_rights" if first == "access_rights_array" else first
        return first if first in _FIELDS else None

    def wording(self, problem, field):
        is_of_field = field and len(steps(problem.pointer)) == (2 if field.startswith("partition_") else 1)
        return problem.message if is_of_field else str(problem)

    def clean_base_text(self):
        text = self.cleaned_data["base_text"]
        if text and object_in(text) is None:
            raise forms.ValidationError("Is no policy.")
        return text

    def clean_tags(self) -> list[str]:
        """A text that stands as it was shown means what it was made of, also a tag with a comma."""
        text = self.cleaned_data["tags"]
        if text == _tags_text(self.shown["tags"]):
            return self.shown["tags"]
        return [tag for tag in dict.fromkeys(piece.strip() for piece in text.split(",")) if tag]

    def clean_meta_data(self) -> dict[str, Any]:
        text = self.cleaned_data["meta_data"].strip()
        if not text:
            return {}
        try:
            value = strict_json.loads(text)
        except strict_json.BadJson as error:
            raise forms.ValidationError(f"Not JSON: {error}.") from None
        if not isinstance(value, dict):
            raise forms.ValidationError("Must be an object.")
        return value

    @property
    def definition(self) -> dict[str, Any]:
        """The policy as far as the form is valid; the rest is as it was."""
        return self._filled({})

    @property
    def draft(self) -> dict[str, Any]:
        """The policy of a form that need not be valid: what is wrong stands in it as it was typed."""
        return self._filled(
            {name: self.data.get(name, "") for name in self.shown.keys() & self.errors.keys()}
        )

    def _filled(self, values: dict[str, Any]) -> dict[str, Any]:
        cleaned = {name: value for name, value in self.cleaned_data.items() if name in self.shown}
        for name in fields.NUMBERS & cleaned.keys():
            cleaned[name] = _plain(cleaned[name] or 0)
        return fields.apply(self.base, self.shown | cleaned | values, self.own)


class JsonForm(apis.JsonForm):
    """The whole policy as text. After is_valid() `definition` is what it says."""

    new = staticmethod(fields.new)
    text = forms.CharField(
        strip=False,
        label="Policy",
        max_length=LARGEST,
        widget=forms.Textarea(attrs={"class": "editor", "spellcheck": "false", "autocomplete": "off"}),
        help_text="Fields not known here are kept. <code>_id</code>, <code>org_id</code> and "
        "<code>last_updated</code> are set for you, <code>active</code> and <code>is_inactive</code> follow from "
        "<code>state</code>, <code>access_rights_array</code> from <code>access_rights</code>.",
    )


class ListForm(forms.Form):
    """What the list shows: a search over names, tags, ids and APIs; a state; in which order."""

    q = forms.CharField(label="Search", required=False, max_length=200)
    state = forms.ChoiceField(
        required=False,
        choices=[("", "Any state"), *((state, state.capitalize()) for state in document.STATES)],
    )
    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in SORTS])

    def found(self, policies: QuerySet[Policy]) -> QuerySet[Policy]:
        """Those of `policies` that a valid form asks for."""
        asked = self.cleaned_data
        if asked["q"]:
            policies = policies.filter(_says(asked["q"]))
        return policies.filter(state=asked["state"]) if asked["state"] else policies

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that a valid form sorts by (orgs.http.paging)."""
        return SORTS[self.cleaned_data["sort"] or LAST_CHANGED_FIRST]


def _says(text: str) -> Q:
    rights = PolicyRight.objects.filter(org_id=OuterRef("org_id"), policy_id=OuterRef("id"))
    named = rights.filter(Q(api__name__icontains=text) | Q(api__api_id=text))
    return (
        Q(name__icontains=text)
        | Q(tags__contains=[text])
        | Q(policy_id=text)
        | Q(id=text.lower())
        | Q(Exists(named))
    )


def _initial(shown: dict[str, Any]) -> dict[str, Any]:
    """What the page shows before anybody has typed; no limit is an empty field there."""
    empty = {name: "" for name in fields.NUMBERS if shown[name] in (0, "")}
    meta_data = json.dumps(shown["meta_data"], ensure_ascii=False, indent=1) if shown["meta_data"] else ""
    return shown | empty | {"tags": _tags_text(shown["tags"]), "meta_data": meta_data}


def _typed(sent: QueryDict) -> dict[str, Any]:
    flags = {name: name in sent for name in PolicyForm.base_fields if name.startswith("partition_")}
    return sent.dict() | flags | {"access_rights": sent.getlist("access_rights")}


def _tags_text(tags: list[str]) -> str:
    return ", ".join(tags)


def _plain(number: float) -> float:
    """A whole number as an integer: policies say 100, not 100.0."""
    return int(number) if number == int(number) else number
