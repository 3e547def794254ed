"""A Valkey of our own, for gateways on this machine: append-only, on loopback, with a password."""

import signal
import socket
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from dashboard.engines import addresses, binaries, processes
from dashboard.engines.processes import EngineError, Started


def start(var: Path, scratch: bool, started: Started) -> None:
    """Start the server, note it in `started`, return when it answers; one that runs already is left alone.

    scratch: nothing is kept on disk. Raises EngineError.
    """
    place, address = addresses.home(var), urlsplit(addresses.redis_url(var))
    binary = binaries.reachable(binaries.find_valkey().parent, place) / "valkey-server"
    log = place / "valkey.log"
    with processes.server_lock(addresses.lock(var, "valkey"), lambda: _answers(address)) as lock:
        if lock is None:
            return
        data = processes.private_directory(place / "valkey")
        _refuse_a_taken_port(address, var)
        # Through standard input: a command line is readable by every user of the machine.
        text = "".join(
            f"{name} {_quoted(value)}\n" for name, value in _settings(address, data, scratch).items()
        )
        how = signal.SIGKILL if scratch else signal.SIGTERM
        process = processes.spawn([binary, "-"], log, lock, how, text)
        started.append((process, how))
        processes.wait_for("Valkey", process, log, lambda: _answers(address))


def _refuse_a_taken_port(address: SplitResult, var: Path) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.hostname, address.port))
        except OSError:
            raise EngineError(
                f"Port {address.port}, which Valkey had before, is used by another program: end it, "
                f"or delete {addresses.redis_url_file(var)} and give the gateways the new port."
            ) from None


def _settings(address: SplitResult, data: Path, scratch: bool) -> dict[str, str]:
    return {
        "bind": "127.0.0.1",
        "port": str(address.port),
        "requirepass": address.password or "",
        "dir": str(data),
        "save": "",
        "appendonly": "no" if scratch else "yes",
        "maxmemory-policy": "noeviction",
        # How often a second it looks after itself: ten times, as it would, is a fifth of what all costs while idle.
        "hz": "2",
    }


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _answers(address: SplitResult) -> bool:
    try:
        with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
            connection.sendall(f"AUTH {address.password}\r\nPING\r\n".encode())
            reply = b""
            while reply.count(b"\r\n") < 2 and (part := connection.recv(1024)):
                reply += part
    except OSError:
        return False
    return reply == b"+OK\r\n+PONG\r\n"
