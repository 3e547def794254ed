"""What a host name is. Pure."""

import re

LONGEST = 253
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"({_LABEL}(?:\.{_LABEL})*)\.?(?::[0-9]*)?")


def host(text: str) -> str | None:
    """A host name as definitions are compared by it (apis.definitions.listen_path.claimed_domain), None for what is
    none. A port keeps nobody apart.

    >>> host("API.Example.:8080")
    'api.example'
    """
    found = _HOST.fullmatch(text.strip().lower())
    return found[1] if found and len(found[1]) <= LONGEST else None
