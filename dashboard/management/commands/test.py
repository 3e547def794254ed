"""The whole suite, on a PostgreSQL and a Valkey of its own which vanish with it."""

import os
import secrets
import signal
import subprocess
import sys

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard.engines import embedded, processes

TRANSPORT = ("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DEMONSTRATION", "FEED_CHECK_URL", "HTTPS")
# Options which choose, or cannot be used with, several processes.
ALONE = ("-n", "--numprocesses", "-p", "--pdb", "-s", "--capture=no", "--co", "--fixtures", "-h", "--help")


def parallel(arguments: list[str]) -> list[str]:
    """The arguments which spread the tests over the processors; none if the caller chose, or for one file."""
    chosen = any(argument.startswith(ALONE) for argument in arguments)
    one_file = len([argument for argument in arguments if argument.partition("::")[0].endswith(".py")]) == 1
    # By file, because what takes seconds to start is shared by the tests of one file. One more than there are
    # processors, because many tests wait for servers and browsers that they start.
    # In the order of tests/conftest.py, which begins with what takes longest: xdist's own begins with most tests.
    order = ["--dist", "loadfile", "--no-loadscope-reorder"]
    return [] if chosen or one_file else ["-n", str(min(os.cpu_count() or 1, 8) + 1), *order]


def environment(engines: embedded.Engines) -> dict[str, str]:
    """What the tests run under: the caller's environment, but engines, files and secrets of their own."""
    ours = {
        "GATEHOUSE_VAR": str(engines.var),
        "DATABASE_URL": engines.database_url,
        "DATABASE_MIGRATE_URL": engines.migrate_url,
        "REDIS_URL": engines.redis_url,
        "SCRATCH": "1",
        "SCRATCH_SUPERUSER_URL": engines.superuser_url,
        # Whatever is only there with it is tried too.
        "METRICS_SECRET": secrets.token_hex(32),
    }
    theirs = (
        "SECRET_KEY",
        "ADMIN_SECRET",
        "NODE_SECRET",
        "NODE_SECRET_FORMER",
        "DATABASE_READ_URL",
        "METRICS_SECRET",
        "DATABASE_SYSTEM_ROLE",
        *TRANSPORT,
        *ours,
    )
    unset = {*theirs, *(f"{name}_FILE" for name in theirs)}
    if sys.dont_write_bytecode:
        # Where nothing compiled is to be left behind, it vanishes with the engines: the tests start Python hundreds of
        # times, which takes three times as long if all that it imports is compiled each time.
        ours |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(engines.var / "pycache")}
    return {name: value for name, value in os.environ.items() if name not in unset} | ours


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """Hand every argument to pytest as it stands, unparsed, and exit with pytest's exit code."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            with embedded.start(None, scratch=True) as engines:
                sys.exit(self.run(argv[2:], engines))
        except embedded.EngineError as error:
            sys.exit(str(error))
        except KeyboardInterrupt:
            sys.exit(130)

    def handle(self, *arguments: str, **options: object) -> None:
        raise CommandError("The tests are run from the command line: manage.py test [pytest arguments]")

    def run(self, arguments: list[str], engines: embedded.Engines) -> int:
        surroundings = {"cwd": settings.BASE_DIR, "env": environment(engines)}
        surroundings["preexec_fn"] = processes.dies_with_parent(signal.SIGTERM)
        # Once: each process of the tests then copies this database (CREATE DATABASE … TEMPLATE).
        migrate = [sys.executable, "manage.py", "migrate", "--skip-checks", "-v", "0"]
        if code := subprocess.run(migrate, check=False, **surroundings).returncode:
            return code
        tests = [sys.executable, "-m", "pytest", *parallel(arguments), *arguments]
        return subprocess.run(tests, check=False, **surroundings).returncode
