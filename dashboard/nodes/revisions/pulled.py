"""What was in the feeds that nodes run: noted when the first node pulls one, so that it can be said later how that is
another than what is desired."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection

from apis.models import FeedVersion, Outbox, ServedApi
from dashboard.nodes.models import Node, PulledFeed, PulledRevisions
from keys.models import Policy, ServedPolicy
from orgs.ids import NEW_ID_SQL

# One statement, hence of one moment: what is served now, if that still has the number that a node was given.
_NOTE = f"""
WITH pulled AS (
    INSERT INTO {PulledFeed._meta.db_table} (number, pulled_at)
    SELECT number, %s FROM {FeedVersion._meta.db_table} WHERE number = %s
    ON CONFLICT DO NOTHING RETURNING number
), apis AS (
    SELECT org_id, jsonb_object_agg(api_id, revision) AS served FROM {ServedApi._meta.db_table} GROUP BY org_id
), policies AS (
    SELECT org_id, jsonb_object_agg(p.id, p.revision) AS served
    FROM {ServedPolicy._meta.db_table} s JOIN {Policy._meta.db_table} p USING (org_id)
    WHERE p.id = s.policy_id GROUP BY org_id
)
INSERT INTO {PulledRevisions._meta.db_table} (id, org_id, number, apis, policies)
SELECT {NEW_ID_SQL}, org_id, number, coalesce(apis.served, '{{}}'), coalesce(policies.served, '{{}}')
FROM pulled CROSS JOIN (apis FULL JOIN policies USING (org_id))"""  # noqa: S608  ours


def note(number: int, now: datetime) -> None:
    """A node is given this version of the feed: keep what is in it, unless that is known, or something newer has been
    published in this very moment. To be called with every organisation in scope."""
    if PulledFeed.objects.filter(number=number).exists():
        return
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [now, number])
        noted = cursor.rowcount > 0
    if noted:
        _forget_unused(number)


def _forget_unused(newest: int) -> None:
    """What no node runs any more."""
    run = Node.objects.exclude(served_version=None).values("served_version")
    policies = Node.objects.exclude(policies_version=None).values("policies_version")
    unused = PulledFeed.objects.filter(number__lt=newest).exclude(number__in=run).exclude(number__in=policies)
    numbers = list(unused.values_list("number", flat=True))
    PulledRevisions.objects.filter(number__in=numbers).delete()
    PulledFeed.objects.filter(number__in=numbers).delete()


def note_published(rows: Sequence[Outbox]) -> None:
    """Say of what was pulled since when there is something newer. rows: messages of kind "reload", each of the feed
    whose number it carries."""
    published = sorted((row.payload, row.created_at) for row in rows if row.payload)
    if not published:
        return
    for feed in PulledFeed.objects.filter(superseded_at=None, number__lt=published[-1][0]):
        feed.superseded_at = min(at for number, at in published if number > feed.number)
        feed.save(update_fields=["superseded_at"])


def behind_since(versions: Iterable[int | None]) -> dict[int, datetime]:
    """Since when there is a newer version than each of these, as far as that is known."""
    feeds = PulledFeed.objects.filter(number__in={number for number in versions if number is not None})
    return {feed.number: feed.superseded_at for feed in feeds if feed.superseded_at}
