"""How long the database may think about what a page can do without."""

import pytest
from django.db import DatabaseError, connection, transaction

from orgs.db.patience import at_most


def test_a_limit_holds_for_what_it_is_about_and_for_nothing_after_it(db):
    def limit():
        cursor.execute("SHOW statement_timeout")
        return cursor.fetchone()[0]

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '7s'")
        with at_most("2s"):
            assert limit() == "2s"
            with at_most("1500ms"):
                assert limit() == "1500ms"
            assert limit() == "2s"
        assert limit() == "7s"
        with pytest.raises(DatabaseError), at_most("10ms"):
            cursor.execute("SELECT pg_sleep(5)")
        assert limit() == "7s"
