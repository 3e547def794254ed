"""Push the demonstration's traffic into Redis: four weeks, then what is due each second, until ended."""

import logging
import time
from datetime import datetime

import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from apis.gateways.redis_client import client
from dashboard.demonstration import push, seed

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def handle(self, **options: object) -> None:
        demonstration = seed.read(settings.VAR)
        if demonstration is None:
            raise CommandError(f"There is no demonstration in {settings.VAR}: `manage.py demo` makes one.")
        while True:
            try:
                push_for_ever(demonstration)
            except (redis.RedisError, DatabaseError) as error:
                # What was acknowledged is in the kept state, so beginning again doubles nothing.
                logger.warning("An engine is away, so the demonstration's traffic waits: %s", error)
                wait()


def push_for_ever(demonstration: dict) -> None:
    """Push what is left of the four weeks, then each second's traffic. Raises what engines raise."""
    server, traffic = client(), seed.traffic(demonstration)
    state = push.begin(server, traffic, datetime.fromisoformat(demonstration["traffic"]["end"]))
    push.push_history(server, traffic, state, wait)
    while True:
        close_old_connections()
        traffic = seed.traffic(demonstration)  # APIs and keys come and go
        for _ in range(60):
            push.push_present(server, traffic, state, timezone.now(), wait)
            wait()


def wait() -> None:
    time.sleep(1)
