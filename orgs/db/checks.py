"""System checks which refuse a model that tenancy could not protect."""

from django.apps import apps
from django.core.checks import Error, register
from django.db.models import Model

from orgs.db.schema import is_tenant

OTHERS = {"auth", "admin", "contenttypes", "sessions"}


@register
def tenant_models_are_protected(app_configs, **kwargs) -> list[Error]:
    """Errors for every model of ours which the database could not keep apart."""
    ours = (model for model in apps.get_models() if model._meta.app_label not in OTHERS)
    return [error for model in ours for error in faults(model)]


def faults(model: type[Model]) -> list[Error]:
    """Errors for many-to-many fields (their tables have no organisation) and uniques that do not start with it."""
    found = []
    if model._meta.local_many_to_many:
        found.append(Error("A many-to-many table has no organisation.", obj=model, id="orgs.E001"))
    if not is_tenant(model) or not model._meta.managed:
        return found
    for constraint in model._meta.constraints:
        fields = getattr(constraint, "fields", None)
        if fields and fields[0] != "org":
            found.append(Error(f"{constraint.name} must start with org.", obj=model, id="orgs.E002"))
    for field in model._meta.local_fields:
        if field.unique and not field.primary_key:
            found.append(Error(f"{field.name} is unique across organisations.", obj=model, id="orgs.E003"))
    return found
