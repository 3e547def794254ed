"""URLs: `pages` for people (under /o/<organisation>/), `wire` for machines."""

from django.urls import path

from dashboard.analytics import rest
from dashboard.analytics.reports import home, logs, overview, rankings
from dashboard.analytics.reports.errors import page as errors
from dashboard.analytics.uptime import page as upstreams

DATES = "<str:d1>/<str:m1>/<str:y1>/<str:d2>/<str:m2>/<str:y2>"

pages = [
    path("", home.home, name="org-home"),
    path("analytics/", overview.overview, name="analytics"),
    path("analytics/<str:table>/", rankings.whole, name="analytics-table"),
    path("errors/", errors.error_list, name="errors"),
    path("uptime/", upstreams.uptime, name="uptime"),
    path("logs/", logs.log_list, name="logs"),
    path("logs/<int:ts>/<int:id>/", logs.log_record, name="log-record"),
]
wire = [
    # The six numbers of a range decide: an API may be called anything.
    path(f"api/usage/{DATES}", rest.usage),
    path(f"api/usage/apis/{DATES}", rest.usage_of_apis),
    path(f"api/activity/keys/{DATES}", rest.activity_of_keys),
    path("api/logs", rest.logs),
]
