import os
import sys
from collections.abc import Callable
from io import BytesIO

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from dashboard.configuration import SettingError
from dashboard.engines.generated_secrets import make_missing
from dashboard.engines.processes import EngineError
from dashboard.web.limits import LARGEST_BODY

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

# The exit status at which gunicorn ends as a whole instead of starting another process for ever.
NOT_LOADED = 4


def of_known_length(application: Callable) -> Callable:
    """`application`, told the length of chunked bodies: Django reads none without.

    For servers that do not say it themselves. One byte more than is taken is enough to be refused.
    """

    def wrapped(environ: dict, start_response: Callable):
        chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        if chunked and environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
            body = environ["wsgi.input"].read(LARGEST_BODY + 1)
            environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return application(environ, start_response)

    return wrapped


try:
    make_missing(os.environ)
    at_root = of_known_length(get_wsgi_application())
    get_resolver().url_patterns  # noqa: B018  imported here, so that code which cannot be imported serves nothing
except (SettingError, EngineError) as error:
    print(error, file=sys.stderr, flush=True)
    sys.exit(NOT_LOADED)


def application(environ, start_response):
    """The site. A server which mounts it below a path is told so, where links and cookies would go astray."""
    if environ.get("SCRIPT_NAME", "").strip("/"):
        body = b"Gatehouse is served at the root of a host name, not below a path.\n"
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response("404 Not Found", headers)
        return [body]
    return at_root(environ, start_response)
