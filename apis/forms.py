"""What people type to change an API, as definitions. Whether those are good, apis.publishing.publish says."""

import re
from typing import NamedTuple

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import models

from apis import wrapper
from apis.definitions import document, remedies, starter
from apis.definitions.pointer import Problem
from orgs.http.rest import RestError
from orgs.http.strict_json import BadJson

SORTS = {
    "name": ("name", "id"),
    "-name": ("-name", "-id"),
    "listen_path": ("listen_path", "id"),
    "-listen_path": ("-listen_path", "-id"),
    "updated_at": ("updated_at", "id"),
    "-updated_at": ("-updated_at", "-id"),
    "created_at": ("created_at", "id"),
    "-created_at": ("-created_at", "-id"),
}

# Ways to authenticate as clients name them, and as the rows of APIs do (apis.definitions.authentication).
AUTH_TYPES = {
    "auth_token": "token",
    "authToken": "token",
    "token": "token",
    "keyless": "keyless",
    "open": "keyless",
    "oauth": "OAuth 2.0",
    "openid": "OpenID Connect",
    "oidc": "OpenID Connect",
    "basic": "basic",
    "basic_auth": "basic",
    "mutual_tls": "mutual TLS",
    "mtls": "mutual TLS",
    "jwt": "JWT",
    "hmac": "HMAC",
    "go_plugin": "Go plugin",
    "coprocess": "plugin",
    "custom": "custom plugin",
}

MOST_SHOWN = 20  # problems of one definition
NOT_JSON = "This is not JSON: "

_PLAINLY = {
    "Found API with the same ID": "This API ID is already in use.",
    "Found API with same url": "This listen path is taken on this domain, or is above or below one that is.",
}


class Finding(NamedTuple):
    """A refusal as a page tells it. input: the id of what it is about and `label` what that is called, "" for the whole
    form. pointer: of the member. line, excerpt: in the text as it was typed, where there is one."""

    label: str
    input: str
    pointer: str
    message: str
    remedy: str
    line: int | None = None
    excerpt: list[tuple[int, str]] = []


def message_field():
    return forms.CharField(
        required=False,
        max_length=500,
        help_text="What changed and why. Shown in the history.",
        label="Message",
    )


def plainly(problem):
    """What is wrong, in the words of pages."""
    return _PLAINLY.get(problem.message) or str(problem)


class DocumentForm(forms.Form):
    """What a document that has revisions shall be.

    started_from: the revision that is being changed, sent back with the form; None for a new document. seen: the stamp
    of the draft that was shown, "" for none.
    """

    started_from = forms.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput
    )
    seen = forms.CharField(required=False, max_length=24, widget=forms.HiddenInput)
    message = message_field()

    def __init__(self, data, shown, started_from, message="", seen=""):
        super().__init__(
            data, initial={**shown, "started_from": started_from, "message": message, "seen": seen}
        )
        self.fields["started_from"].required = started_from is not None
        self.about = {}  # {(field, text of an error): the problem that it is of}

    def refuse(self, problems):
        """Show what kept the document from being stored, each at its field."""
        for problem in problems[:MOST_SHOWN]:
            field = self.field_of(problem.pointer)
            text = _PLAINLY.get(problem.message) or self.wording(problem, field)
            self.about[field or NON_FIELD_ERRORS, text] = problem
            self.add_error(field, text)
        if len(problems) > MOST_SHOWN:
            field, text = self.field_of(""), f"and {len(problems) - MOST_SHOWN:,} more"
            self.about[field or NON_FIELD_ERRORS, text] = None
            self.add_error(field, text)

    def refuse_further(self, problems):
        """The same where a field has said nothing yet, so that all that is wrong is told in one round."""
        told = {name for name in self.errors if name != "__all__"}
        self.refuse([problem for problem in problems if self.field_of(problem.pointer) not in told])

    def field_of(self, pointer):
        """The field that a problem is shown at, None for above the form."""
        return None

    def wording(self, problem, field):
        return problem.message if field else str(problem)

    @property
    def findings(self):
        """Every error of the form, in the order of its fields, as Findings."""
        names = [NON_FIELD_ERRORS, *self.fields]
        return [self.finding(name, text) for name in names for text in self.errors.get(name, [])]

    def finding(self, name, text):
        problem = self.about.get((name, text), Problem(self.pointer_of(name), text))
        if problem is None:
            return Finding("", "", "", text, "")
        message = _PLAINLY.get(problem.message, problem.message).removesuffix(".")
        # What is refused above the form without a place in it is a rule, which says itself what it wants.
        is_rule = name == NON_FIELD_ERRORS and (name, text) not in self.about
        told = "" if is_rule else remedies.remedy(problem.message)
        label, input = ("", "") if name == NON_FIELD_ERRORS else (self.label_of(name), self[name].auto_id)
        return Finding(label, input, problem.pointer, message, told)

    def pointer_of(self, name):
        """The member that a field is about, "" for none or many."""
        return ""

    def label_of(self, name):
        return self[name].label


class JsonForm(DocumentForm):
    """The whole definition as text. After is_valid() `definition` is what it says."""

    new = staticmethod(starter.new)

    text = forms.CharField(
        strip=False,
        label="Definition",
        max_length=document.LARGEST,
        widget=forms.Textarea(attrs={"class": "editor", "spellcheck": "false", "autocomplete": "off"}),
        help_text="Fields not known here are kept. <code>id</code> and <code>org_id</code> are set for you.",
    )

    draft = definition = None  # what the text says, if it is JSON

    def __init__(self, data=None, *, base=None, started_from=None, message="", seen="", text=""):
        shown = text or document.pretty(base or self.new())
        super().__init__(data, {"text": shown}, started_from, message, seen)

    def clean_text(self):
        text = self.cleaned_data["text"]
        try:
            self.definition = self.draft = document.parse(text)
        except BadJson as error:
            raise forms.ValidationError(f"{NOT_JSON}{error}") from None
        return text

    @property
    def as_text(self):
        """What was typed, of a form whose text is JSON."""
        return self.cleaned_data["text"]

    def field_of(self, pointer):
        return "text"

    def refuse(self, problems):
        pointers = [problem.pointer for problem in problems[:MOST_SHOWN]]
        self.lines = document.nearest_lines(self.data["text"], pointers)
        super().refuse(problems)

    def wording(self, problem, field):
        return f"Line {self.lines[problem.pointer]}: {problem}"

    def finding(self, name, text):
        found = super().finding(name, text)
        if found.input != self["text"].auto_id or not self.data.get("text"):
            return found
        typed = self.data["text"][: document.LARGEST]
        problem = self.about.get((name, text))
        line = (
            self.lines[problem.pointer]
            if problem
            else document.line_of_fault(typed, text.removeprefix(NOT_JSON))
        )
        return found._replace(line=line, excerpt=document.excerpt(typed, line))


class ListForm(forms.Form):
    """What a list of APIs may be asked for, on the page and by REST."""

    q = forms.CharField(required=False, max_length=200)
    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in SORTS])
    active = forms.ChoiceField(required=False, choices=[("", "All"), ("yes", "Active"), ("no", "Inactive")])
    # In Tyk's words, several with commas between them: any of them fits, one that nobody knows fits no API.
    category = forms.CharField(required=False, max_length=500)
    api_type = forms.CharField(required=False, max_length=200)
    auth_type = forms.CharField(required=False, max_length=200)
    # Who is named beside the definition (apis.wrapper), in whatever case.
    owner = forms.CharField(required=False, max_length=wrapper.LONGEST)

    def found(self, apis):
        """Those of a queryset that are asked for, in the order asked for, else by name. After is_valid()."""
        asked = self.cleaned_data
        if asked["q"]:
            apis = apis.filter(
                models.Q(name__icontains=asked["q"])
                | models.Q(listen_path__icontains=asked["q"])
                | models.Q(api_id=asked["q"])
            )
        if asked["active"]:
            apis = apis.filter(active=asked["active"] == "yes")
        if wanted := _several(asked["category"]):
            # One that has a comma in it is asked for by itself.
            names = [name.removeprefix("#") for name in (*wanted, asked["category"])]
            apis = apis.filter(categories__has_any_keys=names)
        if wanted := _several(asked["api_type"]):
            apis = apis.filter(kind__in=wanted)
        if wanted := _several(asked["auth_type"]):
            words = [re.escape(AUTH_TYPES[name]) for name in wanted if name in AUTH_TYPES]
            apis = apis.filter(auth__regex=f"(^|, )({'|'.join(words)})(,|$)") if words else apis.none()
        if asked["owner"]:
            apis = apis.filter(wrapper__owner__iexact=asked["owner"])
        return apis.order_by(*self.order)

    @property
    def order(self):
        return SORTS[self.cleaned_data["sort"] or "name"]


class HistoryForm(forms.Form):
    """In which order the revisions of an API are."""

    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in ("number", "-number")])

    @property
    def order(self):
        """The columns that a valid form sorts by (orgs.http.paging)."""
        return (self.cleaned_data["sort"] or "-number",)


class RevisionForm(forms.Form):
    """against: the number of the revision that one is compared with."""

    against = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1)


def removed_field():
    """How many routes somebody typed that shall go (apis.guards)."""
    return forms.IntegerField(
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        label="Number of routes that go",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )


class DeletionForm(forms.Form):
    """started_from: the revision that was looked at; without it whatever is there is meant."""

    started_from = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1)


class ApiDeletionForm(DeletionForm):
    removed = removed_field()


class ActivationForm(ApiDeletionForm):
    active = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")])


class RestoreForm(forms.Form):
    """started_from: the newest revision that was looked at; seen: as DocumentForm."""

    started_from = forms.IntegerField(min_value=1, max_value=2**31 - 1)
    seen = forms.CharField(required=False, max_length=24)


class NotesForm(forms.Form):
    """started_from: the revision that was looked at."""

    owner = forms.CharField(
        label="Owner",
        required=False,
        max_length=wrapper.LONGEST,
        help_text="A team or a person whom to ask.",
    )
    notes = forms.CharField(
        label="Notes",
        required=False,
        max_length=wrapper.LONGEST_NOTES,
        help_text="Gateways are given none of this.",
        widget=forms.Textarea(attrs={"rows": 8}),
    )
    categories = forms.CharField(
        label="Categories",
        required=False,
        max_length=wrapper.MOST * (wrapper.LONGEST + 2),
        help_text="One a line. Those that stand in its name after a # are changed there.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    started_from = forms.IntegerField(min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)

    def clean_categories(self):
        """The names; None where nothing is said of them."""
        if self.add_prefix("categories") not in self.data:
            return None
        try:
            lines = self.cleaned_data["categories"].splitlines()
            return wrapper.texts("categories", [line for line in lines if line.strip()])
        except RestError:
            most = f"Up to {wrapper.MOST} names of at most {wrapper.LONGEST} characters that can be printed."
            raise forms.ValidationError(most) from None


class WithdrawalForm(forms.Form):
    """What was given to an organisation and is taken away, by its row's id."""

    id = forms.RegexField("[0-9a-f]{24}")


def _several(text):
    """What is named in a text with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]
