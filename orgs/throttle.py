"""A limit on failed sign-ins, asked before any password is hashed: hashing is what an attacker would make us do.

Kept in PostgreSQL, not in the gateways' Redis: signing in works when Redis is away.
"""

from datetime import timedelta

from django.utils import timezone
from django.utils.crypto import salted_hmac

from orgs.models import SignInFailure

# By one caller on one account; by one caller altogether; on one account by everybody. The last is the highest, or
# anybody could lock anybody out.
MOST_OF_BOTH = 10
MOST_OF_ADDRESS = 50
MOST_OF_ACCOUNT = 100
WINDOW = timedelta(minutes=15)


def _hashed(text: str) -> str:
    return salted_hmac("orgs.throttle", text.lower(), algorithm="sha256").hexdigest()


def blocked(email: str, address: str) -> bool:
    """Whether the account, the caller's address or the two together have failed too often lately."""
    recent = SignInFailure.objects.filter(at__gt=timezone.now() - WINDOW)
    by_account = recent.filter(account=_hashed(email))
    by_address = recent.filter(address=_hashed(address))
    return (
        by_account.filter(address=_hashed(address)).count() >= MOST_OF_BOTH
        or by_address.count() >= MOST_OF_ADDRESS
        or by_account.count() >= MOST_OF_ACCOUNT
    )


def failed(email: str, address: str) -> None:
    """Note one failure, and forget those which no longer count."""
    SignInFailure.objects.create(account=_hashed(email), address=_hashed(address))
    SignInFailure.objects.filter(at__lt=timezone.now() - WINDOW).delete()


def succeeded(email: str) -> None:
    """A right password clears the account's failures, not those of the address."""
    SignInFailure.objects.filter(account=_hashed(email)).delete()
