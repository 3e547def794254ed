"""`/api/apis/oauth/…`: Tyk's Dashboard API for OAuth clients and their tokens.

The secret is given to whoever may write clients: he could give the client another at any time, and the programs that
manage clients compare it. To who may only read it is blank. In a path an API is named by its API ID or its database id.
"""

import hashlib
import re

from django.http import HttpRequest, HttpResponse
from redis import RedisError

from apis.definitions import kinds
from apis.gateways.redis_client import hasty_client
from apis.models import ApiDefinition
from keys.models import OAuthClient
from keys.oauth import authorisation, lifecycle, tokens
from keys.oauth.delivery import place_of
from keys.oauth.refusals import MISSING
from keys.oauth.rules import values_from
from orgs.access import SAFE, access
from orgs.http import etags
from orgs.http.rest import RestError, expected, json_response, ok, page, read_json, tagged
from orgs.ids import is_id
from orgs.providers import blast_radius
from orgs.providers.blast_radius import Called
from orgs.sealing import NotOpened

_HASH = re.compile("[0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64}")
_NUMBER = re.compile("-?[0-9]{1,9}")
AWAY = "The gateways' Redis, which holds the tokens, does not answer"


@access("key", "oauth", methods="GET POST")
def clients(request: HttpRequest, api: str) -> HttpResponse:
    """GET lists; POST creates, and answers with the secret whoever asks."""
    found = _api_or_404(api)
    if request.method in SAFE:
        rows, pages = page(request, _living().filter(org_id=found.org_id, api=found))
        return json_response({"apps": [_data(request, row) for row in rows], "pages": pages})
    values = values_from(_body(request, found))
    made, secret = lifecycle.create(found.org_id, found.api_id, values, created_by=request.user.email)
    return tagged(request, json_response(_described(made, secret)), etags.tag(made.change_number, "once"))


@access("key", "analytics")
def client_radius(request: HttpRequest, api: str, client: str) -> HttpResponse:
    """What is called with its tokens and how much: whom it meets if it ends."""
    found = _client_or_404(_api_or_404(api), client)
    called = Called(api_id=found.served_api_id, client_id=found.client_id)
    return blast_radius.answer(request, found.org_id, called)


@access("key", "oauth", methods="POST")
def authorize_client(request: HttpRequest, api: str) -> HttpResponse:
    """A code for a client whose user has agreed, and where to send him with it (keys.oauth.authorisation)."""
    found, asked = _api_or_404(api), authorisation.asked_from(_sent(request))
    client = _client_or_404(found, asked.client_id)
    types = kinds.authorize_types(found.definition)
    try:
        with hasty_client() as redis:
            return json_response(authorisation.authorise(client, asked, types, redis))
    except RedisError:
        raise RestError(503, AWAY) from None


@access("key", "oauth", methods="GET PUT DELETE")
def client(request: HttpRequest, api: str, client: str) -> HttpResponse:
    own = _api_or_404(api)
    found = _client_or_404(own, client)
    if request.method == "DELETE":
        lifecycle.delete(found, expected=expected(request, found.change_number))
        return ok("OAuth client deleted successfully.")
    if request.method == "PUT":
        seen = expected(request, found.change_number)
        found = lifecycle.change(found, values_from(_body(request, own)), expected=seen)
    response = json_response(_data(request, found))
    # The id of its policy is shown, and changed elsewhere.
    shown = hashlib.sha256(response.content).hexdigest()[:16]
    return tagged(request, response, etags.tag(found.change_number, shown))


@access("key", "oauth")
def client_tokens(request: HttpRequest, api: str, client: str) -> HttpResponse:
    """The hashes of its tokens: the tokens themselves nobody is told. All of them, or a `page` in another shape, as
    gateways do: one past the end is empty, one before the first is the first."""
    found, number = _client_or_404(_api_or_404(api), client), _page_number(request)
    try:
        with hasty_client() as redis:
            if number is None:
                return json_response(_listed(tokens.listed(place_of(found), redis)))
            there, pages = tokens.page(place_of(found), number, redis)
    except RedisError:
        raise RestError(503, AWAY) from None
    paging = {"page_num": number, "page_total": pages, "page_size": tokens.PAGE}
    return json_response({"Pagination": paging, "Tokens": _listed(there)})


def _page_number(request: HttpRequest) -> int | None:
    asked = request.GET.get("page", "")
    if asked and not _NUMBER.fullmatch(asked):
        raise RestError(400, "page: must be a whole number")
    return max(1, int(asked)) if asked else None


def _listed(there: list[tuple[str, int]]) -> list[dict]:
    return [{"code": hash, "expires": expires} for hash, expires in there]


@access("key", "oauth", methods="POST")
def revoke(request: HttpRequest, client: str) -> HttpResponse:
    """End one token of the clients of this id, whichever API they are of. token: an access token or its hash, or a
    refresh token."""
    found = _named(client)
    text = _sent(request).get("token")
    if not isinstance(text, str) or not text:
        raise RestError(400, "token: must be the token, or its hash")
    for each in found:
        if _HASH.fullmatch(text):
            lifecycle.end_tokens(each, hashes=[text])
        else:
            lifecycle.end_tokens(each, hashes=tokens.hashes(text), refresh=tokens.digest(text))
    return ok("token revoked successfully")


@access("key", "oauth", methods="POST")
def revoke_all(request: HttpRequest, client: str) -> HttpResponse:
    """End all tokens of the clients of this id; with a `client_secret`, of those that have it."""
    found, secret = _named(client), _sent(request).get("client_secret")
    if secret:
        found = [each for each in found if _secret(each) == secret]
        if not found:
            raise RestError(400, "client_secret: is not the secret of this client")
    for each in found:
        lifecycle.end_tokens(each)
    return ok("tokens revoked successfully")


@access("admin", methods="DELETE")
def purge(request: HttpRequest) -> HttpResponse:
    """Forget the tokens that have expired, of every client: gateways name them for ever, unless told otherwise."""
    if request.GET.get("scope") != "lapsed":
        raise RestError(400, "scope: must be lapsed")
    try:
        with hasty_client() as redis:
            tokens.forget_lapsed([place_of(each) for each in OAuthClient.objects.all()], redis)
    except RedisError:
        raise RestError(503, AWAY) from None
    return ok("lapsed tokens purged successfully")


def _body(request: HttpRequest, api: ApiDefinition) -> dict:
    """What describes a client of this API; programs repeat in it whose client it is."""
    body = read_json(request)
    if body.get("api_id") not in (None, "", api.api_id, api.id):
        raise RestError(400, "api_id: must be the API of the path, or left out")
    return body


def _sent(request: HttpRequest) -> dict:
    """Gateways' own routes of these names take a form, so clients send both."""
    if request.content_type == "application/x-www-form-urlencoded" and request.body.lstrip()[:1] != b"{":
        return request.POST.dict()
    return read_json(request)


def _living():
    rows = OAuthClient.objects.filter(deleted_at=None).select_related("policy")
    return rows.order_by("-created_at", "-id")


def _named(client: str) -> list[OAuthClient]:
    found = list(_living().filter(client_id=client)) if "\0" not in client else []
    if not found:
        raise RestError(404, MISSING)
    return found


def _client_or_404(api: ApiDefinition, client: str) -> OAuthClient:
    found = _living().filter(org_id=api.org_id, api=api, client_id=client) if "\0" not in client else None
    if found is None or (row := found.first()) is None:
        raise RestError(404, MISSING)
    return row


def _api_or_404(api: str) -> ApiDefinition:
    rows = ApiDefinition.objects.defer("definition_text")
    named = rows.filter(api_id=api).first() if "\0" not in api else None
    found = named or (rows.filter(id=api).first() if is_id(api) else None)
    if found is None:
        raise RestError(404, "API not found")
    return found


def _data(request: HttpRequest, client: OAuthClient) -> dict:
    return _described(client, _secret(client) if request.user.may("oauth", "write") else "")


def _secret(client: OAuthClient) -> str:
    """Blank where the key that sealed it is none of ours any more."""
    try:
        return lifecycle.secret_of(client)
    except NotOpened:
        return ""


def _described(client: OAuthClient, secret: str) -> dict:
    """A client in the words of Tyk's gateways."""
    return {
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "api_id": client.served_api_id,
        "policy_id": client.policy.policy_id,
        "secret": secret,
        "meta_data": client.meta_data,
        "description": client.description,
    }
