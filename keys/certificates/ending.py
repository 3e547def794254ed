"""Which certificates end soon or have ended, for the home page of their organisation."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.timezone import localtime

from keys.models import Certificate
from orgs.models import Organisation, User
from orgs.providers.attention import Item

SOON = timedelta(days=30)
MOST_NAMED = 3


def items(org: Organisation, user: User, now: datetime) -> Iterator[Item]:
    """For those who may see certificates."""
    if not user.may("certs"):
        return
    ending = Certificate.objects.filter(org_id=org.id, deleted_at=None, not_after__lte=now + SOON)
    for each in ending.order_by("not_after", "id")[:MOST_NAMED]:
        local = localtime(each.not_after, org.zone)
        over = each.not_after <= now
        verb = "expired" if over else "expires"
        text = f"Certificate {each} {verb} on {local.day} {local:%b %Y %H:%M}."
        yield Item(text, reverse("certificate-detail", args=[org.slug, each.id]), bad=over)
    if (rest := ending.count() - MOST_NAMED) > 0:
        more = "1 more certificate expires" if rest == 1 else f"{rest} more certificates expire"
        yield Item(f"{more} within {SOON.days} days, or did.", reverse("certificate-list", args=[org.slug]))
