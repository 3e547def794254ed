"""What the feed is compared with: an application that answers everything with one file."""

import os
from collections.abc import Callable, Iterable
from wsgiref.types import WSGIEnvironment


def application(environ: WSGIEnvironment, start_response: Callable) -> Iterable[bytes]:
    """The file that STATIC_FILE names, by the server's own way of sending one."""
    path = os.environ["STATIC_FILE"]
    start_response("200 OK", [("Content-Length", str(os.path.getsize(path)))])
    return environ["wsgi.file_wrapper"](open(path, "rb"))
