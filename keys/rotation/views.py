"""Pages that change the tokens of a key."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render

from keys.keys.lifecycle import Revoked, Stale
from keys.keys.views import key_or_404
from keys.models import Generation, Key
from keys.rotation import generations, lifecycle
from keys.rotation.forms import OverlapForm, RotationForm, TokenForm
from orgs.access import access
from orgs.http.refusals import bad_form, said_in, status_of
from orgs.signing_in import form_tokens

DONE = {
    "retire": "The old token has ended.",
    "extend": "The old token has another end now.",
    "undo": "The rotation is undone: the old token is the key's again, the newest has ended.",
}


@access("session", "keys", methods="GET POST", form=True)
def key_rotate(request, org, key_id):
    """The answer to the form shows the new token, which is kept nowhere: sent again it rotates no second time."""
    key = key_or_404(key_id)
    form_token = form_tokens.of(request.POST)
    form = RotationForm(request.POST or None, zone=request.org.zone, initial={"overlap": "86400"})
    if form.is_valid():
        try:
            with said_in(form):
                rotated, token = lifecycle.rotate(
                    key, form.for_how_long(), form_token=form_token, expected=form.expected(key)
                )
                former = Generation.objects.filter(org_id=key.org_id, key=rotated).order_by("-number").first()
                context = {"section": "keys", "key": rotated, "token": token, "former": former}
                return render(request, "keys/rotated.html", context)
        except lifecycle.AlreadyRotated as already:
            messages.info(request, str(already))
            return redirect("key-detail", org, already.key.id)
        except Stale as error:
            return _asked(request, error.key, form, form_token, status=409, stale=True)
        except Revoked:
            messages.info(request, "The key is revoked already.")
            return redirect("key-detail", org, key.id)
    if key.revoked_at is not None or not lifecycle.can_be_rotated(key):
        raise Http404
    return _asked(request, key, form, form_token, status=status_of(form))


def _asked(request, key: Key, form: RotationForm, form_token: str, *, status: int, stale: bool = False):
    context = {
        "section": "keys",
        "key": key,
        "form": form,
        "form_token": form_token,
        "seen": key.change_number,
        "stale": stale,
        "radius": generations.radius_of(request, key),
        **generations.shown(request, key),
    }
    return render(request, "keys/rotate.html", context, status=status)


@access("session", "keys", methods="POST")
def key_tokens(request, org, key_id):
    """`act` = retire, extend (`overlap`) the former token `number`, or undo the last rotation."""
    key = key_or_404(key_id)
    form = TokenForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    act, number, expected = form.cleaned_data["act"], form.cleaned_data["number"], form.expected(key)
    longer = OverlapForm(request.POST, zone=request.org.zone) if act == "extend" else None
    if longer is not None and not longer.is_valid():
        return bad_form(request, longer)
    try:
        if longer is not None:
            lifecycle.extend(key, number, longer.for_how_long(), expected=expected)
        elif act == "retire":
            lifecycle.retire(key, number, expected=expected)
        else:
            lifecycle.undo(key, expected=expected)
    except (lifecycle.Ended, Revoked) as refusal:
        messages.info(request, str(refusal))
    else:
        messages.success(request, DONE[act])
    return redirect("key-detail", org, key.id)
