"""What comes after a gateway's first start, whether it has come, and what to do while it has not."""

from dataclasses import dataclass
from datetime import datetime

from dashboard.nodes.models import Node
from keys.models import Key
from orgs.models import Organisation, User
from orgs.providers import usage

# Of an installation with more organisations some traffic is older than this page matters.
MOST_ORGANISATIONS = 200


@dataclass(frozen=True)
class Check:
    title: str
    done: bool
    remedy: str


def of(org: Organisation | None, user: User, now: datetime) -> list[Check]:
    """In the order in which they come, for an organisation or (None) for all together. Who may not see traffic is not
    told whether there is some."""
    checks = [
        Check(
            "A gateway has registered",
            Node.objects.exists(),
            "Its log says what it met at the address: 401 is another node secret, 400 a host that is not in "
            "ALLOWED_HOSTS, and nothing at all an address that it cannot reach.",
        ),
        Check(
            "It has pulled the APIs",
            Node.objects.exclude(last_pull_at=None).exists(),
            "It does so at its start. If this page says that gateways are not told to reload, that comes first; if its "
            "log says that it read them from files, use_db_app_configs is off.",
        ),
        Check(
            "There is a key",
            Key.objects.exists(),
            "Create one that opens an API. If the gateway refuses it with 403, compare storage, hash_keys and "
            "hash_key_function with the settings here: it looks for the key in another Redis, or under another name.",
        ),
    ]
    ids = (
        [org.id]
        if org
        else list(Organisation.everyone.present().values_list("id", flat=True)[:MOST_ORGANISATIONS])
    )
    used = usage.last_day("organisation", ids, None, user, now)
    if used is not None:
        checks.append(
            Check(
                "A request has been counted",
                bool(used.of),
                "Call an API through the gateway. If it answers and nothing comes within seconds: enable_analytics "
                "must be on, storage the Redis that Gatehouse uses, and no tyk-pump may empty it.",
            )
        )
    return checks
