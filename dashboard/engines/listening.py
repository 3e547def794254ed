"""The port of the site: had from systemd, a parent or the system, and looked at as a client does."""

import http.client
import os
import socket

FIRST_INHERITED = 3  # sd_listen_fds(3)


class StartError(Exception):
    """It cannot be started; the text is one sentence for the person at the terminal."""


def port(text: str) -> int:
    """A TCP port, 0 for any that is free. Raises ValueError."""
    if not 0 <= int(text) <= 65_535:
        raise ValueError
    return int(text)


def listen(host: str, port: int) -> socket.socket:
    """The socket which systemd or a parent holds for us (LISTEN_FDS), else a new one. Raises StartError."""
    inherited, receiver = os.environ.pop("LISTEN_FDS", "0"), os.environ.pop("LISTEN_PID", str(os.getpid()))
    if inherited not in ("", "0") and receiver == str(os.getpid()):
        listener = socket.socket(fileno=FIRST_INHERITED)
        listener.set_inheritable(False)
        if listener.family not in (socket.AF_INET, socket.AF_INET6):
            raise StartError("The socket handed over is not a TCP socket.")
        return listener
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        raise StartError(f"Port {port} of {host} cannot be had: {error.strerror}.") from None
    return listener


def own_address(listener: socket.socket) -> tuple[str, int]:
    """Host and port at which this machine reaches the listening socket."""
    host, port = listener.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104


def answers_hello(address: tuple[str, int]) -> bool:
    connection = http.client.HTTPConnection(*address, timeout=5)
    try:
        connection.request("GET", "/hello")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
