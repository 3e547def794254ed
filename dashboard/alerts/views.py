"""Pages of alerts: the list, one with its history, and what can be done with it.

Whoever may see alerts sees those whose figures he may see: of traffic with analytics, of quotas with keys, of
certificates with certificates. Others are not there for him.
"""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render

from dashboard.alerts import lifecycle
from dashboard.alerts.forms import AcknowledgementForm, KindForm, RuleForm, choices
from dashboard.alerts.kinds import KINDS
from dashboard.alerts.models import Incident, Message, Rule
from dashboard.alerts.sending import mail, outbox
from orgs.access import access
from orgs.http import paging
from orgs.http.forms import SeenForm
from orgs.http.refusals import bad_form, said_in, status_of
from orgs.http.tables import Column, heads
from orgs.ids import is_id
from orgs.models import User
from orgs.refusals import Stale
from orgs.signing_in import form_tokens

COLUMNS = (
    Column("Alert", "third"),
    Column("State", "state"),
    Column("Found"),
    Column("Told to", lesser=True),
)
HISTORY = (
    Column("Began", "stamp"),
    Column("Ended", "stamp"),
    Column("At worst"),
    Column("Looked into", lesser=True),
)
MESSAGES = (Column("Written", "stamp"), Column("To"), Column("State", "third"))
MOST_MESSAGES = 20
MOST_NAMED = 3  # things of one alert that the list names


def readable(user: User) -> list[str]:
    """The kinds of alerts whose figures a person may see."""
    return [name for name, kind in KINDS.items() if user.may(kind.permission)]


@access("session", "hooks")
def alert_list(request, org):
    rows = Rule.objects.filter(kind__in=readable(request.user)).select_related("api").order_by("name", "id")
    going_on = Incident.objects.filter(rule__in=rows, ended_at=None).order_by("began_at", "id")
    found: dict[str, list[Incident]] = {}
    for incident in going_on:
        found.setdefault(incident.rule_id, []).append(incident)
    rows = list(rows)
    for row in rows:
        row.going_on = found.get(row.id, [])
        row.besides = max(0, len(row.going_on) - MOST_NAMED) + row.more
    return render(
        request,
        "alerts/list.html",
        _context(request, rows=rows, heads=heads(COLUMNS), most_named=f":{MOST_NAMED}"),
    )


@access("session", "hooks", methods="GET POST", form=True)
def alert_create(request, org):
    """First which kind, then the rest. The answer to a form that makes one with a webhook shows its secret."""
    asked = KindForm(request.POST if request.method == "POST" else request.GET)
    kinds = [kind for name, kind in KINDS.items() if name in readable(request.user)]
    if not asked.is_valid() or asked.cleaned_data["kind"] not in {kind.name for kind in kinds}:
        status = 400 if request.method == "POST" else 200
        return render(request, "alerts/kinds.html", _context(request, kinds=kinds), status=status)
    kind, form_token = KINDS[asked.cleaned_data["kind"]], form_tokens.of(request.POST)
    form = RuleForm(
        request.POST if request.method == "POST" else None,
        kind=kind,
        author=request.user,
        org_id=request.org.id,
        apis=choices(request.org.id) if kind.of_traffic else (),
        initial={"api": request.GET.get("api", "")},
    )
    if form.is_valid():
        try:
            with said_in(form):
                made, secret = lifecycle.create(
                    request.org.id, form.columns, author=request.user, form_token=form_token
                )
                return _shown_once(request, made, secret)
        except lifecycle.AlreadyMade as already:
            messages.info(request, "This alert is made.")
            return redirect("alert-detail", org, already.rule.id)
    context = _context(request, form=form, kind=kind, form_token=form_token)
    return render(request, "alerts/form.html", context, status=status_of(form))


def _shown_once(request, rule, secret):
    if secret:
        return render(request, "alerts/secret.html", _context(request, rule=rule, secret=secret))
    messages.success(request, f"{rule.name} is saved.")
    return redirect("alert-detail", request.org.slug, rule.id)


@access("session", "hooks")
def alert_detail(request, org, id):
    rule = _rule_or_404(request, id)
    history = Incident.objects.filter(org_id=rule.org_id, rule=rule)
    page = paging.page(request.GET, history, ("-began_at", "-id"))
    for incident in page.items:
        incident.rule = rule
    sent = Message.objects.filter(org_id=rule.org_id, rule=rule).order_by("-created_at", "-id")
    context = _context(
        request,
        rule=rule,
        rows=page.items,
        page=page,
        heads=heads(HISTORY),
        messages_sent=sent[:MOST_MESSAGES],
        message_heads=heads(MESSAGES),
        others=rule.outside,
        told=outbox.allowed([rule], rule.org_id)[rule.id],
    )
    return render(request, "alerts/detail.html", context)


@access("session", "hooks", methods="GET POST", form=True)
def alert_edit(request, org, id):
    rule = _rule_or_404(request, id)
    initial = {name: getattr(rule, name) for name in lifecycle.CHANGED if name not in ("mails", "outside")}
    initial |= {"mails": "\n".join(rule.mails), "seen": rule.change_number}
    form = RuleForm(
        request.POST if request.method == "POST" else None,
        kind=rule.of,
        author=request.user,
        org_id=rule.org_id,
        rule=rule,
        initial=initial,
    )
    newer = False
    if form.is_valid():
        try:
            with said_in(form):
                changed, secret = lifecycle.change(
                    rule, form.columns, author=request.user, expected=form.expected(rule)
                )
                return _shown_once(request, changed, secret)
        except Stale:
            newer = True
            form.data = form.data.copy()
            form.data["seen"] = _rule_or_404(request, id).change_number
    context = _context(request, form=form, kind=rule.of, rule=rule, newer=newer)
    return render(request, "alerts/form.html", context, status=409 if newer else status_of(form))


@access("session", "hooks", methods="POST")
def alert_secret(request, org, id):
    """Another secret for the webhooks, shown in the answer."""
    rule, form = _rule_or_404(request, id), SeenForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    return _shown_once(
        request, *lifecycle.renew_secret(rule, author=request.user, expected=form.expected(rule))
    )


@access("session", "hooks", methods="POST")
def alert_test(request, org, id):
    rule = _rule_or_404(request, id)
    count = lifecycle.test(rule, author=request.user)
    if count:
        messages.success(request, f"A test is on its way to {count} receiver{'s' if count > 1 else ''}.")
    else:
        messages.error(request, "There is nobody to send a test to.")
    return redirect("alert-detail", org, id)


@access("session", "hooks", methods="POST")
def alert_acknowledge(request, org, id):
    rule, form = _rule_or_404(request, id), AcknowledgementForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    if lifecycle.acknowledge(rule, form.cleaned_data["incident"], author=request.user):
        messages.success(request, "It is noted that you look into it.")
    else:
        messages.info(request, "Somebody looks into it already.")
    return redirect("alert-detail", org, id)


@access("session", "hooks", methods="POST")
def alert_delete(request, org, id):
    rule, form = _rule_or_404(request, id), SeenForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    lifecycle.delete(rule, author=request.user, expected=form.expected(rule))
    messages.success(request, f"{rule.name} is deleted.")
    return redirect("alert-list", org)


def _rule_or_404(request, id):
    rows = Rule.objects.filter(kind__in=readable(request.user)).select_related("api")
    rule = rows.filter(id=id).first() if is_id(id) else None
    if rule is None:
        raise Http404
    return rule


def _context(request, **more):
    return {
        "section": "alerts",
        "may_write": request.user.may("hooks", "write"),
        "mail_is_on": mail.is_on(),
        **more,
    }
