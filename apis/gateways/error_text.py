"""Errors in words fit for a log or a table: first lines only, without secrets."""

import traceback
from urllib.parse import urlsplit

from django.conf import settings


def described(error: Exception) -> str:
    """Kind and first line of an error; the lines after it quote values, and secrets are left out anyhow."""
    first_line = (str(error).splitlines() or [""])[0]
    for secret in _secrets():
        first_line = first_line.replace(secret, "…")
    return f"{type(error).__name__}: {first_line[:200]}"


def where(error: Exception) -> str:
    """File and line it was raised at."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"


def _secrets() -> list[str]:
    passwords = [
        urlsplit(settings.REDIS_URL).password,
        *(each["PASSWORD"] for each in settings.DATABASES.values()),
    ]
    nodes = (settings.NODE_SECRET, settings.NODE_SECRET_FORMER)
    return [secret for secret in (settings.SECRET_KEY, settings.ADMIN_SECRET, *nodes, *passwords) if secret]
