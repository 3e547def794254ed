"""What a request may bring along: a body of known length, not too long, not compressed, and files only where they are
asked for.

Not read: a body is refused by what its head says about it.
"""

from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.files.uploadhandler import MemoryFileUploadHandler

from dashboard.errors import answer
from orgs.access import declared


class BodyMiddleware:
    """413 and 415 before anything asks for the body."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            return answer(request, 415, "Content-Encoding is not supported: send the body as it is")
        if length(request.META) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            largest = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            return answer(request, 413, f"Request body malformed: it is too large, {largest} bytes are taken")
        return self.get_response(request)


class DeclaredFiles(MemoryFileUploadHandler):
    """Keeps in memory the files of a form whose view declares that it takes some (orgs.access); refuses those of
    others, which Django would write to disk for a page that has no use for them."""

    def new_file(self, *args, **kwargs):
        match = self.request.resolver_match
        rule = declared(match.func, match.namespaces) if match else None
        if rule is None or not rule.files:
            raise BadRequest("Files are not taken")
        return super().new_file(*args, **kwargs)


def length(environ: dict) -> int:
    """The bytes that a request announces; 0 where that is no number, as Django takes it."""
    text = environ.get("CONTENT_LENGTH") or "0"
    return int(text[:20]) if text.isascii() and text.isdigit() else 0
