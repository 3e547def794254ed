"""A form that makes something says which form it is, so that sent twice it makes one thing."""

import re
import secrets
from collections.abc import Mapping

_TOKEN = re.compile(r"[0-9a-f]{32}")


def of(sent: Mapping[str, str]) -> str:
    """The token that a form was sent with, or a new one for a page that is drawn."""
    text = sent.get("form_token", "")
    return text if _TOKEN.fullmatch(text) else secrets.token_hex(16)
