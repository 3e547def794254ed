"""System checks which refuse a model that tenancy could not protect."""

from django.apps import apps
from django.core.checks import Error, register

from orgs.db.schema import is_tenant


@register
def tenant_models_are_protected(app_configs, **kwargs) -> list[Error]:
    """Errors for many-to-many fields (their tables have no organisation) and uniques that do not start with it."""
    found = []
    for model in apps.get_models():
        if model._meta.app_label in {"auth", "admin", "contenttypes", "sessions"}:
            continue
        if model._meta.local_many_to_many:
            found.append(Error("A many-to-many table has no organisation.", obj=model, id="orgs.E001"))
        if not is_tenant(model) or not model._meta.managed:
            continue
        for constraint in model._meta.constraints:
            fields = getattr(constraint, "fields", None)
            if fields and fields[0] != "org":
                found.append(Error(f"{constraint.name} must start with org.", obj=model, id="orgs.E002"))
        for field in model._meta.local_fields:
            if field.unique and not field.primary_key:
                found.append(
                    Error(f"{field.name} is unique across organisations.", obj=model, id="orgs.E003")
                )
    return found
