"""What a record keeps of its request and answer, as its page shows it, and the page where an organisation chooses."""

from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from apis.definitions import kinds
from apis.models import ApiDefinition
from dashboard.analytics.bodies import keeping
from dashboard.analytics.bodies.redaction.found import MARK
from dashboard.analytics.bodies.redaction.messages import MOST_KEPT
from dashboard.analytics.dimensions import BODIES
from dashboard.analytics.models import BodyKeeping, Record, RecordBody
from orgs.access import access
from orgs.http.refusals import said_in, status_of
from orgs.models import Organisation

MOST_TYPED = keeping.MOST_NAMES * (keeping.LONGEST_NAME + 2)


@dataclass(frozen=True)
class Shown:
    """A message as it is kept. head: its first line and headers."""

    title: str
    head: str
    body: str
    cut: bool


@dataclass(frozen=True)
class Kept:
    """What is said of it. words: why there is nothing to see, else "". url: where it can be asked for. links: (text,
    URL)."""

    words: str = ""
    url: str = ""
    links: tuple[tuple[str, str], ...] = ()
    mark: str = MARK


def kept(request: HttpRequest, record: Record, now: datetime) -> Kept | None:
    """Of a record of the request's organisation; None where neither it nor the API has to do with it."""
    api = ApiDefinition.objects.filter(org_id=request.org.id, api_id=record.api_id).first()
    in_detail = api is not None and kinds.is_recorded_in_detail(api.definition)
    if not keeping.is_on(request.org.id):
        words = "This API is recorded in detail, but this organisation keeps neither requests nor answers."
        return Kept(words, links=_to_choose(request)) if in_detail else None
    retention = request.org.retention
    if found(record) is not None:
        if request.user.may("log_bodies"):
            slug, micros = request.org.slug, keeping.place(record.ts)
            return Kept(url=reverse("log-bodies", args=[slug, micros, record.id]))
        return Kept("Both are kept, for those who may see requests and answers.")
    if record.ts < retention.since(BODIES, now):
        days = retention.days(BODIES)
        return Kept(f"Requests and answers are kept for {days} day{'' if days == 1 else 's'}.")
    if api is not None and not in_detail:
        may_change = request.user.may("apis", "write")
        url = reverse("api-edit", args=[request.org.slug, api.id]) + "#id_in_detail"
        return Kept(
            "Gateways do not send them for this API: it is not recorded in detail.",
            links=(("Record this API in detail", url),) if may_change else (),
        )
    return Kept(
        "Neither was sent with it: it came before they were kept, or before its API was recorded in detail."
    )


def found(record: Record) -> RecordBody | None:
    """What is kept; what is past its period may not have been deleted yet."""
    body = RecordBody.objects.filter(org_id=record.org_id, ts=record.ts, id=record.id).first()
    if body is None:
        return None
    org = Organisation.everyone.get(pk=record.org_id)
    return body if body.ts >= org.retention.since(BODIES, timezone.now()) else None


def shown(body: RecordBody) -> tuple[Shown, Shown]:
    return (
        _shown("Request", body.request, cut=body.request_cut),
        _shown("Answer", body.response, cut=body.response_cut),
    )


def _shown(title: str, text: str, *, cut: bool) -> Shown:
    head, _, body = text.partition("\n\n")
    return Shown(title, head.rstrip("\n"), body, cut)


def _to_choose(request: HttpRequest) -> tuple[tuple[str, str], ...]:
    if not request.user.may("log", "write"):
        return ()
    return (("Keep requests and answers", reverse("body-keeping", args=[request.org.slug])),)


class KeepingForm(forms.Form):
    """headers, members: names, one a line."""

    enabled = forms.BooleanField(
        required=False, label="Keep requests and answers of APIs that are recorded in detail"
    )
    headers = forms.CharField(
        required=False,
        max_length=MOST_TYPED,
        strip=False,
        widget=forms.Textarea({"rows": 4, "spellcheck": "false"}),
        label="More headers to take out",
        help_text="Names, one a line.",
    )
    members = forms.CharField(
        required=False,
        max_length=MOST_TYPED,
        strip=False,
        widget=forms.Textarea({"rows": 4, "spellcheck": "false"}),
        label="More members and fields to take out",
        help_text="Of JSON, XML, forms and queries: names, one a line, however deep they stand.",
    )
    seen = forms.IntegerField(
        required=False, min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput({"autocomplete": "off"})
    )

    def clean_headers(self) -> list[str]:
        return _names(self.cleaned_data["headers"])

    def clean_members(self) -> list[str]:
        return _names(self.cleaned_data["members"])


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(filter(None, (line.strip() for line in text.splitlines()))))


@access("session", "log", methods="GET POST")
def body_keeping(request: HttpRequest, org: str) -> HttpResponse:
    """Whoever reads logs sees what is kept; administrators change it."""
    row = keeping.of(request.org)
    form, status = KeepingForm(request.POST if request.method == "POST" else None, initial=_initial(row)), 0
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        seen = values.pop("seen")
        try:
            with said_in(form):
                keeping.change(
                    request.org,
                    actor=request.user,
                    seen=row.change_number if seen is None else seen,
                    **values,
                )
                messages.success(request, "It is saved. Gateways' requests are treated so from now on.")
                return redirect("body-keeping", org)
        except keeping.Stale as stale:
            row, status = stale.row, 409
            form.data = form.data.copy()
            form.data["seen"] = row.change_number
            form.add_error(None, f"{stale} What is kept now stands above; save to change it.")
    context = {
        "section": "logs",
        "form": form,
        "row": row,
        "days": request.org.retention.days(BODIES),
        "most": MOST_KEPT // 1024,
        "mark": MARK,
        "may_change": request.user.may("log", "write"),
    }
    return render(request, "analytics/keeping.html", context, status=status or status_of(form))


def _initial(row: BodyKeeping) -> dict:
    return {
        "enabled": row.enabled,
        "headers": "\n".join(row.headers),
        "members": "\n".join(row.members),
        "seen": row.change_number,
    }
