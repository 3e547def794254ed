"""The Dashboard API's keys: Tyk's wire in front of the same form as the pages.

In a path a key is named by its token, by the id that somebody chose for it, or by its hash. Beyond Tyk's session object
a key has two members, `owner` and `all_apis`, which clients that do not know them may leave out. A revoked key is gone
for REST.
"""

import hashlib
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.http import HttpResponse
from django.utils import timezone

from apis.models import ApiDefinition
from keys.certificates import named
from keys.credentials import exposure, members, naming, sealed
from keys.keys import lifecycle, token
from keys.keys.forms import KeyForm
from keys.keys.parameters import values_from
from keys.keys.reader import apis_of_one, described_of, policies_of_one
from keys.keys.search import LONGEST_SEARCH, found, opens
from keys.models import Generation, Key
from keys.rotation import generations
from keys.sessions import results
from orgs.access import access
from orgs.http import etags
from orgs.http.rest import RestError, expected, json_response, ok, page, read_json, tagged, valid
from orgs.ids import is_id
from orgs.models import Organisation
from orgs.providers import blast_radius

_UTC = ZoneInfo("UTC")
# What a gateway writes and only it knows.
_NOT_KNOWN_HERE = ("quota_renews", "quota_remaining")
# Strict clients look for every member that a gateway writes.
ZERO: dict[str, object] = {
    "last_check": 0,
    "allowance": 0,
    "throttle_interval": 0,
    "throttle_retry_limit": 0,
    "max_query_depth": 0,
    "data_expires": 0,
    "session_lifetime": 0,
    "id_extractor_deadline": 0,
    "enable_detail_recording": False,
    "enable_detailed_recording": False,
    "monitor": {"trigger_limits": []},
    "oauth_client_id": "",
    "oauth_keys": {},
    "certificate": "",
    **sealed.BLANK,
    "hmac_enabled": False,
    "enable_http_signature_validation": False,
    "rsa_certificate_id": "",
}
_WITH_PASSWORD = {"basic_auth_data": {"password": "", "hash_type": "bcrypt"}}


@access("key", "keys", methods="GET POST")
def keys(request):
    """GET lists; POST creates, and answers with the token for the only time."""
    return _created(request) if request.method == "POST" else _listed(request, living())


@access("key", "keys")
def keys_of_apis(request):
    return _listed(request, living())


@access("key", "keys")
def keys_of_api(request, api):
    return _listed(request, _opening(api))


@access("key", "keys")
def keys_detailed(request):
    """`q` searches names, owners and starts of hashes."""
    text = request.GET.get("q", "")
    if "\0" in text:
        raise RestError(400, "q: must not hold a NUL character")
    if len(text) > LONGEST_SEARCH:
        raise RestError(400, f"q: must not be longer than {LONGEST_SEARCH} characters")
    rows, pages = page(request, _newest_first(found(text=text).keys))
    return json_response({"keys": data(rows), "pages": pages})


@access("key", "keys", methods="POST")
def keys_preview(request):
    """The session that gateways of this day would work with, for a key of this body; nothing is made."""
    body = read_json(request)
    values = values_from(body)
    org_id = _org_of_new_key(request, values)
    spec = _valid(values, org_id).spec()
    named.own(org_id, spec.session_extra, timezone.now())
    own = ApiDefinition.objects.filter(org_id=org_id, api_id__in=[right.api_id for right in spec.rights])
    credential = sealed.kind(sealed.changed({}, members.secrets_from(body)), spec.session_extra)
    exposure.refuse(org_id, credential, own, policies_of_one(org_id, named=spec.policies))
    outcome = results.of_spec(org_id, spec, suspended=values.get("is_inactive", False))["5"]
    if outcome.session is None:
        raise RestError(400, f"apply_policies: gateways would refuse the key: {outcome.refusal}")
    return json_response(outcome.session)


@access("key", "keys", methods="GET POST PUT DELETE")
def key(request, name):
    """In a path a key is named by its token, the id that somebody chose for it, or its hash. POST makes one of this
    id."""
    if request.method == "POST":
        return _created(request, name)
    return _answer(request, key_or_404(living(), name, request.GET))


@access("key", "analytics")
def key_radius(request, name):
    """What is called with it and how much: whom it meets if it ends."""
    key = key_or_404(living(), name, request.GET)
    return blast_radius.answer(request, key.org_id, generations.called(key))


@access("key", "keys", methods="POST")
def key_of_user(request, user):
    """Make a user of basic authentication, whose password the body gives."""
    return _created(request, user, of_user=True)


@access("key", "keys", methods="GET PUT DELETE")
def key_of_api(request, api, name):
    definition = _api_or_404(api)
    found_key = key_or_404(living(), name, request.GET)
    if definition and not opens(found_key, definition):
        raise RestError(404, lifecycle.MISSING)
    return _answer(request, found_key)


def _answer(request, found_key: Key) -> HttpResponse:
    if request.method == "DELETE":
        lifecycle.revoke(found_key, expected=expected(request, found_key.change_number))
        return ok("Key deleted successfully.")
    once: dict[str, str] = {}
    if request.method == "PUT":
        found_key, once = _changed(request, found_key)
    response = json_response(_shown_once(data([found_key])[0], once))
    # Names of the APIs it opens are shown, and changed elsewhere.
    shown = hashlib.sha256(response.content).hexdigest()[:16]
    return tagged(request, response, etags.tag(found_key.change_number, shown))


def living():
    """Keys that REST knows, the newest first."""
    return _newest_first(found().keys)


def _newest_first(keys):
    """Those that REST knows."""
    return keys.filter(revoked_at=None).order_by("-created_at", "-id")


def _opening(api: str):
    """Living keys that may open an API."""
    definition = _api_or_404(api)
    if definition is None:
        return living()
    return _newest_first(found(api_id=definition.api_id).keys).filter(org_id=definition.org_id)


def _api_or_404(api: str) -> ApiDefinition | None:
    """An API, named by its API id or its database id; None for "-", which is any."""
    if api == "-":
        return None
    named = ApiDefinition.objects.filter(api_id=api) if "\0" not in api else ApiDefinition.objects.none()
    definition = named.first() or (ApiDefinition.objects.filter(id=api).first() if is_id(api) else None)
    if definition is None:
        raise RestError(404, "API not found")
    return definition


def key_or_404(among, name: str, asked: Mapping[str, str]) -> Key:
    """The key of a name: another organisation's is answered like a missing one. asked: `hashed` and `username` say what
    the name is alone."""
    named = Q(token_hash__in=naming.token_hashes(name)) if asked.get("username") != "true" else Q(pk__in=[])
    if asked.get("hashed") not in ("1", "true"):
        named |= Q(short_cache_key=token.cache_key(name))
    found_key = among.filter(named).first()
    if found_key and not found_key.cache_key and name != found_key.token_hash:
        _note_names(found_key, name)
    former = Generation.objects.filter(named).values("key_id")
    found_key = found_key or among.filter(id__in=former).first()
    if found_key is None:
        raise RestError(404, lifecycle.MISSING)
    return found_key


def _note_names(found_key: Key, name: str) -> None:
    """The token of a key made elsewhere is known only now: what is done to it reaches gateways at once from now on."""
    found_key.cache_key, found_key.short_cache_key = naming.cached(name)
    names = {"cache_key": found_key.cache_key, "short_cache_key": found_key.short_cache_key}
    Key.objects.filter(org_id=found_key.org_id, id=found_key.id).update(**names)


def _listed(request, rows) -> HttpResponse:
    shown, pages = page(request, rows.values_list("token_hash", flat=True))
    return json_response({"data": {"keys": shown}, "pages": pages})


def _created(request, key_id: str = "", *, of_user: bool = False) -> HttpResponse:
    body = read_json(request)
    values, secrets = values_from(body), members.secrets_from(body)
    if of_user and "password" not in secrets:
        raise RestError(400, "basic_auth_data.password: A user needs one.")
    once = _made_secrets(values, {**secrets})
    if key_id and "password" in secrets:
        secrets[sealed.USER_NAME] = key_id
        values["alias"] = values.get("alias") or key_id
    org_id = _org_of_new_key(request, values)
    form = _valid(values, org_id, secrets=secrets | once)
    made, text = lifecycle.create(
        org_id,
        form.spec(),
        created_by=request.user.email,
        suspended=values.get("is_inactive", False),
        key_id=key_id,
    )
    answer = _shown_once(data([made])[0], once) | {"key_id": text}
    # Nobody has this answer, which holds the token, by having the key.
    return tagged(request, json_response(answer), etags.tag(made.change_number, "once"))


def _made_secrets(values: dict, held: Mapping[str, object]) -> dict[str, str]:
    """The secrets that a key of these values needs and neither is given nor has, made here, in clear by name."""
    signs = values.get("session_extra", {}).get("hmac_enabled", False)
    return {"hmac_string": members.made("hmac_string")} if signs and "hmac_string" not in held else {}


def _shown_once(data: dict, once: Mapping[str, str]) -> dict:
    """KeyData with the secrets that were made for it, and which nobody can read again."""
    return data | {"data": data["data"] | dict(once)} if once else data


def _org_of_new_key(request, values: dict) -> str:
    """A user's keys are his organisation's, whatever the body says; a super-user has to say whose."""
    if request.org is not None:
        return request.org.id
    asked = values.get("org_id", "")
    if not is_id(asked) or not Organisation.everyone.present().filter(id=asked).exists():
        raise RestError(400, "org_id: must be the id of an organisation")
    return asked


def _changed(request, found_key: Key) -> tuple[Key, dict[str, str]]:
    """The key as the body has it, and the secrets that were made for it."""
    seen = expected(request, found_key.change_number)
    body = read_json(request)
    values, secrets = values_from(body), members.secrets_from(body)
    once = _made_secrets(values, {**sealed.of(found_key), **secrets})
    if request.org is None and values.get("org_id", found_key.org_id) not in ("", found_key.org_id):
        raise RestError(400, "org_id: a key stays in its organisation")
    values.setdefault("owner", found_key.owner)
    made = lifecycle.change(
        found_key,
        _valid(values, found_key.org_id, found_key, secrets=secrets | once).spec(),
        suspended=values.get("is_inactive", False),
        reset_quota=request.GET.get("suppress_reset") != "1",
        expected=seen,
    )
    return made, once


def _valid(
    values: dict, org_id: str, found_key: Key | None = None, *, secrets: Mapping[str, str] | None = None
) -> KeyForm:
    named = [*values.get("apply_policies", ()), values.get("apply_policy_id", "")]
    policies = policies_of_one(org_id, named=named) if any(named) else ()
    form = KeyForm(
        values,
        apis=apis_of_one(org_id),
        policies=policies,
        zone=_UTC,
        key=found_key,
        extra=values.get("session_extra", {}),
        secrets=secrets,
    )
    return valid(form)


def data(rows: list[Key]) -> list[dict]:
    """Tyk's KeyData of keys. `key_id` is the hash: only the answer to creation has the token there."""
    sessions = described_of(rows)
    return [
        {
            "api_model": {},
            "key_id": row.token_hash,
            "data": ZERO
            | (_WITH_PASSWORD if row.credential == "basic" else {})
            | _without(sessions[row.id])
            | {"owner": row.owner, "all_apis": row.all_apis},
            "key_hash": row.token_hash,
        }
        for row in rows
    ]


def _without(session: dict) -> dict:
    return {name: value for name, value in session.items() if name not in _NOT_KNOWN_HERE}
