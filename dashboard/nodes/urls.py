from django.urls import path

from dashboard.nodes import rest, views
from dashboard.nodes import wire as gateway
from dashboard.nodes.confirming import views as confirming
from dashboard.nodes.revisions import views as revisions

platform = [
    path("nodes/", views.fleet, name="fleet"),
    path("nodes/node/", revisions.fleet_node, name="fleet-node"),
    path("nodes/control/", confirming.control, name="gateway-control"),
    path("nodes/reload/", views.reload, name="fleet-reload"),
]

pages = [
    path("nodes/", views.nodes, name="node-list"),
    path("nodes/node/", revisions.node, name="node"),
]

wire = [
    path("admin/system/reload", rest.reload),
    path("api/system/nodes", rest.nodes),
    path("api/system/node/<str:node>/<str:host>", rest.node),
    path("api/system/stats", rest.stats),
    path("register/node", gateway.register),
    path("register/ping", gateway.ping),
    path("system/node", gateway.node),
    path("system/apis", gateway.apis),
    path("system/policies", gateway.policies),
    path("system/clientidps", gateway.empty_list),
    path("system/key/quota_trigger", gateway.quota_trigger),
]
