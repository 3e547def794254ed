"""`/metrics`, for a Prometheus that has its own secret."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from dashboard.metrics.figures import METRICS, samples
from dashboard.metrics.text import CONTENT_TYPE, written
from orgs.access import access
from orgs.db.patience import at_most


@access("metrics")
def metrics(request: HttpRequest) -> HttpResponse:
    with at_most("2s"):
        text = written(METRICS, samples(timezone.now()))
    return HttpResponse(text, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})
