"""What may explain a change in a chart: what others say of it (orgs.providers.marks), on the organisation's clock."""

from django.http import HttpRequest

from dashboard.analytics.clock import said
from dashboard.analytics.reports.charts.plots import Event
from dashboard.analytics.reports.traffic import Question
from orgs.providers import marks


def events(request: HttpRequest, question: Question) -> list[Event]:
    """What a page of that question marks, newest first."""
    period, filters = question.period, question.filters
    if not question.owners.org_ids:
        return []
    axis = marks.Axis(period.counts.edges, filters.apis, filters.keys)

    def told(mark: marks.Mark) -> Event:
        when = said(mark.at, period.zone, year=period.years, pattern="%H:%M:%S")
        if mark.until:
            when += f" to {said(mark.until, period.zone, year=period.years, pattern='%H:%M:%S')}"
        return Event(mark.at, mark.text, mark.url, when, mark.until, tuple(map(told, mark.parts)))

    return [told(mark) for mark in marks.marks(request.org, request.user, axis)]
