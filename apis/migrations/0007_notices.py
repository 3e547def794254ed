"""Whoever waits for messages is told of new ones, once a statement."""

from django.db import migrations

TRIGGER = """
CREATE FUNCTION apis_outbox_notice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('gatehouse_outbox', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER apis_outbox_notice AFTER INSERT ON apis_outbox
    FOR EACH STATEMENT EXECUTE FUNCTION apis_outbox_notice();
"""


class Migration(migrations.Migration):
    dependencies = [("apis", "0006_packed_feed")]

    operations = [
        migrations.RunSQL(
            TRIGGER, "DROP TRIGGER apis_outbox_notice ON apis_outbox; DROP FUNCTION apis_outbox_notice()"
        )
    ]
