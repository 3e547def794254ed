"""What may be asked of a column beside what Django knows."""

from django.core.exceptions import EmptyResultSet
from django.db.models import Field, ForeignObject, Lookup


@Field.register_lookup
@ForeignObject.register_lookup
class Among(Lookup):
    """`name__among=values`: as `in`, with one parameter however many they are, where `in` looks at each. Nobody is
    asked for none."""

    lookup_name = "among"

    def get_prep_lookup(self) -> list:
        return [self.lhs.output_field.get_prep_value(value) for value in self.rhs]

    def as_sql(self, compiler, connection):
        if not self.rhs:
            raise EmptyResultSet
        text, params = self.process_lhs(compiler, connection)
        return f"{text} = ANY(%s)", [*params, self.rhs]
