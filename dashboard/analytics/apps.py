from django.apps import AppConfig

from orgs.declarations import Entry


class AnalyticsConfig(AppConfig):
    name = "dashboard.analytics"
    label = "analytics"
    entries = (
        Entry("home", "Home", "home", "org-home"),
        Entry("analytics", "Analytics", "chart-bar", "analytics", "analytics", "owned_analytics"),
        Entry("errors", "Errors", "exclamation-triangle", "errors", "analytics", "owned_analytics"),
        Entry("uptime", "Uptime", "signal", "uptime", "analytics", "owned_analytics"),
        Entry("everywhere", "Traffic", "presentation-chart-line", "traffic"),
        Entry("logs", "Logs", "bars-3-bottom-left", "logs", "log"),
        Entry("retention", "Retention", "archive-box", "retention", "analytics"),
    )
    attention = ("dashboard.analytics.reports.attention.items",)
    usage = ("dashboard.analytics.reports.usage.last_day",)
    blast_radius = ("dashboard.analytics.radius.reading.radius",)
    callers = ("dashboard.analytics.reports.usage.callers",)
    called_apis = ("dashboard.analytics.reports.usage.called_apis",)
    dry_run = ("dashboard.analytics.replay.reading.dry_run",)
    turned_away = ("dashboard.analytics.radius.definitions.turned_away",)
    last_week = ("dashboard.analytics.reports.usage.last_week",)
    audit_kinds = {"bodies": None, "figures": None}
    rights = {
        "analytics": "Analytics",
        "log": "Request logs",
        "log_bodies": "Request logs: requests and answers",
    }
