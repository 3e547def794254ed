"""Definitions published under older rules: which are refused today, and what gateways are given of them now."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apis.definitions.kinds import problems
from apis.definitions.pointer import summary
from apis.models import ApiDefinition
from apis.publishing import serving
from dashboard.engines import embedded
from orgs import scope


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("check", help="list what an organisation's own people could not publish today")
        verbs.add_parser("serve", help="serve anew what is made differently of a definition by now")

    def handle(self, *arguments: str, verb: str, **options: object) -> None:
        try:
            with (
                embedded.start(
                    settings.VAR, postgresql=settings.EMBEDDED_DATABASE, valkey=settings.EMBEDDED_REDIS
                ),
                scope.every_org(),
            ):
                {"check": self.examine, "serve": self.serve}[verb]()
        except embedded.EngineError as error:
            raise CommandError(str(error)) from error

    def examine(self) -> None:
        """One line an API: organisation, database id, whether it is served, and what would be refused."""
        for api in ApiDefinition.objects.order_by("org_id", "id").iterator(chunk_size=50):
            found = problems(api.definition, may_use_references=False, org_id=api.org_id)
            if found:
                state = "active" if api.active else "inactive"
                self.stdout.write(f"{api.org_id} {api.id} {state} {'; '.join(summary(found, 5))}")

    def serve(self) -> None:
        self.stdout.write(f"{serving.serve_again(everything=True)} served anew")
