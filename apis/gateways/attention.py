"""Whether gateways have not been told something that they should know by now, for the home pages of organisations."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Min
from django.urls import reverse
from django.utils.timezone import localtime

from apis.gateways import outbox
from orgs.models import Organisation, User
from orgs.providers.attention import Item

# A message takes a second or two; one that waits so long has met some trouble, or others before it.
LATE = timedelta(seconds=30)
# What messages are about, and where somebody sees what is wrong: the first that he may see.
PAGES = (("system", "node-list"), ("apis", "api-list"), ("keys", "key-list"))


def items(org: Organisation, user: User, now: datetime) -> Iterator[Item]:
    """The changes that have waited for too long, for those who may see gateways, APIs or keys."""
    page = next((page for permission, page in PAGES if user.may(permission)), None)
    if page is None:
        return
    late = outbox.waiting().filter(org_id=org.id, created_at__lt=now - LATE)
    found = late.aggregate(count=Count("*"), oldest=Min("created_at"))
    if found["count"]:
        since = localtime(found["oldest"], org.zone)
        changes = "1 change has" if found["count"] == 1 else f"{found['count']:,} changes have"
        text = f"{changes} not reached the gateways yet, the oldest since {since.day} {since:%b %H:%M}."
        yield Item(text, reverse(page, args=[org.slug]), bad=True)
