"""A new password, or another secret, for a key that is there."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render

from keys.credentials.forms import SECRET_OF, NewSecretForm
from keys.credentials.showing import LABELS, shown_once
from keys.keys import lifecycle
from keys.models import Key
from orgs.access import access
from orgs.http.refusals import said_in, status_of
from orgs.ids import is_id
from orgs.models import AuditEntry


@access("session", "keys", methods="GET POST", form=True)
def key_secret(request, org, key_id):
    """GET asks, POST does and shows what was made, once; sent again it is refused as stale."""
    key = Key.objects.filter(id=key_id, revoked_at=None).first() if is_id(key_id) else None
    if key is None:
        raise Http404
    if key.credential not in SECRET_OF:
        messages.info(request, "This key has no secret but its token.")
        return redirect("key-detail", org, key.id)
    form = NewSecretForm(request.POST or None, credential=key.credential)
    if request.method == "POST" and form.is_valid():
        by = form.signing_in()
        try:
            with said_in(form):
                key = lifecycle.change_secret(key, by.secrets, expected=form.expected(key))
                return shown_once(request, key, "", by, Key.objects.none())
        except lifecycle.Stale as error:
            messages.warning(request, _says(error.key))
            return redirect("key-detail", org, key.id)
        except lifecycle.Revoked:
            messages.info(request, "The key is revoked already.")
            return redirect("key-detail", org, key.id)
    context = {"section": "keys", "key": key, "form": form, "what": LABELS[SECRET_OF[key.credential]].lower()}
    return render(request, "keys/secret.html", context, status=status_of(form))


def _says(key: Key) -> str:
    last = (
        AuditEntry.objects.filter(org_id=key.org_id, kind="key", object_id=key.id)
        .order_by("-at", "-id")
        .first()
    )
    by = f", last by {last.actor_email}" if last else ""
    return f"The key was changed meanwhile{by}. Nothing was made: look at it and ask again."
