"""`/api/assets`: templates out of which APIs are made (`?templateID=` where those are created)."""

import json

from django.db.models import Q

from apis.assets import lifecycle
from apis.assets.members import KIND, taken
from apis.models import Asset
from orgs.access import SAFE, access
from orgs.http import etags
from orgs.http.rest import RestError, expected, json_response, read_json, stamp, tagged
from orgs.http.strict_json import printable
from orgs.models import Organisation

NOT_FOUND = "Asset not found"


@access("key", "api_assets", methods="GET POST")
def asset_list(request):
    """A bare list; the answer to a creation is 201 and says "success", as clients expect of this route alone."""
    if request.method == "POST":
        body = read_json(request)
        asset = lifecycle.create(_organisation_of(request, body), taken(body), author=request.user)
        return _tagged(request, asset, _done("asset created", 201, asset.id, ID=asset.asset_id))
    if (kind := request.GET.get("kind", KIND)) != KIND:
        raise RestError(400, f"unsupported asset kind: '{printable(kind)}'")
    return json_response([_shown(asset) for asset in Asset.objects.order_by("name", "id")])


@access("key", "api_assets", methods="GET PUT DELETE")
def asset_detail(request, id):
    asset = find(id)
    if request.method in SAFE:
        return _tagged(request, asset, json_response(_shown(asset)))
    seen = expected(request, asset.change_stamp)
    if request.method == "DELETE":
        lifecycle.delete(asset, author=request.user, expected=seen)
        return _done("Asset removed successfully")
    asset = lifecycle.change(asset, taken(read_json(request)), author=request.user, expected=seen)
    return _tagged(request, asset, _done("asset updated"))


def find(id):
    """By database id or its own; one of another organisation is like one that is not there."""
    found = [] if "\0" in id else Asset.objects.filter(Q(id=id) | Q(asset_id=id))[:2]
    for asset in sorted(found, key=lambda asset: asset.id != id):
        return asset
    raise RestError(404, NOT_FOUND)


def _organisation_of(request, body):
    if request.user.org_id:
        return request.user.org_id
    org_id = body.get("org_id")
    if not isinstance(org_id, str) or not Organisation.everyone.present().filter(id=org_id).exists():
        raise RestError(400, "org_id: must be the id of an organisation")
    return org_id


def _tagged(request, asset, response):
    return tagged(request, response, etags.tag(asset.change_stamp))


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
