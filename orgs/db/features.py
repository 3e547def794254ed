from django.db.backends.postgresql import features


class DatabaseFeatures(features.DatabaseFeatures):
    # Django would group by `id` alone, which is not the whole primary key of a tenant table.
    allows_group_by_selected_pks = False
