from django.apps import AppConfig

from orgs.declarations import Entry, Page


class AlertsConfig(AppConfig):
    name = "dashboard.alerts"
    label = "alerts"
    entries = (Entry("alerts", "Alerts", "bell-alert", "alert-list", "hooks"),)
    audit_kinds = {"alert": Page("alert-detail", "alerts.Rule", "hooks")}
    rights = {"hooks": "Alerts"}
    attention = ("dashboard.alerts.attention.items",)
    marks = ("dashboard.alerts.attention.marks",)
    fullest = ("dashboard.alerts.attention.fullest",)
    going_on = ("dashboard.alerts.attention.going_on",)

    def ready(self):
        # Models can be imported only now.
        from apis.publishing import events  # noqa: PLC0415
        from dashboard.alerts import lifecycle  # noqa: PLC0415

        events.api_set_changed.connect(lifecycle.follow, dispatch_uid="alerts")
        events.apis_departing.connect(lifecycle.depart, dispatch_uid="alerts")
