"""Pages of one person: where to begin, signing in and out, the own profile, the theme."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.http import HttpResponseBadRequest
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters

from orgs import scope
from orgs.access import access
from orgs.audit import log
from orgs.audit.changes import Stale
from orgs.http.conflict import conflict
from orgs.people import accounts
from orgs.signing_in import authentication, known_browser, passwords, sessions, throttle
from orgs.signing_in.forms import PasswordForm, ProfileForm, SignInForm

THEMES = ("light", "dark", "system")
A_YEAR = 365 * 24 * 60 * 60
TOO_MANY_FAILURES = "Too many failed attempts. Please wait 15 minutes and try again."


def own_address(request, asked: str) -> str:
    """`asked` if it lies on this host, else the start page: nobody is sent elsewhere by a link to us."""
    own = url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    return asked if own else resolve_url("home")


@access("session")
def home(request):
    return redirect("org-list") if request.user.is_superuser else redirect("org-home", request.user.org.slug)


@sensitive_post_parameters("password")
@access("anyone", methods="GET POST")
def sign_in(request):
    """One answer to a wrong address, a wrong password and a closed account."""
    following = own_address(request, request.POST.get("next") or request.GET.get("next", ""))
    if request.user.is_authenticated:
        return redirect(following)
    form, status = SignInForm(request.POST or None), 200
    if request.method == "POST" and form.is_valid():
        try:
            users = authentication.opened_by(**form.cleaned_data, caller=throttle.caller_of(request))
        except authentication.TooManyFailures:
            form.add_error(None, TOO_MANY_FAILURES)
            status = 429
        except passwords.Busy:
            form.add_error(None, "Many people are signing in. Please try again in a few seconds.")
            status = 503
        else:
            if users:
                return signed_in(request, users, following)
            form.add_error(None, "The e-mail address or the password is not right.")
    response = render(request, "orgs/sign_in.html", {"form": form, "next": following}, status=status)
    if status == 503:
        response.headers["Retry-After"] = "5"
    return response


def signed_in(request, users, following: str):
    """The answer to a right password: where the person wanted to go, or first which account it shall be."""
    if sessions.begin(request, users, following):
        note("user.signed-in", request.user)
        response = redirect(following)
    else:
        response = redirect("sign-in-account")
    known_browser.remember(request, response, [user.pk for user in users])
    return response


@access("anyone", methods="GET POST")
def sign_in_account(request):
    """Which account, of a person whose password opened several."""
    accounts, following = sessions.choice(request)
    if not accounts:
        return redirect("sign-in")
    chosen = account_named(request, accounts)
    if chosen is None:
        return render(request, "orgs/sign_in_account.html", {"accounts": accounts})
    sessions.enter(request, chosen)
    note("user.signed-in", chosen)
    return redirect(following)


@access("session", methods="POST")
def switch_account(request):
    """Go on with another account which the session's password opened."""
    chosen = account_named(request, sessions.accounts(request))
    if chosen is None:
        messages.error(request, "To use that account, sign out and sign in to it.")
    elif chosen != request.user:
        sessions.enter(request, chosen)
        note("user.switched-account", chosen)
    return redirect("home")


def account_named(request, accounts):
    """The one of `accounts` that the form names, None if it names none of them."""
    return next((user for user in accounts if user.pk == request.POST.get("account")), None)


def note(action: str, user) -> None:
    with scope.nobody():  # the entry belongs where the account does, whatever was entered before
        log.record(action, "user", user.id, user.email, org=user.org_id)


@access("anyone", methods="POST")
def sign_out(request):
    logout(request)
    return redirect("sign-in")


@access("session", methods="GET POST")
def profile(request):
    """Own names. The other forms of the page have addresses of their own."""
    form = ProfileForm(request.POST or None, initial=names_of(request.user))
    if request.method == "POST" and form.is_valid():
        try:
            accounts.change_user(request.user, expected=form.expected(request.user), **form.values())
        except Stale as error:
            return conflict(request, error, form, form.values(), section="profile", again=request.path)
        messages.success(request, "Your profile is saved.")
        return redirect("profile")
    return profile_page(request, names=form)


@sensitive_post_parameters()
@access("session", methods="GET POST")
def password(request):
    caller, account = throttle.caller_of(request), request.user.pk
    if request.method == "POST" and throttle.blocked(caller, [account]):
        messages.error(request, TOO_MANY_FAILURES)
        return redirect("profile")
    form = PasswordForm(request.user, request.POST or None)
    if request.method == "POST" and not form.is_valid() and "current" in form.errors:
        throttle.failed(caller, [account])
    if request.method == "POST" and form.is_valid():
        try:
            # From the state in which the current password was looked at.
            accounts.set_password(request.user, form.cleaned_data["new"], expected=request.user.change_number)
        except Stale:
            messages.error(request, "Your account was changed at the same moment. Please try again.")
            return redirect("profile")
        # This session goes on; every other one of the person ends.
        update_session_auth_hash(request, request.user)
        sessions.stay(request)
        messages.success(request, "Your password is changed. You are signed out everywhere else.")
        return redirect("profile")
    return profile_page(request, passwords=form)


@access("session", methods="GET POST")
def access_key(request):
    """Renew the own access key, after asking, and show it in this answer only: it is kept nowhere.

    The form says which key it replaces. Sent again by a reload it names one that is gone: nothing happens.
    """
    if request.method != "POST":
        context = {"section": "profile", "replaces": mark_of_access_key(request.user)}
        return render(request, "orgs/access_key.html", context)
    if not constant_time_compare(request.POST.get("replaces", ""), mark_of_access_key(request.user)):
        messages.warning(request, "The access key has been renewed already. It is shown only once.")
        return redirect("profile")
    try:
        made = accounts.renew_access_key(request.user, expected=request.user.change_number)
    except Stale:
        messages.warning(request, "Your account was changed at the same moment, so the key is as it was.")
        return redirect("profile")
    return profile_page(request, new_access_key=made)


def names_of(user) -> dict:
    return {"first_name": user.first_name, "last_name": user.last_name, "seen": user.change_number}


def mark_of_access_key(user) -> str:
    """Tells one access key from the next without saying anything about either."""
    return salted_hmac("orgs.views.access_key", user.access_key_hash or "").hexdigest()[:16]


def profile_page(request, *, names=None, passwords=None, new_access_key: str = ""):
    context = {
        "section": "profile",
        "names": names or ProfileForm(initial=names_of(request.user)),
        "passwords": passwords or PasswordForm(request.user),
        "new_access_key": new_access_key,
    }
    return render(request, "orgs/profile.html", context)


@access("session", methods="POST")
def theme(request):
    """Light, dark, or as the reader's system has it: a cookie, so the server draws the page right at once."""
    chosen = request.POST.get("theme")
    if chosen not in THEMES:
        return HttpResponseBadRequest(f"theme must be one of {', '.join(THEMES)}", content_type="text/plain")
    response = redirect(own_address(request, request.POST.get("next") or reverse("profile")))
    response.set_cookie(
        "theme", chosen, max_age=A_YEAR, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
    )
    return response
