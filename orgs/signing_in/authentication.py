"""Signing in by e-mail address and password."""

from django.contrib.auth.backends import BaseBackend

from orgs.models import User
from orgs.signing_in import passwords, throttle


class TooManyFailures(Exception):
    """The caller may not try a password at the moment."""


class EmailBackend(BaseBackend):
    """Finds the person of a session. Nobody signs in through it: an address alone names no account."""

    def get_user(self, user_id: str) -> User | None:
        """The signed-in person, or None the moment the account or its organisation is switched off."""
        user = User.everyone.select_related("org").filter(pk=user_id).first()
        return user if user is not None and may_enter(user) else None


def may_enter(user: User) -> bool:
    """Whether the account is in force: active, and in an organisation that is."""
    return user.is_active and (user.org is None or user.org.enabled)


def opened_by(email: str, password: str, caller: throttle.Caller) -> list[User]:
    """The accounts of an address that the password opens, oldest first. Raises TooManyFailures, passwords.Busy.

    email: in normal spelling. Nothing that the caller can see, the time it takes included, tells whether the address
    has accounts which the password does not open. An account on which he failed too often is passed over.
    """
    people = User.everyone.select_related("org").filter(email=email, is_active=True)
    accounts = {user.pk: user for user in people.order_by("created_at", "id") if may_enter(user)}
    names = list(accounts) or [throttle.nobody(email)]
    blocked = throttle.blocked(caller, names)
    tried = [name for name in names if name not in blocked]
    if not tried:
        raise TooManyFailures
    stored = {name: accounts[name].password for name in tried if name in accounts}
    found, right_hash = passwords.opened(stored, password, User.salt_of(email))
    if len(found) < len(tried):
        throttle.failed(caller, [name for name in tried if name not in found], opened_another=bool(found))
    throttle.succeeded(caller, found)
    opened = [user for pk, user in accounts.items() if pk in found]
    for user in opened:
        _renew_hash(user, right_hash)
    return opened


def _renew_hash(user: User, right_hash: str) -> None:
    """From now on the account's hash is compared with the one that is computed anyway."""
    if (user.password, user.password_email) == (right_hash, user.email):
        return
    changed = {"password": right_hash, "password_email": user.email}
    if User.everyone.filter(pk=user.pk, password=user.password).update(**changed):
        user.password, user.password_email = right_hash, user.email
