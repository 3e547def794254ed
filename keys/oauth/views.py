"""Pages of an organisation's OAuth clients: the list, one client with its tokens, and what can be done with it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.gzip import gzip_page
from redis import RedisError

from apis.definitions.authentication import OAUTH
from apis.gateways.redis_client import hasty_client
from apis.models import ApiDefinition
from keys.keys.reader import policies_of_one
from keys.models import OAuthClient, PolicyRight
from keys.oauth import lifecycle, tokens
from keys.oauth.delivery import place_of
from keys.oauth.forms import NEWEST_FIRST, ClientForm, ListForm, SeenClientForm, SuspensionForm, TokensForm
from keys.oauth.refusals import AlreadyMade, Deleted, Stale, Taken
from keys.oauth.rules import values_from
from orgs.access import access
from orgs.http import paging
from orgs.http.refusals import bad_form, said_in, status_of
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads
from orgs.ids import is_id
from orgs.providers import blast_radius
from orgs.providers.blast_radius import Called
from orgs.signing_in import form_tokens

COLUMNS = (
    Column("Client", "", "client"),
    Column("State", "state"),
    Column("API"),
    Column("Policy", lesser=True),
    Column("Created", "date", "created", lesser=True),
)
CSV_HEADER = ("id", "client id", "description", "state", "API", "policy", "redirect URI", "created")
MOST_SHOWN = 100  # tokens


@access("session", "oauth")
@gzip_page
def oauth_list(request, org):
    form = ListForm(request.GET)
    if not form.is_valid():
        return bad_form(request, form)
    found = form.found(OAuthClient.objects.select_related("api", "policy"))
    if request.GET.get("format") == "csv":
        batches = paging.batches(found, form.order, _csv_rows, org_id=request.org.id)
        return csv_stream(f"oauth-clients-{request.org.slug}.csv", CSV_HEADER, batches)
    asked = {name: value for name, value in form.cleaned_data.items() if value}
    page = paging.page(request.GET, found, form.order, asked)
    context = {
        "section": "oauth",
        "form": form,
        "rows": page.items,
        "apis": _apis(request.org.id),
        "asked": asked,
        "heads": heads(COLUMNS, asked, default=NEWEST_FIRST),
        "csv": "?" + urlencode({**asked, "format": "csv"}),
        "page": page,
        "may_write": request.user.may("oauth", "write"),
        "sees_apis": request.user.may("apis"),
        "sees_policies": request.user.may("policies"),
    }
    return render(request, "oauth/list.html", context)


def _csv_rows(clients):
    for client in clients:
        yield (
            *(client.id, client.client_id, client.description, client.state, client.served_api_id),
            *(client.policy.policy_id if client.policy else "", client.redirect_uri),
            client.created_at.isoformat(),
        )


def _apis(org_id):
    """(API ID, name) of the organisation's APIs that use OAuth 2.0, by name."""
    own = ApiDefinition.objects.filter(org_id=org_id, auth__contains=OAUTH).order_by("name", "api_id")
    return list(own.values_list("api_id", "name"))


@access("session", "oauth", methods="GET POST", form=True)
def oauth_create(request, org):
    """The answer to a form that makes a client shows its secret: sent again, as by a reload, the form leads to the
    client it has made."""
    form_token, apis = form_tokens.of(request.POST), _apis(request.org.id)
    form = ClientForm(
        request.POST or None,
        policies=policies_of_one(request.org.id),
        apis=apis,
        initial={"api_id": request.GET.get("api", "")},
    )
    if form.is_valid():
        try:
            with said_in(form):
                made, secret = lifecycle.create(
                    request.org.id,
                    form.cleaned_data["api_id"],
                    values_from(form.values()),
                    created_by=request.user.email,
                    form_token=form_token,
                )
                return _shown_once(request, made, secret)
        except Taken as error:
            form.add_error("client_id", str(error).partition(": ")[2])
        except AlreadyMade as already:
            messages.info(request, "This client is made. Its secret was shown once.")
            return redirect("oauth-detail", org, already.client.id)
    context = {"section": "oauth", "form": form, "apis": apis, "form_token": form_token}
    return render(request, "oauth/form.html", context, status=status_of(form))


def _shown_once(request, client, secret):
    context = _about(request, client) | {"secret": secret}
    return render(request, "oauth/secret.html", context)


@dataclass(frozen=True)
class _Tokens:
    """first: (hash, expiry) of those that end first. away: nobody can say which there are."""

    number: int = 0
    first: tuple = ()
    away: bool = False


def _tokens(client):
    try:
        with hasty_client() as redis:
            there = tokens.listed(place_of(client), redis)
    except RedisError:
        return _Tokens(away=True)
    first = ((hash, _moment(expires)) for hash, expires in there[:MOST_SHOWN])
    return _Tokens(len(there), tuple(first))


def _moment(seconds):
    """None beyond the calendar: others may have written it."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


@access("session", "oauth")
def oauth_detail(request, org, id):
    client = _client_or_404(id)
    context = _about(request, client) | {
        "meta_data": json.dumps(client.meta_data, ensure_ascii=False) if client.meta_data else "",
        "tokens": _tokens(client) if client.deleted_at is None else None,
        "opens": client.deleted_at is None and _opens(client),
    }
    return render(request, "oauth/detail.html", context)


def _opens(client):
    """Whether its policy opens the API that it is a client of."""
    rights = PolicyRight.objects.filter(org_id=client.org_id, policy_id=client.policy_id)
    return rights.filter(api_id=client.api_id).exists()


@access("session", "oauth", methods="GET POST", form=True)
def oauth_edit(request, org, id):
    client, policies = _living_or_404(id), list(policies_of_one(request.org.id))
    form = ClientForm(request.POST or None, policies=policies, client=client)
    seen = SeenClientForm(request.POST or {"seen": client.change_number})
    if not seen.is_valid():
        return bad_form(request, seen)
    newer = False
    ending = _ends_by(client, form, policies, request.POST) if form.is_valid() else ""
    if form.is_valid() and not ending:
        try:
            with said_in(form):
                lifecycle.change(client, values_from(form.values()), expected=seen.expected(client))
                messages.success(request, "Saved.")
                return redirect("oauth-detail", org, id)
        except Stale as error:
            client, newer = error.client, True
    context = _about(request, client) | {
        "form": form,
        "newer": newer,
        "seen": client.change_number if newer else seen.cleaned_data["seen"],
        "ending": ending,
        **(_use(request, client) if ending else {}),
    }
    return render(request, "oauth/form.html", context, status=409 if newer else status_of(form))


def _ends_by(client, form, policies, sent):
    """The other policy that a valid form gives a client, as long as nobody has agreed that its tokens end; "" for
    none."""
    wanted = form.cleaned_data["policy_id"]
    other = wanted != client.policy_id and wanted in {policy.id for policy in policies}
    return wanted if other and sent.get("agreed") != wanted else ""


def _use(request, client):
    """Who would be refused if a client's tokens ended: whoever called with them lately, and those that have not
    expired."""
    return {
        "radius": blast_radius.of(
            request.org,
            request.user,
            Called(api_id=client.served_api_id, client_id=client.client_id),
        ),
        "tokens": _tokens(client),
    }


@access("session", "oauth", methods="POST")
def oauth_suspension(request, org, id):
    client, form = _living_or_404(id), SuspensionForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    suspended = form.cleaned_data["suspended"]
    lifecycle.set_suspended(client, suspended, expected=form.expected(client))
    messages.success(
        request,
        "The client is suspended. Gateways refuse it and its tokens within seconds."
        if suspended
        else "The client is resumed, with the tokens that have not expired.",
    )
    return redirect("oauth-detail", org, id)


@access("session", "oauth", methods="POST")
def oauth_secret(request, org, id):
    """Another secret, shown in the answer."""
    client, form = _living_or_404(id), SeenClientForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    return _shown_once(request, *lifecycle.renew_secret(client, expected=form.expected(client)))


@access("session", "oauth", methods="GET POST", form=True)
def oauth_tokens(request, org, id):
    """GET asks before all are revoked; POST revokes them, or one."""
    client, form = _living_or_404(id), TokensForm(request.POST)
    if request.method != "POST":
        return render(request, "oauth/revoke.html", _about(request, client) | _use(request, client))
    if not form.is_valid():
        return bad_form(request, form)
    one = form.cleaned_data["token"]
    lifecycle.end_tokens(client, hashes=[one] if one else ())
    messages.success(
        request, "Gateways refuse the token within seconds." if one else "Its tokens are ending."
    )
    return redirect("oauth-detail", org, id)


@access("session", "oauth", methods="GET POST", form=True)
def oauth_delete(request, org, id):
    """GET asks, POST does; asks again when somebody changed it since."""
    client, newer = _living_or_404(id), False
    if request.method == "POST":
        form = SeenClientForm(request.POST)
        if not form.is_valid():
            return bad_form(request, form)
        try:
            lifecycle.delete(client, expected=form.expected(client))
        except Stale as error:
            client, newer = error.client, True
        except Deleted:
            raise Http404 from None
        else:
            messages.success(
                request, f"{client} is deleted. Gateways refuse it and its tokens within seconds."
            )
            return redirect("oauth-list", org)
    context = _about(request, client) | {"newer": newer, **_use(request, client)}
    return render(request, "oauth/delete.html", context, status=409 if newer else 200)


def _living_or_404(id):
    client = _client_or_404(id)
    if client.deleted_at is not None:
        raise Http404
    return client


def _client_or_404(id):
    rows = OAuthClient.objects.select_related("api", "policy")
    client = rows.filter(id=id).first() if is_id(id) else None
    if client is None:
        raise Http404
    return client


def _about(request, client):
    """What every page about one client is given."""
    return {
        "section": "oauth",
        "client": client,
        "may_write": request.user.may("oauth", "write"),
        "sees_apis": request.user.may("apis"),
        "sees_policies": request.user.may("policies"),
        "sees_traffic": request.user.may("analytics"),
    }
