"""`/api/assets`: templates out of which APIs are made (`?templateID=` where those are created)."""

import json
import re

from django.db.models import Q

from apis.assets import lifecycle
from apis.definitions import document
from apis.models import Asset
from orgs.access import SAFE, access
from orgs.http.rest import RestError, json_response, members, read_json, stamp
from orgs.http.strict_json import printable
from orgs.models import Organisation

KIND = "oas-template"
NOT_FOUND = "Asset not found"
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._~:=@+-]{0,199}")


@access("key", "api_assets", methods="GET POST")
def asset_list(request):
    """A bare list; the answer to a creation is 201 and says "success", as clients expect of this route alone."""
    if request.method == "POST":
        body = read_json(request)
        asset = lifecycle.create(_organisation_of(request, body), _sent(body), author=request.user)
        return _done("asset created", 201, asset.id, ID=asset.asset_id)
    if (kind := request.GET.get("kind", KIND)) != KIND:
        raise RestError(400, f"unsupported asset kind: '{printable(kind)}'")
    return json_response([_shown(asset) for asset in Asset.objects.order_by("name", "id")])


@access("key", "api_assets", methods="GET PUT DELETE")
def asset_detail(request, id):
    asset = find(id)
    if request.method in SAFE:
        return json_response(_shown(asset))
    if request.method == "DELETE":
        lifecycle.delete(asset, author=request.user)
        return _done("Asset removed successfully")
    lifecycle.change(asset, _sent(read_json(request)), author=request.user)
    return _done("asset updated")


def find(id):
    """By database id or its own; one of another organisation is like one that is not there."""
    found = [] if "\0" in id else Asset.objects.filter(Q(id=id) | Q(asset_id=id))[:2]
    for asset in sorted(found, key=lambda asset: asset.id != id):
        return asset
    raise RestError(404, NOT_FOUND)


def _sent(body):
    """Columns of Asset. Raises RestError, 422 where the words of the wire say so."""
    found = members(body, id=str, kind=str, name=str, description=str, data=dict)
    if (kind := found.get("kind", "")) != KIND:
        raise RestError(422, f"unsupported asset kind: '{printable(kind)}'.")
    name = found.get("name", "").strip()
    if not name or len(name) > 200 or not name.isprintable():
        raise RestError(422, "name: must be text of 1 to 200 characters")
    if found.get("id") and not _ID.fullmatch(found["id"]):
        raise RestError(422, "id: must be letters, digits and . _ ~ : = @ + - after a letter, digit or _")
    if len(found.get("description", "")) > 2000:
        raise RestError(422, "description: must not be longer than 2,000 characters")
    text = document.compact(found.get("data") or {})
    if not found.get("data") or len(text) > document.LARGEST:
        raise RestError(422, f"data: must be an object of {document.LARGEST:,} characters at most")
    kept = {"kind": kind, "name": name, "description": found.get("description", ""), "data_text": text}
    return kept | ({"asset_id": found["id"]} if found.get("id") else {})


def _organisation_of(request, body):
    if request.user.org_id:
        return request.user.org_id
    org_id = body.get("org_id")
    if not isinstance(org_id, str) or not Organisation.everyone.present().filter(id=org_id).exists():
        raise RestError(400, "org_id: must be the id of an organisation")
    return org_id


def _shown(asset):
    return {
        "_id": asset.id,
        "id": asset.asset_id,
        "org_id": asset.org_id,
        "kind": asset.kind,
        "name": asset.name,
        "description": asset.description,
        "data": json.loads(asset.data_text),
        "last_updated": stamp(asset.updated_at),
    }


def _done(message, status=200, meta=None, **last):
    return json_response({"Status": "success", "Message": message, "Meta": meta, **last}, status)
