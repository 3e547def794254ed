"""Whose connection it is, how long it may take, and which of them is given up for another."""

import os
import selectors
import socket
from collections.abc import Iterator

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from dashboard.web.connection import Answer, Connection, State, network, seconds_to_send
from dashboard.web.limits import (
    BODY_SECONDS,
    CLOSING_SECONDS,
    HEAD_SECONDS,
    LARGEST_BODY,
    MOST_BUFFERED,
    SENDING_SECONDS,
    SLOWEST_READER,
)
from dashboard.web.worker import Worker

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def worker() -> Iterator[Worker]:
    """One that was not started: no thread, no loop, and each of its steps is taken by the test."""
    config = Config()
    made = Worker(1, os.getpid(), [], None, 30, config, Logger(config))
    made.connections, made.buffered, made.swept_at = set(), 0, 0
    made.poller = selectors.DefaultSelector()
    yield made
    for each in list(made.connections):
        made.drop(each)
    made.poller.close()
    made.tmp.close()


@pytest.fixture
def come(worker, listener):
    """A client comes: its own end and the worker's."""
    clients = []

    def accepted() -> tuple[socket.socket, Connection]:
        before = set(worker.connections)
        clients.append(socket.create_connection(listener.getsockname()))
        worker.accept(listener)
        return clients[-1], (worker.connections - before).pop()

    yield accepted
    for each in clients:
        each.close()


def sent(worker: Worker, client: socket.socket, conn: Connection, data: bytes) -> None:
    client.sendall(data)
    left = len(data)
    while left > 0:
        conn.socket.setblocking(True)
        left -= len(conn.socket.recv(left, socket.MSG_PEEK))
        conn.socket.setblocking(False)
        worker.receive(conn)


@pytest.mark.parametrize(
    ("client", "counted"),
    [
        (("192.0.2.7", 5000), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 5000, 0, 0), "2001:db8:1:2::/64"),
        (("2001:db8:1:2:ffff::1", 5000, 0, 0), "2001:db8:1:2::/64"),
        (("::ffff:192.0.2.7", 5000, 0, 0), "192.0.2.7"),
        (("fe80::1%eth0", 5000, 0, 2), "fe80::/64"),
        ("", ""),
        (b"", ""),
    ],
)
def test_whom_an_address_counts_for(client, counted):
    assert network(client) == counted


def test_a_larger_answer_may_be_read_for_longer():
    sizes = (0, SLOWEST_READER * 10, 36_000_000)
    assert [seconds_to_send(size) for size in sizes] == [
        SENDING_SECONDS,
        SENDING_SECONDS + 10,
        SENDING_SECONDS + 36_000_000 / SLOWEST_READER,
    ]


def test_the_time_of_a_request_counts_from_its_first_byte_and_no_further_byte_prolongs_it(worker, come):
    client, conn = come()
    assert (conn.state, conn.deadline) == (State.BEGINNING, conn.since + HEAD_SECONDS)
    sent(worker, client, conn, HEAD[:9])
    began = conn.since
    assert (conn.state, conn.deadline) == (State.REQUEST, began + HEAD_SECONDS)
    sent(worker, client, conn, HEAD[9:20])
    assert (conn.since, conn.deadline) == (began, began + HEAD_SECONDS)
    for data in (HEAD[20:], b"x", b"x" * 100):
        sent(worker, client, conn, data)
        assert (conn.since, conn.deadline) == (began, began + BODY_SECONDS)


def test_a_client_that_reads_by_drops_has_no_more_time_than_one_that_reads_at_once(worker, come):
    client, conn = come()
    size = 16_000_000
    conn.unsent = memoryview(b"x" * size)
    worker.send(conn)
    began, left = conn.since, len(conn.unsent)
    assert 0 < left < size
    assert (conn.state, conn.deadline) == (State.READER, began + seconds_to_send(left))
    while len(conn.unsent) == left:
        client.recv(1_000_000)
        worker.send(conn)
    assert (conn.since, conn.deadline) == (began, began + seconds_to_send(left))


def test_after_a_last_answer_the_client_has_two_seconds_to_go(worker, come):
    client, conn = come()
    worker.refuse(conn, "400 Bad Request")
    assert (conn.state, conn.deadline) == (State.END, conn.since + CLOSING_SECONDS)
    for _ in range(2):
        sent(worker, client, conn, b"more")
    assert (conn.state, conn.deadline, worker.buffered) == (State.END, conn.since + CLOSING_SECONDS, 0)


def test_a_process_that_ends_gives_up_all_but_those_whose_answer_is_being_made(worker, come):
    _, answered = come()
    answered.enter(State.ANSWER)
    others = [come()[1] for _ in range(3)]
    others[1].enter(State.READER, 30)
    worker.murder_keepalived(force=True)
    assert worker.connections == {answered}


def test_the_largest_unfinished_bodies_are_given_up_for_memory_and_no_whole_request(worker, come):
    pairs = [come() for _ in range(MOST_BUFFERED // LARGEST_BODY + 1)]
    for client, conn in pairs:
        sent(worker, client, conn, HEAD + b"x" * 1_000)
    # As if each had sent nearly all of a large body, and one had all of it.
    for number, (_, conn) in enumerate(pairs):
        worker.count(conn, LARGEST_BODY - number)
    pairs[0][1].enter(State.ANSWER)
    worker.spare_memory()
    assert [conn.state for _, conn in pairs[:3]] == [State.ANSWER, State.END, State.REQUEST]
    assert worker.buffered == sum(conn.held for _, conn in pairs) <= MOST_BUFFERED
    assert pairs[1][0].recv(1_000).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    for _, conn in pairs:
        worker.drop(conn)
    assert worker.buffered == 0


def test_the_address_with_the_most_connections_gives_up_the_one_that_waits_longest(worker, come):
    conns = [come()[1] for _ in range(4)]
    for conn, client in zip(conns, ("192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.3"), strict=True):
        conn.network = client
    worker.make_room()
    assert set(conns) - worker.connections == {conns[1]}
    worker.make_room()
    assert set(conns) - worker.connections == set(conns[:2])


def test_what_a_gateway_may_still_read_is_not_given_up_for_room(worker, come):
    _, conn = come()
    conn.enter(State.READER, 60)
    worker.make_room()
    assert worker.connections == {conn}
    conn.since -= SENDING_SECONDS + 1
    worker.make_room()
    assert worker.connections == set()


def test_an_answer_that_was_made_is_not_kept():
    """The feed has megabytes, and gunicorn's response to it waits for the next garbage collection."""
    answer = Answer(None, None)
    answer.sendall(b"head")
    answer.sendall(b"body")
    assert (answer.whole(), answer.pieces) == (b"headbody", [])
