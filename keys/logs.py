"""Tokens, chosen ids and hashes of keys in paths of the REST API, kept out of the log: Django and the server write down
the path of a refused request."""

import logging
import re

# The beginning of base64 of `{"org":"…`, as every token here begins.
_TOKEN = re.compile(r"eyJvcmci[A-Za-z0-9+/_=%-]*")
# A hash names the key's session in the gateways' Redis; its start is what pages and analytics call the key by.
_HASH = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{56}\b")
# An id that somebody chose is as good as a token (keys.credentials.naming).
_CHOSEN = re.compile(r"(/api/(?:apis/[^/\s]+/)?keys/)(?!(?:detailed|preview)\b)[^\s/?(…]+(?![^\s/?])")


class WithoutTokens(logging.Filter):
    """Lets every record through, with tokens and ids replaced and hashes cut in its message."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        cleaned = _CHOSEN.sub(r"\1(key)", _HASH.sub(r"\1…", _TOKEN.sub("(token)", message)))
        if cleaned != message:
            record.msg, record.args = cleaned, None
        return True
