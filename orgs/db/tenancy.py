"""SQL which puts a table under row-level security: the fourth and last layer of tenancy.

Two policies a table: `tenant` compares the row with the setting `app.org`, which the backend sends with each
transaction; `every_org` lets the second role see all. The whole-fleet view is a role of its own and not a
condition on the setting, because a setting could be changed by injected SQL, a role membership without
inheritance has to be asked for.
"""

from collections.abc import Iterable

_ENTERED = "(SELECT nullif(current_setting('app.org', true), ''))"
PRIVILEGES = {"view": "SELECT", "add": "INSERT", "change": "UPDATE", "delete": "DELETE"}


def grant_sql(table: str, permissions: Iterable[str], roles: Iterable[str]) -> list[str]:
    """GRANTs of the privileges that Django's permission names stand for. TRUNCATE is never among them."""
    privileges = ", ".join(PRIVILEGES[name] for name in permissions)
    return [f'GRANT {privileges} ON "{table}" TO "{role}"' for role in roles]


def policy_sql(table: str, system_role: str) -> list[str]:
    """Row-level security on `table`, binding its owner too.

    The sub-select makes PostgreSQL evaluate the setting once a statement instead of once a row.
    """
    return _policies(table, system_role, f"org_id = {_ENTERED}")


def people_policy_sql(table: str, system_role: str) -> list[str]:
    """The same for the table of users, who have to be found before anybody knows whose scope to enter: nobody sees
    all of them, whoever has entered an organisation its own."""
    return _policies(table, system_role, f"{_ENTERED} IS NULL OR org_id = {_ENTERED}")


def comparing_directly_sql(table: str) -> list[str]:
    """The policy of one organisation without its sub-select, which a distributed table may not have."""
    mine = "org_id = nullif(current_setting('app.org', true), '')"
    return [f'ALTER POLICY tenant ON "{table}" USING ({mine}) WITH CHECK ({mine})']


def _policies(table: str, system_role: str, mine: str) -> list[str]:
    return [
        f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
        f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
        f'CREATE POLICY tenant ON "{table}" USING ({mine}) WITH CHECK ({mine})',
        f'CREATE POLICY every_org ON "{table}" TO "{system_role}" USING (true) WITH CHECK (true)',
    ]


def tenant_key_sql(table: str) -> list[str]:
    """The primary key (org_id, id): the organisation leads every index and can be referenced by composite keys."""
    return [
        f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_pkey"',
        f'ALTER TABLE "{table}" ADD PRIMARY KEY (org_id, id)',
    ]
