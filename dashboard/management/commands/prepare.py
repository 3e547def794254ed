"""What a new version needs before it serves: migrations, served definitions made anew, static files if they changed."""

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from dashboard.preparation import prepare
from orgs.db.proof import Unprotected


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def handle(self, **options: object) -> None:
        try:
            # Processes of the version before go on serving the files that their pages name.
            prepare(clear=False)
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {str(error).splitlines()[0]}") from error
        except (Unprotected, OSError) as error:
            raise CommandError(str(error)) from error
