"""Sessions in the gateways' Redis that no key here wrote: list them, take them over as keys, check what all open."""

from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from redis import Redis, RedisError

from apis.gateways import redis_client
from dashboard.engines import embedded
from keys.adoption import checking, discovery, lifecycle
from keys.adoption.judging import NOT
from keys.models import FoundSession
from orgs import scope
from orgs.models import Organisation
from orgs.refusals import Refusal


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        found = verbs.add_parser(
            "list", help="one line a session: organisation, hash, what becomes of it, its name, why"
        )
        found.add_argument("--org", help="the slug of one organisation")
        self._add_import(verbs.add_parser("import", help="take sessions of one organisation over as keys"))
        verbs.add_parser(
            "check", help="list sessions that open what they must not; ends with 1 if there are any"
        )

    def _add_import(self, parser: ArgumentParser) -> None:
        parser.add_argument("hashes", nargs="*", help="of the sessions; with --all none")
        parser.add_argument("--org", required=True, help="the slug of their organisation")
        parser.add_argument("--all", dest="every", action="store_true", help="all that can be taken over")
        parser.add_argument(
            "--cut", action="store_true", help="those too that are cut down by it: see `list`"
        )

    def handle(self, *arguments: str, verb: str, **options: object) -> None:
        try:
            with (
                embedded.start(
                    settings.VAR, postgresql=settings.EMBEDDED_DATABASE, valkey=settings.EMBEDDED_REDIS
                ),
                redis_client.client() as redis,
            ):
                {"list": self.show, "import": self.take_over, "check": self.examine}[verb](redis, **options)
        except embedded.EngineError as error:
            raise CommandError(str(error)) from error
        except RedisError as error:
            raise CommandError(f"The gateways' Redis does not answer: {error}") from error

    def show(self, redis: Redis, org: str | None, **options: object) -> None:
        discovery.find_all(redis)
        with scope.every_org():
            rows = FoundSession.objects.select_related("org").order_by("org_id", "id")
            for row in rows.filter(org_id=_organisation(org).id) if org else rows:
                self.stdout.write(
                    f"{row.org.slug} {row.name} {row.kind} {row.verdict} {row.alias!r} {row.why_not}".rstrip()
                )

    def take_over(
        self, redis: Redis, org: str, hashes: list[str], every: bool, cut: bool, **options: object
    ) -> None:
        if bool(hashes) == every:
            raise CommandError("Name hashes, or say --all.")
        discovery.find_all(redis)
        with scope.org(_organisation(org).id):
            found = FoundSession.objects.order_by("id")
            rows = list(found.exclude(verdict=NOT) if every else found.filter(name__in=hashes))
            unknown = set(hashes) - {row.name for row in rows}
            made = sum(self._taken(row, redis, cut) for row in rows)
        self.stdout.write(f"{made} of {len(rows) + len(unknown)} taken over")
        if made < len(rows) + len(unknown):
            raise CommandError(
                f"not found: {', '.join(sorted(unknown))}" if unknown else "not all were taken over"
            )

    def _taken(self, row: FoundSession, redis: Redis, cut: bool) -> bool:
        try:
            with transaction.atomic():
                lifecycle.adopt(row, redis, created_by="command line", cut=cut)
        except Refusal as error:
            self.stderr.write(f"{row.name}: {error}")
            return False
        return True

    def examine(self, redis: Redis, **options: object) -> None:
        wrong = looked = 0
        for batch in checking.batches(redis):
            looked += len(batch)
            for name, faults in batch.items():
                wrong += bool(faults)
                for fault in faults:
                    self.stdout.write(f"{name} {fault}")
        self.stdout.write(f"{looked} sessions, {wrong} open what they must not")
        if wrong:
            raise CommandError("There are sessions that open what they must not.")


def _organisation(slug: str) -> Organisation:
    found = Organisation.everyone.present().filter(slug=slug).first()
    if found is None:
        raise CommandError(f"There is no organisation {slug!r}.")
    return found
