"""Definitions as a zip archive of JSON files, as whoever takes over the files of a gateway sends them. Pure."""

import io
import re
import zipfile
from collections.abc import Iterable

from apis.definitions import document
from apis.models import ApiDefinition

_LONGEST = 60


def archive(apis: Iterable[ApiDefinition]) -> bytes:
    """A file for each. Its name begins with the API's and ends with its database id, so that no two are one, and none
    is taken for what belongs to another definition."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as opened:
        for api in apis:
            # The time of no clock: the same APIs make the same archive.
            entry = zipfile.ZipInfo(f"{_plain(api.name)}-{api.id}.json")
            entry.compress_type = zipfile.ZIP_DEFLATED
            opened.writestr(entry, document.pretty(api.definition))
    return content.getvalue()


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST] or "api"
