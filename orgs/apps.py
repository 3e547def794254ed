from django.apps import AppConfig


class OrgsConfig(AppConfig):
    name = "orgs"

    def ready(self):
        from orgs import checks  # noqa: F401, PLC0415  registers the system checks
