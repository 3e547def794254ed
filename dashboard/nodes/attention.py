"""Which gateways need a hand, for the home pages of organisations."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse

from dashboard.nodes.health import GONE_AFTER, Heard, health
from dashboard.nodes.models import HEARD, Node, wanted_version
from orgs.models import Organisation, User
from orgs.providers.attention import Item

# state: (of one, of several, whether it is bad)
TROUBLE = {
    "stuck": (
        "1 gateway loads no changes any more: restart it.",
        "{} gateways load no changes any more: restart them.",
        True,
    ),
    "silent": ("1 gateway no longer answers.", "{} gateways no longer answer.", False),
}


def items(org: Organisation, user: User, now: datetime) -> Iterator[Item]:
    """Nodes that are stuck or silent, for those who may see nodes."""
    if not user.may("system"):
        return
    wanted = wanted_version()
    heard = Node.objects.filter(last_ping_at__gte=now - GONE_AFTER).values_list(*HEARD)
    counts = Counter(health(Heard(*times), wanted, now).state for times in heard)
    for state, (one, several, bad) in TROUBLE.items():
        if counts[state]:
            text = one if counts[state] == 1 else several.format(counts[state])
            yield Item(text, reverse("node-list", args=[org.slug]), bad)
