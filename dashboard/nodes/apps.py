from django.apps import AppConfig

from orgs.declarations import Entry


class NodesConfig(AppConfig):
    name = "dashboard.nodes"
    label = "nodes"
    verbose_name = "gateway nodes"
    entries = (
        Entry("nodes", "Nodes", "server-stack", "node-list", "system"),
        Entry("fleet", "Fleet", "globe-alt", "fleet"),
    )
    rights = {"system": "Nodes"}
