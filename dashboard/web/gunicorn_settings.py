"""For `gunicorn --config python:dashboard.web.gunicorn_settings dashboard.wsgi`, as `manage.py serve` runs it."""

import contextlib
import os

from dashboard.engines.children import READY

worker_class = "dashboard.web.worker.Worker"  # no thread waits for a client
keepalive = 75  # seconds; a gateway asks every two


def post_worker_init(worker) -> None:
    """The application is loaded: tell the supervisor, who then ends the web processes of the version before."""
    if READY in os.environ:
        with contextlib.suppress(OSError):  # it has heard so from another
            os.write(int(os.environ[READY]), b"1")
