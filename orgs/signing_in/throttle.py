"""A limit on failed sign-ins, asked before any password is hashed: hashing is what an attacker would make us do.

Failures count for accounts, not for e-mail addresses: who makes an account with somebody else's address must not
clear his failures. Those of callers an account knows, by browser or address, count apart from those of strangers, so
that strangers cannot lock out the owner. Kept in PostgreSQL, not in the gateways' Redis: signing in works when Redis
is away.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, F, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from orgs.http.address import client_address, network_of
from orgs.models import KnownAddress, SignInFailure
from orgs.signing_in import known_browser

# By one caller on one account; by one caller altogether; on one account by all strangers. The last is the highest, or
# anybody could lock anybody out.
MOST_OF_BOTH = 10
MOST_OF_ADDRESS = 50
MOST_OF_ACCOUNT = 100
WINDOW = timedelta(minutes=15)
ADDRESS_KNOWN_FOR = timedelta(days=90)


@dataclass(frozen=True)
class Caller:
    """network: whence, "" if unknown. browser: its id, "" for one never seen, and the accounts it has signed in to."""

    network: str
    browser: str = ""
    knows: frozenset[str] = frozenset()


def caller_of(request: HttpRequest) -> Caller:
    address = client_address(request)
    browser, accounts = known_browser.read(request)
    return Caller(network_of(address) if address else "", browser, frozenset(accounts))


def nobody(email: str) -> str:
    """What stands for the accounts of an address that has none: it is limited in the same way."""
    return f"nobody at {email}"


def blocked(caller: Caller, accounts: Iterable[str]) -> set[str]:
    """Those of `accounts` (ids, or `nobody`) on which the caller may not be tried: too many failures lately."""
    places = _places(caller, accounts)
    rows = _recent().filter(account__in={place.account for place in places.values()})
    counts = {(row["account"], row["source"]): row["failures"] for row in _by_source(rows)}
    by_caller = _recent().filter(account="", address=_network(caller)).count() if caller.network else 0

    def full(place: Place) -> bool:
        by_both = counts.get((place.account, place.source), 0)
        if place.known_by == "browser":
            return by_both >= MOST_OF_BOTH
        if by_caller >= MOST_OF_ADDRESS or (caller.network and by_both >= MOST_OF_BOTH):
            return True
        by_all = sum(number for (account, _), number in counts.items() if account == place.account)
        return not place.known_by and by_all >= MOST_OF_ACCOUNT

    return {account for account, place in places.items() if full(place)}


def failed(caller: Caller, accounts: Iterable[str], *, opened_another: bool = False) -> None:
    """Note a wrong password on each of `accounts`, and forget failures which no longer count.

    opened_another: it was right for another account of the address. That is no failure of the caller: to count it for
    him would tell whether there are accounts which it did not open.
    """
    places = _places(caller, accounts).values()
    rows = [SignInFailure(account=place.account, address=place.source) for place in places]
    if caller.network and not opened_another:
        rows.append(SignInFailure(account="", address=_network(caller)))
    SignInFailure.objects.bulk_create(rows)
    SignInFailure.objects.filter(at__lt=timezone.now() - WINDOW).delete()


def succeeded(caller: Caller, accounts: Iterable[str]) -> None:
    """A right password clears what the caller failed on these accounts, and makes his address known to them."""
    now = timezone.now()
    # In one order, or two sign-ins at the same moment would wait for each other.
    for account, place in sorted(_places(caller, accounts).items()):
        SignInFailure.objects.filter(account=place.account, address=place.source).delete()
        if caller.network:
            KnownAddress.objects.update_or_create(
                account=_hashed("account", account), address=_network(caller), defaults={"at": now}
            )
    KnownAddress.objects.filter(at__lt=now - ADDRESS_KNOWN_FOR).delete()


@dataclass(frozen=True)
class Place:
    """Under what a caller's failures on one account are kept. known_by: "browser", "address" or "" for a stranger."""

    account: str
    source: str
    known_by: str


def _places(caller: Caller, accounts: Iterable[str]) -> dict[str, Place]:
    hashes = {account: _hashed("account", account) for account in accounts}
    since = timezone.now() - ADDRESS_KNOWN_FOR
    known = KnownAddress.objects.filter(account__in=hashes.values(), address=_network(caller), at__gt=since)
    here = set(known.values_list("account", flat=True)) if caller.network else set()
    places = {}
    for account, hashed in hashes.items():
        if account in caller.knows:
            source = _hashed("browser", caller.browser)
            places[account] = Place(_hashed("known account", account), source, "browser")
        elif hashed in here:
            places[account] = Place(_hashed("known account", account), _network(caller), "address")
        else:
            places[account] = Place(hashed, _network(caller), "")
    return places


def _recent() -> QuerySet[SignInFailure]:
    return SignInFailure.objects.filter(at__gt=timezone.now() - WINDOW)


def _by_source(rows: QuerySet[SignInFailure]) -> QuerySet:
    return rows.values("account", source=F("address")).annotate(failures=Count("id"))


def _network(caller: Caller) -> str:
    return _hashed("network", caller.network)


def _hashed(kind: str, text: str) -> str:
    return salted_hmac(f"orgs.throttle.{kind}", text, algorithm="sha256").hexdigest()
