"""`/api/portal/policies`, also at `/api/policies`: Tyk's Dashboard API for policies; and their import by the Admin API.

An answer is the stored policy object. In a path a policy is named by its `_id` or its `id`. Last write wins, as clients
expect; who sends `If-Match` is told when somebody was faster.
"""

from django.db.models import Count, JSONField, Q, QuerySet
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse

from keys.keys.search import LONGEST_SEARCH
from keys.models import Policy, PolicyRight
from keys.policies import document, lifecycle
from keys.policies.use import holders
from orgs.access import SAFE, access
from orgs.http import etags
from orgs.http.rest import RestError, expected, json_response, ok, page, read_json, tagged
from orgs.models import Organisation
from orgs.providers import blast_radius

MOST_IMPORTED = 250
_SORTS = {
    "name": "name",
    "state": "state",
    "_id": "id",
    "id": "policy_id",
    "last_updated": "updated_at",
    "date_created": "created_at",
}


@access("key", "policies", methods="GET POST")
def policies(request: HttpRequest) -> HttpResponse:
    """GET lists, and takes what a search does; POST creates, and answers with the `_id`."""
    if request.method in SAFE:
        return _listed(request)
    given = read_json(request)
    made = lifecycle.create(_org_of_new_policy(request, given), given, author=request.user)
    return tagged(request, ok(made.id), etags.tag(made.revision))


@access("key", "policies")
def policies_search(request: HttpRequest) -> HttpResponse:
    return _listed(request)


@access("key", "policies", methods="GET PUT DELETE")
def policy(request: HttpRequest, id: str) -> HttpResponse:
    row = _find(id)
    if request.method in SAFE:
        return tagged(request, json_response(row.document), etags.tag(row.revision))
    seen = expected(request, row.revision)
    if request.method == "DELETE":
        lifecycle.delete(row, author=request.user, expected=seen)
        return ok("Data deleted")
    given = read_json(request)
    if request.org is None and given.get("org_id") not in (None, "", row.org_id):
        raise RestError(400, "org_id: a policy stays in its organisation")
    row = lifecycle.change(row, given, author=request.user, expected=seen)
    return tagged(request, ok("Data updated"), etags.tag(row.revision))


@access("admin", methods="POST")
def policy_import(request: HttpRequest) -> HttpResponse:
    """Policies of whichever organisations they name, all or none; one that is there already is changed."""
    given = read_json(request).get("Data")
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise RestError(400, "Data: must be a list of policies")
    if len(given) > MOST_IMPORTED:
        raise RestError(400, f"Data: must not hold more than {MOST_IMPORTED:,} policies")
    present = _present({str(each.get("org_id")) for each in given})
    for place, each in enumerate(given):
        if each.get("org_id") not in present:
            raise RestError(400, f"/Data/{place}/org_id: must be the id of an organisation")
    wanted = {f"/Data/{place}": (each["org_id"], each) for place, each in enumerate(given)}
    return ok("Policies imported", {row.id: True for row in lifecycle.bring(wanted)})


def _present(ids: set[str]) -> list[str]:
    """Those ids of organisations which exist."""
    return list(Organisation.everyone.present().filter(id__in=ids).values_list("id", flat=True))


@access("key", "analytics")
def policy_radius(request: HttpRequest, id: str) -> HttpResponse:
    """Which of its keys call and how much: whom it meets if it is changed."""
    found = _find(id)
    return blast_radius.answer(request, found.org_id, holders.called(found))


def _org_of_new_policy(request: HttpRequest, given: dict) -> str:
    """A user's policies are his organisation's, whatever the body says; a super-user has to say whose."""
    if request.org is not None:
        return request.org.id
    asked = given.get("org_id")
    if not isinstance(asked, str) or not _present({asked}):
        raise RestError(400, "org_id: must be the id of an organisation")
    return asked


def _find(id: str) -> Policy:
    """By `_id`, in either case, or by `id`; one of another organisation is like one that is not there."""
    if not document.is_id(id):
        raise RestError(400, "Invalid policy ID")
    rows = Policy.objects.filter(Q(id=id.lower()) | Q(policy_id=id))[:2]
    for row in sorted(rows, key=lambda row: id not in (row.id, row.policy_id)):
        return row
    raise RestError(404, "Policy not found")


def _listed(request: HttpRequest) -> HttpResponse:
    rows, pages = page(request, _found(request.GET))
    return json_response({"Data": [row.document for row in rows], "Pages": pages})


def _found(asked) -> QuerySet[Policy]:
    """The policies in scope that a request's parameters ask for; a value that no policy has finds none.

    q: a part of the name or of an id. policy_ids, api_id: with commas between; api_id: those that name all of these
    APIs. active: whatever its value, active ones only, as Tyk has it. sort: a member, "-" before it for the last first.
    """
    found = Policy.objects.all()
    text = asked.get("q", "")
    if len(text) > LONGEST_SEARCH:
        raise RestError(400, f"q: must not be longer than {LONGEST_SEARCH} characters")
    if text:
        found = found.filter(
            Q(name__icontains=text) | Q(policy_id__icontains=text) | Q(id__contains=text.lower())
        )
    if ids := _several(asked, "policy_ids"):
        found = found.filter(Q(id__in=[id.lower() for id in ids]) | Q(policy_id__in=ids))
    if api_ids := _several(asked, "api_id"):
        named = PolicyRight.objects.filter(api__api_id__in=api_ids).values("policy_id")
        found = found.filter(
            id__in=named.annotate(apis=Count("id")).filter(apis=len(api_ids)).values("policy_id")
        )
    if asked.get("active"):
        found = found.filter(state="active")
    if asked.get("state"):
        found = found.filter(state=asked["state"])
    if kind := asked.get("auth_type"):
        found = found.alias(said=Cast("document_text", JSONField()))
        found = found.filter(Q(said__auth_type=kind) | Q(said__auth_types__has_key=kind))
    return found.order_by(*_order(asked.get("sort") or "name"))


def _several(asked, name: str) -> set[str]:
    return {value for value in asked.get(name, "").split(",") if value}


def _order(sort: str) -> tuple[str, str]:
    column = _SORTS.get(sort.removeprefix("-"))
    if column is None:
        raise RestError(400, f"sort: must be one of {', '.join(_SORTS)}, or one of them after a -")
    sign = "-" if sort.startswith("-") else ""
    return f"{sign}{column}", f"{sign}id"
