"""URLs: `pages` for people (under /o/<organisation>/), `wire` for machines."""

from django.urls import path

from dashboard.analytics.reports import home, logs, overview, rankings
from dashboard.analytics.reports.errors import page as errors
from dashboard.analytics.rest import activity, usage
from dashboard.analytics.rest import logs as records
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
    # The number of segments decides: an API or a key may be called anything.
    path(f"api/usage/{DATES}", usage.usage),
    path(f"api/usage/apis/{DATES}", usage.usage_of_apis),
    path(f"api/usage/apis/<str:api>/{DATES}", usage.usage_of_api),
    path(f"api/activity/keys/{DATES}", activity.of_keys),
    path(f"api/activity/keys/<str:key>/{DATES}", activity.of_key),
    path(f"api/activity/keys/endpoint/<str:key>/{DATES}", activity.endpoints_of_key),
    path(f"api/activity/keys/aggregate/<str:keys>/{DATES}", activity.of_several_keys),
    path(f"api/activity/oauthid/<str:client>/{DATES}", activity.of_client),
    path(f"api/activity/oauthid/endpoint/<str:client>/{DATES}", activity.endpoints_of_client),
    path(f"api/activity/errors/{DATES}", activity.errors),
    path(f"api/activity/endpoint/{DATES}", activity.endpoints),
    path(f"api/activity/geo/{DATES}", activity.countries),
    path("api/versions", usage.versions),
    path("api/logs", records.logs),
]
