"""Pages of an organisation's keys."""

import json
import secrets

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils.http import urlencode

from apis.models import ApiDefinition
from keys import issue
from keys.asked import SessionError
from keys.forms import KeyFilterForm, KeyForm
from keys.models import Key
from keys.reader import apis_of_one, rights_of
from keys.search import found
from orgs.access import access
from orgs.ids import is_id
from orgs.spreadsheet import csv_response

A_PAGE = 50
MOST_CSV_ROWS = 10_000


@access("session", "keys")
def key_list(request, org):
    apis = apis_of_one(request.org.id)
    filters = KeyFilterForm(request.GET, apis=apis)
    if not filters.is_valid():
        return render(request, "keys/list.html", {"section": "keys", "filters": filters}, status=400)
    asked = {name: value for name, value in filters.cleaned_data.items() if value}
    keys = found(text=asked.get("q", ""), state=asked.get("state", ""), api_id=asked.get("api", ""))
    if request.GET.get("format") == "csv":
        return keys_csv(request.org, keys)
    page = Paginator(keys, A_PAGE).get_page(request.GET.get("p"))
    context = {
        "section": "keys",
        "filters": filters,
        "asked": asked,
        "rows": [(key, key.state()) for key in page],
        "page": page,
        "has_apis": bool(apis),
        "newer": _query(asked, p=page.number - 1) if page.has_previous() else "",
        "older": _query(asked, p=page.number + 1) if page.has_next() else "",
        "csv": _query(asked, format="csv"),
        "may_write": request.user.may("keys", "write"),
    }
    return render(request, "keys/list.html", context)


def _query(asked: dict, **more) -> str:
    return "?" + urlencode({**asked, **more})


def keys_csv(org, keys):
    rows = list(keys[:MOST_CSV_ROWS])
    rights = rights_of(rows)
    header = ("id", "name", "owner", "hash", "state", "APIs", "expires", "created", "delivered")
    lines = (
        (
            key.id,
            key.alias,
            key.owner,
            key.token_hash,
            key.state(),
            "all" if rights[key.id] is None else " ".join(right.api_id for right in rights[key.id]),
            key.expires_at.isoformat() if key.expires_at else "",
            key.created_at.isoformat(),
            "yes" if key.is_delivered else "no",
        )
        for key in rows
    )
    return csv_response(f"keys-{org.slug}.csv", header, lines)


@access("session", "keys", methods="GET POST", form=True)
def key_create(request, org):
    """The answer to a form that makes a key shows its token, which is kept nowhere: sent again, as by a
    reload, the form leads to the key it has made."""
    apis = apis_of_one(request.org.id)
    sent = request.POST.get("form_token", "")
    form_token = sent if _is_form_token(sent) else secrets.token_hex(16)
    form = KeyForm(request.POST or None, apis=apis, zone=request.org.zone)
    if form.is_valid():
        try:
            made = issue.create(
                request.org.id, form.wishes(), created_by=request.user.email, form_token=form_token
            )
        except issue.AlreadyMade as already:
            messages.info(request, "This key is made. Its token was shown once and is not kept.")
            return redirect("key-detail", org, already.key.id)
        except SessionError as error:
            form.add_error("access_rights", error.message)
        else:
            return _shown_once(request, *made)
    context = {"section": "keys", "form": form, "apis": apis, "form_token": form_token}
    return render(request, "keys/form.html", context, status=400 if form.errors else 200)


def _shown_once(request, key: Key, token: str):
    opened = next(iter(_opened(key)), None)
    curl = _curl(token, opened) if opened else ""
    return render(request, "keys/token.html", {"section": "keys", "key": key, "token": token, "curl": curl})


def _is_form_token(text: str) -> bool:
    return len(text) == 32 and text.isascii() and text.isalnum()


def _opened(key: Key):
    """The API definitions that a key may open, by name."""
    apis = ApiDefinition.objects.filter(org_id=key.org_id).order_by("name", "id")
    rights = rights_of([key])[key.id]
    return apis if rights is None else apis.filter(api_id__in=[right.api_id for right in rights])


def _curl(token: str, api: ApiDefinition) -> str:
    # Only characters that mean nothing to a shell in double quotes.
    place = "".join(letter for letter in api.listen_path if letter.isalnum() or letter in "/._-~")
    return f'curl -H "Authorization: {token}" https://{api.domain or "gateway.example"}{place}'


@access("session", "keys")
def key_detail(request, org, key_id):
    key = _key_or_404(key_id)
    context = {
        "section": "keys",
        "key": key,
        "state": key.state(),
        "limits": key.limits,
        "meta_data": json.dumps(key.meta_data, ensure_ascii=False),
        "apis": list(_opened(key)),
        "may_write": request.user.may("keys", "write"),
        "sees_apis": request.user.may("apis"),
        "sees_traffic": request.user.may("analytics"),
    }
    return render(request, "keys/detail.html", context)


@access("session", "keys", methods="GET POST", form=True)
def key_edit(request, org, key_id):
    key = _living_or_404(key_id)
    apis, rights = apis_of_one(request.org.id), rights_of([key])[key.id] or []
    form = KeyForm(request.POST or None, apis=apis, zone=request.org.zone, key=key, rights=rights)
    if form.is_valid():
        try:
            issue.change(key, form.wishes())
        except SessionError as error:
            form.add_error("access_rights", error.message)
        else:
            messages.success(request, "Saved. Gateways hear of it within seconds.")
            return redirect("key-detail", org, key.id)
    context = {"section": "keys", "form": form, "apis": apis, "key": key}
    return render(request, "keys/form.html", context, status=400 if form.errors else 200)


@access("session", "keys", methods="POST")
def key_suspension(request, org, key_id):
    """`suspended` = true or false."""
    wanted = {"true": True, "false": False}.get(request.POST.get("suspended", ""))
    if wanted is None:
        return HttpResponseBadRequest("suspended: must be true or false", content_type="text/plain")
    key = _key_or_404(key_id)
    try:
        issue.set_suspended(key, wanted)
        messages.success(request, "The key is suspended." if wanted else "The key works again.")
    except SessionError as error:
        messages.error(request, error.message)
    return redirect("key-detail", org, key.id)


@access("session", "keys", methods="GET POST", form=True)
def key_revoke(request, org, key_id):
    """GET asks, POST does."""
    key = _living_or_404(key_id)
    if request.method == "POST":
        issue.revoke(key)
        messages.success(request, "The key is revoked. Gateways refuse it within seconds.")
        return redirect("key-detail", org, key.id)
    context = {"section": "keys", "key": key, "apis": list(_opened(key))}
    return render(request, "keys/revoke.html", context)


def _living_or_404(key_id: str) -> Key:
    key = _key_or_404(key_id)
    if key.revoked_at is not None:
        raise Http404
    return key


def _key_or_404(key_id: str) -> Key:
    key = Key.objects.filter(id=key_id).first() if is_id(key_id) else None
    if key is None:
        raise Http404
    return key
