"""The background loop alone: delivers to gateways, stores traffic. SIGTERM ends it between two steps."""

import logging
import signal
import threading

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apis.gateways import redis_client
from apis.gateways.notices import Notices
from dashboard import reachable, worker
from dashboard.nodes.reloads import signals
from orgs.db.proof import Unprotected

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()  # they ask the database, which may be away for now

    def handle(self, **options: object) -> None:
        with Notices() as notices:
            self.work(notices)

    def work(self, notices: Notices) -> None:
        stop = threading.Event()

        def end(*_: object) -> None:
            stop.set()
            notices.end()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
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
        threads = worker.threads(redis_client.client(), stop, notices)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
