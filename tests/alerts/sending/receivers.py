"""Those who are told: a mail server that is a process of its own, and a receiver of webhooks behind a real socket."""

import email
import email.policy
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

from tests.web.server import Quiet, served


class MailServer:
    def __init__(self, port: int, kept: Path):
        self.port, self.kept = port, kept
        self.settings = {"host": "127.0.0.1", "port": port, "username": "", "password": "", "use_tls": False}
        self.settings["use_ssl"] = False

    @property
    def mails(self) -> list[EmailMessage]:
        lines = self.kept.read_text().splitlines() if self.kept.exists() else []
        return [email.message_from_string(json.loads(line)[2], policy=email.policy.default) for line in lines]


@contextmanager
def mail_server(directory: Path, *tls: object) -> Iterator[MailServer]:
    """tls: "tls" or "ssl", and the file of a certificate with its key; in clear without."""
    kept = directory / "mails"
    program = Path(__file__).with_name("smtp_server.py")
    process = subprocess.Popen([sys.executable, program, kept, *tls], stdout=subprocess.PIPE, text=True)
    try:
        yield MailServer(int(process.stdout.readline()), kept)
    finally:
        process.kill()
        process.communicate()


class Receiver:
    """answers: what the next requests are answered: a status, or a callable that is given the handler; then 200s.
    taken: (path, headers, body) of each request."""

    def __init__(self):
        self.answers: list = []
        self.taken: list[tuple[str, dict, bytes]] = []
        self.url = ""


@contextmanager
def receiver(certificate: Path | None = None) -> Iterator[Receiver]:
    """certificate: the file of one with its key, of a receiver that speaks TLS."""
    made = Receiver()

    class Handler(Quiet):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.taken.append((self.path, dict(self.headers), body))
            answer = made.answers.pop(0) if made.answers else 200
            if callable(answer):
                return answer(self)
            self.send_response(answer)
            self.send_header("Location", f"{made.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

    with served(Handler, certificate) as made.url:
        yield made
