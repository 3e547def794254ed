"""Pages of templates."""

import json

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from apis.assets import lifecycle
from apis.assets.forms import AssetForm
from apis.definitions import document
from apis.definitions.oas.made import EXTENSION
from apis.models import Asset
from orgs.access import access
from orgs.http.refusals import said_in, status_of
from orgs.ids import is_id

_EXAMPLE = {EXTENSION: {"middleware": {"global": {"cache": {"enabled": True, "timeout": 60}}}}}


@access("session", "api_assets")
def asset_list(request, org):
    rows = Asset.objects.defer("data_text").order_by("name", "id")
    return render(request, "apis/assets/list.html", _context(request, rows=rows))


@access("session", "api_assets", methods="GET POST", form=True)
def asset_create(request, org):
    form = AssetForm(
        request.POST if request.method == "POST" else None, initial={"text": document.pretty(_EXAMPLE)}
    )
    if form.is_valid():
        with said_in(form):
            asset = lifecycle.create(request.org.id, form.members, author=request.user)
            messages.success(request, f"{asset.name} is kept.")
            return redirect("asset-detail", org, asset.id)
    return render(request, "apis/assets/form.html", _context(request, form=form), status=status_of(form))


@access("session", "api_assets")
def asset_detail(request, org, id):
    asset = _asset_or_404(id)
    text = document.pretty(json.loads(asset.data_text))
    return render(request, "apis/assets/detail.html", _context(request, asset=asset, text=text))


@access("session", "api_assets", methods="GET POST", form=True)
def asset_edit(request, org, id):
    asset = _asset_or_404(id)
    initial = {
        "name": asset.name,
        "description": asset.description,
        "asset_id": asset.asset_id,
        "text": document.pretty(json.loads(asset.data_text)),
        "seen": asset.change_stamp,
    }
    form = AssetForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        seen = form.cleaned_data["seen"]
        with said_in(form):
            asset = lifecycle.change(
                asset,
                form.members,
                author=request.user,
                expected=asset.change_stamp if seen is None else seen,
            )
            messages.success(request, f"{asset.name} is saved. APIs that were made of it stay as they are.")
            return redirect("asset-detail", org, asset.id)
    context = _context(request, form=form, asset=asset)
    return render(request, "apis/assets/form.html", context, status=status_of(form))


@access("session", "api_assets", methods="POST")
def asset_delete(request, org, id):
    asset = _asset_or_404(id)
    lifecycle.delete(asset, author=request.user)
    messages.success(request, f"{asset.name} is deleted. APIs that were made of it stay as they are.")
    return redirect(reverse("asset-list", args=[org]))


def _asset_or_404(id):
    if not is_id(id):
        raise Http404
    return get_object_or_404(Asset, id=id)


def _context(request, **more):
    return {
        "section": "apis",
        "may_write": request.user.may("api_assets", "write"),
        "may_use": request.user.may("apis", "write"),
        **more,
    }
