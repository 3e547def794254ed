"""What pages say of an API or a key before it is ended (orgs.recent_traffic)."""

import logging

from django.db import DatabaseError, transaction
from django.http import HttpRequest
from django.utils import timezone

from dashboard.analytics.reports import reader
from dashboard.analytics.reports.parameters import Refused, page_parameters
from orgs.recent_traffic import DAYS, RecentTraffic

logger = logging.getLogger(__name__)


def recent(request: HttpRequest, api_id: str, key_hash: str) -> RecentTraffic | None:
    """Requests of the last 30 days and their callers; None if that takes too long: nobody is kept from ending a key.
    None also for somebody who may not see traffic."""
    if not request.user.may("analytics"):
        return None
    try:
        with transaction.atomic():
            reader.limit_time()
            asked = page_parameters(
                {"range": f"{DAYS}d", "api": api_id, "key": key_hash}, request.org, timezone.now()
            )
            question = asked.question
            where = question.owners, question.period.tables, question.filters
            figures = reader.totals(*where, histograms=False)
            return RecentTraffic(figures.hits, reader.count_keys(*where), question.period.seen_end)
    except (Refused, DatabaseError) as error:
        logger.warning("no recent traffic for %s: %s", request.path, type(error).__name__)
        return None
