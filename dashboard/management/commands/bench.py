"""Benchmarks on a PostgreSQL and a Valkey of their own.

Each prints one JSON object. Without a name: a list of them.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboard.benchmarks import idle
from dashboard.engines import embedded, processes
from dashboard.management.commands.test import environment

BENCHMARKS = {
    "deliveries": "new keys, 50 a second, until gateways have them; a round of the sweep over 100,000",
    "edits": "2,000 edits of 10 APIs by 50 at once, and whether one is lost",
    "feed": "1,000 gateways register, then pull 500 APIs at once, against the same bytes from a file; and while all "
    "breaks",
    "idle": "processor time and memory of a started `serve` which nobody asks for anything",
    "ingest": "the gateways' lists into records and rollups, against a bare COPY of the same rows",
    "keys": "the list of keys, a search, one key, a delivery, an API deleted, with 10, 10,000 and 1,000,000 keys",
    "kills": "whether Redis ends equal to the store when the worker is killed 50 times",
    "policies": "the list of policies, one policy, with 10 and 1,000; a change of one that 10 and 100,000 keys have",
    "publish": "a change of one API, and the first pull after it, with 10, 1,000 and 10,000 APIs present",
    "screens": "the pages that show traffic, their statements, and rollups against GROUP BY over raw records",
    "tenancy": "each statement of those pages with row-level security and without",
}
INSIDE = "BENCHMARK"


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", choices=BENCHMARKS)
        parser.add_argument(
            "--records",
            type=int,
            help="ingest: 100,000 a worker, screens, tenancy and keys: 1,000,000, publish: 10,000 APIs, "
            "deliveries and policies: 100,000 keys, feed: 1,000 gateways, edits: 2,000, kills: 50, unless given",
        )
        parser.add_argument("--workers", type=int, default=1, help="drain processes (ingest)")
        parser.add_argument("--sparse", action="store_true", help="records of a month (ingest)")
        parser.add_argument("--durable", action="store_true", help="on engines that sync to disk")
        parser.add_argument(
            "--pump",
            type=Path,
            metavar="BINARY",
            help="a tyk-pump, which is given the same records in turn (ingest)",
        )
        parser.add_argument(
            "--keep",
            type=Path,
            metavar="DIR",
            help="the engines' files: made once and left there, so that the same traffic is measured again, "
            "with what it lacks until now (screens, tenancy)",
        )
        parser.add_argument("--seed", type=int, default=7)

    def handle(self, *arguments: str, name: str | None, **options: object) -> None:
        if name is None:
            for each, what in BENCHMARKS.items():
                self.stdout.write(f"{each:12}{what}")
        elif name == "idle":
            self.stdout.write(json.dumps(idle.run()))
        elif INSIDE in os.environ:
            self.stdout.write(json.dumps(self.measure(name, **options)))
        else:
            self.on_scratch_engines(durable=bool(options["durable"]), keep=options["keep"])

    def measure(
        self,
        name: str,
        *,
        records: int | None,
        workers: int,
        seed: int,
        sparse: bool,
        pump: Path | None,
        **options: object,
    ) -> dict:
        # Imported here: the list of benchmarks needs none of them.
        from dashboard.benchmarks import (  # noqa: PLC0415
            deliveries,
            edits,
            feed,
            ingest,
            keys,
            policies,
            publish,
        )
        from dashboard.benchmarks.reading import screens, tenancy  # noqa: PLC0415

        runs = {
            "deliveries": lambda: deliveries.run(records or deliveries.SWEPT),
            "edits": lambda: edits.run(records or edits.EDITS, seed),
            "feed": lambda: feed.run(records or feed.GATEWAYS, seed),
            "ingest": lambda: ingest.run(records or 100_000 * workers, seed, workers, sparse, pump),
            "keys": lambda: keys.run(records or 1_000_000),
            "kills": lambda: deliveries.kills(records or 50, seed=seed),
            "policies": lambda: policies.run(records or policies.HOLDING[-1]),
            "publish": lambda: publish.run(records or publish.SIZES[-1], seed),
            "screens": lambda: screens.run(records or 1_000_000, seed),
            "tenancy": lambda: tenancy.run(records or 1_000_000, seed),
        }
        return runs[name]()

    def on_scratch_engines(self, durable: bool, keep: Path | None) -> None:
        """Run the same command again, on engines that vanish with it, unless kept, and disturb no others."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            with self.engines(durable, keep) as engines:
                surroundings = {
                    "cwd": settings.BASE_DIR,
                    "env": environment(engines) | {INSIDE: "1"},
                    "preexec_fn": processes.dies_with_parent(signal.SIGTERM),
                }
                for command in (["migrate", "--skip-checks", "-v", "0"], sys.argv[1:]):
                    code = subprocess.run(
                        [sys.executable, "manage.py", *command], check=False, **surroundings
                    ).returncode
                    if code:
                        sys.exit(code)
        except embedded.EngineError as error:
            raise CommandError(str(error)) from error

    @contextmanager
    def engines(self, durable: bool, keep: Path | None) -> Iterator[embedded.Engines]:
        if not (durable or keep):
            with embedded.start(None, scratch=True) as engines:
                yield engines
            return
        with nullcontext(keep) if keep else TemporaryDirectory(prefix="gatehouse-bench-") as place:
            var = Path(place)
            var.mkdir(parents=True, exist_ok=True)
            var.chmod(0o711)  # PostgreSQL's user goes through
            with embedded.start(var) as engines:
                engines.scratch = not keep  # from now on: nothing is left behind unless it is kept
                yield engines
