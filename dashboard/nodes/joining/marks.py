"""Starts and ends of gateways, for the time axes of charts (orgs.providers.marks)."""

from collections.abc import Iterator

from django.db import connection
from django.urls import reverse

from dashboard.nodes.models import FormerNode, Node
from orgs.models import Organisation, User
from orgs.providers.marks import MOST, Axis, Mark

_STARTS = f"""SELECT bucket, min(at), count(*) FILTER (WHERE began), count(*) FILTER (WHERE NOT began),
        count(DISTINCT hostname), min(hostname)
    FROM (SELECT width_bucket(at, %(edges)s::timestamptz[]) AS bucket, at, began, hostname
        FROM (SELECT registered_at AS at, true AS began, hostname FROM {Node._meta.db_table}
            UNION ALL SELECT registered_at, true, hostname FROM {FormerNode._meta.db_table}
            UNION ALL SELECT ended_at, false, hostname FROM {FormerNode._meta.db_table}) AS noted
        WHERE at >= %(start)s AND at < %(end)s) AS placed
    GROUP BY bucket ORDER BY bucket DESC LIMIT %(most)s"""  # noqa: S608  ours


def starts(org: Organisation, user: User, axis: Axis) -> Iterator[Mark]:
    """For those who may see nodes, whichever organisation they serve: the newest first, those of one bucket as one."""
    if not user.may("system"):
        return
    url = reverse("node-list", args=[org.slug])
    with connection.cursor() as cursor:
        cursor.execute(
            _STARTS,
            {"edges": list(axis.edges[:-1]), "start": axis.start, "end": axis.end, "most": MOST},
        )
        found = cursor.fetchall()
    for _, at, began, ended, names, name in found:
        yield Mark(at, _said(began, ended, name if names == 1 else ""), url)


def _said(began: int, ended: int, name: str) -> str:
    """What gateways did; name: of the only one, "" if there are several."""
    if name and began and ended:
        return (
            f"Gateway {name} restarted"
            if (began, ended) == (1, 1)
            else f"Gateway {name} started {began} times"
        )
    if name and began + ended == 1:
        return f"Gateway {name} {'started' if began else 'ended'}"
    parts = [f"{count} {what}" for count, what in ((began, "started"), (ended, "ended")) if count]
    return f"Gateways: {', '.join(parts)}"
