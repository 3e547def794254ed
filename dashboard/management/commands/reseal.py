"""Seal anew, under SEALING_KEY, what former keys sealed, so that SEALING_KEY_FALLBACKS need not name them any more."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError

from dashboard.engines import embedded
from orgs.db.resealing import seal_anew, sealed_columns


class Command(BaseCommand):
    help = __doc__

    def handle(self, *arguments: str, **options: object) -> None:
        closed = 0
        try:
            with embedded.start(settings.VAR, postgresql=settings.EMBEDDED_DATABASE, valkey=False):
                for model, field in sealed_columns():
                    count, unopened = seal_anew(model, field)
                    self.stdout.write(f"{model._meta.db_table}.{field}: {count} sealed anew")
                    for id in unopened:
                        self.stdout.write(f"{model._meta.db_table}.{field}: {id} does not open")
                    closed += len(unopened)
        except embedded.EngineError as error:
            raise CommandError(str(error)) from error
        except ProgrammingError as error:
            raise CommandError("The database is not up to date: run `manage.py migrate` first.") from error
        if closed:
            raise CommandError(f"{closed} values do not open: they were sealed with a key that is not named.")
