"""Gatehouse for real use: engines unless URLs are set, migrations, web processes and the worker."""

import ipaddress
import signal
import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from dashboard.engines import supervisor
from dashboard.engines.addresses import redis_url_file
from dashboard.engines.children import HERE, Child, say
from dashboard.engines.listening import StartError
from dashboard.engines.listening import port as tcp_port
from dashboard.engines.processes import EngineError, begin
from orgs.models import User


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()  # the web processes run them; here they would lengthen a restart

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=tcp_port, default=8000)

    def handle(self, *, host: str, port: int, **options: object) -> None:
        try:
            self.serve(host, port)
        except (StartError, EngineError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            say("Stopped.")

    def serve(self, host: str, port: int) -> None:
        supervisor.heed_signals(deploys=True)
        if (settings.VAR / "demonstration").exists():
            say(f"Note: {settings.VAR} holds the demonstration's data.")
        with supervisor.only_instance(settings.VAR) as lock, supervisor.base(host, port) as base:
            web = supervisor.web(base, lock, settings.WEB_CONCURRENCY, settings.WEB_THREADS)
            worker = supervisor.background("worker")
            supervisor.run(
                base, [web, worker], hang_up=lambda: deploy(web, worker), ready=lambda: advise(base)
            )


def advise(base: supervisor.Base) -> None:
    """Say what whoever runs this needs to know: where the secrets are, how browsers come, who can sign in."""
    if (settings.VAR / "secrets").exists():
        say(f"Secrets that were not set are in {settings.VAR / 'secrets'}.")
    if settings.EMBEDDED_REDIS:
        say(f"Gateways share a Redis with Gatehouse: its address is in {redis_url_file(settings.VAR)}.")
    if settings.HTTPS:
        say("Browsers are sent to HTTPS: put a TLS proxy in front, or set HTTPS=off for plain HTTP.")
        if ipaddress.ip_address(base.listener.getsockname()[0]).is_unspecified:
            say(
                f"Port {base.address[1]} is open on every address: let the TLS proxy alone reach it, for whoever "
                "else does can write X-Forwarded-For, by which failed sign-ins are counted."
            )
    if not User.everyone.exists():
        say("Nobody can sign in yet: `manage.py bootstrap --neworg --newuser`, see the README.")
    connections.close_all()


def deploy(web: Child, worker: Child) -> None:
    """Go over to the code that now lies on disk: web processes are replaced, their answers finished."""
    preparing = begin([*supervisor.MANAGE, "prepare"], signal.SIGTERM, cwd=HERE)
    try:
        # Not wait(): a signal that comes just before it would be heeded only when the preparation is over.
        while preparing.poll() is None:
            time.sleep(0.1)
    finally:  # also when all is to end meanwhile
        preparing.kill()
    if preparing.returncode:
        say("The new version cannot be prepared; the code that was running goes on running.")
        return
    if not web.replace():
        say("The new version's web processes do not start; those that were running go on running.")
        return
    worker.stop()
    worker.work = None  # started again as a command, which imports the new code
    say("The code that lies on disk is running.")
