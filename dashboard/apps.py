from django.apps import AppConfig

from orgs.declarations import Entry


class DashboardConfig(AppConfig):
    name = "dashboard"
    entries = (Entry("admin", "Django admin", "wrench-screwdriver", "admin:index"),)
