"""Two transactions at the same moment, one step after another; work in several threads; what a listener was told."""

import threading
import time
from collections.abc import Callable

from django.db import connection, connections, transaction
from redis.client import PubSub

from orgs import scope

LONGEST = 60  # seconds, only so that what hangs has an end


def second_of_two(org_id: str, first: Callable, second: Callable) -> object:
    """What `second` answered or raised, begun in a thread and transaction of its own when `first` was done but not
    committed, which it is as soon as `second` waits for a lock or has ended. Both in the scope of `org_id`."""
    answers, pids = [], []

    def run():
        try:
            with scope.org(org_id), transaction.atomic():
                pids.append(_own_pid())
                answers.append(second())
        except Exception as error:
            answers.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with scope.org(org_id), transaction.atomic():
        first()
        thread.start()
        _await(lambda: answers or (pids and _waits(pids[0])))
    thread.join(LONGEST)
    assert answers, "the second transaction has not ended"
    return answers[0]


def told(subscription: PubSub) -> list[bytes]:
    """All that was published to a subscription and not looked at yet: the answer to a PING comes after it."""
    subscription.ping()
    found = []
    while (message := subscription.get_message(timeout=LONGEST)) is None or message["type"] != "pong":
        if message:
            found.append(message["data"])
    return found


def together(work: Callable[[], object], count: int = 2) -> None:
    """Done in threads with connections of their own, begun at once. None may fail."""
    begin, failed = threading.Barrier(count), []

    def run():
        try:
            begin.wait()
            work()
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def _own_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def _waits(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE pid = %s AND NOT granted)", [pid])
        return cursor.fetchone()[0]


def _await(condition: Callable) -> None:
    end = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < end, "the second transaction neither waits nor ends"
        time.sleep(0.01)
