"""What people paste or send to upload certificates, and what the list shows."""

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q

from keys.certificates.ending import SOON
from keys.certificates.pem import LARGEST

NEWEST_FIRST = "-created"
SORTS = {
    "name": ("common_name", "id"),
    "-name": ("-common_name", "-id"),
    "until": ("not_after", "id"),
    "-until": ("-not_after", "-id"),
    "created": ("created_at", "id"),
    NEWEST_FIRST: ("-created_at", "-id"),
}


class _Unechoed(forms.Textarea):
    """What was typed may hold a private key, and is never sent back."""

    def format_value(self, value):
        return None


class UploadForm(forms.Form):
    """Pasted or as a file: `content` of what is cleaned, as bytes."""

    pem = forms.CharField(
        label="Certificate",
        max_length=LARGEST,
        required=False,
        strip=False,
        widget=_Unechoed(attrs={"rows": 14, "spellcheck": "false", "autocomplete": "off", "class": "mono"}),
        help_text=(
            "PEM: one or several certificates, each with its private key and its chain if there are any; or public "
            "keys to pin. A private key must not be encrypted: it is kept sealed, and shown to nobody again."
        ),
    )
    file = forms.FileField(
        label="Or a file",
        required=False,
        widget=forms.FileInput(attrs={"accept": ".pem,.crt,.cer,.key"}),
        help_text=f"The same in a file of {LARGEST // 1024} KiB at most.",
    )

    def clean(self) -> dict:
        cleaned = super().clean()
        pasted, sent = cleaned.get("pem"), cleaned.get("file")
        if pasted and sent:
            raise ValidationError({"file": "Paste the certificate or choose a file, not both."})
        if sent:
            # Read on no further than to see that it is too large.
            cleaned["content"] = sent.read(LARGEST + 1)
        elif pasted:
            cleaned["content"] = pasted.encode()
        elif not self.errors:
            raise ValidationError({"pem": "Paste a certificate or choose a file."})
        return cleaned


class ListForm(forms.Form):
    """What the list shows: a part of a name or of the fingerprint, a state; in which order."""

    q = forms.CharField(label="Search", required=False, max_length=200)
    state = forms.ChoiceField(
        required=False,
        choices=[("", "All there are"), ("ending", "Expired, or within 30 days"), ("deleted", "Deleted")],
    )
    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in SORTS])

    def found(self, rows, now):
        """Those of `rows` that a valid form asks for."""
        asked = self.cleaned_data
        if text := asked["q"]:
            named = Q(subject__icontains=text) | Q(issuer__icontains=text) | Q(names__icontains=text)
            rows = rows.filter(named | Q(fingerprint__contains=text.lower()[-64:]))
        rows = rows.filter(deleted_at__isnull=asked["state"] != "deleted")
        return rows.filter(not_after__lte=now + SOON) if asked["state"] == "ending" else rows

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that a valid form sorts by (orgs.http.paging)."""
        return SORTS[self.cleaned_data["sort"] or NEWEST_FIRST]
