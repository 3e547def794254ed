"""Take over what a gateway has: with --apps and --policies the files that it runs on without a dashboard; and the
sessions in the gateways' Redis that no key here wrote: list them, take them over as keys, check what all open."""

import sys
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from redis import Redis, RedisError

from apis.files import definitions, directory
from apis.files.reading import LARGEST_LIST, LARGEST_POLICIES, File, NotReadable, documents
from apis.gateways import redis_client
from dashboard.engines import embedded
from dashboard.management import adopted_files
from keys.adoption import checking, discovery, lifecycle
from keys.adoption.former import rename
from keys.adoption.judging import NOT
from keys.files import adoption, policies
from keys.models import FoundSession
from orgs import scope
from orgs.models import Organisation
from orgs.refusals import LimitReached, Refusal


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        self._add_files(parser)
        verbs = parser.add_subparsers(dest="verb")
        found = verbs.add_parser(
            "list", help="one line a session: organisation, hash, what becomes of it, its name, why"
        )
        found.add_argument("--org", help="the slug of one organisation")
        self._add_import(verbs.add_parser("import", help="take sessions of one organisation over as keys"))
        verbs.add_parser(
            "check", help="list sessions that open what they must not; ends with 1 if there are any"
        )

    def _add_files(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--apps",
            type=Path,
            help="the directory with a gateway's definitions (app_path), or a list of many from a dashboard",
        )
        parser.add_argument(
            "--policies", type=Path, help="its file with policies (policies.policy_record_name), or directory"
        )
        parser.add_argument("--org", help="the slug of the organisation that takes them over")
        parser.add_argument("--yes", action="store_true", help="do not ask before they are stored")
        parser.add_argument(
            "--skip-refused", action="store_true", help="store the others where some are refused"
        )
        parser.add_argument(
            "--replace", action="store_true", help="what is there and differs gets another revision"
        )

    def _add_import(self, parser: ArgumentParser) -> None:
        parser.add_argument("hashes", nargs="*", help="of the sessions; with --all none")
        parser.add_argument("--org", required=True, help="the slug of their organisation")
        parser.add_argument("--all", dest="every", action="store_true", help="all that can be taken over")
        parser.add_argument(
            "--cut", action="store_true", help="those too that are cut down by it: see `list`"
        )
        parser.add_argument(
            "--former", metavar="ORG_ID", help="what gateways on files called the organisation: theirs too"
        )
        parser.add_argument(
            "--users",
            type=Path,
            metavar="FILE",
            help="names of their users with basic authentication, one a line",
        )

    def handle(self, *arguments: str, verb: str | None, **options: object) -> None:
        if (verb is None) == (options["apps"] is None and options["policies"] is None):
            raise CommandError("Say --apps, --policies or both, or one of list, import and check.")
        try:
            with (
                embedded.start(
                    settings.VAR, postgresql=settings.EMBEDDED_DATABASE, valkey=settings.EMBEDDED_REDIS
                ),
                redis_client.client() as redis,
            ):
                verbs = {
                    "list": self.show,
                    "import": self.take_over,
                    "check": self.examine,
                    None: self.arrive,
                }
                verbs[verb](redis, **options)
        except embedded.EngineError as error:
            raise CommandError(str(error)) from error
        except RedisError as error:
            raise CommandError(f"The gateways' Redis does not answer: {error}") from error

    def arrive(
        self, redis: Redis, apps: Path | None, policies: Path | None, org: str | None, **options: object
    ) -> None:
        if not org:
            raise CommandError("Say whose they become: --org and the slug of an organisation.")
        organisation = _organisation(org)
        wanted = _wanted(apps, policies)
        flags = {name: options[name] for name in ("replace", "skip_refused")}
        with scope.org(organisation.id):
            try:
                report = adoption.adopt(organisation.id, wanted, author=None, review=True, **flags)
            except LimitReached as error:
                raise CommandError(str(error)) from None
            self._say(adopted_files.review(report, organisation))
            if report.counts[adoption.REFUSED] and not options["skip_refused"]:
                raise CommandError("Nothing is stored. Mend what is refused, or say --skip-refused.")
            if not report.made:
                self._say(["There is nothing to store."])
            else:
                self._confirm(options["yes"])
                report = adoption.adopt(organisation.id, wanted, author=None, **flags)
                if not report.stored:
                    self._say(adopted_files.review(report, organisation))
                    raise CommandError("Nothing is stored: what is there has changed meanwhile.")
                self._say([f"Stored: {adopted_files.counted(report)}."])
        self._say(adopted_files.next_steps(report, organisation))
        if refused := report.counts[adoption.REFUSED]:
            raise CommandError(f"{refused} refused, the others are stored.", returncode=3)

    def _confirm(self, yes: bool) -> None:
        if yes:
            return
        if not sys.stdin.isatty():
            raise CommandError("Nothing is stored. Say --yes to store it.")
        if input("Store this? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing is stored.")

    def _say(self, lines: list[str]) -> None:
        self.stdout.write("\n".join(lines))

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
        self._rename(redis, _organisation(org), **options)
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

    def _rename(
        self, redis: Redis, organisation: Organisation, former: str | None, users: Path | None, **_: object
    ) -> None:
        if former is None:
            if users:
                raise CommandError("--users needs --former: what gateways called their organisation.")
            return
        if Organisation.everyone.filter(id=former).exists():
            raise CommandError(f"--former: {former} is an organisation here. Its keys are not taken from it.")
        names = _lines(users) if users else []
        with scope.org(organisation.id):
            function = settings.GATEWAY_HASH_KEY_FUNCTION
            try:
                count = rename(redis, former, organisation.id, users=names, function=function)
            except ValueError as error:
                raise CommandError(f"--users: {error}") from None
        self.stdout.write(f"{count} of {former!r} name {organisation.slug} now")

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


def _lines(path: Path) -> list[str]:
    """The lines of a file of names that are not empty. Raises CommandError."""
    try:
        text = (directory.file(path, LARGEST_POLICIES).content or b"").decode()
    except (NotReadable, UnicodeDecodeError) as error:
        raise CommandError(f"--users: {error}") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _wanted(apps: Path | None, record: Path | None) -> adoption.Wanted:
    """What the files hold. Raises CommandError."""
    try:
        exported, rest = policies.exported(documents(_files(apps, LARGEST_LIST)) if apps else [])
        apis, others = definitions.found(rest, served=True)
        if record is None:
            found, more = [], []
        elif record.is_dir():
            found, more = policies.one_each(directory.files(record))
        else:
            found, more = _in_record(directory.file(record, LARGEST_POLICIES)), []
    except NotReadable as error:
        raise CommandError(str(error)) from None
    return adoption.Wanted(apis, policies.each_alone([*found, *exported]), others + more)


def _files(path: Path, largest: int) -> list[File]:
    """Those of a directory, or the one that is named. Raises NotReadable."""
    return [directory.file(path, largest)] if path.is_file() else directory.files(path)


def _in_record(file: File) -> list[policies.Found]:
    """The policies of a gateway, or of the list that a dashboard exports."""
    exported, others = policies.exported(documents([file]))
    return [*exported, *(each for other in others for each in policies.in_one(other))]


def _organisation(slug: str) -> Organisation:
    found = Organisation.everyone.present().filter(slug=slug).first()
    if found is None:
        raise CommandError(f"There is no organisation {slug!r}.")
    return found
