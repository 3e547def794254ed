"""The pages which show the gateways: to an organisation, and to super-users."""

import math
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django import forms
from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.gzip import gzip_page

from dashboard.nodes.health import LIVENESS_SILENT_AFTER, Heard, health
from dashboard.nodes.joining import checklist, connecting
from dashboard.nodes.models import HEARD, Node, NodeSignal, wanted_version
from dashboard.nodes.reloads import reloading
from dashboard.nodes.rows import BADGES, rows_of
from keys.keyspace import refill
from orgs.access import access
from orgs.http import numbered
from orgs.http.refusals import bad_form
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads

# Who needs a hand comes first.
STATES = ("stuck", "silent", "pulling", "ok", "gone")
# Gateways that were killed say no goodbye.
SHOWN_FOR = timedelta(days=1)
WORST_FIRST = "state"
NOW = "now"
LONGEST_SINCE = timedelta(days=31)
# What each order reads the nodes by; those of one state are by name.
SORTS = {
    WORST_FIRST: Node._meta.ordering,
    "name": Node._meta.ordering,
    "known": ("registered_at", "session_id"),
}
COLUMNS = (
    Column("Node", "name", "name"),
    Column("State", sort=WORST_FIRST),
    Column("Last seen", "badge"),
    Column("Requests a second", "number"),
    Column("Desired", "figure", lesser=True),
    Column("Served", "figure"),
    Column("Confirmed", "number"),
    Column("Known since", "time", "known", lesser=True),
)
CSV_HEADER = (
    "node",
    "session",
    "state",
    "advice",
    "last seen",
    "last pull",
    "served version",
    "wanted version",
    "known since",
    "tags",
    "requests a second",
    "behind since",
    "version",
    "confirmed version",
)
MOST_CALLED_OUT = 3
# How a gateway can be told what to be, and what that is called on the page.
FORMS = (
    ("tyk.conf", "configuration", connecting.as_json),
    ("Environment variables", "variables", connecting.environment),
    ("Docker compose", "compose", connecting.compose),
    ("Helm values", "helm", connecting.helm),
)


@access("session", "system")
@gzip_page
def nodes(request, org):
    """For people of an organisation: nodes serve it, but the installation's addresses are not theirs."""
    return _answer(request, connecting.REDIS_PLACEHOLDER, {"section": "nodes"})


@access("super")
def fleet(request):
    """For super-users."""
    return _answer(request, settings.REDIS_URL, {"section": "fleet", "addresses": True})


@access("super", methods="GET POST", form=True)
def reload(request):
    """Asks first."""
    if request.method == "GET":
        since = timezone.now() - LIVENESS_SILENT_AFTER
        count = Node.objects.filter(last_ping_at__gte=since).count()
        return render(request, "nodes/reload.html", {"section": "fleet", "count": count})
    due = reloading.ask(request.user)
    wait = math.ceil((due - timezone.now()).total_seconds())
    when = f"in {wait} s, after the one before" if wait > 0 else "within seconds"
    messages.success(request, f"All gateways are told to reload {when}. The list says when each last pulled.")
    return redirect("fleet")


class NodeListForm(forms.Form):
    sort = forms.ChoiceField(
        required=False, choices=[(f"{sign}{name}",) * 2 for name in SORTS for sign in ("", "-")]
    )
    # From when on gateways count as another; "now" leads to the address of this moment.
    since = forms.CharField(required=False, max_length=40)

    def clean_since(self) -> datetime | None:
        if self.cleaned_data["since"] in ("", NOW):
            return None
        at, now = parsed(self.cleaned_data["since"]), timezone.now()
        if at is None or not now - LONGEST_SINCE <= at <= now + LONGEST_SINCE:
            raise forms.ValidationError("must be a time of the last month, such as 2026-05-04T10:00:00Z")
        return at


def parsed(text: str) -> datetime | None:
    """An aware time from a text such as 2026-05-04T10:00:00Z; None for anything else."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _answer(request, redis_url: str, context: dict):
    """The page, or all nodes as CSV with format=csv. context: "addresses" for whoever may see where nodes are."""
    form = NodeListForm(request.GET)
    if not form.is_valid():
        return bad_form(request, form)
    if request.GET.get("since") == NOW:
        asked = urlencode({"since": _written(timezone.now())})
        return redirect(f"{request.path}?{asked}#connect")
    since = form.cleaned_data["since"]
    sort, now, wanted = form.cleaned_data["sort"] or WORST_FIRST, timezone.now(), wanted_version()
    states = _states(wanted, now, sort)
    if request.GET.get("format") == "csv":
        addresses = ("address",) if "addresses" in context else ()
        lines = _csv_rows(rows_of(states, wanted, now), wanted, *addresses)
        return csv_stream("nodes.csv", (*CSV_HEADER, *addresses), [lines])
    asked = {"sort": form.cleaned_data["sort"], "since": _written(since) if since else ""}
    context |= _page(request, states, asked, wanted, now) | {"since": since}
    base = request.build_absolute_uri("/").rstrip("/")
    context["checks"] = checklist.of(request.org, request.user, now, since)
    context["waiting"] = not all(check.done for check in context["checks"])
    members = connecting.settings_of(base, redis_url)
    context["forms"] = [(label, name, form(members)) for label, name, form in FORMS]
    return render(request, "nodes/nodes.html", context)


def _page(request, states: dict[str, str], asked: dict[str, str], wanted: int, now: datetime) -> dict:
    kept = {name: value for name, value in asked.items() if value}
    # Nodes come and go: a page that was there a moment ago is no mistake.
    place = numbered.asked(request.GET).within(len(states))
    rows = rows_of(list(states)[place.offset : place.offset + place.size], wanted, now)
    counts, signal = Counter(states.values()), NodeSignal.objects.first()
    sessions = refill.state()
    return {
        "heads": heads(COLUMNS, kept, default=WORST_FIRST),
        "rows": rows,
        "page": numbered.page(place, rows, len(states), kept),
        "csv": "?" + urlencode({**kept, "format": "csv"}),
        "count": len(states),
        "counts": [(counts[state], state, BADGES[state]) for state in STATES if counts[state]],
        # The first of those that need a hand, if they are on the page.
        "stuck": [row for row in rows if row["state"] == "stuck"][:MOST_CALLED_OUT],
        "wanted": wanted,
        "signal": signal,
        "unheard": _is_unheard(signal, now),
        "rotation": _rotation(now),
        "filling": sessions.filling,
        "sweep_alone": sessions.unheard,
        "strays": sessions.strays,
        "now": now,
    }


def _rotation(now: datetime) -> dict | None:
    """How many nodes go on using the former node secret; None where there is none."""
    if not settings.NODE_SECRET_FORMER:
        return None
    return {"count": Node.objects.filter(last_ping_at__gte=now - SHOWN_FOR, by_former_secret=True).count()}


def _is_unheard(signal: NodeSignal | None, now: datetime) -> bool:
    """Whether nobody heard the last signal, though a gateway that lives was there to hear it."""
    if signal is None or signal.sent_at is None or signal.receivers:
        return False
    return Node.objects.filter(
        registered_at__lt=signal.sent_at, last_ping_at__gte=now - LIVENESS_SILENT_AFTER
    ).exists()


def _states(wanted: int, now: datetime, sort: str) -> dict[str, str]:
    """The state of every node that is shown, by its session, in the order of the table.

    Times alone are read of all of them; the rest only of those on the page.
    """
    name = sort.removeprefix("-")
    nodes = Node.objects.filter(last_ping_at__gte=now - SHOWN_FOR).order_by(*SORTS[name])
    found = [(pk, health(Heard(*heard), wanted, now).state) for pk, *heard in nodes.values_list("pk", *HEARD)]
    if name == WORST_FIRST:
        found.sort(key=lambda item: STATES.index(item[1]))
    return dict(reversed(found) if sort != name else found)


def _csv_rows(rows: list[dict], wanted: int, *also: str) -> Iterable[tuple]:
    """also: further fields of a node."""
    for row in rows:
        node = row["node"]
        seen = [node.last_ping_at, node.last_pull_at, node.registered_at]
        ping, pull, known = (at.isoformat(timespec="seconds") if at else "" for at in seen)
        told = (row["state"], row["advice"], ping, pull, node.served_version, wanted, known)
        since = row["behind_since"]
        more = (node.tags, row["load"], since.isoformat(timespec="seconds") if since else "")
        if (control := row["control"]) is not None and row["alike"] == 1:
            more += (control.gateway_version, control.confirmed_version)
        else:
            more += ("", "")
        yield (str(node), node.session_id, *told, *more, *(getattr(node, name) for name in also))
