"""What comes after a gateway's first start, whether it has come, and what to do while it has not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.nodes.models import Node
from keys.models import Key
from orgs.models import Organisation, User
from orgs.providers import usage

# Of an installation with more organisations some traffic is older than this page matters.
MOST_ORGANISATIONS = 200
MOST_NAMED = 3
# To which a request is known to have been.
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Check:
    """which: the gateways that it was, where that is said."""

    title: str
    done: bool
    remedy: str
    which: str = ""


def of(org: Organisation | None, user: User, now: datetime, since: datetime | None = None) -> list[Check]:
    """In the order in which they come, for an organisation or (None) for all together. since: only what came from then
    on counts, gateways that were first seen since, and which they are; None for whatever there is. Who may not see
    traffic is not told whether there is some."""
    nodes, keys = Node.objects.all(), Key.objects.all()
    ids = (
        [org.id]
        if org
        else list(Organisation.everyone.present().values_list("id", flat=True)[:MOST_ORGANISATIONS])
    )
    if since:
        nodes = nodes.filter(registered_at__gte=since)
        keys = keys.filter(org_id__in=ids, created_at__gte=since)
    checks = [
        _of_nodes(
            "A gateway has registered",
            nodes,
            "Its log says what it met at the address: 401 is another node secret, 400 a host that is not in "
            "ALLOWED_HOSTS, and nothing at all an address that it cannot reach.",
            named=since is not None,
        ),
        _of_nodes(
            "It has pulled the APIs",
            nodes.exclude(last_pull_at=None),
            "It does so at its start. If this page says that gateways are not told to reload, that comes first; if its "
            "log says that it read them from files, use_db_app_configs is off.",
            named=since is not None,
        ),
        Check(
            "There is a key",
            keys.exists(),
            "Create one that opens an API. If the gateway refuses it with 403, compare storage, hash_keys and "
            "hash_key_function with the settings here: it looks for the key in another Redis, or under another name.",
        ),
    ]
    used = usage.last_day("organisation", ids, None, user, now)
    if used is not None:
        checks.append(
            Check(
                "A request has been counted",
                _was_called(used.of.values(), since),
                "Call an API through the gateway. If it answers and nothing comes within seconds: enable_analytics "
                "must be on, storage the Redis that Gatehouse uses, and no tyk-pump may empty it.",
            )
        )
    return checks


def _of_nodes(title: str, nodes, remedy: str, *, named: bool) -> Check:
    if not named:
        return Check(title, nodes.exists(), remedy)
    found = [str(node) for node in nodes.order_by("registered_at")[: MOST_NAMED + 1]]
    more = " and others" if len(found) > MOST_NAMED else ""
    return Check(title, bool(found), remedy, f"{', '.join(found[:MOST_NAMED])}{more}")


def _was_called(used: Iterable[usage.Use], since: datetime | None) -> bool:
    return any(since is None or (use.last_at is not None and use.last_at + _MINUTE > since) for use in used)
