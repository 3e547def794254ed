"""What is shown once: a token, a password, a secret, and how to call with it."""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apis.definitions.kinds import as_classic
from keys.credentials import examples, sealed
from keys.credentials.forms import SigningIn
from keys.models import Key

LABELS = {
    "password": "Password",
    "hmac_string": "Signing secret",
    "jwt_secret": "Secret for its JSON Web Tokens",
}


def shown_once(request: HttpRequest, key: Key, token: str, by: SigningIn, opened: QuerySet) -> HttpResponse:
    """The page after a key, or a secret of it, was made. token: "" where nobody knows it. What somebody typed is not
    shown again. opened: the APIs that the key opens."""
    user = by.secrets.get(sealed.USER_NAME, "")
    # What gateways call the session of a certificate is no secret, and of no use to anybody.
    has_token = token and not user and key.credential != "certificate"
    once = [("token", "Token", token)] if has_token else []
    once += [(name, LABELS[name], secret) for name, secret in by.made.items()]
    context = {
        "section": "keys",
        "key": key,
        "user": user,
        "once": once,
        "chosen": key.credential == "token" and bool(by.key_id),
        "typed": [LABELS[name].lower() for name in LABELS if name in by.secrets and name not in by.made],
        "curl": example(key, user or token, by.made, opened),
        "is_new": bool(token),
    }
    return render(request, "keys/token.html", context)


def example(key: Key, name: str, secrets: dict[str, str], opened: QuerySet) -> str:
    """Commands that call one of the APIs that a key opens, by the names of examples.command; "" if there is none."""
    way = examples.WAY_OF.get(key.credential)
    called = opened.filter(auth=way).defer(None).first() if way and name else None
    return examples.command(key.credential, as_classic(called.definition), name, secrets) if called else ""
