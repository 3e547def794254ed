"""Which accounts a session's password opened: to choose from after signing in, and to go from one to another.

Kept on the server, in the session. An account that merely has the same e-mail address is not among them.
"""

import time

from django.contrib.auth import login
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from orgs import scope
from orgs.models import User
from orgs.signing_in.authentication import may_enter

CHOICE_SECONDS = 10 * 60
_OPENED = "opened accounts"  # {account: what ends with its sessions}
_CHOICE = "choice of account"


def begin(request: HttpRequest, users: list[User], following: str) -> bool:
    """Sign in to the one account of `users`; with several, keep them for `choice` and return False."""
    opened = {user.pk: user.get_session_auth_hash() for user in users}
    if len(users) == 1:
        _enter(request, users[0], opened)
        return True
    request.session.cycle_key()
    request.session[_OPENED] = opened
    request.session[_CHOICE] = {"until": time.time() + CHOICE_SECONDS, "following": following}
    return False


def choice(request: HttpRequest) -> tuple[list[User], str]:
    """The accounts to choose from now and where to go afterwards; none if nothing is to be chosen any more."""
    asked = request.session.get(_CHOICE)
    if asked is None or asked["until"] < time.time():
        return [], ""
    return accounts(request), asked["following"]


def accounts(request: HttpRequest) -> list[User]:
    """The accounts of this session which are still what they were when its password opened them, by name."""
    opened = request.session.get(_OPENED, {})
    with scope.nobody():  # they are of several organisations
        found = list(User.everyone.select_related("org").filter(pk__in=opened))
    still = [
        user
        for user in found
        if may_enter(user) and constant_time_compare(opened[user.pk], user.get_session_auth_hash())
    ]
    return sorted(still, key=lambda user: (user.org_id is not None, str(user.org).casefold(), user.pk))


def several(request: HttpRequest) -> bool:
    return len(request.session.get(_OPENED, {})) > 1


def enter(request: HttpRequest, user: User) -> None:
    """Go on as `user`, one of `accounts`, under a fresh session key."""
    _enter(request, user, request.session[_OPENED])


def stay(request: HttpRequest) -> None:
    """The person's own change ended every session of the account but this one."""
    request.session[_OPENED] = request.session.get(_OPENED, {}) | {
        request.user.pk: request.user.get_session_auth_hash()
    }


def _enter(request: HttpRequest, user: User, opened: dict[str, str]) -> None:
    with scope.nobody():  # the account may be of another organisation than the one entered
        login(request, user)
    request.session.pop(_CHOICE, None)
    request.session[_OPENED] = opened
