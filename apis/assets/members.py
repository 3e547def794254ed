"""What clients and pages send of a template, as columns of Asset."""

import re
from typing import Any

from apis.definitions import document
from orgs.http.rest import RestError, members
from orgs.http.strict_json import printable

KIND = "oas-template"
LONGEST_DESCRIPTION = 2_000
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._~:=@+-]{0,199}")


def taken(body: dict[str, Any]) -> dict[str, Any]:
    """Those that a body has. Raises RestError, 422 where the words of the wire say so; it names the member."""
    found = members(body, id=str, kind=str, name=str, description=str, data=dict)
    if (kind := found.get("kind", "")) != KIND:
        raise RestError(422, f"unsupported asset kind: '{printable(kind)}'.")
    name = found.get("name", "").strip()
    if not name or len(name) > 200 or not name.isprintable():
        raise RestError(422, "name: must be text of 1 to 200 characters")
    if found.get("id") and not _ID.fullmatch(found["id"]):
        raise RestError(422, "id: must be letters, digits and . _ ~ : = @ + - after a letter, digit or _")
    if len(found.get("description", "")) > LONGEST_DESCRIPTION:
        raise RestError(422, f"description: must not be longer than {LONGEST_DESCRIPTION:,} characters")
    text = document.compact(found.get("data") or {})
    if not found.get("data") or len(text) > document.LARGEST:
        raise RestError(422, f"data: must be an object of {document.LARGEST:,} characters at most")
    kept = {"kind": kind, "name": name, "description": found.get("description", ""), "data_text": text}
    return kept | ({"asset_id": found["id"]} if found.get("id") else {})
