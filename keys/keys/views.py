"""Pages of one key: it is made, looked at, changed, suspended, revoked."""

import json
from dataclasses import asdict, replace

from django.contrib import messages
from django.db import transaction
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone

from apis.models import ApiDefinition
from keys.certificates import lifecycle as certificates
from keys.certificates import named
from keys.credentials import sealed
from keys.credentials.exposure import opened_by_policies
from keys.credentials.forms import SECRET_OF, SignInForm
from keys.credentials.showing import example, shown_once
from keys.keys import lifecycle
from keys.keys.delivery import delivered_of
from keys.keys.forms import KeyForm, SeenKeyForm, SuspensionForm
from keys.keys.picker import offered
from keys.keys.reader import apis_of_one, policies_of, policies_of_one, rights_of
from keys.models import Key, KeyPolicy, KeyRight, PolicyRight
from keys.policies.effect import words
from keys.rotation import generations
from keys.sessions import results
from keys.sessions.rights import worded
from orgs.access import access
from orgs.http.refusals import bad_form, said_in, status_of
from orgs.ids import is_id
from orgs.models import AuditEntry
from orgs.providers import dry_run, usage
from orgs.signing_in import form_tokens


@access("session", "keys", methods="GET POST", form=True)
def key_create(request, org):
    """The answer to a form that makes a key shows its token, which is kept nowhere: sent again, as by a
    reload, the form leads to the key it has made."""
    apis, policies = apis_of_one(request.org.id), offered(policies_of_one(request.org.id))
    form_token = form_tokens.of(request.POST)
    form = KeyForm(**_sent(request), apis=apis, policies=policies, zone=request.org.zone)
    sign_in = SignInForm(**_sent(request), **_certificates(request))
    if form.is_valid() & sign_in.is_valid():
        try:
            with said_in(form), sign_in.refusals():
                return _created(request, form, sign_in, form_token)
        except lifecycle.AlreadyMade as already:
            messages.info(request, "This key is made. What was shown of it once is not kept.")
            return redirect("key-detail", org, already.key.id)
    context = {
        "section": "keys",
        "form": form,
        "sign_in": sign_in,
        "apis": apis,
        "policies": policies,
        "form_token": form_token,
    }
    return render(request, "keys/form.html", context, status=status_of(form, sign_in))


def _certificates(request) -> dict:
    """What SignInForm is told of certificates."""
    sees = request.user.may("certs")
    certificates = named.offered(request.org.id, timezone.now()) if sees else None
    return {"certificates": certificates, "uploads": sees and request.user.may("certs", "write")}


@transaction.atomic
def _created(request, form: KeyForm, sign_in: SignInForm, form_token: str):
    """Make the key of two valid forms, and the certificate that it is made from, both or neither. Raises PemError, and
    as lifecycle.create does."""
    by, spec = sign_in.signing_in(), form.spec()
    if by.pem:
        held = certificates.held(request.org.id, by.pem.encode(), created_by=request.user.email)
        by = replace(by, extra={named.CLIENT: held.served_id}, name=str(held)[:200])
    key, token = lifecycle.create(
        request.org.id,
        replace(
            spec,
            alias=spec.alias or by.name,
            secrets=by.secrets,
            session_extra=spec.session_extra | by.extra,
        ),
        created_by=request.user.email,
        form_token=form_token,
        key_id=by.key_id,
    )
    return shown_once(request, key, token, by, _opened(key))


def _sent(request) -> dict:
    """What the form is made of. Sent by the picker's button, it is shown again as it was typed and not read."""
    if "find" in request.POST:
        return {"data": None, "typed": request.POST}
    return {"data": request.POST or None}


def _opened(key: Key):
    """The APIs that a key may open, by name, without their definitions."""
    apis = ApiDefinition.objects.filter(org_id=key.org_id).order_by("name", "id").defer("definition_text")
    policies = KeyPolicy.objects.filter(org_id=key.org_id, key_id=key.id).values("policy_id")
    if policies.exists():
        granted = PolicyRight.objects.filter(
            org_id=key.org_id, policy__in=policies, policy__grants_rights=True
        )
        return apis.filter(id__in=granted.values("api_id"))
    named = KeyRight.objects.filter(org_id=key.org_id, key_id=key.id).values("api_id")
    return apis if key.all_apis else apis.filter(id__in=named)


@access("session", "keys")
def key_detail(request, org, key_id):
    key = key_or_404(key_id)
    policies = policies_of([key])[key.id]
    context = {
        "section": "keys",
        "key": key,
        "policies": policies,
        "state": key.state(policies),
        "delivered": key.id in delivered_of([key]),
        "limits": key.limits,
        "rate": words.rate(asdict(key.limits)),
        "quota": words.quota(asdict(key.limits)),
        "meta_data": json.dumps(key.meta_data, ensure_ascii=False),
        "user": _user_of(key),
        "renewable": key.credential in SECRET_OF,
        "exposed": opened_by_policies(key.org_id, key.credential, [policy.id for policy in policies])
        if policies
        else [],
        "certificates": named.of_key(key),
        "extra": [
            (name, _text(value))
            for name, value in sorted(key.session_extra.items())
            if name not in named.MEMBERS
        ],
        "apis": list(_opened(key)),
        "curl": example(key, key.token_hash, {}, _opened(key)) if key.credential == "certificate" else "",
        "may_write": request.user.may("keys", "write"),
        "sees_apis": request.user.may("apis"),
        "sees_certificates": request.user.may("certs"),
        "sees_policies": request.user.may("policies"),
        "sees_traffic": request.user.may("analytics"),
    }
    rights = rights_of([key])[key.id]
    said = {right.api_id: worded(right.members) for right in rights or () if right.members}
    if policies:
        made = results.of_key(key, policies)
        context |= {
            "refusals": made.refusals,
            "own_rights": rights,
            "results": [(api, made.lines[api.api_id]) for api in context["apis"] if api.api_id in made.lines],
            "results_besides": any(line.besides for lines in made.lines.values() for line in lines),
        }
    else:
        context |= {"said": said, "opened": [(api, said.get(api.api_id)) for api in context["apis"]]}
    if used := usage.last_day(
        "key", [key.token_hash], request.org, request.user, timezone.now(), former=generations.former([key])
    ):
        context |= {"usage": used, "use": used.of.get(key.token_hash)}
    context |= generations.shown(request, key)
    return render(request, "keys/detail.html", context)


def _user_of(key: Key) -> str:
    """The name of a user; "" for other keys, and where it cannot be read."""
    try:
        return sealed.of(key).get(sealed.USER_NAME, "") if key.credential == "basic" else ""
    except sealed.Unreadable:
        return ""


@access("session", "keys", methods="GET POST", form=True)
def key_edit(request, org, key_id):
    key = living_or_404(key_id)
    form, context = edit_form(request, key)
    if request.method == "POST":
        seen = SeenKeyForm(request.POST)
        if not seen.is_valid():
            return bad_form(request, seen)
        # What was seen when the typing began, however often the form comes back with an error.
        context |= seen.cleaned_data
        if form.is_valid():
            with said_in(form):
                return _saved(request, key, form, seen.expected(key))
    return form_page(request, form, context)


def edit_form(request, key: Key):
    """The form that changes a key, and what its page is given."""
    apis, rights, has = (
        apis_of_one(request.org.id),
        rights_of([key])[key.id] or [],
        policies_of([key])[key.id],
    )
    policies = offered(policies_of_one(request.org.id), has)
    form = KeyForm(
        **_sent(request), apis=apis, zone=request.org.zone, key=key, rights=rights, policies=policies, has=has
    )
    context = {"section": "keys", "form": form, "apis": apis, "policies": policies, "key": key}
    return form, context | {"seen": key.change_number, "sees_traffic": dry_run.told(request.user)}


def form_page(request, form: KeyForm, context: dict):
    """The page of a form that is not sent yet, or has faults."""
    return render(request, "keys/form.html", context, status=status_of(form))


def _saved(request, key: Key, form: KeyForm, expected: int):
    """Change the key to what a form says. Raises SessionError, Departed."""
    try:
        lifecycle.change(key, form.spec(), expected=expected)
    except lifecycle.Stale as error:
        policies = offered(policies_of_one(key.org_id), policies_of([key])[key.id])
        context = {"form": form, "apis": apis_of_one(key.org_id), "policies": policies}
        return _stale(request, error.key, context, lifecycle.differences(error.key, form.spec()))
    except lifecycle.Revoked:
        return _revoked_already(request, key)
    messages.success(request, "Saved.")
    return redirect("key-detail", request.org.slug, key.id)


@access("session", "keys", methods="GET POST", form=True)
def key_suspension(request, org, key_id):
    """GET asks before a key is suspended; POST does it, or resumes it: `suspended` = true or false."""
    key = key_or_404(key_id)
    if request.method != "POST":
        if key.revoked_at is not None or key.suspended:
            raise Http404
        radius = generations.radius_of(request, key)
        return render(request, "keys/suspend.html", {"section": "keys", "key": key, "radius": radius})
    form = SuspensionForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    suspended = form.cleaned_data["suspended"]
    try:
        lifecycle.set_suspended(key, suspended, expected=form.expected(key))
    except lifecycle.Stale as error:
        return _stale(request, error.key, {"suspending": suspended})
    except lifecycle.Revoked:
        return _revoked_already(request, key)
    messages.success(request, "The key is suspended." if suspended else "The key works again.")
    return redirect("key-detail", org, key.id)


@access("session", "keys", methods="GET POST", form=True)
def key_revoke(request, org, key_id):
    """GET asks, POST does."""
    key = key_or_404(key_id)
    if request.method == "POST":
        return _revoke(request, key)
    if key.revoked_at is not None:
        raise Http404
    context = {"section": "keys", "key": key, "apis": list(_opened(key))}
    context["radius"] = generations.radius_of(request, key)
    return render(request, "keys/revoke.html", context)


def _revoke(request, key: Key):
    seen = SeenKeyForm(request.POST)
    if not seen.is_valid():
        return bad_form(request, seen)
    try:
        lifecycle.revoke(key, expected=seen.expected(key))
    except lifecycle.Stale as error:
        return _stale(request, error.key, {"revoking": True, "apis": list(_opened(error.key))})
    except lifecycle.Revoked:
        return _revoked_already(request, key)
    messages.success(request, "The key is revoked. Gateways refuse it within seconds.")
    return redirect("key-detail", request.org.slug, key.id)


def _revoked_already(request, key: Key):
    messages.info(request, "The key is revoked already.")
    return redirect("key-detail", request.org.slug, key.id)


def _stale(request, key: Key, context: dict, differences: dict | None = None):
    """409: who was faster, what is different now, and a form that does it all the same."""
    last = (
        AuditEntry.objects.filter(org_id=key.org_id, kind="key", object_id=key.id)
        .order_by("-at", "-id")
        .first()
    )
    rows = [(name, _text(now), _text(mine)) for name, (now, mine) in (differences or {}).items()]
    context |= {
        "section": "keys",
        "key": key,
        "state": key.state(policies_of([key])[key.id]),
        "last": last,
        "rows": rows,
    }
    return render(request, "keys/stale.html", context | {"seen": key.change_number}, status=409)


def _text(value) -> str:
    """A member of a key as a person reads it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def living_or_404(key_id: str) -> Key:
    key = key_or_404(key_id)
    if key.revoked_at is not None:
        raise Http404
    return key


def key_or_404(key_id: str) -> Key:
    key = Key.objects.filter(id=key_id).first() if is_id(key_id) else None
    if key is None:
        raise Http404
    return key
