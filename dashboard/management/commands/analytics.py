"""The traffic tables: how the ingest stands, rollups made again, dead letters tried again."""

from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError, transaction
from django.db.models import Count

from apis.gateways import redis_client
from dashboard import reachable
from dashboard.analytics import distribution
from dashboard.analytics.ingest import closing, dead_letters, drain, progress, trust
from dashboard.analytics.ingest.upkeep import periods, rebuilding
from dashboard.analytics.models import Batch, DeadLetter, IngestState, Rebuild
from dashboard.engines import embedded
from orgs import scope
from orgs.models import Organisation
from orgs.organisations import lifecycle
from orgs.organisations.retention import KINDS, Retention, changed, problems, shorter


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("status", help="how far the ingest is, what waits and what could not be stored")
        again = verbs.add_parser("rebuild", help="make rollups again from raw records, a day at a time")
        again.add_argument("--org", help="slug of one organisation; all without it")
        again.add_argument("--from", dest="first", type=date.fromisoformat, help="first day (all there are)")
        again.add_argument("--to", dest="last", type=date.fromisoformat, help="last day (today)")
        keeping = verbs.add_parser(
            "retention", help="how long an organisation keeps its traffic; asks before it keeps less"
        )
        keeping.add_argument(
            "--org", help="slug of the organisation; without it, of the installation's settings"
        )
        for kind, each in KINDS.items():
            keeping.add_argument(
                f"--{kind}", type=int, help=f"days, {each.least} to {each.days}; {each.label.lower()}"
            )
        keeping.add_argument("--yes", action="store_true", help="do not ask")
        verbs.add_parser("trust-clock", help="say that the clock is right, where the ingest doubts it")
        verbs.add_parser("distribute", help="spread traffic over the workers of a Citus cluster")
        once_more = verbs.add_parser("retry", help="store dead letters that can be stored by now")
        once_more.add_argument(
            "--batch", type=int, help="store this stuck batch too; its bad records become dead letters"
        )

    def handle(self, *arguments: str, verb: str, **options: object) -> None:
        try:
            with (
                embedded.start(
                    settings.VAR, postgresql=settings.EMBEDDED_DATABASE, valkey=settings.EMBEDDED_REDIS
                ),
                scope.every_org(),
            ):
                reachable.postgresql("default")
                getattr(self, verb.replace("-", "_"))(datetime.now(UTC), **options)
        except embedded.EngineError as error:
            raise CommandError(str(error)) from error
        except ProgrammingError as error:
            raise CommandError("The database is not up to date: run `manage.py migrate` first.") from error

    def status(self, now: datetime, **options: object) -> None:
        state = IngestState.objects.get()
        if state.doubt:
            self.stdout.write(f"the clock is wrong, so nothing is stored or deleted. {state.doubt}")
            self.stdout.write("If it is right after all: manage.py analytics trust-clock")
        for kind, (was, will) in periods.waiting(state, now).items():
            self.stdout.write(
                f"KEEP_{kind.upper()} is {will} where it was {was}. If that is meant: manage.py analytics retention"
            )
        lag = state.lag(now)
        self.stdout.write(
            f"complete to {state.up_to or 'nothing yet'} ({lag.total_seconds():.0f} s ago)"
            if lag is not None
            else "nothing was drained yet"
        )
        self.stdout.write(f"{state.waiting} records waiting")
        for batch in Batch.objects.filter(done=False).order_by("no"):
            self.stdout.write(f"batch {batch.no}: {batch.n} records received {batch.received_at}")
        for name, alarm in sorted(state.alarms.items()):
            self.stdout.write(f"alarm {name}: {alarm['text']}")
        for reason, number in sorted(state.counters.items()):
            said = "taken from the lists" if reason == progress.TAKEN else f"not stored, {reason}"
            self.stdout.write(f"{said}: {number}")
        for row in DeadLetter.objects.values("reason", "detail").annotate(n=Count("id")).order_by("-n")[:20]:
            self.stdout.write(f"dead letters, {row['reason']}: {row['n']} {row['detail']}".rstrip())

        for run in Rebuild.objects.filter(ended_at=None).order_by("id"):
            self.stdout.write(
                f"{run}: {run.days} days done up to {run.moved_at}, {run.left} left, not finished"
            )

    def trust_clock(self, now: datetime, **options: object) -> None:
        trust.vouch(now)
        self.stdout.write(f"the clock is right: it is {now:%Y-%m-%d %H:%M} UTC")

    def distribute(self, now: datetime, **options: object) -> None:
        closing.end()
        try:
            spread = distribution.distribute()
        except distribution.NoCluster as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"spread over the workers: {', '.join(spread) or 'nothing that was not before'}")

    def rebuild(
        self, now: datetime, org: str | None, first: date | None, last: date | None, **options: object
    ) -> None:
        if org and not Organisation.everyone.filter(slug=org):
            raise CommandError(f"There is no organisation with the slug {org}.")
        if first and last and last < first:
            raise CommandError("--to must not be earlier than --from.")
        try:
            with rebuilding.alone():
                run = rebuilding.begin(org or "", first, last, now)
                if run.day:
                    self.stdout.write(f"goes on after {run.days} days, where it was stopped")
                for each in rebuilding.run(run, now):
                    self.stdout.write(
                        f"{each.org.slug} {each.day}: {each.hits} records; {each.done} days done, {each.left} left"
                        + (f", about {_said(each.remaining)} more" if each.left else "")
                    )
                self.stdout.write(f"{run.days} days are made again from {run.hits} records")
        except rebuilding.Busy as error:
            raise CommandError("Another process rebuilds. See manage.py analytics status.") from error
        except KeyboardInterrupt as stop:
            raise CommandError(
                "Stopped. Asked for the same again, it goes on after the last day above."
            ) from stop

    def retention(self, now: datetime, org: str | None, *, yes: bool, **days: object) -> None:
        if org is None:
            self._of_installation(now, yes=yes, asked=[kind for kind in KINDS if days[kind] is not None])
            return
        found = Organisation.everyone.present().filter(slug=org).first()
        if found is None:
            raise CommandError(f"There is no organisation with the slug {org}.")
        own = found.kept_days | {kind: days[kind] for kind in KINDS if days[kind] is not None}
        if own != found.kept_days:
            going = shorter(found.retention, Retention(own, found.gone_before), now)
            for kind, (_, will) in going.items() if not problems(changed(found.kept_days, own)) else ():
                self.stdout.write(
                    f"{KINDS[kind].label}: all before {will:%Y-%m-%d %H:%M} UTC is deleted for good"
                )
            if going and not yes and input("Delete it and keep less? yes or no: ").strip() != "yes":
                raise CommandError("Nothing was changed.")
            try:
                with transaction.atomic():
                    found = lifecycle.change(found, kept_days=own)
            except ValidationError as error:
                raise CommandError("; ".join(error.messages)) from error
        kept = found.retention
        for kind, each in KINDS.items():
            self.stdout.write(
                f"{kind}: {kept.days(kind)} days, since {kept.since(kind, now):%Y-%m-%d} ({each.label})"
            )

    def _of_installation(self, now: datetime, *, yes: bool, asked: list[str]) -> None:
        """Confirm that the settings keep less than before."""
        if asked:
            raise CommandError(
                f"--{asked[0]} is of an organisation: the installation has KEEP_{asked[0].upper()}."
            )
        if left := periods.waiting(IngestState.objects.get(), now):
            for kind, (was, will) in left.items():
                self.stdout.write(
                    f"{KINDS[kind].label}: {will} days instead of {was}; what is older goes for good"
                )
            if not yes and input("Delete it and keep less? yes or no: ").strip() != "yes":
                raise CommandError("Nothing was changed.")
        periods.follow(now, confirmed=True)
        for kind, each in KINDS.items():
            self.stdout.write(f"{kind}: {each.days} days ({each.label})")

    def retry(self, now: datetime, batch: int | None, **options: object) -> None:
        if batch is not None:
            if not drain.store_stuck(redis_client.client(), batch):
                raise CommandError(f"No batch {batch} is waiting.")
            self.stdout.write(f"batch {batch} is stored")
        counts = dead_letters.retry(now)
        self.stdout.write(f"{counts['stored']} dead letters stored, {counts['left']} left")


def _said(length: timedelta) -> str:
    seconds = round(length.total_seconds())
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
