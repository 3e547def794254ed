"""Signing in by e-mail address and password."""

from django.contrib.auth.hashers import make_password

from orgs.models import User

# One person may have an account in several organisations; nobody has this many.
MOST_ACCOUNTS = 5


class EmailBackend:
    """Tries every account of the address; without one it hashes all the same, so that timing names nobody."""

    def authenticate(self, request, username: str | None = None, password: str | None = None) -> User | None:
        if not username or password is None:
            return None
        accounts = User.everyone.select_related("org").filter(email=username.lower(), is_active=True)
        tried = False
        for user in accounts.order_by("created_at", "id")[:MOST_ACCOUNTS]:
            tried = True
            if user.check_password(password) and may_enter(user):
                return user
        if not tried:
            make_password(password)
        return None

    def get_user(self, user_id: str) -> User | None:
        """The signed-in person, or None the moment the account or its organisation is switched off."""
        user = User.everyone.select_related("org").filter(pk=user_id).first()
        return user if user is not None and may_enter(user) else None


def may_enter(user: User) -> bool:
    """Whether the account is in force: active, and in an organisation that is."""
    return user.is_active and (user.org is None or user.org.enabled)
