"""Pages of drafts: all of an organisation, the review that leads to publishing some, and their other end."""

from django.contrib import messages
from django.shortcuts import redirect, render

from apis import guards
from apis.definitions.pointer import Problem
from apis.drafts import lifecycle as drafts
from apis.drafts.forms import NEWEST_FIRST, DiscardForm, ListForm, ReviewForm, reviewed_in
from apis.drafts.reviewing import loss, reviews
from apis.forms import MOST_SHOWN, plainly
from apis.models import Draft
from apis.publishing.refusals import Deleted, DraftMoved, ManyRefused, Stale
from apis.views import about, api_or_404
from orgs.access import access
from orgs.http import paging
from orgs.http.refusals import bad_form, said_in, status_of
from orgs.http.strict_json import printable
from orgs.http.tables import Column, heads
from orgs.ids import is_id
from orgs.refusals import Invalid

MOST = 50  # drafts that are published together
COLUMNS = (
    Column("API", "name"),
    Column("Message", "third"),
    Column("Begun from", "badge"),
    Column("By", lesser=True),
    Column("Saved", "time", "saved_at"),
)
SEVERAL = "What changed and why, of all. Left empty, the history shows what was said of each draft."
GONE = "There is no draft any more: it was published or discarded."


@access("session", "apis")
def draft_list(request, org):
    """What is to be published, of whichever API; several are chosen to be reviewed, and published together."""
    form = ListForm(request.GET)
    if not form.is_valid():
        return bad_form(request, form)
    asked = {name: value for name, value in form.cleaned_data.items() if value}
    drafted = Draft.objects.select_related("api").defer("text", "api__definition_text")
    page = paging.page(request.GET, drafted, form.order, asked)
    context = {
        "section": "apis",
        "heads": heads(COLUMNS, asked, default=NEWEST_FIRST),
        "rows": page.items,
        "page": page,
        "most": MOST,
        "may_write": request.user.may("apis", "write"),
    }
    return render(request, "apis/drafts.html", context)


@access("session", "apis", methods="GET POST")
def api_review(request, org):
    """What publishing drafts would change: those of the APIs that `draft` names, often. POST publishes them, all or
    none, as far as they are still what was `reviewed`."""
    if request.method == "POST":
        return _publish(request)
    return _page(request, request.GET.getlist("draft"), ReviewForm)


def _page(request, ids, form, *, moved=False):
    """The review of the drafts that there are of some APIs. form: a ReviewForm that was sent, or the class. moved:
    whether somebody was faster than whoever wanted to publish them."""
    if not ids:
        messages.info(request, "Choose the drafts that you want to review.")
        return redirect("draft-list", request.org.slug)
    _refuse_more(ids)
    drafted = Draft.objects.filter(api_id__in=[id for id in ids if is_id(id)]).select_related("api")
    found = reviews(drafted.order_by("api__name", "id"), request.org, request.user)
    if not found:
        messages.info(request, GONE)
        return redirect("draft-list", request.org.slug)
    one = found[0] if len(found) == 1 else None
    if form is ReviewForm:
        form = ReviewForm(initial={"message": one.draft.message if one else ""})
    if not one:
        form.fields["message"].help_text = SEVERAL
    context = {
        "section": "apis",
        "reviews": found,
        "one": one,
        "form": form,
        "moved": moved,
        "loss": loss(found, request.org),
        "fit": not any(each.faults for each in found),
        "may_write": request.user.may("apis", "write"),
    }
    return render(request, "apis/review.html", context, status=409 if moved else status_of(form))


def _refuse_more(chosen):
    if len(chosen) > MOST:
        raise Invalid(f"More than {MOST} drafts are not published at once.", "draft")


def _publish(request):
    reviewed = reviewed_in(request.POST.getlist("reviewed"))
    _refuse_more(reviewed)
    ids, form = [each.id for each in reviewed], ReviewForm(request.POST)
    if not form.is_valid():
        return _page(request, ids, form)
    with said_in(form):
        try:
            said = form.cleaned_data
            with guards.guarded(request.org.id, said["removed"]):
                changed = drafts.publish(
                    request.org.id, reviewed, author=request.user, message=said["message"]
                )
        except (DraftMoved, Deleted):
            return _page(request, ids, form, moved=True)
        except ManyRefused as refused:
            if any(isinstance(each, Stale | Deleted) for each in refused.by_place.values()):
                return _page(request, ids, form, moved=True)
            _say(form, refused)
        else:
            messages.success(request, _told(reviewed, changed))
            if len(ids) == 1:
                return redirect("api-detail", request.org.slug, ids[0])
            return redirect("draft-list", request.org.slug)
    return _page(request, ids, form)


def _say(form, refused):
    """What is wrong with which API, above a form."""
    for place, refusal in refused.by_place.items():
        name = f"{printable(refused.names[place])}: " if len(refused.names) > 1 or place else ""
        for fault in getattr(refusal, "problems", [refusal])[:MOST_SHOWN]:
            form.add_error(None, name + (plainly(fault) if isinstance(fault, Problem) else str(fault)))


def _told(reviewed, apis):
    new = [api for api, seen in zip(apis, reviewed, strict=True) if api.revision != seen.revision]
    if not new:
        return "Nothing was different, so nothing was published; the draft has ended."
    if len(new) == 1:
        return f"Revision {new[0].revision} of {new[0].name} is published."
    return f"{len(new)} APIs are published."


@access("session", "apis", methods="GET POST", form=True)
def draft_discard(request, org, id):
    """Asks first; asks again when somebody saved another since."""
    api, moved = api_or_404(id), False
    if request.method == "POST":
        form = DiscardForm(request.POST)
        if not form.is_valid():
            return bad_form(request, form)
        try:
            drafts.discard(api, author=request.user, seen=form.cleaned_data["seen"])
        except DraftMoved as error:
            moved = error.draft is not None
            if not moved:
                messages.info(request, GONE)
        else:
            messages.success(request, f"The draft of {api.name} is discarded.")
    draft = Draft.objects.filter(api=api).select_related("api").first()
    if draft is None:
        return redirect("api-detail", request.org.slug, api.id)
    context = {
        **about(request, api, "edit", draft),
        "moved": moved,
        "review": reviews([draft], request.org, request.user)[0],
    }
    return render(request, "apis/discard.html", context, status=409 if moved else 200)
