"""The tables as the migration leaves them."""

from collections import Counter

import psycopg
import pytest
from django.db import ProgrammingError, connection, connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from dashboard.analytics import histogram
from orgs import scope
from orgs.db import proof


def rows(statement: str, *parameters) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


@pytest.mark.django_db
def test_the_database_puts_every_latency_into_the_same_bucket_as_python():
    buckets = rows("SELECT array_agg(latency_bucket(ms) ORDER BY ms) FROM generate_series(0, 1048575) AS ms")[
        0
    ][0]
    assert buckets == [histogram.bucket(ms) for ms in range(1 << 20)]
    assert rows("SELECT latency_bucket(-1), latency_bucket(1048576), latency_bucket(2147483647)") == [
        (0, 511, 511)
    ]


@pytest.mark.django_db
@given(st.lists(st.tuples(st.integers(0, 511), st.integers(1, (1 << 31) - 1)), max_size=40))
def test_compaction_in_the_database_keeps_every_count(pairs):
    appended = b"".join(histogram.PAIR.pack(index, count) for index, count in pairs)
    [[compacted]] = rows("SELECT histogram_compact(%s)", appended)
    counts: Counter = Counter()
    for index, count in pairs:
        counts[index] += count
    assert bytes(compacted) == histogram.encode(counts)


@pytest.mark.django_db
def test_the_application_cannot_get_around_tenancy_in_any_analytics_table():
    tables = {"record", "rollup", "endpoint"}
    assert tables <= set(proof.tenant_tables())
    assert [hole for hole in proof.holes(connection) if tables & set(hole.replace(":", "").split())] == []


@pytest.mark.django_db
def test_the_application_reads_parents_only_and_writes_nothing():
    granted = rows(
        "SELECT table_name::text, string_agg(privilege_type, ',') "
        "FROM information_schema.role_table_grants WHERE grantee = %s "
        "AND table_name ~ '^(record|rollup|endpoint|batch|dead_letter|ingest_state)' GROUP BY 1 ORDER BY 1",
        connection.settings_dict["APPLICATION_ROLE"],
    )
    readable = ("endpoint", "ingest_state", "record", "record_body", "rollup", "rollup_cut")
    assert granted == [(table, "SELECT") for table in readable]


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["batch", "dead_letter"])
def test_the_books_are_closed_to_the_application(table):
    with pytest.raises(ProgrammingError) as refused, transaction.atomic():
        rows(f"SELECT * FROM {table}")
    # Not only an error, which a misspelt name is too.
    assert type(refused.value.__cause__) is psycopg.errors.InsufficientPrivilege
    with scope.every_org():
        assert rows(f"SELECT * FROM {table}") == []
    assert connections["default"].settings_dict["USER"] != connections["owner"].settings_dict["USER"]
