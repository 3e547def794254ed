"""A gateway as far as its dashboard can tell: it sends what one sends, over real HTTP."""

import json
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from apis.definitions import starter
from apis.publishing import publish
from orgs import scope
from tests.nodes.acceptance import objection


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Gateway:
    """One connection, kept alive; every answer is held against what gateways were seen to accept."""

    def __init__(self, url: str, session: str = "", *, secret: str | None = None):
        self.connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
        self.secret = settings.NODE_SECRET if secret is None else secret
        self.session = session
        self.objections: list[str] = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.connection.close()

    def ask(self, request: str, *, body: str | None = None, **headers: str) -> Answer:
        """`request` is "GET /register/node"; headers by keyword: `node` for X-Tyk-Nodeid, and so on."""
        names = {"session": "X-Tyk-Session-Id", "node": "X-Tyk-Nodeid", "nonce": "X-Tyk-Nonce"}
        names |= {"hostname": "X-Tyk-Hostname", "encoding": "Accept-Encoding"}
        sent = {"Authorization": self.secret} | ({"X-Tyk-Session-Id": self.session} if self.session else {})
        sent |= {names[name]: value for name, value in headers.items()}
        self.connection.request(*request.split(" "), body=body, headers=sent)
        response = self.connection.getresponse()
        answer = Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        )
        found = objection(request, *answer)
        if found:
            self.objections.append(f"{request}: {found}")
        return answer


def published(org, name: str):
    """An active API of `org`, as the form would publish it."""
    definition = starter.new()
    definition["name"] = name
    definition["proxy"] |= {"listen_path": f"/{name.lower()}/", "target_url": "http://127.0.0.1:9000/"}
    with scope.org(org.id):
        return publish.create(org.id, definition, author=None)
