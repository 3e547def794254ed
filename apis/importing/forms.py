"""An OpenAPI document, pasted or as a file, JSON or YAML, and what to make of it."""

import json

from django import forms
from django.core.exceptions import ValidationError

from apis.assets.applying import applied
from apis.definitions import document, yaml_text
from apis.definitions.oas import importing
from apis.definitions.oas.document import is_document
from apis.definitions.oas.made import EXTENSION
from apis.forms import MOST_SHOWN, plainly
from orgs.http.strict_json import BadJson

FIELD_OF = {
    f"/{EXTENSION}/server/listenPath/value": "listen_path",
    f"/{EXTENSION}/upstream/url": "upstream_url",
    "/servers": "upstream_url",
    "/servers/0/url": "upstream_url",
}
SAID_ALREADY = "Leave this empty: the document has x-tyk-api-gateway, which says it."
WISHES = ("upstream_url", "listen_path", "authentication", "allow_list", "validate_request", "mock_response")


class ImportForm(forms.Form):
    """into: the API that a newer document is to take the place of; None for a new one. templates: those that may be
    used, None for none.

    After is_valid(): `definition`, what is to be published; `notes`, what was read or taken how, in sentences.
    """

    text = forms.CharField(
        label="Document",
        required=False,
        strip=False,
        max_length=document.LARGEST,
        widget=forms.Textarea(attrs={"class": "editor", "spellcheck": "false", "autocomplete": "off"}),
        help_text="OpenAPI 3.0 or 3.1, as JSON or YAML. It is kept as JSON.",
    )
    file = forms.FileField(
        label="Or a file",
        required=False,
        widget=forms.FileInput(attrs={"accept": ".json,.yaml,.yml"}),
        help_text=f"The same in a file of {document.LARGEST // 1000:,} kB at most.",
    )
    listen_path = forms.CharField(
        required=False,
        max_length=500,
        help_text="Where gateways listen, such as <code>/orders/</code>.",
    )
    upstream_url = forms.CharField(
        required=False,
        max_length=2000,
        label="Upstream URL",
        help_text="Where requests are sent; without it the first of the document's <code>servers</code>.",
    )
    authentication = forms.BooleanField(
        required=False, label="Ask callers for the credentials that the document names"
    )
    allow_list = forms.BooleanField(required=False, label="Let in only the operations of the document")
    validate_request = forms.BooleanField(required=False, label="Check requests by the document's schemas")
    mock_response = forms.BooleanField(required=False, label="Answer with the document's examples")

    template = forms.ModelChoiceField(
        None,
        required=False,
        empty_label="None",
        help_text="Adds what the document has not. It takes nothing of the document away.",
    )

    definition, notes = None, ()
    _source = ""

    def __init__(self, *sent, into=None, templates=None, **options):
        super().__init__(*sent, **options)
        self._present = into.definition if into else None
        if templates is None or into:
            del self.fields["template"]
        else:
            self.fields["template"].queryset = templates

    def clean(self):
        cleaned = super().clean()
        pasted, sent = cleaned.get("text"), cleaned.get("file")
        if pasted and sent:
            raise ValidationError({"file": "Paste the document or choose a file, not both."})
        if not self.errors and not (pasted or sent):
            raise ValidationError({"text": "Paste a document or choose a file."})
        if not self.errors:
            # Read on no further than to see that it is too large.
            self._source = pasted or sent.read(4 * document.LARGEST + 1).decode(errors="surrogateescape")
            self._take(self._parsed(), cleaned)
        if self.definition and cleaned.get("template"):
            self.definition = applied(self.definition, json.loads(cleaned["template"].data_text))
        return cleaned

    def _parsed(self):
        where = "text" if self.cleaned_data.get("text") else "file"
        is_json = yaml_text.is_json(self._source)
        try:
            if is_json:
                found = document.parse(self._source)
            else:
                found, _, self.notes = yaml_text.read(self._source)
        except BadJson as error:
            raise ValidationError({where: f"This is not {'JSON' if is_json else 'YAML'}: {error}"}) from None
        if not is_document(found):
            raise ValidationError({where: "This is no OpenAPI document: it has no member `openapi`."})
        return found

    def _take(self, found, asked):
        if EXTENSION in found:
            for name in WISHES:
                if asked.get(name):
                    self.add_error(name, SAID_ALREADY)
            self.definition = found
            return
        present = self._present
        if not (asked["listen_path"] or present):
            raise ValidationError({"listen_path": "Say where gateways are to listen."})
        # What is not ticked is left as it is.
        wishes = {name: asked[name] or ("" if name in WISHES[:2] else None) for name in WISHES}
        wanted = importing.Asked(**wishes)
        made, faults = importing.extended(found, wanted, present)
        if faults:
            self.refuse(faults)
        else:
            self.definition = importing.kept_beside(present) | made
            self.notes = [*self.notes, *([] if present else importing.upstream_notes(found, wanted))]

    def refuse(self, problems):
        """Show what kept the document from being published, with the line where it stands."""
        pointers = [problem.pointer for problem in problems[:MOST_SHOWN]]
        if yaml_text.is_json(self._source):
            lines = document.lines(self._source, pointers)
        else:
            lines = yaml_text.read(self._source, pointers).lines
        where = "text" if self.cleaned_data.get("text") else "file"
        for problem in problems[:MOST_SHOWN]:
            line = lines.get(problem.pointer)
            self.add_error(
                FIELD_OF.get(problem.pointer, where),
                f"Line {line}: {plainly(problem)}" if line else plainly(problem),
            )
