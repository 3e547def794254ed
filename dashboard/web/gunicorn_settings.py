"""For `gunicorn --config python:dashboard.web.gunicorn_settings dashboard.wsgi`, as `manage.py serve` runs it."""

import contextlib
import gc
import importlib
import os
import sys

from dashboard.engines.children import READY, Fork
from dashboard.engines.generated_secrets import make_missing

worker_class = "dashboard.web.worker.Worker"  # no thread waits for a client
keepalive = 75  # seconds; a gateway asks every two


def on_starting(arbiter) -> None:
    """Before there are workers: a setting that cannot be meant is said once, and ends gunicorn.

    When several workers end for it gunicorn stumbles, with a traceback. In a fork, for what the first process has
    imported stays as it is for all workers to come.
    """
    if Fork(read_settings, ()).wait():
        sys.exit(1)


def read_settings() -> None:
    make_missing(os.environ)
    importlib.import_module("dashboard.settings")


def post_worker_init(worker) -> None:
    """The application is loaded: tell the supervisor, who then ends the web processes of the version before."""
    settle()
    if READY in os.environ:
        with contextlib.suppress(OSError):  # it has heard so from another
            os.write(int(os.environ[READY]), b"1")


def settle() -> None:
    """Take what is loaded, which never goes, out of what Python looks through for things to throw away: that would take
    60 ms in the middle of somebody's request."""
    from django.urls import get_resolver  # noqa: PLC0415  the first process of gunicorn imports no application

    get_resolver().url_patterns  # noqa: B018  every view is loaded with the addresses
    gc.collect()
    gc.freeze()
