"""A control API as a gateway has one: it answers what it is told to, and keeps what it was asked."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network

from tests.web.server import Quiet, served

HERE = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
SECRET = "control-canary-secret"


class Control:
    """answers: {path, no query: JSON to answer, (status, headers, bytes), or a callable that writes to the handler}."""

    def __init__(self):
        self.answers = {"/hello": {"status": "pass", "version": "v5.14.0"}, "/tyk/apis/": []}
        self.answers["/tyk/policies"] = []
        self.asked: list[tuple[str, str | None, str]] = []
        self.url = ""


@contextmanager
def control() -> Iterator[Control]:
    made = Control()

    class Handler(Quiet):
        def do_GET(self):
            made.asked.append((self.path, self.headers["X-Tyk-Authorization"], self.headers["Host"]))
            answer = made.answers.get(self.path.partition("?")[0], (404, {}, b""))
            if callable(answer):
                return answer(self)
            status, headers, body = (
                answer if isinstance(answer, tuple) else (200, {}, json.dumps(answer).encode())
            )
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with served(Handler) as made.url:
        yield made
