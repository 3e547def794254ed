"""How many keys may call an API (orgs.providers.openers)."""

import logging
from collections.abc import Collection

from django.db import DatabaseError

from keys.keys import search
from orgs.db.patience import at_most

logger = logging.getLogger(__name__)
_PATIENCE = "2s"  # for one statement


def count(org_id: str, api_ids: Collection[str]) -> dict[str, int]:
    """As orgs.providers.openers.of; after one that takes too long the others are not counted either."""
    found: dict[str, int] = {}
    for api_id in api_ids:
        if (number := _count(org_id, api_id)) is None:
            break
        found[api_id] = number
    return found


def _count(org_id: str, api_id: str) -> int | None:
    try:
        with at_most(_PATIENCE):
            keys = search.found(api_id=api_id).keys.filter(org_id=org_id, revoked_at=None)
            return keys.order_by().values("pk").count()
    except DatabaseError as error:
        logger.warning("not said how many keys may call an API: %s", type(error).__name__)
        return None
