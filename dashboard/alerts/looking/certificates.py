"""What alerts about certificates find: those that end soon, or have ended."""

from collections.abc import Collection
from datetime import datetime, timedelta

from dashboard.alerts.looking.worst import named
from dashboard.alerts.models import Rule
from dashboard.alerts.states import Bad, Found
from dashboard.analytics.clock import DAY
from keys.models import Certificate


def find(rule: Rule, begun: Collection[str], now: datetime) -> Found:
    """begun: the ids of those of which an alert goes on."""
    own = Certificate.objects.filter(org_id=rule.org_id, deleted_at=None, not_after__isnull=False)
    first = own.order_by("not_after").values_list("not_after", flat=True).first()
    if first is None:
        return Found(note="There is no certificate.")
    ending = own.filter(not_after__lte=now + timedelta(days=rule.threshold)).order_by("not_after", "id")
    shown, more = named(list(ending.values_list("id", flat=True)), begun)
    left = {
        each.id: Bad((each.not_after - now) / DAY, str(each))
        for each in ending.filter(id__in=shown).defer("pem")
    }
    return Found(left, (first - now) / DAY, more=more)
