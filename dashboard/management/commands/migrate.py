"""Django's migrate, run as the role which owns the tables: the application's role may not change them."""

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate

from dashboard import reachable
from dashboard.engines import embedded


class Command(migrate.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *arguments: str, **options: object) -> None:
        try:
            with embedded.start(settings.VAR, postgresql=settings.EMBEDDED_DATABASE, valkey=False):
                reachable.postgresql("owner")
                super().handle(*arguments, **options)
        except embedded.EngineError as error:
            raise CommandError(str(error)) from error
