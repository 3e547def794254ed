"""What monitoring is told of this installation: no name, number or traffic of a single organisation.

Read in two statements and the row of the ingest, none of which takes longer with more APIs, keys or records.
"""

from collections import Counter
from datetime import datetime

from django.db import connection

from apis.models import FeedVersion, Outbox
from dashboard.analytics.ingest import partitions, progress
from dashboard.analytics.models import DeadLetter, IngestState
from dashboard.metrics.text import Metric
from dashboard.nodes.health import GONE_AFTER, Heard, health
from dashboard.nodes.models import HEARD, Node, NodeSignal, RunOtherwise

NODE_STATES = ("ok", "pulling", "stuck", "silent")
ALARMS = ("aside", "backlog", "expiry", "lost", "memory", "stuck", "too_old", "unreadable")
MOST_COUNTED = 100_000  # of what may be many; more are said as so many

METRICS = (
    Metric("gatehouse_ingest_lag_seconds", "gauge", "How far the stored traffic is behind now."),
    Metric(
        "gatehouse_ingest_waiting_records",
        "gauge",
        "Records in the gateways' lists and in claims, not stored yet.",
    ),
    Metric(
        "gatehouse_ingest_taken_records_total",
        "counter",
        "Records taken from the gateways' lists.",
    ),
    Metric(
        "gatehouse_ingest_not_stored_records_total", "counter", "Records counted and not stored.", "reason"
    ),
    Metric("gatehouse_ingest_dead_letters", "gauge", "Records set aside, for thirty days.", "reason"),
    Metric("gatehouse_ingest_batches_waiting", "gauge", "Batches whose records are not stored yet."),
    Metric(
        "gatehouse_ingest_last_tick_timestamp_seconds",
        "gauge",
        "When the worker last read the gateways' lists.",
    ),
    Metric(
        "gatehouse_ingest_alarm",
        "gauge",
        "Whether an alarm of the ingest was seen in the last minutes.",
        "name",
    ),
    Metric(
        "gatehouse_clock_in_doubt", "gauge", "Whether the clock is not believed, so that nothing is stored."
    ),
    Metric("gatehouse_partitions", "gauge", "Partitions of each table of traffic.", "table"),
    Metric("gatehouse_nodes", "gauge", "Gateways heard of in the last ten minutes.", "state"),
    Metric(
        "gatehouse_drifted_objects", "gauge", "APIs and policies that gateways were found to run otherwise."
    ),
    Metric("gatehouse_feed_version", "gauge", "Number of the version of the feed that was published last."),
    Metric("gatehouse_feed_apis", "gauge", "APIs in that version."),
    Metric("gatehouse_outbox_waiting", "gauge", "Messages to gateways that are not delivered yet."),
    Metric("gatehouse_outbox_oldest_seconds", "gauge", "How long the oldest of those has been waiting."),
    Metric("gatehouse_signal_last_timestamp_seconds", "gauge", "When gateways were last told to load."),
    Metric("gatehouse_signal_trouble", "gauge", "Whether something holds the next signal back."),
    Metric("gatehouse_database_connections", "gauge", "Connections to the database of this installation."),
    Metric("gatehouse_database_connections_most", "gauge", "Connections that the server takes."),
)
_COUNTS = f"""
SELECT 'gatehouse_ingest_dead_letters', reason, count(*)::float8
    FROM (SELECT reason FROM dead_letter LIMIT {MOST_COUNTED}) AS letter GROUP BY reason
UNION ALL SELECT 'gatehouse_ingest_batches_waiting', '', count(*)
    FROM (SELECT FROM batch WHERE NOT done LIMIT {MOST_COUNTED}) AS batch
UNION ALL SELECT 'gatehouse_partitions', parent.relname::text, count(i.inhrelid)
    FROM pg_class parent LEFT JOIN pg_inherits i ON i.inhparent = parent.oid
    WHERE parent.relname = ANY(%(tables)s) AND parent.relkind = 'p' GROUP BY parent.relname
UNION ALL SELECT 'gatehouse_drifted_objects', '', count(*)
    FROM (SELECT FROM {RunOtherwise._meta.db_table} LIMIT {MOST_COUNTED}) AS otherwise
UNION ALL SELECT 'gatehouse_feed_version', '', number FROM {FeedVersion._meta.db_table}
UNION ALL SELECT 'gatehouse_feed_apis', '', apis FROM {FeedVersion._meta.db_table}
UNION ALL SELECT 'gatehouse_outbox_waiting', '', count(*)
    FROM (SELECT FROM {Outbox._meta.db_table} WHERE done_at IS NULL LIMIT {MOST_COUNTED}) AS message
UNION ALL SELECT 'gatehouse_outbox_oldest_seconds', '', coalesce(max(extract(epoch FROM %(now)s - created_at)), 0)
    FROM (SELECT created_at FROM {Outbox._meta.db_table} WHERE done_at IS NULL LIMIT {MOST_COUNTED}) AS message
UNION ALL SELECT 'gatehouse_signal_last_timestamp_seconds', '', extract(epoch FROM sent_at)
    FROM {NodeSignal._meta.db_table} WHERE sent_at IS NOT NULL
UNION ALL SELECT 'gatehouse_signal_trouble', '', (trouble <> '')::int FROM {NodeSignal._meta.db_table}
UNION ALL SELECT 'gatehouse_database_connections', '', count(*)
    FROM pg_stat_activity WHERE datname = current_database()
UNION ALL SELECT 'gatehouse_database_connections_most', '', current_setting('max_connections')::int
"""  # noqa: S608  only names of tables are put into it


def samples(now: datetime) -> dict[str, dict[str, float]]:
    """The figures by the name of their metric and the value of its label ("" for none)."""
    found: dict[str, dict[str, float]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"tables": list(partitions.TABLES.values()), "now": now})
        for name, value, number in cursor.fetchall():
            found.setdefault(name, {})[value] = float(number)
    # What there is none of is none, and not unknown.
    letters = dict.fromkeys(DeadLetter.Reason.values, 0.0)
    found["gatehouse_ingest_dead_letters"] = letters | found.get("gatehouse_ingest_dead_letters", {})
    return (
        found | _of_ingest(now) | {"gatehouse_nodes": _nodes(now, int(found["gatehouse_feed_version"][""]))}
    )


def _of_ingest(now: datetime) -> dict[str, dict[str, float]]:
    state = IngestState.objects.get()
    lag, counters = state.lag(now), Counter(state.counters)
    taken = counters.pop(progress.TAKEN, 0)
    found = {
        "gatehouse_ingest_waiting_records": {"": state.waiting},
        "gatehouse_ingest_taken_records_total": {"": taken},
        "gatehouse_ingest_not_stored_records_total": {
            reason: counters[reason] for reason in sorted(counters)
        },
        "gatehouse_ingest_alarm": {name: float(name in state.alarms) for name in ALARMS},
        "gatehouse_clock_in_doubt": {"": float(bool(state.doubt))},
    }
    if lag is not None:
        found["gatehouse_ingest_lag_seconds"] = {"": lag.total_seconds()}
    if state.checked_at is not None:
        found["gatehouse_ingest_last_tick_timestamp_seconds"] = {"": state.checked_at.timestamp()}
    return found


def _nodes(now: datetime, wanted: int) -> dict[str, float]:
    heard = Node.objects.filter(last_ping_at__gte=now - GONE_AFTER).values_list(*HEARD)
    counts = Counter(health(Heard(*times), wanted, now).state for times in heard)
    return {state: counts[state] for state in NODE_STATES}
