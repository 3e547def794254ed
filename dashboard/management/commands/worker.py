"""The background loop alone: delivers to gateways, stores traffic. SIGTERM ends it between two steps."""

import logging
import signal
import threading

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apis.gateways import redis_client
from dashboard import reachable, worker
from dashboard.nodes import signals
from orgs.db.proof import Unprotected

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()  # they ask the database, which may be away for now

    def handle(self, **options: object) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        signals.STARTED_AT = (
            timezone.now()
        )  # imported earlier, perhaps, by the process of which this is a fork
        reachable.owner_is_known()
        try:
            reachable.gateways_redis()
        except reachable.Away as error:
            logger.warning("%s", error)
        try:
            worker.await_proof(stop)
        except Unprotected as error:
            raise CommandError(str(error)) from error
        client = redis_client.client()
        threads = [
            threading.Thread(target=worker.run, args=(steps, client, stop)) for steps in worker.lanes()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
