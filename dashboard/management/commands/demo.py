"""Gatehouse with two invented organisations and their traffic, to look at and to connect a gateway to."""

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboard.demonstration.seed import seed, write
from dashboard.engines import addresses, supervisor
from dashboard.engines.children import say
from dashboard.engines.listening import StartError
from dashboard.engines.listening import port as tcp_port
from dashboard.engines.processes import EngineError
from dashboard.nodes.joining.connecting import configuration

MARK = "demonstration"  # the file in var/ which says that the data there is invented


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=tcp_port, default=8000)
        parser.add_argument(
            "--fresh", action="store_true", help="forget the last demonstration and begin anew"
        )
        parser.add_argument("--no-traffic", action="store_true", help="without four weeks of traffic")

    def handle(self, *, host: str, port: int, fresh: bool, no_traffic: bool, **options: object) -> None:
        supervisor.heed_signals()
        try:
            with supervisor.only_instance(settings.VAR) as lock:
                claim(settings.VAR, fresh)
                self.demonstrate(lock, host, port, no_traffic)
        except (StartError, EngineError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            say("Stopped.")

    def demonstrate(self, lock: int, host: str, port: int, no_traffic: bool) -> None:
        with supervisor.base(host, port) as base:
            if host not in ("127.0.0.1", "::1", "localhost"):
                supervisor.allow_hosts({"*"})  # gateways elsewhere know this machine by a name of their own
            say("Making the demonstration's organisations …")
            facts = seed(settings.VAR) | {"url": base.url}
            write(settings.VAR, facts)
            children = [supervisor.web(base, lock, workers=1, threads=8), supervisor.background("worker")]
            if not no_traffic:
                children.append(supervisor.background("demotraffic"))
            say("Starting the web server …")
            supervisor.run(base, children, ready=lambda: say(summary(facts)))


def claim(var: Path, fresh: bool) -> None:
    """Mark `var` as the demonstration's, emptied of the last one if `fresh`. Raises StartError.

    Secrets and the port of Valkey stay, so that a gateway which was connected still is.
    """
    place, mark = addresses.home(var), var / MARK
    databases = list(place.glob("pg[0-9][0-9]"))
    if settings.EMBEDDED_DATABASE and databases and not mark.exists():
        raise StartError(
            f"{var} holds data which is not the demonstration's: set GATEHOUSE_VAR to another directory."
        )
    if fresh and not (settings.EMBEDDED_DATABASE and settings.EMBEDDED_REDIS):
        raise StartError(
            "--fresh is for the engines of Gatehouse's own: empty the database and the Redis yourself."
        )
    mark.touch()
    if fresh:
        (var / "demo.json").unlink(missing_ok=True)
        for directory in (*databases, place / "valkey"):
            shutil.rmtree(directory, ignore_errors=True)


def summary(facts: dict[str, Any]) -> str:
    """What a person needs: where to sign in as whom, and what to put into a gateway's tyk.conf."""
    lines = ["", "Sign in as", f"  {person(facts['super_user'])}  (sees every organisation)"]
    for organisation in facts["organisations"]:
        lines.append(f"{organisation['name']} ({facts['url']}/o/{organisation['slug']}/)")
        lines += [f"  {person(user)}" for user in organisation["users"]]
    block = json.loads(configuration(facts["url"], facts["redis_url"], facts["node_secret"]))
    block["storage"]["password"] = urlsplit(facts["redis_url"]).password or ""
    lines += ["", "For the tyk.conf of a gateway on this machine", json.dumps(block, indent=2), ""]
    return "\n".join(lines)


def person(user: dict[str, Any]) -> str:
    return f"{user['email']}  {user['password']}"
