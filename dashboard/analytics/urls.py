"""URLs: `platform` for super-users, `pages` for people (under /o/<organisation>/), `wire` for machines. Figures may
come from a replica."""

from django.urls import path

from dashboard.analytics import keeping
from dashboard.analytics.bodies import page as bodies
from dashboard.analytics.bodies import rest as choosing
from dashboard.analytics.ingest.upkeep import page as recounting
from dashboard.analytics.reports import home, logs, overview, rankings
from dashboard.analytics.reports.errors import page as errors
from dashboard.analytics.reports.everywhere import page as everywhere
from dashboard.analytics.reports.hours import page as heat_map
from dashboard.analytics.rest import activity, mcp, usage
from dashboard.analytics.rest import logs as records
from dashboard.analytics.uptime import page as upstreams
from dashboard.analytics.uptime import rest as states
from orgs.db.reading import from_replica

DATES = "<str:d1>/<str:m1>/<str:y1>/<str:d2>/<str:m2>/<str:y2>"

platform = [path("traffic/", from_replica(everywhere.organisations), name="traffic")]
pages = [
    path("", from_replica(home.home), name="org-home"),
    path("analytics/", from_replica(overview.overview), name="analytics"),
    path("analytics/hours/", from_replica(heat_map.hour_map), name="analytics-hours"),
    path("analytics/<str:table>/", from_replica(rankings.whole), name="analytics-table"),
    path("errors/", from_replica(errors.error_list), name="errors"),
    path("uptime/", upstreams.uptime, name="uptime"),
    path("logs/", from_replica(logs.log_list), name="logs"),
    path("logs/keeping/", bodies.body_keeping, name="body-keeping"),
    path("logs/<int:ts>/<int:id>/", from_replica(logs.log_record), name="log-record"),
    path("logs/<int:ts>/<int:id>/bodies/", logs.log_bodies, name="log-bodies"),
    path("retention/", keeping.retention, name="retention"),
    path("retention/recount/", recounting.recount, name="recount"),
]
wire = [
    # The number of segments decides: an API or a key may be called anything.
    path(f"api/usage/{DATES}", from_replica(usage.usage)),
    path(f"api/usage/apis/{DATES}", from_replica(usage.usage_of_apis)),
    path(f"api/usage/apis/<str:api>/{DATES}", from_replica(usage.usage_of_api)),
    path(f"api/activity/keys/{DATES}", from_replica(activity.of_keys)),
    path(f"api/activity/keys/<str:key>/{DATES}", from_replica(activity.of_key)),
    path(f"api/activity/keys/endpoint/<str:key>/{DATES}", from_replica(activity.endpoints_of_key)),
    path(f"api/activity/keys/aggregate/<str:keys>/{DATES}", from_replica(activity.of_several_keys)),
    path(f"api/activity/oauthid/<str:client>/{DATES}", from_replica(activity.of_client)),
    path(f"api/activity/oauthid/endpoint/<str:client>/{DATES}", from_replica(activity.endpoints_of_client)),
    path(f"api/activity/errors/{DATES}", from_replica(activity.errors)),
    path(f"api/activity/endpoint/{DATES}", from_replica(activity.endpoints)),
    path(f"api/activity/geo/{DATES}", from_replica(activity.countries)),
    path(f"api/usage/mcp/{DATES}", from_replica(mcp.usage)),
    path(f"api/activity/mcp/primitives/{DATES}", from_replica(mcp.primitives)),
    path(f"api/activity/mcp/primitives/errors/{DATES}", from_replica(mcp.failing_primitives)),
    path(f"api/activity/mcp/keys/<str:key>/{DATES}", from_replica(mcp.of_key)),
    path("api/uptime", states.uptime),
    path("api/versions", usage.versions),
    path("api/logs", from_replica(records.logs)),
    path("api/logs/keeping", choosing.body_keeping),
    path("api/logs/<int:ts>/<int:id>", records.log),
]
