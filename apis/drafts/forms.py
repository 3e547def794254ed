"""What people send to publish drafts, or to discard one."""

import re
from collections.abc import Iterable

from django import forms

from apis.drafts.lifecycle import Reviewed
from apis.forms import message_field, removed_field
from orgs.refusals import Invalid

NEWEST_FIRST = "-saved_at"
SORTS = {"saved_at": ("saved_at", "id"), NEWEST_FIRST: ("-saved_at", "-id")}
_REVIEWED = re.compile(r"([0-9a-f]{24})\.([0-9a-f]{24})\.([1-9][0-9]{0,8})")


def reviewed_in(texts: Iterable[str]) -> list[Reviewed]:
    """What a page of a review sends back, of different APIs. Raises orgs.refusals.Invalid."""
    matches = [_REVIEWED.fullmatch(text) for text in dict.fromkeys(texts)]
    found = [Reviewed(match[1], match[2], int(match[3])) for match in matches if match]
    if not found or len({each.id for each in found}) < len(matches):
        raise Invalid("is no draft that was reviewed", "reviewed")
    return found


class ListForm(forms.Form):
    """In which order drafts are listed."""

    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in SORTS])

    @property
    def order(self):
        """The columns that a valid form sorts by (orgs.http.paging)."""
        return SORTS[self.cleaned_data["sort"] or NEWEST_FIRST]


class ReviewForm(forms.Form):
    """message: is stored with each revision."""

    message = message_field()
    removed = removed_field()


class DiscardForm(forms.Form):
    """seen: the stamp of the draft that was looked at."""

    seen = forms.CharField(max_length=24)
