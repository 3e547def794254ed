"""Pages that do something to many keys: what it would do, and how far it is."""

from django.db.models import Count, Q, QuerySet
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone

from keys.actions import chunks
from keys.actions.forms import MOST, ActionForm
from keys.actions.kinds import KINDS
from keys.finding.forms import KeyFilterForm
from keys.keys.picker import offered
from keys.keys.reader import apis_of_one, policies_of_one
from keys.keys.search import with_hashes
from keys.models import BulkAction, Key
from orgs.access import access
from orgs.http.choosing import digest, ticked
from orgs.ids import is_id
from orgs.providers import callers
from orgs.refusals import Invalid

ENDING = ("suspend", "revoke")
SHOWN = 20


@access("session", "keys", methods="POST", form=True)
def key_actions(request, org):
    """Says what would become of which keys; sent again as `confirmed`, has it done."""
    form, filters, keys = _asked(request)
    action, arguments, seen = form.cleaned_data["action"], form.arguments, form.cleaned_data["seen"]
    counts = _counts(keys, action, arguments)
    if counts["touched"] > MOST:
        raise Invalid(f"More than {MOST:,} keys would be changed. Filter the list.", "which")
    if form.cleaned_data["confirmed"] and seen and counts["touched"]:
        begun = chunks.begin(request.org.id, keys, action, arguments, by=request.user.email, seen=seen)
        if begun is not None:
            return redirect("key-action", org, begun.id)
    context = {
        "section": "keys",
        "kind": KINDS[action],
        "action": action,
        "danger": action in ENDING,
        "counts": counts,
        "argument": _worded(form, arguments),
        "first": list(chunks.touched(keys, action, arguments).order_by("alias", "id")[:SHOWN]),
        "called": _called(request, keys, action, arguments),
        "changed": bool(seen),
        "sent": _sent(request, form, filters, digest(chunks.touched(keys, action, arguments))),
    }
    return render(request, "keys/actions/confirm.html", context, status=409 if seen else 200)


def _asked(request) -> tuple[ActionForm, KeyFilterForm, QuerySet[Key]]:
    """What shall be done, and to which keys. Raises Invalid."""
    policies = policies_of_one(request.org.id)
    form = ActionForm(request.POST, policies=offered(policies))
    filters = KeyFilterForm(
        request.POST,
        apis=apis_of_one(request.org.id),
        policies=policies,
        sees_traffic=callers.told(request.user),
    )
    for each in (form, filters):
        if not each.is_valid():
            name, faults = next(iter(each.errors.items()))
            raise Invalid(faults[0], name)
    if form.cleaned_data["which"] == "ticked":
        return form, filters, ticked(Key.objects.all(), request.POST.getlist("key"), "key")
    found = filters.found(request.org, request.user, timezone.now())
    if found is None:
        raise Invalid("Which keys were used cannot be said now.", "used")
    return form, filters, found.keys


def _counts(keys: QuerySet[Key], action: str, arguments: dict) -> dict[str, int]:
    """How many of them there are, have ended, are touched, and are so already."""
    living = keys.filter(revoked_at=None)
    counted = keys.order_by().aggregate(
        all=Count("pk"),
        revoked=Count("pk", filter=Q(revoked_at__isnull=False)),
    )
    touched = chunks.touched(living, action, arguments).order_by().values("pk").count()
    return counted | {"touched": touched, "otherwise": counted["all"] - counted["revoked"] - touched}


def _called(request, keys: QuerySet[Key], action: str, arguments: dict) -> int | None:
    """How many of those that shall end were called in the last 30 days; None where that is not asked or not known."""
    if action not in ENDING:
        return None
    known = callers.of(request.org, request.user, callers.MONTH, timezone.now())
    if known is None:
        return None
    touched = chunks.touched(keys, action, arguments).order_by()
    return touched.filter(with_hashes(known.hashes)).values("pk").count()


def _worded(form: ActionForm, arguments: dict) -> str:
    if "days" in arguments:
        return f"by {arguments['days']} day{'' if arguments['days'] == 1 else 's'}"
    if "policy" in arguments:
        return form.policies[arguments["policy"]].name
    return arguments.get("tag", "")


def _sent(request, form: ActionForm, filters: KeyFilterForm, touched: str) -> list[tuple[str, str]]:
    """What the button that confirms sends: the same again."""
    asked = form.sent(form.arguments, touched)
    if form.cleaned_data["which"] == "ticked":
        return [*asked.items(), *(("key", id) for id in request.POST.getlist("key"))]
    return [*asked.items(), *filters.asked().items()]


@access("session", "keys")
def key_action(request, org, action_id):
    begun = BulkAction.objects.filter(id=action_id).first() if is_id(action_id) else None
    if begun is None:
        raise Http404
    context = {
        "section": "keys",
        "begun": begun,
        "kind": KINDS[begun.action],
        "done": begun.changed + begun.left,
    }
    return render(request, "keys/actions/progress.html", context)
