from django.apps import AppConfig

from orgs.declarations import Entry, Step


class NodesConfig(AppConfig):
    name = "dashboard.nodes"
    label = "nodes"
    verbose_name = "gateway nodes"
    entries = (
        Entry("nodes", "Nodes", "server-stack", "node-list", "system"),
        Entry("fleet", "Fleet", "globe-alt", "fleet"),
    )
    audit_kinds = {"gateways": None}
    rights = {"system": "Nodes"}
    marks = ("dashboard.nodes.joining.marks.starts",)
    attention = ("dashboard.nodes.attention.items",)
    first_steps = (
        Step(
            3,
            "Connect a gateway",
            "It pulls the API and reports its traffic.",
            "node-list",
            "system",
            "read",
            "nodes.Node",
        ),
    )

    def ready(self):
        # Models can be imported only now.
        from apis.gateways import kinds  # noqa: PLC0415
        from dashboard.nodes.reloads import signals  # noqa: PLC0415

        # A signal goes out by itself, at most a second after the last one.
        kinds.register("reload", signals.confirm, urgency=kinds.FIRST, rests=1)
