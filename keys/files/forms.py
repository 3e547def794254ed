"""What people send to take over the files of a gateway, and send back after they have seen what will become of them."""

import base64
import binascii

from django import forms
from django.core.exceptions import ValidationError

from apis.files.archive import LARGEST_ARCHIVE
from apis.forms import removed_field

_LONGEST = LARGEST_ARCHIVE * 4 // 3 + 4


class ArchiveForm(forms.Form):
    """A zip archive: a file, or `carried`, as which the review sends it back. seen: what the review showed
    (keys.files.adoption.digest)."""

    archive = forms.FileField(
        label="Zip archive, or one JSON file",
        required=False,
        widget=forms.FileInput(attrs={"accept": ".zip,.json,application/zip,application/json"}),
        help_text=(
            "One exported definition, or a list of many as Tyk's dashboard answers it at /api/apis, or many in an "
            "archive, such as the directory of definitions of a gateway (apps/*.json) and its policies.json; 1 MB at "
            "most. A file called policies.json, in whatever folder, holds the policies by their IDs; one in a folder "
            "called policies is a policy; every other *.json is a definition, but for an exported policy."
        ),
    )
    carried = forms.CharField(
        required=False,
        max_length=_LONGEST,
        widget=forms.Textarea(attrs={"hidden": True, "aria-hidden": "true"}),
    )
    seen = forms.RegexField(regex=r"\A[0-9a-f]{32}\Z", required=False, widget=forms.HiddenInput)
    skip_refused = forms.BooleanField(label="Take over the others where some are refused", required=False)
    replace = forms.BooleanField(
        label="Replace what is there already and differs", required=False, help_text="By another revision."
    )
    removed = removed_field()

    def clean(self) -> dict:
        cleaned = super().clean()
        sent = cleaned.get("archive")
        if sent is not None:
            # Read on no further than to see that it is too large.
            cleaned["content"] = sent.read(LARGEST_ARCHIVE + 1)
        elif cleaned.get("carried"):
            try:
                cleaned["content"] = base64.urlsafe_b64decode(cleaned["carried"].encode())
            except (binascii.Error, ValueError):
                raise ValidationError({"archive": "Choose the archive again."}) from None
        elif not self.errors:
            raise ValidationError({"archive": "Choose a zip archive or a JSON file."})
        return cleaned


def carried(content: bytes) -> str:
    """An archive as the field `carried`."""
    return base64.urlsafe_b64encode(content).decode()
