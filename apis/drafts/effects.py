"""What publishing would mean to callers, in sentences for whoever is about to. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from apis.definitions import kinds, starter
from apis.definitions.authentication import KEYLESS
from apis.definitions.listen_path import Address
from orgs.http.strict_json import printable
from orgs.providers.last_week import Week
from orgs.providers.turned_away import TurnedAway

SHOWN = 5  # of many


class Facts(NamedTuple):
    """Of a valid definition: what callers meet. limit: requests a second of all together, None for none; open: the
    endpoints that ask nobody who he is."""

    active: bool
    auth: str
    route: Address
    versions: frozenset[str]
    limit: float | None
    open: frozenset[str]


# Of an API that callers do not meet yet.
NOTHING = Facts(False, "", Address("", ""), frozenset(), None, frozenset())


def facts(definition: dict) -> Facts:
    classic = kinds.as_classic(definition)
    return Facts(
        kinds.is_active(definition),
        kinds.auth(classic),
        kinds.address(classic),
        frozenset(kinds.versions(definition)),
        _limit(classic),
        frozenset(_open(classic)),
    )


def _limit(classic: dict) -> float | None:
    said = starter.fields(classic)
    if classic.get("disable_rate_limit") or not said["rate"] or not said["per"]:
        return None
    return said["rate"] / said["per"]


def _open(classic: dict) -> Iterator[str]:
    for version in ((classic.get("version_data") or {}).get("versions") or {}).values():
        paths = (version.get("extended_paths") or {}) if version.get("use_extended_paths") else {}
        for entry in paths.get("ignored") or ():
            if not entry.get("disabled"):
                methods = sorted(entry.get("method_actions") or ()) or [entry.get("method") or ""]
                yield f"{', '.join(methods)} {entry.get('path') or ''}".strip()


def warnings(
    before: Facts, after: Facts, week: Week | None, keys: int | None, away: TurnedAway | None = None
) -> list[str]:
    """What whoever publishes should know. week: the traffic of the last days, None if that cannot be said; keys: how
    many may call the API, and away: whose requests would have been refused, likewise."""
    found = [*_opened(before, after), *_removed(before, after, week), *_closed(before, after, away)]
    found += _cut(before, after, week)
    if (
        before.active
        and after.active
        and KEYLESS not in (before.auth, after.auth)
        and before.auth != after.auth
    ):
        found.append(
            f"Callers have to prove who they are in another way: {after.auth} instead of {before.auth}."
        )
    if keys:
        found.append(f"Affects {_count(keys, 'key')}: so many may call this API.")
    return found


def _opened(before: Facts, after: Facts) -> Iterator[str]:
    if not after.active:
        return
    if after.auth == KEYLESS:
        if not before.active or before.auth != KEYLESS:
            yield "Opens it to everyone: nobody needs a key."
        return
    new = sorted(after.open - (before.open if before.active else frozenset()))
    if new and not (before.active and before.auth == KEYLESS):
        yield f"Opens to everyone, without a key: {_some(new)}."


def _removed(before: Facts, after: Facts, week: Week | None) -> Iterator[str]:
    if not before.active or (week and not week.requests):
        return
    had = (
        f"it had {_count(week.requests, 'request')} in the last 7 days"
        if week
        else "its traffic is not known"
    )
    if not after.active or after.route != before.route:
        yield f"Removes the route {_place(before.route)}: {had}, and who calls it gets 404."
    elif gone := sorted(before.versions - after.versions):
        noun = "the version" if len(gone) == 1 else "the versions"
        yield f"Removes {noun} {_some(gone)} of a route in use: {had}."


def _closed(before: Facts, after: Facts, away: TurnedAway | None) -> Iterator[str]:
    if not (before.active and after.active):
        return
    if before.auth == KEYLESS != after.auth:
        asks = f"Asks everybody who he is, by: {after.auth}"
        if away is None:
            yield f"{asks}. How many call without a key is not known."
        elif away.keyless:
            yield (
                f"{asks}. {away.keyless:,} of {_count(away.requests, 'request')} of the last 7 days came without a key."
            )
    if away and away.endpoints:
        named = [f"{endpoint} ({_count(requests, 'request')})" for endpoint, requests in away.endpoints]
        yield f"Closes what was called in the last 7 days: {_some(named)}."


def _cut(before: Facts, after: Facts, week: Week | None) -> Iterator[str]:
    if not (after.active and after.limit and week and week.peak > after.limit):
        return
    if before.limit is None or after.limit < before.limit:
        yield (
            f"Cuts the rate limit to {after.limit:,.3g} requests a second, below the peak of the last 7 days: "
            f"{week.peak:,.3g} a second, the mean of the busiest hour."
        )


def _place(route: Address) -> str:
    return printable(f"{route.domain}{route.path}" or f"port {route.port}")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(printable, names[:SHOWN])) + more


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
