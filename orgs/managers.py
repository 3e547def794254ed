"""The tenant condition of every queryset, decided when SQL is compiled.

Deciding it when the queryset is built would freeze class-level querysets and form choices to whatever scope was
entered at import, or none.
"""

from django.core.exceptions import FullResultSet
from django.db import models
from django.db.models.expressions import Func

from orgs import scope


class InScope(Func):
    """True for rows of the entered organisation. Raises OutOfScope at compile time where none is entered."""

    arity = 1
    conditional = True
    output_field = models.BooleanField()

    def as_sql(self, compiler, connection, **extra):
        entered = scope.current()
        if entered is None:
            raise scope.OutOfScope("this query needs an organisation: enter one with scope.org(…)")
        if entered == scope.EVERY_ORG:
            raise FullResultSet
        column, params = compiler.compile(self.get_source_expressions()[0])
        return f"{column} = %s", [*params, entered]


class ScopedManager(models.Manager):
    """A manager of rows that belong to an organisation, named by the column `field`."""

    def __init__(self, field: str = "org_id"):
        super().__init__()
        self.field = field

    def get_queryset(self):
        return super().get_queryset().filter(InScope(models.F(self.field)))
