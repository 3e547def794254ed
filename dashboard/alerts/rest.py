"""`/api/alerts`: alerts over REST, by the rules of the page (dashboard.alerts.forms). Tyk has nothing of the kind.

Whoever may not see the figures of a kind of alert is answered as if there were none (dashboard.alerts.views.readable).
The address of a webhook is often a secret, and told only to those who may write alerts.
"""

from typing import Any

from django.db.models import Q

from apis.models import ApiDefinition
from dashboard.alerts import lifecycle
from dashboard.alerts.forms import RuleForm, choices
from dashboard.alerts.kinds import KINDS
from dashboard.alerts.models import Incident, Rule
from dashboard.alerts.views import readable
from orgs.access import SAFE, access
from orgs.http import etags
from orgs.http.rest import (
    RestError,
    expected,
    json_response,
    members,
    ok,
    page,
    read_json,
    stamp,
    tagged,
    valid,
)
from orgs.ids import is_id
from orgs.models import Organisation

NOT_FOUND = "Alert not found"
_NUMBERS = ("threshold", "window", "least", "quiet")
# What a form is given of a body that says nothing of it.
_INITIAL = {name: RuleForm.base_fields[name].initial for name in ("window", "least", "quiet", "enabled")}


@access("key", "hooks", methods="GET POST")
def alert_list(request):
    """The answer to a creation holds the `secret` that webhooks are signed with, which no other does."""
    if request.method in SAFE:
        rows = _own(request).order_by("name", "id")
        return json_response({"alerts": [_shown(request, row) for row in rows]})
    body, org_id = read_json(request), _organisation_of(request)
    kind = members(body, kind=str).get("kind")
    if kind not in readable(request.user):
        raise RestError(400, f"kind: must be one of {', '.join(readable(request.user))}")
    form = RuleForm(
        _sent(body, _INITIAL | {"threshold": KINDS[kind].proposed}),
        kind=KINDS[kind],
        author=request.user,
        org_id=org_id,
        apis=choices(org_id),
    )
    rule, secret = lifecycle.create(org_id, valid(form).columns, author=request.user)
    shown = _shown(request, _found(request, rule.id)) | ({"secret": secret} if secret else {})
    return tagged(request, ok("Alert created", shown, ID=rule.id), etags.tag(rule.change_number, "once"))


@access("key", "hooks", methods="GET PUT DELETE")
def alert_detail(request, id):
    """PUT changes the members that are sent; an alert stays of its kind, and about its API."""
    rule = _found(request, id)
    if request.method in SAFE:
        return _tagged(request, rule, json_response(_shown(request, rule)))
    seen = expected(request, rule.change_number)
    if request.method == "DELETE":
        lifecycle.delete(rule, author=request.user, expected=seen)
        return ok("Alert deleted")
    body = read_json(request)
    api = rule.api.api_id if rule.api else ""
    if body.get("kind", rule.kind) != rule.kind or (body.get("api_id") or "") not in ("", api, rule.api_id):
        raise RestError(400, "kind and api_id stay as they are: make another alert")
    kept = {name: getattr(rule, name) for name in lifecycle.CHANGED}
    form = RuleForm(_sent(body, kept), kind=rule.of, author=request.user, org_id=rule.org_id, rule=rule)
    _, secret = lifecycle.change(rule, valid(form).columns, author=request.user, expected=seen)
    rule = _found(request, id)
    shown = _shown(request, rule) | ({"secret": secret} if secret else {})
    return _tagged(request, rule, ok("Alert changed", shown))


@access("key", "hooks")
def alert_history(request, id):
    """What was found, newest first, ten to a page."""
    rule = _found(request, id)
    rows, pages = page(
        request, Incident.objects.filter(org_id=rule.org_id, rule=rule).order_by("-began_at", "-id")
    )
    return json_response({"incidents": [_incident(row) for row in rows], "pages": pages})


@access("key", "hooks", methods="POST")
def alert_test(request, id):
    count = lifecycle.test(_found(request, id), author=request.user)
    if not count:
        raise RestError(400, "mails, webhook: there is nobody to send a test to")
    return ok("Test is on its way", {"receivers": count})


@access("key", "hooks", methods="POST")
def alert_secret(request, id):
    """Another secret for the webhooks."""
    rule = _found(request, id)
    seen = expected(request, rule.change_number)
    _, secret = lifecycle.renew_secret(rule, author=request.user, expected=seen)
    return ok("Secret renewed", {"secret": secret})


def _sent(body: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """A body as a form is sent. others: values of members that it does not have."""
    found = members(body, name=str, api_id=str, mails=list, webhook=str, enabled=bool)
    for name in _NUMBERS:
        value = body.get(name)
        if value is not None:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise RestError(400, f"{name} must be a number")
            found[name] = value
    if not all(isinstance(address, str) for address in found.get("mails", [])):
        raise RestError(400, "mails must be a list of addresses")
    sent = others | found
    if sent.get("api_id"):
        sent["api"] = _api(sent["api_id"])
    sent["mails"] = "\n".join(sent.get("mails", []))
    return {name: value for name, value in sent.items() if value is not None and value is not False}


def _api(name: str) -> str:
    """The id of the row of an API, named by that or by its own; one that there is not is named as it was."""
    named = ApiDefinition.objects.filter(Q(api_id=name) | Q(id=name)) if "\0" not in name else None
    return (named and named.values_list("id", flat=True).first()) or name


def _own(request):
    return Rule.objects.filter(kind__in=readable(request.user)).select_related("api")


def _found(request, id):
    rule = _own(request).filter(id=id).first() if is_id(id) else None
    if rule is None:
        raise RestError(404, NOT_FOUND)
    return rule


def _organisation_of(request):
    if request.user.org_id:
        return request.user.org_id
    org_id = read_json(request).get("org_id")
    if not isinstance(org_id, str) or not Organisation.everyone.present().filter(id=org_id).exists():
        raise RestError(400, "org_id: must be the id of an organisation")
    return org_id


def _tagged(request, rule, response):
    # What was found last is shown besides, and changes by itself.
    looked = stamp(rule.looked_at, "microseconds")
    return tagged(request, response, etags.tag(rule.change_number, looked))


def _shown(request, rule):
    told = rule.webhook if request.user.may("hooks", "write") else ("…" if rule.webhook else "")
    return {
        "id": rule.id,
        "org_id": rule.org_id,
        "name": rule.name,
        "kind": rule.kind,
        "api_id": rule.api.api_id if rule.api else "",
        **{name: getattr(rule, name) for name in (*_NUMBERS, "enabled", "mails")},
        "webhook": told,
        "state": rule.state if rule.enabled else "off",
        "value": rule.value,
        "note": rule.note,
        "more": rule.more,
        "looked_at": stamp(rule.looked_at),
        "looked_until": stamp(rule.looked_until),
    }


def _incident(row):
    return {
        "id": row.id,
        "subject": row.subject,
        "label": row.label,
        "began_at": stamp(row.began_at),
        "ended_at": stamp(row.ended_at) if row.ended_at else None,
        "first": row.first,
        "worst": row.worst,
        "told_at": stamp(row.told_at) if row.told_at else None,
        "acknowledged_by": row.acknowledged_by,
    }
