"""What two do at the same moment is refused like what is done twice: by the field, not by the database's error."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

EMAIL = "User email already exists for this Org"
# The unique constraints of organisations and people, and what the check before storing says of each.
ERRORS = {
    "one_account_an_organisation": {"email": EMAIL},
    "one_super_user_an_address": {"email": EMAIL},
    "orgs_organisation_slug_key": {"slug": "Organisation with this Slug already exists."},
    "orgs_organisation_pkey": {"id": "Organisation with this Id already exists."},
    "orgs_organisation_form_token_key": {"form_token": "This form was sent before."},
}


@contextmanager
def refused() -> Iterator[None]:
    """Store a row in here. Raises ValidationError where another transaction was faster with the same value."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        found = ERRORS.get(error.__cause__.diag.constraint_name)
        if found is None:
            raise
        raise ValidationError(found) from None
