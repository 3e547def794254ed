"""The sum of counts as a count. PostgreSQL's own sum of bigints is a numeric, which takes several times as long."""

from django.db import migrations

BIGINT_SUM = """
CREATE AGGREGATE bigint_sum(bigint) (
    SFUNC = int8pl, STYPE = bigint, INITCOND = '0', COMBINEFUNC = int8pl, PARALLEL = SAFE
)
"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0007_uptime")]

    operations = [migrations.RunSQL(BIGINT_SUM, "DROP AGGREGATE bigint_sum(bigint)")]
