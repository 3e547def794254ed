"""A schema editor which no migration can forget tenancy with.

A table that has an `org` field gets row-level security and the key (org_id, id); a foreign key between two such
tables becomes (org_id, x_id) -> (org_id, id), because foreign-key checks ignore row-level security. Every table is
granted to the application by its model's `default_permissions`.
"""

from django.db.backends.postgresql import schema
from django.db.models import Field, Model

from orgs.db import tenancy


def is_tenant(model: type[Model]) -> bool:
    """Whether rows of `model` belong to an organisation: it has a non-null foreign key named `org`.

    The user's own `org` is nullable (null is a super-user), so users are global on purpose.
    """
    return any(f.name == "org" and f.is_relation and not f.null for f in model._meta.local_fields)


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    # Added columns get their constraint by _create_fk_sql too, not inline.
    sql_create_column_inline_fk = None

    def create_model(self, model):
        super().create_model(model)
        table = model._meta.db_table
        settings = self.connection.settings_dict
        if is_tenant(model):
            for statement in tenancy.tenant_key_sql(table) + tenancy.policy_sql(
                table, settings["SYSTEM_ROLE"]
            ):
                self.execute(statement)
        roles = (settings["APPLICATION_ROLE"], settings["SYSTEM_ROLE"])
        for statement in tenancy.grant_sql(table, model._meta.default_permissions, roles):
            self.execute(statement)

    def _create_fk_sql(self, model: type[Model], field: Field, suffix: str):
        statement = super()._create_fk_sql(model, field, suffix)
        if is_tenant(model) and is_tenant(field.remote_field.model):
            statement.parts["column"] = _columns("org_id", field.column)
            statement.parts["to_column"] = _columns("org_id", field.target_field.column)
        return statement


def _columns(*names: str) -> str:
    return ", ".join(f'"{name}"' for name in names)
